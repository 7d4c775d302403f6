"""The image classifier: photographs, augmentation, the three networks of the homework, prediction.
Knows nothing of Go."""
