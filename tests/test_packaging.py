"""What is installed: the wheel, looked into and run from another folder."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from gocnn import __version__, page, program
from gocnn.commands import main
from gocnn.console import heads
from gocnn.console.heads import Head
from tests.conftest import ROOT, lacking, once, play_randomly, sgf_text

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources without the network."""
    pytest.importorskip("setuptools", "77")

    def make(folder: Path) -> None:
        source = folder / "source"
        for name in ("gocnn", "imagecls"):
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source / name)
        words = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", *words, "--wheel-dir", ".", "./source"],
            cwd=folder,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return next(once(tmp_path_factory, "wheel", make).glob("*.whl"))


def test_an_editable_installation_is_found_beside_the_checkout(tmp_path: Path) -> None:
    """In the folder that holds the checkout, `gocnn` is a folder without an `__init__.py`: Python
    takes that for the package unless a path of its own leads to the real one."""
    pytest.importorskip("setuptools", "77")
    checkout, made, installed = tmp_path / "gocnn", tmp_path / "made", tmp_path / "installed"
    for name in ("gocnn", "imagecls"):
        (checkout / name).mkdir(parents=True)
        (checkout / name / "__init__.py").write_text('__version__ = "1"\n', encoding="utf-8")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
    made.mkdir()
    build = f"from setuptools import build_meta; build_meta.build_editable({str(made)!r})"
    subprocess.run(
        [sys.executable, "-c", build], cwd=checkout, check=True, capture_output=True, text=True
    )
    with zipfile.ZipFile(next(made.glob("*.whl"))) as archive:
        archive.extractall(installed)
    program = (
        f"import site, sys; sys.path.insert(0, {str(tmp_path)!r});"
        f" site.addsitedir({str(installed)!r}); import gocnn, imagecls; print(gocnn.__file__)"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert Path(said.strip()).samefile(checkout / "gocnn" / "__init__.py")


@pytest.mark.slow
def test_everything_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"gocnn-{__version__}.dist-info"
        metadata = archive.read(f"{info}/METADATA").decode()
        entries = archive.read(f"{info}/entry_points.txt").decode()
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in ("gocnn", "imagecls")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {name for name in names if not name.startswith(info)} == sources
    for name in ("gocnn/py.typed", "imagecls/py.typed", "gocnn/policy/weights/small.onnx"):
        assert name in sources
    assert not any("node_modules" in name or name.startswith("web/") for name in names)
    assert f"{info}/licenses/LICENSE" in names
    assert "License-Expression: MIT" in metadata
    assert "# gocnn" in metadata
    assert "gocnn = gocnn.commands:main" in entries
    assert "images = imagecls.commands:HEAD" in entries
    needed = [
        line.split(":")[1].split(">")[0].strip()
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist:") and "extra ==" not in line
    ]
    assert not {"torch", "matplotlib", "pillow", "safetensors", "onnx"} & set(needed)


def test_the_page_is_in_the_wheel_and_is_served_from_elsewhere(wheel: Path, tmp_path: Path) -> None:
    """All that the built page loads is there, and the program answers with it without torch."""
    if not page.built():
        lacking("the page is not built; run `make page`")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    built = tmp_path / "site" / "gocnn" / "page" / "built"
    html = (built / "index.html").read_text(encoding="utf-8")
    files = re.findall(r'(?:src|href)="/assets/([^"]+)"', html)
    assert {name.rpartition(".")[2] for name in files} == {"js", "css"}
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'PIL')))\n"
        "from gocnn.commands import main; main(['serve', '--port', '0'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
    )
    try:
        assert process.stdout is not None
        link = process.stdout.readline().split()[0]
        waiting, seen = ["", *(f"assets/{name}" for name in files)], set()
        while waiting:
            path = waiting.pop()
            seen.add(path)
            with urllib.request.urlopen(link + path) as response:
                text = response.read().decode(errors="replace")
            # scripts name those that they load later
            found = {f"assets/{name}" for name in re.findall(r"[\w.-]+-[A-Z0-9]{8}\.\w+", text)}
            waiting += sorted(found - seen - set(waiting))
    finally:
        process.kill()
        process.communicate()
    packed = [path.name for path in built.glob("*.gz")]
    # the styles of all parts are in the first one
    rest = {path.name for path in built.iterdir() if path.suffix != ".css"}
    # what go-review --html is made of is not loaded by the page
    assert "review.html" in rest
    rest -= {"index.html", "review.html", "sources.json", *packed}
    assert {path.removeprefix("assets/") for path in seen} >= rest
    first = {*files, "index.html"}
    assert sum((built / f"{name}.gz").stat().st_size for name in first) < 300_000


def test_it_plays_from_elsewhere_without_torch(wheel: Path, tmp_path: Path) -> None:
    """Unpacked into an empty folder, with nothing but what the core needs: a suggestion, GTP, a
    review, and messages that name the program as it was called.

    Kernels are not compiled: numba would do it all again for files in another place, a minute's
    work, and what it makes of them has tests of its own."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "gocnn").write_text(
        "import sys\n"
        "for name in ('torch', 'matplotlib', 'PIL', 'safetensors', 'onnx'):\n"
        "    sys.modules[name] = None\n"
        "from gocnn.commands import main\n"
        "import gocnn; assert 'site' in gocnn.__file__\n"
        "main()\n",
        encoding="utf-8",
    )
    (tmp_path / "game.sgf").write_bytes(sgf_text(play_randomly(5, 24)))

    def gocnn(*words: str, typed: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "gocnn", *words],
            cwd=tmp_path,
            input=typed,
            text=True,
            encoding="utf-8",
            capture_output=True,
            check=False,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "site"), "NUMBA_DISABLE_JIT": "1"},
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "cli.py" not in done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    assert gocnn("--version") == (
        0,
        f"gocnn, version {__version__}; networks that ship: base, base8, small, food\n",
        "",
    )
    code, out, _ = gocnn("go-suggest", "game.sgf", "--at", "20", "--top", "1")
    assert code == 0
    assert "ply 20" in out
    code, out, _ = gocnn("go-gtp", "--threads", "1", typed="genmove b\nquit\n")
    assert code == 0
    assert re.match(r"= [A-T]\d+\n\n", out)
    assert gocnn("go-review", "game.sgf", "--out", "reviewed.sgf", "--quiet")[0] == 0
    assert (tmp_path / "reviewed.sgf").stat().st_size > 1000
    code, _, err = gocnn("go-stats", "game.sgf")
    assert code == 1
    assert "make one with: gocnn go-import" in err
    # what is misspelt is said, not that torch is missing
    code, _, err = gocnn("go-suggest", "game.sgf", "--model", "runs/smal")
    assert code == 1
    assert err.splitlines()[-1].startswith("Error: runs/smal does not exist; ")
    for words, extra in (
        (["img-predict", "x.jpg", "--model", "y"], "images"),
        (["go-train", "game.sgf", "--out", "run"], "train"),
        (["go-suggest", "--picture", "x.png"], "pictures"),
    ):
        code, _, err = gocnn(*words)
        assert code == 1
        assert err.startswith("Error: this needs the package ")
        assert f"the extra {extra} of gocnn" in err
        assert len(err.splitlines()) == 1


def test_every_import_has_its_package() -> None:
    """What the core's modules import is among the dependencies, or named with its extra."""
    from gocnn.libraries import EXTRAS, PACKAGES

    core = {re.split(r"[><=\[]", line)[0] for line in PROJECT["dependencies"]}
    extras = PROJECT["optional-dependencies"]
    for package in PACKAGES.values():
        assert (package in core) != (package in EXTRAS)
    for package, extra in EXTRAS.items():
        assert any(re.match(rf"{package}\b(?!-)", line) for line in extras[extra])


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("cli.py", "cli.py"),
        ("/somewhere/cli.py", "cli.py"),
        ("/usr/bin/gocnn", "gocnn"),
        (r"gocnn.exe", "gocnn"),
        ("/x/gocnn/__main__.py", "gocnn"),
        ("", "gocnn"),
    ],
)
def test_messages_name_the_program(called: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    assert program.name() == name
    monkeypatch.setattr(sys, "argv", [])
    assert program.name() == "gocnn"


class Broken:
    """An entry point as importlib has it, of a package that cannot be used."""

    group, value = heads.GROUP, "other:HEAD"

    def __init__(self, name: str, found: object) -> None:
        self.name, self._found = name, found

    def load(self) -> object:
        if isinstance(self._found, BaseException):
            raise self._found
        return self._found


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "the extra train of gocnn"),
        (ModuleNotFoundError("No module named 'other'", name="other"), "No module named 'other'"),
        (RuntimeError("no good"), "RuntimeError: no good"),
        (object(), "other:HEAD is no Head"),
    ],
)
def test_a_broken_head_does_not_break_the_others(
    found: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [Broken("other", found), Broken("good", Head("good", {"go-x": ("x", "X.")}, "x"))]
    monkeypatch.setattr(heads, "entry_points", lambda group: points)
    monkeypatch.setattr(heads, "_looked", False)
    monkeypatch.setattr(heads, "_broken", {})
    monkeypatch.setattr(heads, "_registered", dict(heads._registered))
    help_ = CliRunner().invoke(main, ["--help"])
    assert help_.exit_code == 0
    assert "go-x" in help_.output
    result = CliRunner().invoke(main, ["something-else"])
    assert result.exit_code == 2
    assert "No such command 'something-else'" in result.output
    assert said in " ".join(result.output.split())


@pytest.mark.slow
def test_the_first_compilation_says_so_once(tmp_path: Path) -> None:
    """On standard error, where nothing is kept yet; afterwards, and in the processes that share the
    work, nothing is said."""
    code = (
        "from gocnn.board import rules; import numpy as np\n"
        "state = rules.new_state(); rules.clear(state, 19); rules.clear(state, 9)\n"
        "from gocnn import _jit; print(_jit.compiled)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "GOCNN_COMPILING"}

    def run(**more: str) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            text=True,
            capture_output=True,
            env=environment | more,
            check=True,
        )
        return done.stdout, done.stderr

    cache = str(tmp_path / "cache")
    out, err = run(GOCNN_CACHE=cache)
    assert out == "['gocnn.board.rules.clear']\n"
    assert err == (
        "compiling what this command needs, once on this machine (about half a minute; gocnn"
        " warm-up does it for all commands) ...\n"
    )
    assert run(GOCNN_CACHE=cache) == ("[]\n", "")
    (tmp_path / "file").write_text("", encoding="utf-8")
    out, err = run(GOCNN_CACHE=str(tmp_path / "file" / "x"))
    assert err == "compiling: the cache folder cannot be written, so at every start ...\n"
    out, err = run(GOCNN_CACHE=str(tmp_path / "quiet"), GOCNN_COMPILING="quiet")
    assert err == ""


def test_the_version_is_one() -> None:
    assert importlib.metadata.version("gocnn") == __version__
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in text
    assert f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
