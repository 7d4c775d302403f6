"""The image classifier: photographs, augmentation, the three networks of the homework, prediction.
Knows nothing of Go.

What other programs import stands in `imagecls.api` and is found here by its name: `imagecls.load`,
`imagecls.train`. It is imported when it is asked for.
"""

from gocnn.lazy import face

__getattr__, __dir__ = face(__name__, "imagecls.api")

__all__ = [
    "Classifier",
    "Explanation",
    "LabelIssue",
    "Prediction",
    "UserError",
    "find_rate",
    "label_issues",
    "load",
    "train",
]
