"""Names under which board programs take an engine, and the versions that they read from them, as
their sources have it."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from gocnn.commands import main
from gocnn.engine.rulesets import RULES
from gocnn.gtp.clients import version_of
from tests.conftest import ROOT


@pytest.mark.parametrize(
    "name", ["Leela Zero", "leela zero 0.17", "Leela", "KataGo", "katago", "My engine"]
)
def test_lizzie_takes_the_version(name):
    """Lizzie: the second number of the first word after the sign is a whole one, 15 at least,
    unless the engine is KataGo."""
    version = version_of(name, "small.onnx")
    assert version is not None
    minor = int(version.split(" ")[0].split(".")[1])
    assert name.lower().startswith("katago") or minor >= 15
    assert "gocnn" in version


def test_the_own_name_has_the_own_version():
    assert version_of("gocnn", "small.onnx") is None


def test_a_name_on_the_command_line():
    command = [
        sys.executable,
        "cli.py",
        "go-gtp",
        "--name",
        "Leela Zero",
        "--threads",
        "1",
        "--rules",
        "new zealand",
    ]
    told = (
        subprocess.run(
            command, cwd=ROOT, input=b"name\nversion\nkata-get-rules\n", capture_output=True
        )
        .stdout.decode()
        .split("\n\n")
    )
    assert told[:2] == ["= Leela Zero", f"= {version_of('Leela Zero', 'small.onnx')}"]
    assert json.loads(told[2][2:]) == RULES["new-zealand"].to_json()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--name", "a\nb"], "one line"),
        (["--name", " "], "one line"),
        (["--gtp-version", "1\t2"], "one line"),
        (["--rules", "house"], "unknown rules 'house': choose "),
        (["--rules", "japanise"], "did you mean japanese?"),
        (["--rules", "New Zeland"], "did you mean new-zealand?"),
        (["--rules", '{"ko":"SPIGHT"}'], "rule ko is one of"),
        (["--rules", "aga-button"], "button"),
    ],
)
def test_options_that_cannot_be(options, why):
    answer = CliRunner().invoke(main, ["go-gtp", *options])
    assert answer.exit_code == 2
    assert why in " ".join(answer.output.split())
