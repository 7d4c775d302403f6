// What the server takes at most (`gocnn/serve/config.py`, `gocnn/serve/reviewing.py`; it checks for itself).
export const MOST_BYTES = 20 << 20;
export const MOST_GAMES = 500;

/** How names of game records and of archives of them end. */
export const RECORDS = [".sgf", ".sgfs", ".gib", ".ngf", ".ugf", ".ugi"];
export const ARCHIVES = [".zip", ".tar", ".tgz", ".txz", ".gz", ".xz", ".bz2", ".zst"];
