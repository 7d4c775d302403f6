"""`--help` of the commands with many options: under headings, the important ones first, without torch."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gocnn.commands import main
from gocnn.console.grouped import GroupedCommand
from tests.conftest import ROOT

COMMANDS = {"go-train": "gocnn.commands.go_train", "img-train": "imagecls.commands.img_train"}
every_command = pytest.mark.parametrize("name", COMMANDS)


def command(name: str) -> GroupedCommand:
    found: GroupedCommand = importlib.import_module(COMMANDS[name]).command
    return found


@every_command
def test_every_option_stands_under_one_heading(name: str) -> None:
    listed = [option for options in command(name).headings.values() for option in options]
    options = {p.name for p in command(name).params if isinstance(p, click.Option)}
    assert len(listed) == len(set(listed))
    assert set(listed) == options
    assert all(p.help for p in command(name).params if isinstance(p, click.Option))


@every_command
@pytest.mark.parametrize("width", [80, 110])
def test_help_has_headings_in_one_column(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    result = CliRunner().invoke(main, [name, "--help"])
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert max(map(len, lines)) <= width
    headings = [line[:-1] for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == list(command(name).headings)
    main_options = lines[lines.index("Main options:") + 1 : lines.index("Data:")]
    first = [line.split()[0] for line in main_options if line.startswith("  --")]
    first = [option for option in first if option != "--help"]  # `-h, --help` if -h is known
    assert len(first) == 5
    assert {"--out", "--minutes", "--preset", "--resume"} < set(first)
    found = [re.match(r"  --\S.*?\s{2,}(?=\S)", line) for line in lines]
    assert {match.end() for match in found if match} == {30}


@every_command
def test_help_does_not_wait_for_torch(name: str) -> None:
    code = (
        f"import sys, runpy; sys.argv = ['cli.py', {name!r}, '--help']\n"
        "try: runpy.run_path('cli.py', run_name='__main__')\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'numba', 'matplotlib', 'PIL') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.rstrip().endswith("[]")


@every_command
def test_a_batch_has_two_names(name: str, tmp_path: Path) -> None:
    for option in ("--batch", "--batch-size"):
        arguments = ["data", "--out", str(tmp_path / "run"), option, "96"]
        assert command(name).make_context(name, arguments).params["batch"] == 96
