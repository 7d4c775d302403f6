"""What a person is told where a network judges pictures that it has learnt from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from imagecls.classifier.ensemble import Asked
    from imagecls.photos.sets import PhotoSet


def tell_learnt(
    members: Sequence["Asked"], photos: "PhotoSet", right: Any = None, *, unknown: bool = True
) -> int | None:
    """Say which of N pictures any of some networks has learnt from, and which network does not say;
    returns how many, None if one does not.

    right: bool `(N,)`, which of them are judged rightly, so that the accuracy on the others can be
    told; None: there is no such thing. unknown: whether to say which network does not say.
    """
    import numpy as np

    from imagecls.classifier import shipped
    from imagecls.classifier.known import learnt_from

    seen, silent = np.zeros(len(photos), bool), []
    for member in members:
        found = learnt_from(member.provenance, photos)
        if found is None:
            silent.append(shipped.named(member.path))
        else:
            seen |= found
    count = int(seen.sum())
    if count:
        models = "the model has" if len(members) == 1 else "the models have"
        others = ""
        if seen.all():
            others = "; judge by others"
        elif right is not None and not silent:
            others = f"; the accuracy on the other {len(seen) - count} is {right[~seen].mean():.1%}"
        these = "this picture" if len(seen) == 1 else f"{count} of these {len(seen)} pictures"
        click.echo(
            f"note: {models} learnt from {these}, which says little of new ones{others}", err=True
        )
    for name in silent if unknown else ():
        click.echo(
            f"note: {name} does not say which pictures it has learnt from; these may be among them",
            err=True,
        )
    return None if silent else count
