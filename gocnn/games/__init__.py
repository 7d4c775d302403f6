"""Reading SGF from anywhere, and the compact game store."""
