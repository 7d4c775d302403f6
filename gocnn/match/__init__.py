"""Matches between GTP engines, with openings and a referee."""
