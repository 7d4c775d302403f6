"""The player: search, clocks, levels, and what it says of who owns the board and by how much."""
