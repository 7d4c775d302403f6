"""The commands as a person types them: help, devices, values that the shell completes, what no
command takes, the documents' words against the commands' own, the demo."""

import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import safetensors.torch
import torch
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from gocnn.commands import main
from gocnn.console.heads import commands
from gocnn.console.meant import ELSEWHERE, meant
from gocnn.engine.rulesets import RULES
from gocnn.errors import UserError
from gocnn.features.planes import plane_count
from gocnn.policy import shipped
from gocnn.policy.network import preset
from tests.conftest import ROOT
from tests.photographs import make_homework
from tests.typed import good, refused


def test_every_command_with_a_device_knows_the_same_ones(tmp_path: Path) -> None:
    """Refused before anything is read: what is missing here would be refused too."""
    with_device = []
    for name in commands():
        command = main.get_command(click.Context(main), name)
        assert command is not None
        option = next((p for p in command.params if "--device" in p.opts), None)
        if option is not None:
            with_device.append(name)
            needed = [
                a
                for p in command.params
                if p.required
                for a in ([p.opts[0], "x"] if p.param_type_name == "option" else ["x"])
            ]
            for wrong in ("banana", "cuda:x", "mps:1", "CPU", ""):
                assert "is not a device; use auto, cpu, cuda, cuda:N or mps" in refused(
                    2, name, *needed, "--device", wrong
                )
    assert with_device == [
        "go-eval",
        "go-train",
        "img-clean",
        "img-eval",
        "img-explain",
        "img-features",
        "img-predict",
        "img-train",
    ]


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is a Metal GPU here")
def test_mps_where_there_is_none(game: Path, tmp_path: Path) -> None:
    for arguments in (
        ["go-eval", game],
        ["go-train", game, "--out", tmp_path / "r"],
        ["img-train", game, "--out", tmp_path / "r"],
    ):
        assert "no Metal GPU here" in refused(1, *arguments, "--device", "mps")


# --- the lazy group
# ----------------------------------------------------------------------------------------------------------------


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv=['cli.py','--help']; import runpy\ntry: runpy.run_path('cli.py',"
        " run_name='__main__')\nexcept SystemExit: pass\n"
    )
    code += (
        "print([m for m in ('torch','numba','sgfmill','numpy','matplotlib') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert out.rstrip().endswith("[]")
    assert "go-train" in out


@pytest.mark.parametrize(
    "name",
    [
        "demo",
        "describe",
        "go-eval",
        "go-import",
        "go-stats",
        "go-suggest",
        "go-train",
        "img-augment",
        "img-eval",
        "img-explain",
        "img-look",
        "img-predict",
        "img-train",
    ],
)
def test_every_command_has_help(name: str) -> None:
    assert "Usage:" in good(name, "--help")


def test_the_console_script_has_the_same_commands() -> None:
    script = Path(sys.executable).with_name("gocnn")
    if not script.exists():
        pytest.skip("the package is not installed")
    out = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    assert "go-suggest" in out


@pytest.mark.parametrize("name", ["go-review", "go-stats", "img-eval"])
def test_json_is_printed_not_written(name: str) -> None:
    said = refused(2, name, "--json", "out.json", "anything")
    assert said == "Error: --json takes no file, it prints; to keep that: --json > out.json"


def test_unknown_command_and_option() -> None:
    assert "No such command 'go-tarin'. (Did you mean go-train?)" in refused(2, "go-tarin")
    assert "No such command" in refused(2, "zzz")
    assert refused(2, "go-stats", "x", "--zq") == "Error: No such option --zq"


@pytest.mark.parametrize(
    ("command", "typed", "here"),
    [
        ("img-train", "lr", "learning-rate"),  # torchvision, timm, fastai
        ("go-train", "lr", "learning-rate"),
        ("img-train", "wd", "weight-decay"),
        ("img-train", "batch_size", "batch-size"),
        ("img-train", "bs", "batch"),
        ("img-train", "optimizer", "optimiser"),
        ("img-train", "opt", "optimiser"),
        ("img-train", "Unlabeled", "unlabelled"),
        ("img-train", "num-epochs", "epochs"),
        ("img-train", "epoch", "epochs"),
        ("img-train", "arch", "model"),
        ("img-train", "pretrained", "weights"),
        ("go-train", "pretrained", "from"),
        ("img-train", "workers", "feeders"),
        ("img-train", "gpu", "device"),
        ("img-train", "val", "valid"),
        ("img-train", "imgsz", "size"),
        ("img-predict", "imgsz", "eval-size"),
        ("img-train", "amp", "precision"),
        ("img-train", "early_stopping", "patience"),
        ("img-predict", "weights", "model"),
        ("img-predict", "topk", "top"),
        ("img-predict", "out", "csv"),
        ("img-explain", "output", "picture"),
        ("img-export", "out", "onnx"),
        ("img-train", "seeed", "seed"),  # spelt wrongly
    ],
)
def test_what_other_programs_call_an_option_is_said_as_it_is_here(
    command: str, typed: str, here: str
) -> None:
    assert refused(2, command, "x", f"--{typed}", "1") == (
        f"Error: No such option --{typed}; did you mean --{here}?"
    )


@pytest.mark.parametrize("command", [*commands()])
def test_nothing_is_fetched_from_the_web(command: str) -> None:
    for address in ("https://example.org/a.jpg", "HTTP://example.org", "ftp://example.org/g.zip"):
        for words in ([address], ["--out", address], [f"--model={address}"]):
            assert refused(1, command, *words) == (
                f"Error: {address} is an address of the web, and nothing is fetched from there;"
                " download it and give the file"
            )
    assert "write /home/me/a b.jpg" in refused(1, command, "file:///home/me/a%20b.jpg")


def test_a_name_that_the_shell_parted_at_its_spaces_is_told_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my new photo.jpg").write_bytes(b"")
    (tmp_path / "my new game.sgf").write_text("(;GM[1])")
    for command, words in (
        (["img-predict"], "my new photo.jpg"),
        (["go-import", "--out", "x.games"], "my new game.sgf"),
    ):
        assert refused(1, *command, *words.split(), "gone") == (
            f'Error: my does not exist; write "{words}" in quotes, for there are spaces in it'
        )
    assert "gone does not exist; give picture files" in refused(1, "img-predict", "gone", "too")


@pytest.mark.parametrize("command", ["img-train", "img-eval", "img-features", "img-predict"])
def test_an_empty_name_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """As a script has it whose variable is not set."""
    make_homework(tmp_path, classes=2)
    monkeypatch.chdir(tmp_path)
    more = {"img-train": ["--out", "../r", "--steps", "1"], "img-features": ["--out", "f.npz"]}
    said = refused(1 if command != "img-train" else 2, command, "", *more.get(command, []))
    assert "empty" in said or "name the photographs" in said


def test_no_option_of_other_programs_hides_one_of_ours() -> None:
    """What a command has under the other name is never said to be meant otherwise, and every name
    that is proposed is one that some command has."""
    ours = {
        option.removeprefix("--")
        for name in commands()
        for parameter in getattr(main.get_command(click.Context(main), name), "params", ())
        for option in parameter.opts
    }
    for there, here in ELSEWHERE.items():
        assert set(here) <= ours, there
        assert meant(there, [there, *here]) == there


# --- documents
# ---------------------------------------------------------------------------------------------------------------------


def test_every_command_and_option_of_the_documents_exists() -> None:
    """Each option stands behind a command that has it, on every page (a command may run over
    several lines; an engine's own command stands in quotes). In README.md a row of the tour tells
    of one command."""
    command = r"(?:go-[a-z]+|img-[a-z]+|describe|serve|warm-up)"
    help_of = functools.cache(lambda name: good(name, "--help"))
    named = set()
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = re.sub(r'"[^"\n]*"', '""', page.read_text(encoding="utf-8").replace("\\\n", " "))
        for match in re.finditer(
            rf"(?:cli\.py |gocnn |\| `)({command})([^`\n]*)(?:`([^\n]*))?", text
        ):
            named.add(match[1])
            row = (match[3] or "") if match[0].startswith("|") else ""
            options = re.findall(r"--[a-z-]+", match[2] + row)
            assert {o for o in options if o not in help_of(match[1])} == set(), (page, match[0])
    assert named == set(commands()) - {"demo"}


# --- describe
# ----------------------------------------------------------------------------------------------------------------------


def test_describe(tiny_run: Path) -> None:
    assert "30,000,000 weights" in good("describe", "lecture")
    described = json.loads(CliRunner().invoke(main, ["describe", "small", "--json"]).stdout)
    assert described["receptive_field"] == 29
    assert json.loads(good("describe", tiny_run, "--json"))["parameters"] < 100_000
    assert "does not exist" in refused(1, "describe", "gigantic")


@pytest.mark.parametrize("name", ["base", "small"])
def test_describe_says_which_of_two_networks_of_a_name_it_shows(name: str) -> None:
    """The preset, with its own planes and heads, and the network that ships."""
    run = CliRunner().invoke(main, ["describe", name])
    assert f"{name} is the preset here" in run.stderr
    other = run.stderr.strip().rpartition("describe ")[2]
    assert other == f"shipped:{name}"
    shown = json.loads(good("describe", other, "--json"))
    tensors = safetensors.torch.load_file(shipped.file_of(name, ".safetensors"))
    assert shown["layers"][0]["parameters"] == tensors["stem.0.weight"].numel()
    assert (
        run.stdout.split("\n")[0] == f"{name}: input {plane_count(preset(name).plane_groups)}x19x19"
    )
    missing = refused(1, "describe", "shipped:large")
    assert "choose shipped:base, shipped:base8 or shipped:small" in missing
    assert good("describe", "base8") == good("describe", "shipped:base8").replace("shipped:", "")
    assert "preset" not in CliRunner().invoke(main, ["describe", "tiny"]).stderr


@pytest.mark.parametrize(
    ("words", "typed", "expected"),
    [
        (["go-gtp", "--rules"], "ch", ["chinese", "chinese-kgs", "chinese-ogs"]),
        (["go-gtp", "--rules"], "", list(RULES)),
        (["go-gtp", "--level"], "2", ["20k", "2k", "2d"]),
        (["go-eval", "--device"], "c", ["cpu", "cuda"]),
        (["go-suggest", "--model"], "s", ["small", "s"]),
    ],
)
def test_the_shell_completes_values(words: list[str], typed: str, expected: list[str]) -> None:
    found = ShellComplete(main, {}, "gocnn", "_GOCNN_COMPLETE").get_completions(words, typed)
    assert [one.value for one in found] == expected


# --- the demo, as make demo runs it
# ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_demo(tmp_path: Path) -> None:
    out = good("demo", "--minutes", "0.05", "--out", tmp_path / "demo")
    assert "the curve" in out
    for name in (
        "go/curves.png",
        "suggestion.png",
        "go/best.safetensors",
        "images/best.safetensors",
        "explained.png",
    ):
        assert (tmp_path / "demo" / name).stat().st_size > 1000


def test_the_demo_empties_no_folder_that_a_person_names(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("a year's work")
    assert "is not empty" in refused(1, "demo", "--out", tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "a year's work"


def test_the_demo_in_a_folder_with_a_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of its commands is told the folder, whole."""
    command = main.get_command(click.Context(main), "go-train")
    assert command is not None
    seen = []

    def train(**options: object) -> None:
        seen.append(options["out"])
        raise UserError("enough")

    monkeypatch.setattr(command, "callback", train)
    assert "enough" in refused(1, "demo", "--out", tmp_path / "my demo")
    assert seen == [tmp_path / "my demo" / "go"]


@pytest.mark.parametrize(
    "command",
    [
        ("go-suggest", "--komi", "nan"),
        ("go-gtp", "--komi", "nan"),
        ("go-match", "--black", "20k", "--white", "20k", "--komi", "NaN", "--out", "m"),
        ("go-train", "x", "--out", "m", "--learning-rate", "nan"),
        ("img-train", "x", "--out", "m", "--minutes", "nan"),
    ],
)
def test_nan_is_no_number(command: tuple[str, ...]) -> None:
    assert "is no number" in refused(2, *command)
