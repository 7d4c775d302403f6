"""What the routes share: how the server was started, the networks it has opened, its jobs."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gocnn.errors import UserError
from gocnn.policy import shipped
from gocnn.serve import failures
from gocnn.serve.config import ServeConfig as ServeConfig
from gocnn.serve.jobs import Jobs
from gocnn.serve.threads import importing

if TYPE_CHECKING:
    from gocnn.policy.suggestion import Evaluator
    from gocnn.serve.sharing import Sharing

READY_VISITS = 16
"""Positions that are looked ahead at before anybody asks."""


@dataclass
class ServeState:
    """The networks, opened when first asked for. Names are those of the files or runs, and of
    what ships (`gocnn.policy.shipped`)."""

    config: ServeConfig
    jobs: Jobs = field(init=False, default_factory=Jobs)
    _paths: dict[str, Path] = field(init=False)
    _open: dict[str, "Evaluator"] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _sharing: "Sharing | None" = None

    def __post_init__(self) -> None:
        default = shipped.find()
        ships = {
            path.stem: path
            for path in (default, *map(shipped.file_of, shipped.NAMES))
            if shipped.is_shipped(path)
        }
        self._paths = {}
        for path in (*self.config.models, *([] if shipped.is_shipped(default) else [default])):
            if shipped.is_shipped(path) and path.stem in ships:
                self._paths[path.stem] = path
                continue
            stem = path.stem if path.suffix in (".onnx", ".safetensors") else path.resolve().name
            name, count = stem, 2
            while name in self._paths or name in ships:
                name, count = f"{stem}-{count}", count + 1
            self._paths[name] = path
        self._paths |= ships

    @property
    def model_names(self) -> list[str]:
        """The names of the policy networks, the one to begin with first: a model that was named
        goes before those that ship."""
        return [*self._paths]

    def path_of(self, name: str | None) -> Path:
        """The file or run of a network. Raises UserError if there is none of that name."""
        chosen = self.model_names[0] if name is None else name
        if chosen not in self._paths:
            raise UserError(
                f"there is no network {chosen[:40]!r}; there are {', '.join(self._paths)}"
            )
        return self._paths[chosen]

    def evaluator(self, name: str | None) -> "Evaluator":
        """The network of that name, or the first one. Raises UserError, which is a Refusal if a
        package is missing (a run's folder needs torch)."""
        with importing:
            from gocnn.policy.runtime import open_evaluator

        chosen = self.model_names[0] if name is None else name
        path = self.path_of(chosen)
        with self._lock:
            if chosen not in self._open:
                try:
                    self._open[chosen] = open_evaluator(path, "cpu", self.config.threads)
                except (ImportError, OSError) as error:
                    raise failures.lacking(error, opening=chosen) from error
            return self._open[chosen]

    def opened(self, name: str | None) -> "Evaluator | None":
        """The same if it has been opened already, else None. Raises UserError if there is none of
        that name."""
        self.path_of(name)
        return self._open.get(self.model_names[0] if name is None else name)

    @property
    def sharing(self) -> "Sharing":
        """Whose turn it is to compute."""
        with importing:
            from gocnn.serve.sharing import Sharing

        with self._lock:
            self._sharing = self._sharing or Sharing()
            return self._sharing

    def get_ready(self) -> None:
        """Open the network to begin with, and look ahead with it once, so that all that is compiled
        or allocated at first use is there. Raises UserError."""
        with importing:
            from gocnn.board import BLACK
            from gocnn.engine.analysis import Analysis
            from gocnn.engine.game import Game
            from gocnn.engine.player import Player

        player = Player(self.evaluator(None), visits=READY_VISITS)
        analysis = Analysis(player, Game(7.5), BLACK)
        analysis.advance(10.0, lambda: False, READY_VISITS)
        analysis.moves()
