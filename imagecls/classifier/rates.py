"""Discriminative learning rates: factors of parts of a network, by name."""

from collections.abc import Sequence

from gocnn.training.optim import begins
from imagecls.classifier.models.backbone import Backbone
from imagecls.classifier.models.base import Classifier

MOST_NAMED = 30


def need_parts(model: Classifier, factors: Sequence[tuple[str, float]]) -> None:
    """See to it that each factor (`TrainConfig.rate_factors`) is of a part that learns. Raises
    ValueError, which names the part, if there is none of that name, or if all of it is frozen."""
    parameters = dict(model.named_parameters())
    for prefix, _ in factors:
        part = _part(model, prefix)
        here = [each for name, each in parameters.items() if begins(name, prefix)]
        if not here:
            raise ValueError(
                f"--rates: there is no part {part}; the parts are {', '.join(_parts(model))}"
            )
        if not any(each.requires_grad for each in here):
            raise ValueError(
                f"--rates: the part {part} is frozen, so that it learns at no rate; name it in"
                " --unfreeze too, or leave it out"
            )


def _part(model: Classifier, prefix: str) -> str:
    """A part as a person names it."""
    return (prefix.removeprefix("net.") if isinstance(model, Backbone) else prefix).rstrip(".")


def _parts(model: Classifier) -> list[str]:
    """The parts of a network that hold parameters, from the picture to the answer."""
    if isinstance(model, Backbone):
        return [*model.parts[:MOST_NAMED], *model.heads]
    return [name for name, child in model.named_children() if any(True for _ in child.parameters())]
