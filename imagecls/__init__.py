"""Photographs into classes, on the blocks of `gocnn.nn` and the trainer of `gocnn.training`."""
