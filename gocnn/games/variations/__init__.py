"""Game records with all their variations: what an editor shows, from files of any kind."""

from gocnn.games.variations.reading import Collection, GameTree, Limits, read_file

__all__ = ["Collection", "GameTree", "Limits", "read_file"]
