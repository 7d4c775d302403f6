"""Things that many tests need."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

# Set but empty is not set (as `gocnn.files.cache_folder` has it).
os.environ["GOCNN_CACHE"] = os.environ.get("GOCNN_CACHE") or str(
    Path(__file__).parents[1] / ".cache"
)
# Hundreds of processes start here and import this project: what Python compiles it to is kept, in
# folders that git ignores.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# The smaller of the networks that ship answers four times as fast; tests/test_shipped.py asks the
# other one, and what is taken where nobody says.
os.environ["GOCNN_MODEL"] = "small"
# Kernels are compiled in whichever test comes first; what it prints is not to depend on that.
os.environ.setdefault("GOCNN_COMPILING", "quiet")
# Networks here are tiny: threads would wait for each other, for ever longer where the machine has
# other work to do. Processes started here heed it too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data" / "games"
CORPORA = ROOT.parent / "shared" / "corpora"
FOOD = CORPORA / "food"


def pytest_configure() -> None:
    """Of processes that test at the same time one compiles a kernel, the others wait for that and
    load it."""
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.dispatcher import Dispatcher

    locks = Path(os.environ["GOCNN_CACHE"]) / "test-locks"
    locks.mkdir(parents=True, exist_ok=True)
    plain = Dispatcher.compile

    def compile_once(kernel: Any, signature: Any) -> Any:
        # Numba's own lock first, as in a compilation that comes to this kernel from one that calls
        # it: two threads would wait for each other.
        with (
            global_compiler_lock,
            FileLock(
                locks
                / f"{kernel.py_func.__module__}.{kernel.py_func.__qualname__.replace('<locals>', '')}"
            ),
        ):
            return plain(kernel, signature)

    setattr(Dispatcher, "compile", compile_once)  # noqa: B010 - a method, as its type goes


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` has filled, once for all processes that test at the same time."""
    root = (
        factory.getbasetemp().parent
        if "PYTEST_XDIST_WORKER" in os.environ
        else factory.getbasetemp()
    )
    target, made = root / name, root / f"{name}.made"
    with FileLock(root / f"{name}.lock"):
        if not made.exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            make(target)
            made.touch()
    return target


def play_randomly(seed: int, moves: int, size: int = 19) -> list[tuple[int, int]]:
    """A random legal game as (flat index, colour) pairs."""
    from gocnn.board import Board

    rng = np.random.default_rng(seed)
    board = Board(size)
    for _ in range(moves):
        board.play(int(rng.choice(np.flatnonzero(board.legal()))))
    return board.moves


def sgf_text(moves: list[tuple[int, int]], header: str = "", size: int = 19) -> bytes:
    """A plain SGF record of those moves."""
    from gocnn.board.coords import to_sgf

    body = "".join(f";{'BW'[colour - 1]}[{to_sgf(index, size)}]" for index, colour in moves)
    return f"(;GM[1]FF[4]SZ[{size}]{header}{body})".encode()


@pytest.fixture(scope="session", autouse=True)
def curves_drawn_once() -> Iterator[None]:
    """Runs that end in this process draw the first picture of each kind of reports; those after it
    get a copy, for curves take longer than all the rest of a small run. tests/test_find_rate.py
    looks at what is drawn."""
    if importlib.util.find_spec("torch") is None:
        yield
        return
    from gocnn.training import curves, trainer

    drawn: dict[Any, bytes] = {}

    def plot(
        reports: list[dict[str, Any]], target: Path, metric: str, *, rate: float | None = None
    ) -> None:
        kind = metric, rate is None, frozenset((r["kind"], *sorted(r)) for r in reports)
        if kind in drawn:
            with contextlib.suppress(OSError):
                target.write_bytes(drawn[kind])
                return
        curves.plot(reports, target, metric, rate=rate)
        if target.is_file():
            drawn[kind] = target.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "plot", plot)
        yield


@pytest.fixture(scope="session")
def case_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trees of pictures in tests/cases, unpacked (their names are UTF-8, and two differ in
    their case only)."""
    target = tmp_path_factory.mktemp("pictures")
    with zipfile.ZipFile(ROOT / "tests" / "cases" / "images.zip") as archive:
        archive.extractall(target)
    return target


@pytest.fixture(scope="session")
def sample_files() -> list[Path]:
    return sorted(SAMPLES.rglob("*.sgf"))


@pytest.fixture
def game(sample_files: list[Path]) -> Path:
    return sample_files[0]


@pytest.fixture(scope="session")
def sample_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of the sample games."""
    from gocnn.games.importing import import_games

    def make(folder: Path) -> None:
        import_games([str(SAMPLES)], folder / "samples.games", jobs=1, quiet=True)

    return once(tmp_path_factory, "store", make) / "samples.games"


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory, sample_store: Path) -> Path:
    """The folder of a short finished run on the sample games."""
    from click.testing import CliRunner

    from gocnn.commands import main

    def make(folder: Path) -> None:
        arguments = [
            "go-train",
            str(sample_store),
            "--out",
            str(folder / "tiny"),
            "--steps",
            "12",
            "--blocks",
            "2",
            "--channels",
            "16",
            "--batch",
            "32",
            "--valid-positions",
            "200",
            "--validations",
            "2",
            "--precision",
            "fp32",
        ]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output

    return once(tmp_path_factory, "run", make) / "tiny"


@pytest.fixture(scope="session")
def tiny_classifiers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs: `cnn` and `resnet`, little networks that have seen a few of the sample
    pictures, which lie beside it in `few` (6 classes, 8 to train on and 4 to validate on each)."""
    from click.testing import CliRunner

    from gocnn.commands import main

    def make(folder: Path) -> None:
        for part, count in (("training", 8), ("validation", 4)):
            for kind in sorted((ROOT / "data" / "images" / part).iterdir()):
                (folder / "few" / part / kind.name).mkdir(parents=True)
                for path in sorted(kind.iterdir())[:count]:
                    shutil.copy(path, folder / "few" / part / kind.name)
        rest = "--steps 12 --size 32 --widths 8,16 --batch 16 --precision fp32 --quiet"
        for name, own in (("cnn", ["--hidden", "16"]), ("resnet", ["--linear-head"])):
            words = ["img-train", str(folder / "few"), "--out", str(folder / "runs" / name)]
            words += ["--model", name, *own, *rest.split(), "--validations", "1"]
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, result.output

    return once(tmp_path_factory, "classifiers", make) / "runs"


@pytest.fixture(scope="session")
def evaluator():
    """The network that ships, without torch."""
    from gocnn.policy.runtime import open_evaluator

    return open_evaluator(threads=1)


@pytest.fixture(scope="session")
def scoreless(tmp_path_factory: pytest.TempPathFactory):
    """The same, but that it knows the winner and no score, as networks of one's own may."""
    import json

    import onnx

    from gocnn.policy.runtime import OnnxPolicy
    from gocnn.policy.shipped import file_of

    graph = onnx.load(file_of("small"))
    kept = [output for output in graph.graph.output if output.name in ("logits", "value")]
    del graph.graph.output[:]
    graph.graph.output.extend(kept)
    held = {prop.key: prop.value for prop in graph.metadata_props}
    held["config"] = json.dumps(json.loads(held["config"]) | {"score": False})
    onnx.helper.set_model_props(graph, held)
    path = tmp_path_factory.mktemp("scoreless") / "small.onnx"
    onnx.save(graph, path)
    return OnnxPolicy(path, threads=1)


@pytest.fixture(scope="session")
def real_games(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """2,000 real games as SGF; the test is skipped where the corpora are not."""
    import tarfile

    archive = CORPORA / "games" / "valid" / "tygem-2011-10.tar.xz"
    if not archive.exists():
        pytest.skip("needs the game corpora (shared/corpora)")
    games: list[bytes] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is not None:
                games.append(stream.read())
            if len(games) == 2000:
                break
    return games


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


heed_interrupts = None if sys.platform == "win32" else _heed_interrupts
"""For `preexec_fn`: Ctrl-C works in the process even where the tests themselves run in the
background, with SIGINT ignored."""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """go-gtp as a process of its own."""
    started = subprocess.Popen(
        [sys.executable, "cli.py", "go-gtp", "--threads", "1"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    )
    yield started
    started.kill()
    started.wait()
    for stream in (started.stdin, started.stdout, started.stderr):
        assert stream is not None
        with contextlib.suppress(BrokenPipeError):
            stream.close()


def lacking(reason: str) -> None:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and in CI nothing is skipped", pytrace=False)
    pytest.skip(reason)


needs_posix = pytest.mark.skipif(
    sys.platform == "win32", reason="sends a signal, or sets a limit, that Windows does not know"
)


def main_line(data: bytes) -> list[tuple[int, int]]:
    """Moves of a record by sgfmill, as (flat index, colour); 361 is a pass."""
    from sgfmill import sgf  # a machine that only trains may lack it

    game = sgf.Sgf_game.from_bytes(data)
    moves = []
    for node in game.get_main_sequence():
        colour, place = node.get_move()
        if colour is not None:
            moves.append(
                (361 if place is None else place[0] * 19 + place[1], 1 if colour == "b" else 2)
            )
    return moves
