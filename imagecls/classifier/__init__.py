"""The classifiers: networks, training, predictions, explanations."""

KIND = "image-classifier"
"""What model files of classifiers call themselves."""
