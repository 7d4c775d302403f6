"""Every command as it would run elsewhere: without POSIX, with `spawn`, an empty home, an old
encoding, names in Chinese, no terminal; and that nothing but this project's cache is written to a
home.

One process runs them all, as `elsewhere/sitecustomize.py` and `elsewhere/run_all.py` say; each test
looks at one side of what came of it.
"""

import ast
import functools
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gocnn import page
from gocnn.console.heads import commands
from tests.conftest import ROOT, SAMPLES, once, play_randomly, sgf_text

ELSEWHERE = ROOT / "tests" / "elsewhere"
HOMES = {
    "HOME": "home",
    "USERPROFILE": "home",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_STATE_HOME": "state",
    "LOCALAPPDATA": "local",
    "APPDATA": "roaming",
    "TMPDIR": "tmp",
    "TEMP": "tmp",
    "TMP": "tmp",
}
"""What tells libraries where a person's files are, and our folder for each."""

GTP = (
    "1 name\n2 boardsize 19\n3 play b D4\n4 genmove w\n5 showboard\n6 loadsgf 棋譜/柯潔.sgf\n7"
    " 名前\n8 quit\n"
)
QUERY = (
    '{"id": "問", "moves": [["B", "D4"]], "rules": "chinese", "boardXSize": 19, "boardYSize": 19,'
    ' "maxVisits": 2}\n'
)
BRIEF = ["--quiet", "--steps", "2", "--validations", "1", "--precision", "fp32"]
RESIGNER = (
    "import sys\nfor line in sys.stdin:\n    print('= resign\\n' if line.startswith('genmove') else"
    " '=\\n', flush=True)\n"
)
ENGINE = f'"{sys.executable}" resigner.py'

TABLE: dict[str, tuple[list[str], str]] = {
    "go-import": (["go-import", "棋譜", "--out", "対局.games", "--jobs", "2"], ""),
    "go-stats": (["go-stats", "対局.games"], ""),
    "go-stats --json": (["go-stats", "対局.games", "--json"], ""),
    "go-train": (
        [
            "go-train",
            "対局.games",
            "--out",
            "学習",
            "--blocks",
            "1",
            "--channels",
            "8",
            "--batch",
            "16",
            "--valid-positions",
            "100",
            *BRIEF,
        ],
        "",
    ),
    "go-train again": (["go-train", "対局.games", "--out", "学習"], ""),
    "go-train --resume": (["go-train", "対局.games", "--out", "学習", "--resume", "--quiet"], ""),
    "go-label": (
        [
            "go-label",
            "対局.games",
            "--model",
            "学習",
            "--games",
            "1",
            "--batch",
            "1",
            "--jobs",
            "1",
        ],
        "",
    ),
    "go-eval": (
        ["go-eval", "対局.games", "--model", "学習", "--positions", "100", "--picture", "図.png"],
        "",
    ),
    "go-suggest": (
        ["go-suggest", "棋譜/柯潔.sgf", "--at", "9", "--top", "3", "--picture", "手.svg"],
        "",
    ),
    "go-suggest missing": (["go-suggest", "没有.sgf"], ""),
    "go-review": (
        # the page is there once `make page` has built it
        ["go-review", "棋譜/柯潔.sgf", "--out", "検討.sgf"]
        + (["--html", "検討.html"] if page.built() else []),
        "",
    ),
    "go-review table": (["go-review", "棋譜/柯潔.sgf", "棋譜/1.sgf"], ""),
    "go-show": (["go-show", "学習", "棋譜/柯潔.sgf", "--picture", "見.png"], ""),
    "go-export": (["go-export", "学習", "--onnx", "網.onnx"], ""),
    "go-match": (
        [
            "go-match",
            "--black",
            ENGINE,
            "--white",
            ENGINE,
            "--out",
            "対戦",
            "--games",
            "1",
            "--opening-moves",
            "0",
            "--jobs",
            "1",
        ],
        "",
    ),
    "go-gtp": (["go-gtp", "--threads", "1"], GTP),
    "go-analysis": (["go-analysis", "--threads", "1"], QUERY),
    "img-train": (
        [
            "img-train",
            "写真",
            "--out",
            "分類",
            "--model",
            "cnn",
            "--size",
            "32",
            "--store-size",
            "40",
            "--widths",
            "8,8",
            "--batch",
            "4",
            "--valid-share",
            "0.3",
            "--augment",
            "none",
            *BRIEF,
        ],
        "",
    ),
    "img-predict": (["img-predict", "写真/寿司", "--model", "分類"], ""),
    "img-eval": (
        [
            "img-eval",
            "写真",
            "--part",
            "whole",
            "--model",
            "分類",
            "--picture",
            "混同.png",
            "--mistakes",
            "誤.png",
        ],
        "",
    ),
    "img-explain": (
        ["img-explain", "写真/寿司/0.jpg", "--model", "分類", "--picture", "説明.png"],
        "",
    ),
    "img-export": (["img-export", "分類", "--onnx", "分類.onnx"], ""),
    "img-features": (["img-features", "写真", "--model", "分類", "--out", "特徴.npz"], ""),
    "img-clean": (["img-clean", "写真", "--model", "分類", "--csv", "疑.csv"], ""),
    "img-augment": (["img-augment", "写真/寿司/0.jpg", "--picture", "増.png"], ""),
    "describe": (["describe", "学習"], ""),
}
"""Name of each try: words of the command, and what it is told on standard input. (`demo` runs
commands that are here.)"""

FAILING = {"go-train again": 1, "go-suggest missing": 1}


def a_home(folder: Path) -> dict[str, str]:
    """An environment whose home is a new empty folder, as are its caches and so on."""
    places = {variable: folder / name for variable, name in HOMES.items()}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "LC_", "MPL", "ORT_", "TORCH", "CUDA_CACHE"))
    }
    return (
        kept
        | {variable: str(place) for variable, place in places.items()}
        | {"PYTHONUTF8": "0", "LANG": "C.UTF-8"}
    )


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What became of each try: `code`, `traceback`, `left` (new files in the home), `out` and `err`
    (bytes)."""
    out = once(tmp_path_factory, "別の", try_all) / "out"
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    for number, result in enumerate(results):
        result["out"], result["err"] = (
            (out / f"{number}.out").read_bytes(),
            (out / f"{number}.err").read_bytes(),
        )
    return dict(zip(TABLE, results, strict=True))


def try_all(root: Path) -> None:
    """Runs each try in a new folder: what came of it lies in `out`."""
    here, out = root / "此処", root / "out"
    for folder in (here / "棋譜", here / "写真", out):
        folder.mkdir(parents=True)
    for seed in range(40):
        header = f"PB[柯潔{seed}\u2764]PW[신진서]KM[7.5]RE[B+R]PC[弈城]EV[\U0001f3af]".encode()
        record = (
            sgf_text(play_randomly(seed, 40), "CA[UTF-8]").replace(b";B[", header + b";B[", 1)
            + b")"
        )
        (here / "棋譜" / ("柯潔.sgf" if not seed else f"{seed}.sgf")).write_bytes(record)
    for name, kind in (("寿司", "sushi"), ("披萨", "pizza"), ("soup", "soup")):
        (here / "写真" / name).mkdir()
        for number, picture in enumerate(
            sorted((ROOT / "data" / "images" / "training" / kind).glob("*.jpg"))[:6]
        ):
            shutil.copy(picture, here / "写真" / name / f"{number}.jpg")
    (here / "resigner.py").write_text(RESIGNER, encoding="utf-8")
    roots = sorted({str(root / "user" / name) for name in HOMES.values()})
    job = {"commands": list(TABLE.values()), "roots": roots, "out": str(out), "encoding": "cp1252"}
    (root / "job.json").write_text(json.dumps(job), encoding="utf-8")
    environment = a_home(root / "user") | {
        "GOCNN_TEST_ELSEWHERE": "1",
        "PYTHONIOENCODING": "cp1252",
        "OMP_NUM_THREADS": "1",
    }
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(ELSEWHERE), str(ROOT)]),
        "GOCNN_CACHE": os.environ["GOCNN_CACHE"],
    }
    done = subprocess.run(
        [sys.executable, ELSEWHERE / "run_all.py", root / "job.json"],
        cwd=here,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]


def test_every_command_is_tried() -> None:
    # two take minutes, one goes on until it is ended (tests/test_serve_process.py)
    left = {"demo", "serve", "warm-up"}
    import_module("gocnn.commands")  # registers Go's
    assert {words[0] for words, _ in TABLE.values()} == set(commands()) - left


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_a_command_works_elsewhere_and_leaves_nothing_in_the_home(
    elsewhere: dict[str, dict[str, Any]], name: str
) -> None:
    result = elsewhere[name]
    assert result["traceback"] == ""
    assert result["code"] == FAILING.get(name, 0), result["err"].decode("cp1252")
    assert b"Traceback" not in result["err"]
    assert result["left"] == []


@pytest.mark.slow
def test_what_an_encoding_lacks_is_printed_as_an_escape(
    elsewhere: dict[str, dict[str, Any]],
) -> None:
    assert rb"Error: \u6ca1\u6709.sgf does not exist" in elsewhere["go-suggest missing"]["err"]
    assert json.loads(elsewhere["go-stats --json"]["out"].decode("cp1252"))["store"] == "対局.games"
    board = elsewhere["go-suggest"]["out"].decode("cp1252")
    assert "X" in board
    assert "O" in board
    assert rb"\u5bff\u53f8" in elsewhere["img-predict"]["out"]


@pytest.mark.slow
def test_protocols_speak_utf_8_and_end_lines_with_lf(elsewhere: dict[str, dict[str, Any]]) -> None:
    said = elsewhere["go-gtp"]["out"]
    assert b"\r" not in said
    assert [int(number) for number in re.findall(rb"^[=?](\d)", said, re.MULTILINE)] == list(
        range(1, 9)
    )
    assert b"=6" in said
    answers = elsewhere["go-analysis"]["out"]
    assert b"\r" not in answers
    assert {json.loads(line)["id"] for line in answers.decode().splitlines()} == {"問"}


# --- a home of one's own
# ---------------------------------------------------------------------------------------------------------------


def run(folder: Path, *words: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own; nothing in `environment` says an empty value: that
    variable is not there."""
    variables = {
        name: value
        for name, value in (a_home(folder) | environment).items()
        if value and (name != "GOCNN_CACHE" or name in environment)
    }
    variables["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, str(ROOT / "cli.py"), *map(str, words)]
    return subprocess.run(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def left(folder: Path) -> set[str]:
    """Files and folders that lie in the homes of `a_home(folder)`, two levels deep."""
    return {
        path.relative_to(folder).as_posix()
        for name in set(HOMES.values())
        for depth in ("*", "*/*")
        for path in (folder / name).glob(depth)
    }


@pytest.mark.slow
def test_without_wishes_only_our_cache_is_written(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "go-suggest",
        "--moves",
        "B D4",
        "--picture",
        tmp_path / "p.png",
        XDG_CACHE_HOME="",
        ORT_DISABLE_TELEMETRY="0",
    )
    assert done.returncode == 0, done.stderr
    assert left(tmp_path) <= {
        "home/.cache",
        "home/.cache/gocnn",
        "home/Library",
        "home/Library/Caches",
        "local/gocnn",
        "local/gocnn/Cache",
    }
    done = run(
        tmp_path, "go-suggest", "--picture", tmp_path / "p.png", GOCNN_CACHE=str(tmp_path / "ours")
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "ours").iterdir()] == ["matplotlib"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems know the home in other ways")
def test_without_a_home(tmp_path: Path) -> None:
    """A picture can be made, with what matplotlib keeps in a folder that is gone afterwards; what
    must be kept is refused."""
    nowhere = {"HOME": "", "XDG_CACHE_HOME": ""}
    code = (
        "import os, pwd, runpy, sys\ndef unknown(number): raise KeyError(number)\npwd.getpwuid ="
        " unknown\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    for words, status in (
        (["go-suggest", "--picture", "p.png"], 0),
        (["go-train", str(SAMPLES), "--out", "run", "--steps", "1"], 1),
    ):
        environment = {
            name: value
            for name, value in (a_home(tmp_path) | nowhere).items()
            if value and name != "GOCNN_CACHE"
        }
        program = [
            sys.executable,
            "-c",
            code.replace("sys.argv[0]", repr(str(ROOT / "cli.py"))),
            *words,
        ]
        done = subprocess.run(
            program,
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"},
            capture_output=True,
            check=False,
        )
        assert done.returncode == status, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        assert left(tmp_path) == set()
    assert b"GOCNN_CACHE" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name == "~"] == []


@pytest.mark.slow
def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    """Here a file stands where the folder should be: kernels are compiled without being kept,
    matplotlib works in a folder that is gone after."""
    (tmp_path / "cache-file").write_bytes(b"")
    place = str(tmp_path / "cache-file" / "gocnn")
    done = run(tmp_path, "go-suggest", "--picture", tmp_path / "p.png", GOCNN_CACHE=place)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    code = (
        "from gocnn._jit import jit\n@jit\ndef double(x): return 2 * x\nprint(double(4),"
        " double.stats.cache_path)"
    )
    variables = a_home(tmp_path) | {"PYTHONPATH": str(ROOT), "GOCNN_CACHE": place}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=variables, capture_output=True, check=True
    )
    assert said.stdout.split() == [b"8", b"None"]
    assert left(tmp_path) == set()


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1), (0, 1, 2)])
@pytest.mark.skipif(
    sys.platform == "win32", reason="descriptors are closed before a program starts by POSIX means"
)
def test_streams_that_are_closed(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """As when a service or a window without a console starts the engine."""
    shell = " ".join(f"{descriptor}{'<' if not descriptor else '>'}&-" for descriptor in closed)
    for words in ("go-gtp --threads 1", "go-suggest --moves 'B D4' --json"):
        line = f"'{sys.executable}' '{ROOT / 'cli.py'}' {words} {shell}"
        done = subprocess.run(
            line,
            shell=True,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")


# --- the source
# ------------------------------------------------------------------------------------------------------------------------


@functools.cache
def our_modules() -> list[tuple[Path, ast.Module]]:
    files = [
        ROOT / "cli.py",
        *(
            path
            for name in ("gocnn", "imagecls", "benchmarks", "data")
            for path in sorted((ROOT / name).rglob("*.py"))
        ),
    ]
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in files]


def test_one_module_imports_onnxruntime() -> None:
    importing = set()
    for path, tree in our_modules():
        for node in ast.walk(tree):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            if "onnxruntime" in names:  # what lies below it is there only when it is imported
                importing.add(path.relative_to(ROOT).as_posix())
    assert importing == {"gocnn/libraries.py"}


def test_text_files_have_an_encoding() -> None:
    """Windows has another default."""
    bare = []
    for path, tree in our_modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or any(
                keyword.arg not in ("newline", "errors", "mode") for keyword in node.keywords
            ):
                continue
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            plain = isinstance(node.func, ast.Name) and node.func.id == "open"
            first = [
                *node.args[plain:],
                *(keyword.value for keyword in node.keywords if keyword.arg == "mode"),
            ]
            text = not first or (
                isinstance(first[0], ast.Constant)
                and re.fullmatch("[rwaxt+]+", str(first[0].value))
            )
            if (
                method == "read_text"
                or (method == "write_text" and len(node.args) < 2)
                or ((method == "open" or plain) and text)
            ):
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert bare == []
