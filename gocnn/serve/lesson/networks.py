"""The networks that stations look into."""

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.policy.conditioning import conditioning_of_style
from gocnn.policy.runtime import is_onnx
from gocnn.policy.shipped import file_of, is_shipped
from gocnn.policy.suggestion import planes_of, recent_moves
from gocnn.serve.messages import Position, game_of
from gocnn.serve.sharing import Share
from gocnn.serve.state import ServeState
from gocnn.serve.threads import importing, one_torch_thread

if TYPE_CHECKING:
    from gocnn.policy.inside import Inside
    from gocnn.policy.shifting import OwnFilters


class Networks:
    """The server's networks as torch has them, opened when first asked for. May be used from
    several threads."""

    def __init__(self, state: ServeState) -> None:
        self._state = state
        self._inside: dict[str, Inside] = {}
        self._own: dict[str, OwnFilters] = {}
        self._lock = threading.Lock()

    def inside(self, name: str | None) -> "Inside":
        """A network from within, by its name; the server's first one if None.

        Raises UserError if there is none of that name, or it is one that cannot be looked into,
        ImportError if torch is missing.
        """
        chosen = self._state.model_names[0] if name is None else name
        path = self._state.path_of(chosen)
        if is_shipped(path):
            path = file_of(path.stem, ".safetensors")
        if is_onnx(path):
            raise UserError(
                f"{chosen} is an ONNX file, which does not show its layers; choose another network,"
                " or start the server with the file or run of torch's that it was made from"
            )
        with self._lock:
            if chosen not in self._inside:
                with importing:
                    from gocnn.policy.inside import Inside
                    from gocnn.policy.model import load

                    policy = load(path)
                with one_torch_thread():
                    self._inside[chosen] = Inside(policy)
            return self._inside[chosen]

    def own_filters(self, name: str | None) -> "OwnFilters":
        """A layer of own filters as wide as a network's first one; arguments and errors as for
        `inside`."""
        inside = self.inside(name)
        key = self._state.model_names[0] if name is None else name
        with self._lock:
            if key not in self._own:
                with importing:
                    from gocnn.policy.shifting import OwnFilters

                self._own[key] = OwnFilters(inside)
            return self._own[key]

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Within: it is this request's turn to compute."""
        with self._state.sharing.turns.turn(Share()), one_torch_thread():
            yield


def planes_in(inside: "Inside", position: Position) -> npt.NDArray[np.uint8]:
    """What a network is shown of a position, uint8 `(1, C, 19, 19)`. Raises UserError if there is
    no such position."""
    game = game_of(position)
    conditioning = conditioning_of_style("any", game.handicap_stones > 1)
    return planes_of(
        game.board, recent_moves(game.board), inside.policy.plane_groups, conditioning=conditioning
    )
