"""The image classifier: photographs, augmentation, the three networks of the homework, prediction.
Knows nothing of Go.

What other programs import stands in `imagecls.api` and is found here by its name: `imagecls.load`,
`imagecls.train`. It is imported when it is asked for.
"""

from importlib import import_module

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


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module("imagecls.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
