// What the server takes at most (`gocnn/serve/config.py`, `gocnn/serve/reviewing.py`; it checks for itself).
export const MOST_BYTES = 20 << 20;
export const MOST_GAMES = 500;
/** Positions that each may be searched for; 0: it is judged at a glance. */
export const VISITS = [0, 16, 64, 256];
