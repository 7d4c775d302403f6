"""What the files of a run's folder are called, for those who write them (`gocnn.training.run`) and
those who only look (`gocnn.training.watching`)."""

DESCRIPTION, CHECKPOINT, METRICS = "run.json", "checkpoint.pt", "metrics.jsonl"

PREDICTIONS = "predictions.json"
"""What the network said of a handful of samples at the last validation."""

LOCK = ".lock"
"""Held by the process that trains into the folder."""
CURVE, TABLE = "find-rate.png", "find-rate.csv"
"""What a learning-rate range test leaves."""
