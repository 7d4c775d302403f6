"""Every command as it would run elsewhere: without POSIX, with `spawn`, an empty home, an old
encoding, names in Chinese, no terminal; and that nothing but this project's cache is written to a
home.

One process runs them all, as `elsewhere/sitecustomize.py` and `elsewhere/run_all.py` say; each test
looks at one side of what came of it.
"""

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
from tests.conftest import ROOT, once, play_randomly, sgf_text
from tests.homes import HOMES, a_home

ELSEWHERE = ROOT / "tests" / "elsewhere"
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
    "img-look": (["img-look", "写真", "--picture", "組.png"], ""),
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
