"""How the scripts of benchmarks/ end where a person can mend something."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fewphotos
import lecture
import residual
import scripts
from gocnn.errors import UserError
from tests.conftest import ROOT


def test_bad_input_is_one_sentence() -> None:
    def main() -> None:
        raise UserError("there is no such file")

    with pytest.raises(SystemExit, match="^Error: there is no such file$"):
        scripts.run_script(main)


@pytest.mark.parametrize(
    ("main", "run"),
    [
        (residual.main, "16-blocks-with-shortcuts"),
        (lecture.main, lecture.slug([*lecture.NETWORKS][-1])),
    ],
    ids=["residual", "lecture"],
)
def test_a_run_is_not_written_over(
    main: object, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said before any of the runs begins, not when its turn comes."""
    assert callable(main)
    (tmp_path / run).mkdir()
    (tmp_path / run / "run.json").write_text("{}")
    call = ["x", "no-games", "--valid", "none", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", call)
    with pytest.raises(UserError, match=f"{run} already holds a run; choose another --out"):
        main()
    assert [path.name for path in tmp_path.iterdir()] == [run]


@pytest.mark.parametrize(
    "path",
    [p for p in sorted((ROOT / "benchmarks").glob("*.py")) if "__main__" in p.read_text("utf-8")],
    ids=lambda path: path.name,
)
def test_every_script_ends_so(path: Path) -> None:
    """gpu.py has its own exit codes."""
    text = path.read_text(encoding="utf-8")
    assert path.name == "gpu.py" or text.endswith("    run_script(main)\n")


@pytest.mark.parametrize("name", ["search", "serve", "many_pictures"])
def test_scripts_that_need_more_than_their_folder_run_as_they_say(name: str) -> None:
    path = ROOT / "benchmarks" / f"{name}.py"
    said = "PYTHONPATH=. " if "\nfrom tests" in path.read_text(encoding="utf-8") else ""
    assert f"{said}python benchmarks/{name}.py" in path.read_text(encoding="utf-8")
    assert "python -m benchmarks" not in path.read_text(encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": "." if said else ""}
    call = [sys.executable, str(path), "--help"]
    done = subprocess.run(call, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_way_with_few_photographs_is_one_that_there_is() -> None:
    """A mistyped one does not train something else under its name."""
    given = {"plain": ("plain", 0.0), "sam=0.5": ("sam", 0.5), "simclr=0.25": ("simclr", 0.25)}
    assert {text: fewphotos.way(text) for text in given} == given
    for wrong in ("plane", "sam", "sam=", "sam=x", "sam=0", "simclr", "simclr=1", "simclr=nan", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="is not plain, sam=RADIUS"):
            fewphotos.way(wrong)
