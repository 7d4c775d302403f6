"""The classifiers of a server: those that were named when it was started, and those that its runs
have trained meanwhile; opened when first asked for."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gocnn.errors import UserError
from gocnn.onnxfile import is_onnx
from gocnn.serve import failures
from gocnn.serve.config import ServeConfig
from gocnn.serve.failures import Refusal
from gocnn.serve.threads import importing, one_torch_thread
from gocnn.training.described import read_bytes
from gocnn.training.finding import find_runs
from gocnn.training.names import DESCRIPTION
from imagecls.classifier import KIND, shipped

if TYPE_CHECKING:
    from imagecls.classifier.ensemble import Asked
    from imagecls.classifier.model import Predictor

DRAWN = "drawn"
"""The lecture's classifier: a little `cnn` that knows the dishes of `samples`. It lies beside what
else ships; the page alone has it by its name."""

MODEL_FILES = ("best.safetensors", "last.safetensors")
LOOK_SECONDS = 1.0
"""Seconds between two looks into the folder of runs."""

MOST_RUNS = 50
"""Classifiers that are taken from the folder of runs."""


@dataclass(frozen=True)
class Named:
    """A classifier that can be opened. found: whether it comes from the folder of runs."""

    name: str
    path: Path
    found: bool

    @property
    def shipped(self) -> bool:
        """Whether it came with the program."""
        return shipped.is_shipped(self.path)

    @property
    def file(self) -> Path:
        """The file that is opened."""
        if self.path.is_dir():
            for name in MODEL_FILES:
                if (self.path / name).exists():
                    return self.path / name
        return self.path

    @property
    def stamp(self) -> tuple[int, int]:
        """What changes when the file does: a run that is training has better ones later."""
        try:
            status = self.file.stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_size


@dataclass
class Opened:
    """A classifier that is open. asked: what answers, through onnxruntime or torch."""

    named: Named
    stamp: tuple[int, int]
    asked: "Asked"
    _inside: "Predictor | None" = None

    @property
    def classes(self) -> tuple[str, ...]:
        return self.asked.config.classes

    @property
    def inside(self) -> "Predictor":
        """The same as torch has it, whose layers can be looked at; opened when first asked for.
        Raises UserError if it is an ONNX file of which there is nothing else, Refusal if torch is
        missing."""
        if self._inside is None:
            with torch_needed():
                from imagecls.classifier.model import Predictor
                from imagecls.classifier.runtime import open_in_torch

                path = self.named.path
                if self.named.shipped:
                    path = path.with_suffix(".safetensors")
                self._inside = (
                    self.asked if isinstance(self.asked, Predictor) else open_in_torch(path)
                )
        return self._inside

    def label(self, name: str) -> int:
        """The index of a class. Raises UserError if there is none of that name."""
        if name not in self.classes:
            some = ", ".join(self.classes[:20])
            raise UserError(f"label: there is no class {name[:40]!r}; the classes are {some}")
        return self.classes.index(name)


class Models:
    """The classifiers. May be used from several threads."""

    def __init__(self, config: ServeConfig) -> None:
        self._config = config
        self._open: dict[str, Opened] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._seen: tuple[float, list[tuple[str, Path]]] = 0.0, []

    def named(self) -> list[Named]:
        """Those that there are now, the one to begin with first."""
        every = self._given()
        given = {one.path.resolve() for one in every.values()}
        for name, path in self._trained():
            if name not in every and path.resolve() not in given:
                every[name] = Named(name, path, True)
        return list(every.values())

    def _given(self) -> dict[str, Named]:
        """Those that were named, then what is taken where nobody names one, and what ships."""
        every: dict[str, Named] = {}
        for path in (*self._config.image_models, *_usual()):
            if any(path.resolve() == one.path.resolve() for one in every.values()):
                continue
            stem = path.resolve().name if path.is_dir() else path.stem
            name, count = stem, 2
            while name in every:
                name, count = f"{stem}-{count}", count + 1
            every[name] = Named(name, path, False)
        return every

    def _trained(self) -> list[tuple[str, Path]]:
        """Runs of classifiers that have saved a model, the latest first."""
        if self._config.runs is None:
            return []
        at, held = self._seen
        if at and time.monotonic() - at < LOOK_SECONDS:
            return held
        found = []
        for name, path in find_runs(self._config.runs).runs.items():
            one = Named(name, path, True)
            if one.file != path and _kind(path) == KIND:
                found.append((one.stamp, name, path))
        held = [(name, path) for _, name, path in sorted(found, reverse=True)[:MOST_RUNS]]
        self._seen = time.monotonic(), held
        return held

    def opened(self, name: str | None) -> Opened:
        """The classifier of that name, or the first one.

        Raises Refusal if there is none at all or torch is missing, UserError if there is none of
        that name or it cannot be opened.
        """
        given = self._given()
        every = list(given.values()) if name in given or (given and name is None) else self.named()
        if not every:
            raise Refusal(
                404,
                "this server has no classifier; train one with img-train into a folder below"
                " --runs, or start the server with --image-model",
            )
        one = next((each for each in every if name in (None, each.name)), None)
        if one is None:
            some = ", ".join(each.name for each in every[:20])
            raise UserError(f"there is no classifier {str(name)[:40]!r}; there are {some}")
        stamp = one.stamp
        with self._lock:
            held = self._open.get(one.name)
            if held is None or held.stamp != stamp:
                failures.hide(one.file)
                with torch_needed(opening=one.name):
                    from imagecls.classifier.runtime import open_classifier

                    held = Opened(one, stamp, open_classifier(one.path))
                self._open[one.name] = held
            return held

    def classes(self, one: Named) -> tuple[str, ...]:
        """The classes of a classifier, which is not opened for that unless it is an ONNX file; none
        if it cannot be read."""
        with self._lock:
            held = self._open.get(one.name)
            if held is not None and held.stamp == one.stamp:
                return held.classes
        try:
            if is_onnx(one.file):
                return self.opened(one.name).classes
            from safetensors import safe_open

            with safe_open(one.file, "np") as file:
                config = json.loads((file.metadata() or {}).get("config", "{}"))
            return tuple(str(each) for each in config.get("classes", ()))
        except Exception:  # noqa: BLE001 - whoever opens it is told
            return ()

    @contextlib.contextmanager
    def computing(self, torch: bool = True) -> Iterator[None]:
        """Within: it is this request's turn to compute, and torch computes in one thread where it
        is needed (Refusal if it is missing)."""
        with self._turn:
            if torch:
                with torch_needed():
                    import_module("torch")
                with one_torch_thread():
                    yield
            else:
                yield

    @contextlib.contextmanager
    def asking(self, one: Opened) -> Iterator[None]:
        """The same for what the classifier answers itself, without torch if it needs none."""
        with self.computing(not is_onnx(one.named.file)):
            yield


@contextlib.contextmanager
def torch_needed(opening: str | None = None) -> Iterator[None]:
    """Within: what needs torch is imported; a package that is missing is told with the extra that
    brings it (Refusal)."""
    try:
        with importing:
            yield
    except ImportError as error:
        raise failures.lacking(error, "images", opening) from error


def _usual() -> list[Path]:
    """The classifier that is taken where nobody names one, and those that ship; at last the
    lecture's."""
    found = []
    for name in (None, *shipped.NAMES):
        with contextlib.suppress(UserError):  # it is missing, or the environment names nothing
            found.append(shipped.find(name))
    drawn = shipped.WEIGHTS / f"{DRAWN}.onnx"
    return [*found, drawn] if drawn.exists() else found


def _kind(folder: Path) -> Any:
    """The kind of a run; None if its run.json cannot be read."""
    import msgspec

    try:
        data, _ = read_bytes(folder / DESCRIPTION, 0, 1 << 20)
        found = msgspec.json.decode(data)
    except (OSError, ValueError):
        return None
    return found.get("kind") if isinstance(found, dict) else None
