"""The classifiers of the homework: networks, training, prediction, evaluation, explanation."""
