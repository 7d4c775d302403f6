"""What the files of a run's folder are called, for those who write them (`gocnn.training.run`) and
those who only look (`gocnn.training.watching`)."""

from gocnn.versions import BEST, LAST

DESCRIPTION, CHECKPOINT, METRICS = "run.json", "checkpoint.pt", "metrics.jsonl"

PREDICTIONS = "predictions.json"
"""What the network said of a handful of samples at the last validation."""

CURVES = "curves.png"

OF_A_RUN = (DESCRIPTION, CHECKPOINT, METRICS, PREDICTIONS, BEST, LAST, CURVES)
"""What a run has in its folder."""

LOCK = ".lock"
"""Held by the process that trains into the folder."""
CURVE, TABLE = "find-rate.png", "find-rate.csv"
"""What a learning-rate range test leaves."""
