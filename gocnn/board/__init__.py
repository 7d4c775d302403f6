"""Rules, coordinates, symmetries and feature planes of the Go board."""

from gocnn.board.board import Board, IllegalMove, legal_positions
from gocnn.board.coords import BLACK, MOVES, PASS, POINTS, SIZE, WHITE, BadVertex

__all__ = ["BLACK", "MOVES", "PASS", "POINTS", "SIZE", "WHITE", "BadVertex", "Board", "IllegalMove", "legal_positions"]
