"""What `describe` shows of policy networks."""

from typing import Any

from gocnn import modelfile
from gocnn.errors import UserError
from gocnn.features.planes import plane_count
from gocnn.policy import KIND, shipped
from gocnn.policy.model import load
from gocnn.policy.network import PRESETS, PolicyNetwork, preset
from gocnn.wording import either


def network(name: str) -> tuple[Any, tuple[int, int, int]] | None:
    """The network with the shape of its input: a preset, `shipped`, `shipped:NAME` (or just the
    name of one that ships and is no preset), a model file or a run. None if `name` is none of them.
    Raises UserError if the file cannot be read, or if no network of that name ships."""
    ships, _, which = name.partition(":")
    if name in PRESETS:
        found = PolicyNetwork(preset(name))
    elif name in shipped.NAMES or ships == shipped.ALIAS:
        if which and which not in shipped.NAMES:
            choices = either([f"{ships}:{each}" for each in shipped.NAMES])
            raise UserError(f"{name}: no network of that name ships; choose {choices}")
        found = load(shipped.file_of(which or ships, ".safetensors")).network
    elif modelfile.model_kind(name) == KIND:
        found = load(name).network
    else:
        return None
    return found, (plane_count(found.config.plane_groups), found.config.size, found.config.size)
