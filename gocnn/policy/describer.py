"""What `describe` shows of policy networks."""

from typing import Any

from gocnn import modelfile
from gocnn.features.planes import plane_count
from gocnn.policy import KIND
from gocnn.policy.model import default_model, load
from gocnn.policy.network import PRESETS, PolicyNetwork, preset


def network(name: str) -> tuple[Any, tuple[int, int, int]] | None:
    """The network with the shape of its input: a preset, `shipped`, a model file or a run. None if
    `name` is none of them. Raises UserError if the file cannot be read."""
    if name in PRESETS:
        found = PolicyNetwork(preset(name))
    elif name == "shipped":
        found = load(default_model()).network
    elif modelfile.model_kind(name) == KIND:
        found = load(name).network
    else:
        return None
    return found, (plane_count(found.config.groups), found.config.size, found.config.size)
