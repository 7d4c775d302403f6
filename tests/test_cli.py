"""The commands as a person types them: what they print, exit codes, and one sentence for every bad
input."""

import functools
import json
import os
import random
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest
import safetensors.torch
import torch
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from gocnn import modelfile
from gocnn.commands import main
from gocnn.console.heads import commands
from gocnn.engine.rulesets import RULES
from gocnn.features.planes import plane_count
from gocnn.policy import shipped
from gocnn.policy.network import preset
from tests.conftest import ROOT, play_randomly, sgf_text


def cli(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)


def good(*arguments: object, stdin: bytes = b"") -> str:
    result = cli(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.output


def refused(code: int, *arguments: object, stdin: bytes = b"") -> str:
    """The sentence of a refusal: exit code as given, no traceback."""
    result = cli(*arguments, stdin=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    lines = [line for line in result.output.splitlines() if line.lower().startswith("error")]
    assert len(lines) == 1, result.output
    return lines[0]


@pytest.fixture
def game(sample_files: list[Path]) -> Path:
    return sample_files[0]


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


def test_unknown_command_and_option() -> None:
    assert "No such command 'go-tarin'. (Did you mean go-train?)" in refused(2, "go-tarin")
    assert "No such command" in refused(2, "zzz")
    assert "No such option" in refused(2, "go-stats", "x", "--nothing")


# --- import and stats
# --------------------------------------------------------------------------------------------------------------


def test_import_and_stats(tmp_path: Path) -> None:
    folder = tmp_path / "games"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.sgf").write_bytes(
            sgf_text(play_randomly(i, 50), "BR[9d]WR[8d]RE[B+R]DT[2011-01-02]") + b")"
        )
    (folder / "bad.sgf").write_bytes(b"(;SZ[13];B[aa])")
    (folder / "twin.sgf").write_bytes((folder / "0.sgf").read_bytes())
    out = good("go-import", folder, "--out", tmp_path / "a.games")
    assert "6 games, 300 moves" in out
    assert "1 board other than 19x19" in out
    assert "1 duplicate" in out
    listing = (tmp_path / "a.games.skipped.tsv").read_text().splitlines()
    assert len(listing) == 3
    assert listing[0] == "file\tgame\treason\tdetail"
    assert "exists" in refused(2, "go-import", folder, "--out", tmp_path / "a.games")
    assert "0 games" in good("go-import", folder, "--out", tmp_path / "a.games", "--append")
    assert "6 games" in good("go-import", folder, "--out", tmp_path / "a.games", "--replace")
    figures = json.loads(good("go-stats", tmp_path / "a.games", "--json", "--verify"))
    assert figures["games"] == 6
    assert figures["results"]["black"] == 6
    assert figures["ranks"] == [{"stronger": "9d", "weaker": "8d", "games": 6}]
    assert figures["skipped"] == {"board other than 19x19": 1, "duplicate": 1}
    assert sum(o["games"] for o in figures["openings"]) == 6
    text = good("go-stats", tmp_path / "a.games", "--min-rank", "8d")
    assert "6 games, 300 moves" in text
    assert "9d - 8d" in text
    assert (
        json.loads(good("go-stats", tmp_path / "a.games", "--json", "--min-rank", "9d"))["games"]
        == 0
    )


def test_stats_of_what_is_no_store(tmp_path: Path, game: Path) -> None:
    assert "not a game store" in refused(1, "go-stats", game)
    assert "No such file" in refused(1, "go-stats", tmp_path / "nothing")


def test_a_store_where_records_are_wanted(sample_store: Path, tmp_path: Path) -> None:
    for arguments in (
        ("go-import", sample_store, "--out", tmp_path / "a.games"),
        ("go-review", sample_store),
        ("go-suggest", sample_store),
    ):
        assert "is a store already, which go-train" in refused(1, *arguments)
    assert not list(tmp_path.glob("a.games*"))


def test_bad_games(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "x.games"
    assert "holds no .sgf file" in refused(1, "go-import", empty, "--out", out)
    (empty / "notes.txt").write_text("x")
    assert "holds no .sgf file" in refused(1, "go-import", empty, "--out", out)
    assert "does not exist" in refused(1, "go-import", tmp_path / "nowhere", "--out", out)
    cases = {
        "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 4,
        "half": sgf_text(play_randomly(0, 50))[:200],
        "brackets": b"(" * 10_000_000,
        "thirteen": b"(;GM[1]SZ[13];B[aa];W[bb])",
        "empty": b"",
    }
    words = {
        "jpeg": "not SGF",
        "half": "broken SGF",
        "brackets": "not SGF",
        "thirteen": "board other than 19x19",
        "empty": "empty file",
    }
    for name, data in cases.items():
        (tmp_path / f"{name}.sgf").write_bytes(data)
        message = refused(1, "go-import", tmp_path / f"{name}.sgf", "--out", out)
        assert words[name] in message
        assert f"{name}.sgf" in message
        assert words[name].split()[-1] in refused(
            1, "go-suggest", tmp_path / f"{name}.sgf", "--model", "x"
        )
    assert not list(tmp_path.glob("x.games*"))
    assert not list(tmp_path.glob(".x.games*"))


def test_bombs_say_which_option_lifts_the_limit(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.sgf", b"(" * 30_000_000)
    assert "--max-unpacked" in refused(
        1, "go-import", tmp_path / "bomb.zip", "--out", tmp_path / "x", "--max-unpacked", "10"
    )


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.sgf"
    secret.write_bytes(b"(;SZ[19];B[aa])")
    secret.chmod(0)
    if getattr(os, "geteuid", int)() == 0:  # root may read everything: let the system refuse
        read = Path.read_bytes

        def refuse(path: Path) -> bytes:
            if path == secret:
                raise PermissionError(13, "Permission denied")
            return read(path)

        monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "Permission denied" in refused(1, "go-import", secret, "--out", tmp_path / "x")


def test_an_out_folder_that_is_not_there(tmp_path: Path, game: Path) -> None:
    assert "cannot write" in refused(1, "go-import", game, "--out", tmp_path / "no" / "x.games")


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


# --- evaluation and models
# ---------------------------------------------------------------------------------------------------------


def test_evaluation(tiny_run: Path, sample_store: Path, tmp_path: Path) -> None:
    figures = json.loads(
        good(
            "go-eval",
            sample_store,
            "--model",
            tiny_run,
            "--positions",
            "300",
            "--json",
            "--picture",
            tmp_path / "e.png",
        )
    )
    assert figures["all"]["positions"] == 300
    assert sum(figures[p]["positions"] for p in ("opening", "middle", "end")) == 300
    low, high = figures["all"]["top1_interval"]
    assert low <= figures["all"]["top1"] <= high
    assert figures["all"]["top1"] <= figures["all"]["top3"] <= figures["all"]["top5"]
    assert (tmp_path / "e.png").read_bytes()[:4] == b"\x89PNG"
    again = json.loads(
        good(
            "go-eval",
            sample_store,
            "--model",
            tiny_run / "best.safetensors",
            "--positions",
            "300",
            "--json",
        )
    )
    assert again["all"] == figures["all"]
    text = good(
        "go-eval", sample_store, "--model", tiny_run, "--positions", "200", "--symmetries", "8"
    )
    assert "opening" in text
    assert "calibration" in text


def test_evaluation_of_what_ships(sample_store: Path) -> None:
    shipped, eager = (
        json.loads(good("go-eval", sample_store, "--positions", "200", "--json", *model))
        for model in ((), ("--model", ROOT / "gocnn/policy/weights/small.safetensors"))
    )
    assert shipped["model"] == "small.onnx"
    assert abs(shipped["all"]["log_likelihood"] - eager["all"]["log_likelihood"]) < 1e-3
    assert abs(shipped["all"]["winner"] - eager["all"]["winner"]) < 0.02


def damaged_models(tmp_path: Path, tiny_run: Path) -> dict[str, Path]:
    whole = (tiny_run / "best.safetensors").read_bytes()
    made = {}
    for name, data in {
        "short": whole[:-1000],
        "stub": whole[:50],
        "text": b"hello world, this is no model",
        "empty": b"",
    }.items():
        made[name] = tmp_path / f"{name}.safetensors"
        made[name].write_bytes(data)
    model = modelfile.load(tiny_run, "go-policy")
    made["kind"] = tmp_path / "kind.safetensors"
    modelfile.save(made["kind"], "image-classifier", model.config, {}, model.tensors)
    made["shape"] = tmp_path / "shape.safetensors"
    modelfile.save(made["shape"], "go-policy", {**model.config, "channels": 24}, {}, model.tensors)
    made["config"] = tmp_path / "config.safetensors"
    modelfile.save(made["config"], "go-policy", {"nonsense": 1}, {}, model.tensors)
    made["version"] = tmp_path / "version.safetensors"
    made["version"].write_bytes(whole.replace(b'"version":"1"', b'"version":"9"'))
    made["pickle"] = tmp_path / "model.pt"
    torch.save({"a": torch.zeros(3)}, made["pickle"])
    made["run"] = tmp_path / "emptyrun"
    made["run"].mkdir()
    made["missing"] = tmp_path / "missing.safetensors"
    return made


def test_models_that_are_not(tmp_path: Path, tiny_run: Path, game: Path) -> None:
    words = {
        "short": "cut short",
        "stub": "cut short",
        "text": "not a model",
        "empty": "not a model",
        "kind": "image-classifier",
        "shape": "cannot be read by gocnn",
        "config": "cannot be read by gocnn",
        "version": "version 9",
        "pickle": "pickle",
        "run": "holds no model",
        "missing": "does not exist",
    }
    for name, path in damaged_models(tmp_path, tiny_run).items():
        message = refused(1, "go-suggest", game, "--model", path)
        assert words[name] in message, (name, message)
        assert path.name in message


# --- suggestions
# -------------------------------------------------------------------------------------------------------------------


def test_suggestion_json(tiny_run: Path, game: Path) -> None:
    answer = json.loads(good("go-suggest", game, "--at", "30", "--model", tiny_run, "--json"))
    assert answer["ply"] == 30
    assert answer["to_play"] == "black"
    shares = [m["probability"] for m in answer["moves"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=1e-4)
    assert len({m["move"] for m in answer["moves"]}) == len(answer["moves"]) > 300
    assert answer["moves"][answer["played"]["rank"] - 1]["move"] == answer["played"]["move"]
    assert (
        len(
            json.loads(good("go-suggest", game, "--model", tiny_run, "--json", "--top", "3"))[
                "moves"
            ]
        )
        == 3
    )


def test_suggestion_for_people(tiny_run: Path, game: Path, tmp_path: Path) -> None:
    text = good(
        "go-suggest",
        game,
        "--at",
        "30",
        "--model",
        tiny_run,
        "--top",
        "5",
        "--no-colour",
        "--picture",
        tmp_path / "p.svg",
    )
    assert "black to play, ply 30" in text
    assert "played: " in text
    assert "   A B C D E F G H J K" in text
    assert (tmp_path / "p.svg").read_text().count("<path") > 100
    assert "\x1b[48;5;179m" in good("go-suggest", game, "--model", tiny_run, "--colour")


def test_suggestion_from_moves_and_standard_input(tiny_run: Path, game: Path) -> None:
    answer = json.loads(
        good("go-suggest", "--moves", "B D4 W Q16 q4, pass D16", "--model", tiny_run, "--json")
    )
    assert (answer["ply"], answer["to_play"]) == (5, "white")
    assert (
        json.loads(good("go-suggest", "--moves", "B D4 B Q16 W", "--model", tiny_run, "--json"))[
            "to_play"
        ]
        == "white"
    )
    assert (
        json.loads(
            good(
                "go-suggest",
                "-",
                "--at",
                "9",
                "--model",
                tiny_run,
                "--json",
                stdin=game.read_bytes(),
            )
        )["ply"]
        == 9
    )
    assert json.loads(good("go-suggest", "--model", tiny_run, "--json"))["ply"] == 0


def test_symmetries_make_a_symmetric_answer(tiny_run: Path) -> None:
    answer = json.loads(good("go-suggest", "--model", tiny_run, "--symmetries", "8", "--json"))
    shares = {m["move"]: m["probability"] for m in answer["moves"]}
    assert shares["D4"] == pytest.approx(shares["Q16"], rel=1e-3)
    assert shares["C4"] == pytest.approx(shares["Q17"], rel=1e-3)


def test_bad_suggestions(tiny_run: Path, game: Path, tmp_path: Path) -> None:
    assert "has" in refused(1, "go-suggest", game, "--at", "9999", "--model", tiny_run)
    assert "--at needs a game" in refused(2, "go-suggest", "--at", "3", "--model", tiny_run)
    assert "move 2" in refused(1, "go-suggest", "--moves", "B D4 W D4", "--model", tiny_run)
    assert "occupied" in refused(1, "go-suggest", "--moves", "B D4 W D4", "--model", tiny_run)
    assert "'Z99'" in refused(1, "go-suggest", "--moves", "B Z99", "--model", tiny_run)
    assert ".svg or .pdf" in refused(
        2, "go-suggest", game, "--model", tiny_run, "--picture", tmp_path / "x.bmp"
    )
    assert "does not exist" in refused(
        1, "go-suggest", tmp_path / "nothing.sgf", "--model", tiny_run
    )
    assert "not SGF" in refused(1, "go-suggest", "-", "--model", tiny_run, stdin=b"hello")


def suggestions_are_legal(run: Path, games: list[bytes], each: int) -> int:
    """For some positions of every game: nothing illegal has a probability, and every legal move is
    there."""
    from gocnn.games.position import at_ply
    from gocnn.games.reader import Reader, ReadGame
    from gocnn.games.sources import Blob
    from gocnn.policy.model import load
    from gocnn.policy.suggestion import suggest

    policy, rng, count = load(run), random.Random(0), 0
    for data in games:
        read = next(iter(Reader().games(Blob("x", data))))
        assert isinstance(read, ReadGame)
        for _ in range(each):
            board = at_ply(read, rng.randrange(int(read.record["moves"]) + 1)).board
            probabilities = suggest(policy, board)
            for index in probabilities.nonzero()[0]:
                board.copy().play(int(index))
            assert (probabilities[~board.legal()] == 0).all()
            assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
            count += 1
    return count


def test_no_illegal_suggestion_on_the_sample_games(
    tiny_run: Path, sample_files: list[Path]
) -> None:
    assert suggestions_are_legal(tiny_run, [p.read_bytes() for p in sample_files[:20]], 1) == 20


@pytest.mark.slow
def test_no_illegal_suggestion_on_500_real_games(tiny_run: Path, real_games: list[bytes]) -> None:
    assert suggestions_are_legal(tiny_run, real_games[::4], 1) == 500


def test_ko_and_suicide_get_no_probability(tiny_run: Path) -> None:
    out = json.loads(
        good(
            "go-suggest",
            "--moves",
            "B B1 B A2 B B3 W C1 W C3 W D2 B C2 W B2",
            "--model",
            tiny_run,
            "--json",
        )
    )
    assert "C2" not in {m["move"] for m in out["moves"]}
    out = json.loads(good("go-suggest", "--moves", "B A2 B B1 W", "--model", tiny_run, "--json"))
    assert "A1" not in {m["move"] for m in out["moves"]}


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
    assert "choose shipped:base or shipped:small" in refused(1, "describe", "shipped:large")
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
    assert "is not a number" in refused(2, *command)
