"""What a search is allowed, wherever it is asked for."""

MOST_VISITS = 10_000_000
"""After so many a search is over: it keeps every position that it has seen, each in 0.2 to 0.4 KB,
so it takes 4 GB at most."""
