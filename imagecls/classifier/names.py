"""Names in files, for those who read them without torch."""

KIND = "image-classifier"
"""The kind of model and of run, as model files and run.json have it."""
