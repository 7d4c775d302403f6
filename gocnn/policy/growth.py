"""A policy network that begins with the weights of another one, of the same size or a smaller one
(`gocnn.nn.growing`)."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gocnn.errors import UserError
from gocnn.features.planes import PLANES, offsets, plane_count
from gocnn.nn.growing import Channels, grow, grow_trunk
from gocnn.policy.network import PolicyConfig, PolicyNetwork

STEM = "0.weight"
HEADS = ("head", "value", "owner", "score")
KEPT = {"block": "--block", "context": "--context", "stem_kernel": "", "size": ""}
"""What growth keeps, and the option of go-train that says it."""


def check(name: str, old: PolicyConfig, new: PolicyConfig) -> None:
    """Refuse a growth that is none. Raises UserError if the network of shape `old`, which messages
    call `name`, cannot grow into one of shape `new`."""
    for field, option in KEPT.items():
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            what = option or field
            raise UserError(
                f"{name} has {what} {before}, which growth keeps, and cannot become {after}; leave"
                f" {what} out, or train without --from"
            )
    for field in ("blocks", "channels", "head"):
        before, after = getattr(old, field), getattr(new, field)
        if after < before:
            raise UserError(
                f"{name} has {before} {field}, and a network cannot grow to {after}; give --{field}"
                f" {before} or more, or train without --from"
            )
    missing = set(old.plane_groups) - set(new.plane_groups)
    if missing:
        raise UserError(
            f"{name} is shown the planes {', '.join(sorted(missing))} too; name them with --planes,"
            " or train without --from"
        )


@torch.no_grad()
def grow_into(old: PolicyNetwork, new: PolicyNetwork) -> str:
    """Put the weights of `old` into the freshly made `new`, for which `check` has no objection, so
    that it answers the same. Returns what has grown, in words, or nothing.

    New planes weigh nothing at first. Heads that `old` has not, and blocks that it has not, stay as
    they were made; heads that `new` has not are left out.
    """
    planes, channels = (
        plane_count(new.config.plane_groups),
        Channels.widened(old.config.channels, new.config.channels),
    )
    stem = copy.deepcopy(old.stem)
    stem[0].weight = nn.Parameter(
        _with_more_planes(stem.state_dict()[STEM], old.config.plane_groups, new.config.plane_groups)
    )
    grow(stem, new.stem, Channels.widened(planes, planes), written=channels)
    grow_trunk(old.blocks, new.blocks, channels)
    for theirs, mine in (
        *((getattr(old, name), getattr(new, name)) for name in HEADS),
        *zip(old.later, new.later, strict=False),
    ):
        if theirs is not None and mine is not None:
            grow(theirs, mine, channels)
    return grown(old.config, new.config)


def grown(old: PolicyConfig, new: PolicyConfig) -> str:
    """What is larger in `new`, in words, or nothing: `grown from 6x64 to 8x96`."""
    sizes = [
        f"{config.blocks}x{config.channels}"
        + (f" with heads of {config.head}" if old.head != new.head else "")
        for config in (old, new)
    ]
    return f"grown from {sizes[0]} to {sizes[1]}" if sizes[0] != sizes[1] else ""


def _with_more_planes(stem: Tensor, shown: Sequence[str], plane_groups: Sequence[str]) -> Tensor:
    """The stem's weights `(C, planes, k, k)` of a network that was shown `shown`, for one shown
    `plane_groups`: what is new weighs nothing at first."""
    result = stem.new_zeros(len(stem), plane_count(plane_groups), *stem.shape[2:])
    old, new = (
        dict(zip(PLANES, offsets(names).tolist(), strict=True)) for names in (shown, plane_groups)
    )
    for name in shown:
        count = plane_count([name])
        result[:, new[name] : new[name] + count] = stem[:, old[name] : old[name] + count]
    return result
