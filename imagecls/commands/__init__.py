"""The img-* commands, one module each; `gocnn.commands` loads them by name when they are called."""
