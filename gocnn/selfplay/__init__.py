"""A network plays many games at once, so that it is known whose each point is in the end: labels
for training."""
