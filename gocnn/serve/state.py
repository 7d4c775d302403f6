"""What the routes share: how the server was started, and the networks it has opened."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from gocnn.errors import UserError
from gocnn.policy.runtime import SHIPPED, open_evaluator
from gocnn.policy.suggestion import Evaluator
from gocnn.serve.sharing import Sharing


@dataclass(frozen=True)
class ServeConfig:
    """How the server was started. models: policy networks beside the one that ships; image_models:
    classifiers; runs: the folder of training runs to show; host and port: where it listens; token:
    what a browser must show, or None where only this machine can reach it."""

    models: tuple[Path, ...] = ()
    image_models: tuple[Path, ...] = ()
    runs: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8361
    token: str | None = None
    threads: int | None = None


@dataclass
class ServeState:
    """The networks, opened when first asked for. Names are those of the files or runs; the one
    that ships is `small`."""

    config: ServeConfig
    sharing: Sharing = field(init=False, default_factory=Sharing)
    """Whose turn it is to compute."""
    _paths: dict[str, Path | None] = field(init=False)
    _open: dict[str, Evaluator] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._paths = {SHIPPED.stem: None}
        for path in self.config.models:
            name, count = path.stem if path.is_file() else path.name, 2
            while name in self._paths:
                name, count = f"{path.stem}-{count}", count + 1
            self._paths[name] = path

    @property
    def model_names(self) -> list[str]:
        """The names of the policy networks, the one to begin with first: a model that was named
        goes before the one that ships."""
        first, *others = self._paths
        return [*others, first]

    def path_of(self, name: str | None) -> Path | None:
        """The file or run of a network, None for the one that ships. Raises UserError if there is
        none of that name."""
        chosen = self.model_names[0] if name is None else name
        if chosen not in self._paths:
            raise UserError(
                f"there is no network {chosen[:40]!r}; there are {', '.join(self._paths)}"
            )
        return self._paths[chosen]

    def evaluator(self, name: str | None) -> Evaluator:
        """The network of that name, or the first one. Raises UserError."""
        chosen = self.model_names[0] if name is None else name
        path = self.path_of(chosen)
        with self._lock:
            if chosen not in self._open:
                self._open[chosen] = open_evaluator(path, "cpu", self.config.threads)
            return self._open[chosen]

    def opened(self, name: str | None) -> Evaluator | None:
        """The same if it has been opened already. Raises UserError if there is none of that
        name."""
        self.path_of(name)
        return self._open.get(self.model_names[0] if name is None else name)
