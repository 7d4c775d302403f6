"""Reviews of games: what the network expected at every move, as numbers, marks in the record, a
chart and a page."""
