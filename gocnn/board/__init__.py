"""Rules, coordinates and symmetries of the Go board, what is alive on it, and the board as text."""

from gocnn.board.board import Board, IllegalMove, legal_positions
from gocnn.board.coords import BLACK, MOVES, PASS, POINTS, SIZE, WHITE, BadVertex

__all__ = [
    "BLACK",
    "MOVES",
    "PASS",
    "POINTS",
    "SIZE",
    "WHITE",
    "BadVertex",
    "Board",
    "IllegalMove",
    "legal_positions",
]
