"""Which of two validations is the better one: what is kept as the best model, marked in the curves,
and shown of a run goes by the same rule. Nothing here needs torch."""

import math
from collections.abc import Mapping


def better(one: Mapping[str, float], other: Mapping[str, float] | None, metric: str) -> bool:
    """Whether the figures of `one` are better than those of `other` (None: anything is): a higher
    `metric`, and where that is equal, as is common with few pictures, a lower loss; only the loss
    where either lacks the metric."""
    if other is None:
        return True
    if metric in one and metric in other and one[metric] != other[metric]:
        return one[metric] > other[metric]
    return one.get("loss", math.inf) < other.get("loss", math.inf)
