"""What other programs import: gocnn.load and its kin, without torch; the README's section is run."""

import copy
import doctest
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

import gocnn
import imagecls
from gocnn import api
from gocnn.console.calling import command_line, in_python
from gocnn.policy.suggestion import suggest
from tests.conftest import ROOT
from tests.photographs import make_homework


@pytest.fixture(scope="module")
def net() -> gocnn.Network:
    return gocnn.load(threads=1)


def test_importing_costs_nothing() -> None:
    """Neither torch nor numba nor numpy comes with the packages' names, and playing takes no torch."""
    program = (
        "import sys, gocnn, imagecls; import gocnn as g; dir(g)\n"
        "heavy = {'torch', 'numba', 'numpy', 'click'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "net = gocnn.load(threads=1)\n"
        "move = gocnn.player(net).choose(gocnn.position(moves='Q16'))\n"
        "assert 'torch' not in sys.modules\n"
        "print(move)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[A-T]\d+\n", done.stdout)


def test_the_readme_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Python is run as it stands, and gives the move that a comment shows."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## From Python")[2].partition("\n## ")[0]
    code = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    assert "gocnn.load()" in code
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("GOCNN_MODEL")
    played, skipped = code.split("gocnn.train(")
    names: dict[str, Any] = {}
    exec(played, names)
    assert len(names["moves"]) == 5
    assert all(isinstance(move, gocnn.Move) for move in names["moves"])
    assert f"[{names['moves'][0]!r}, ...]" in code
    assert f"[{names['moves'][0]!r}, ...]" in (ROOT / "docs/index.md").read_text(encoding="utf-8")
    assert names["said"].policy.shape == (362,)
    assert 0 < names["said"].value < 1
    compile("gocnn.train(" + skipped, "README.md", "exec")


def test_the_examples_in_the_docstrings() -> None:
    assert doctest.testmod(api, extraglobs={"gocnn": gocnn}).failed == 0
    assert doctest.testmod(api).attempted >= 8


def test_it_says_what_the_commands_say(net: gocnn.Network) -> None:
    position = gocnn.position(ROOT / "data/games/network/0001.sgf", at=42)
    expected = suggest(net.evaluator, position.board, 0, symmetries=8)
    moves = net.suggest(position, top=None, symmetries=8)
    assert [move.index for move in moves] == np.argsort(-expected, kind="stable")[
        : len(moves)
    ].tolist()
    assert {move.index for move in moves} == set(np.flatnonzero(position.board.legal()).tolist())
    assert moves[0].probability == pytest.approx(float(expected.max()))
    assert repr(moves[0]) == f"Move({moves[0].vertex!r}, probability={moves[0].probability:.2f})"
    said = net.evaluate(position, symmetries=8)
    assert np.array_equal(said.policy, expected)
    assert said.score is not None
    assert said.ownership is not None


def test_moves_on_top_of_a_game_and_komi() -> None:
    typed = gocnn.position(moves="Q16 D4", komi=0.5)
    listed = gocnn.position(moves=["B Q16", "W D4"])
    assert np.array_equal(typed.board.stones(), listed.board.stones())
    assert typed.komi == 0.5
    game = ROOT / "data/games/gnugo/0150.sgf"
    assert gocnn.position(str(game), at=3).ply + 1 == gocnn.position(game, at=4).ply


def test_a_player_leaves_the_position_alone(net: gocnn.Network) -> None:
    position = gocnn.position(moves="Q16 D4 Q3")
    before = position.board.state.copy()
    player = gocnn.player(net, visits=16)
    assert player.choose(position).vertex == player.choose(position).vertex
    assert np.array_equal(position.board.state, before)
    assert len(position.board.moves) == 3
    assert gocnn.player(net, level="5k").choose(position).index < 361


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda net: gocnn.load("nothing"), "nothing"),
        (lambda net: gocnn.load(ROOT / "README.md"), "README.md"),
        (lambda net: gocnn.load(ROOT / "pyproject.onnx"), "pyproject.onnx"),
        (lambda net: gocnn.position("nothing.sgf"), "nothing.sgf does not exist"),
        (lambda net: gocnn.position(ROOT / "data/games/gnugo/0150.sgf", at=999), "at=999: "),
        (lambda net: gocnn.position(at=3), "at=3 needs a game record"),
        (lambda net: gocnn.position(moves=["Q16", "Q16"]), "moves: move 2 is not legal"),
        (lambda net: gocnn.position(moves=["I5"]), "moves: move 1: 'I5' is not a point"),
        (lambda net: gocnn.player(net, level="7x"), "level='7x'"),
        (lambda net: gocnn.player(net, visits=-1), "visits=-1"),
        (lambda net: gocnn.player(net, visits=5, level="5k"), "leave one of the two out"),
        (lambda net: net.suggest(gocnn.position(), style="mine"), "style='mine'"),
        (lambda net: net.evaluate(gocnn.position(), symmetries=3), "symmetries=3"),
        (lambda net: gocnn.benchmark(net, "nothing"), "nothing"),
        (lambda net: gocnn.wrap(lambda planes: planes, plane_groups=["x"]), "plane_groups: "),
        (lambda net: gocnn.train("nothing", "/tmp/never", minutes=-1), "'minutes'"),
        (lambda net: imagecls.load("nothing"), "nothing"),
    ],
)
def test_what_a_person_can_mend_is_a_sentence(
    net: gocnn.Network, wrong: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(gocnn.UserError) as caught:
        wrong(net)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


GAME = ROOT / "data/games/network/0001.sgf"
untyped: Any = gocnn
untyped_imagecls: Any = imagecls


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda net, at: untyped.position(GAME, at="60"), "at must be a whole number, not '60'"),
        (lambda net, at: untyped.position(GAME, at=60.0), "at must be a whole number, not 60.0"),
        (lambda net, at: untyped.position(b"game.sgf"), "game must be a path"),
        (lambda net, at: untyped.position([GAME]), "game must be a path"),
        (lambda net, at: untyped.position(moves=5), "moves must be GTP vertices"),
        (lambda net, at: untyped.position(moves=[72]), "moves must be GTP vertices"),
        (lambda net, at: untyped.position(moves=b"Q16"), "moves must be GTP vertices"),
        (lambda net, at: untyped.position(moves={"Q16"}), "moves must be GTP vertices"),
        (lambda net, at: untyped.position(komi="6.5"), "komi must be a number, not '6.5'"),
        (lambda net, at: net.suggest("Q16"), "position must come from gocnn.position"),
        (lambda net, at: net.evaluate(None), "position must come from gocnn.position"),
        (lambda net, at: net.suggest(at, top="3"), "top must be a whole number, not '3'"),
        (lambda net, at: net.suggest(at, symmetries="8"), "symmetries must be a whole number"),
        (lambda net, at: untyped.player("small"), "net must come from gocnn.load"),
        (lambda net, at: untyped.player(net, visits=1.5), "visits must be a whole number, not 1.5"),
        (lambda net, at: untyped.player(net, level=5), "level must be a text such as '5k'"),
        (lambda net, at: untyped.player(net, seed=None), "seed must be a whole number"),
        (
            lambda net, at: untyped.player(net).choose(GAME),
            "position must come from gocnn.position",
        ),
        (lambda net, at: untyped.player(net).choose(at, seconds="1"), "seconds must be a number"),
        (lambda net, at: untyped.load(5), "model must be a path"),
        (lambda net, at: untyped.load(threads=1.0), "threads must be a whole number"),
        (lambda net, at: untyped.wrap(5), "logits must be a function"),
        (lambda net, at: untyped.benchmark(net, 5), "games must be a path or a list of paths"),
        (lambda net, at: untyped.benchmark(None, "x"), "net must come from gocnn.load"),
        (lambda net, at: untyped.train(GAME, None), "out must be a path"),
        (lambda net, at: untyped.train(GAME, "x", minuets=3), "did you mean 'minutes'"),
        (lambda net, at: untyped.train(GAME, "x", lr=0.1), "did you mean 'learning_rate'"),
        (lambda net, at: untyped_imagecls.train("a", "x", optimizer="sgd"), "mean 'optimiser'"),
        (lambda net, at: untyped_imagecls.load(5), "model must be a path or a list of paths"),
        (lambda net, at: untyped_imagecls.train(["a"], "x"), "photos must be a path"),
    ],
)
def test_a_wrong_type_is_a_sentence(net: gocnn.Network, wrong: Any, said: str) -> None:
    """It names the argument; none goes on until something else breaks, or for ever (visits=1.5)."""
    with pytest.raises(TypeError) as caught:
        wrong(net, gocnn.position())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


NAN = float("nan")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda net, at: untyped.position(komi=NAN),
        lambda net, at: untyped.position(komi=1e9),
        lambda net, at: untyped.position(""),
        lambda net, at: net.suggest(at, top=-1),
        lambda net, at: untyped.player(net, temperature=NAN),
        lambda net, at: untyped.player(net, temperature=-1),
        lambda net, at: untyped.player(net, resign=1.5),
        lambda net, at: untyped.player(net, seed=-1),
        lambda net, at: untyped.player(net).choose(at, seconds=NAN),
        lambda net, at: untyped.load(threads=0),
        lambda net, at: untyped.benchmark(net, GAME, positions=0),
        lambda net, at: untyped_imagecls.load([]),
        lambda net, at: untyped_imagecls.load("https://example.org/food.onnx"),
        lambda net, at: untyped.position("https://example.org/game.sgf"),
    ],
)
def test_a_number_out_of_range_is_a_sentence(net: gocnn.Network, wrong: Any) -> None:
    with pytest.raises(gocnn.UserError) as caught:
        wrong(net, gocnn.position())
    assert "\n" not in str(caught.value)


def test_numbers_of_numpy_and_moves_that_were_answered_are_taken(net: Any) -> None:
    position = untyped.position(GAME, at=np.int64(60), komi=np.float32(7.5))
    assert (type(position.ply), position.komi) == (int, 7.5)
    first = net.suggest(position, top=np.int64(1))
    after = gocnn.position(GAME, at=60, moves=first)
    assert after.board.moves[-1][0] == first[0].index
    assert after.board.moves == gocnn.position(GAME, at=60, moves=[str(first[0])]).board.moves


def test_answers_and_networks_are_copied_and_shown(net: gocnn.Network) -> None:
    position = gocnn.position(GAME, at=60)
    said, twin = net.evaluate(position), pickle.loads(pickle.dumps(net))
    assert np.array_equal(twin.evaluate(copy.deepcopy(position)).policy, said.policy)
    assert said != twin.evaluate(position)  # and no ValueError of numpy's
    assert hash(said) != hash(position)
    player = pickle.loads(pickle.dumps(gocnn.player(net, visits=8)))
    assert player.choose(position) == gocnn.player(net, visits=8).choose(position)
    shown = [repr(each) for each in (position, said, player, gocnn.player(net, level="5K"))]
    assert shown[0] == "<Position gocnn - gocnn, after move 60, black to play>"
    assert re.fullmatch(
        r"<PositionEvaluation J10 0\.\d\d, value=0\.\d\d, score=-?\d+\.\d\d>", shown[1]
    )
    assert shown[2:] == ["<Player small.onnx, visits=8>", "<Player small.onnx, level='5k'>"]


def test_a_network_of_ones_own_that_answers_no_numbers() -> None:
    bad = gocnn.wrap(lambda planes: np.full((len(planes), 362), NAN))
    with pytest.raises(ValueError, match="answered nan or inf"):
        bad.suggest(gocnn.position())
    masked = np.full((1, 362), -np.inf)
    masked[0, 72] = 0
    assert gocnn.wrap(lambda planes: masked).suggest(gocnn.position(), 1)[0].index == 72
    with pytest.raises(ValueError, match="mine excludes every legal move"):
        gocnn.wrap(lambda planes: masked).suggest(gocnn.position(moves=["Q4"]))


def test_a_network_that_says_the_same_of_every_move_is_hardly_ever_right(
    sample_store: Path,
) -> None:
    """All moves are as likely: its first choice is the first of them, A1, which nobody plays."""
    flat = gocnn.wrap(lambda planes: np.zeros((len(planes), 362)))
    figures = gocnn.benchmark(flat, sample_store, positions=50)
    assert figures["all"]["top1"] == figures["all"]["top5"] == 0
    assert figures["calibration_error"] == pytest.approx(1 / 362)


def test_a_network_without_a_value_cannot_look_ahead() -> None:
    mine = gocnn.wrap(lambda planes: np.zeros((len(planes), 362)))
    assert not mine.has_value
    assert mine.evaluate(gocnn.position()).value is None
    with pytest.raises(gocnn.UserError, match="cannot look ahead"):
        gocnn.player(mine, visits=10)
    with pytest.raises(ValueError, match=r"answered \(1, 3\)"):
        gocnn.wrap(lambda planes: np.zeros((1, 3))).suggest(gocnn.position())


def test_training_from_python(sample_store: Path, tmp_path: Path, capfd: Any) -> None:
    """The same run as the command makes, and its network comes back; a wrong name is a TypeError
    before anything is written."""
    with pytest.raises(TypeError, match="no option 'step'"):
        gocnn.train(sample_store, tmp_path / "never", step=2)
    assert not (tmp_path / "never").exists()
    options: dict[str, Any] = {
        "steps": 2,
        "blocks": 1,
        "channels": 8,
        "batch": 16,
        "valid_positions": 100,
        "precision": "fp32",
        "validations": 1,
        "value": False,
    }
    net = gocnn.train(sample_store, tmp_path / "run", quiet=True, **options)
    said = capfd.readouterr()
    assert said.out == ""
    assert not net.has_value
    assert net.suggest(gocnn.position(), top=1)[0].probability > 0
    with pytest.raises(gocnn.UserError):
        gocnn.train(sample_store, tmp_path / "run", quiet=True, **options)
    net = gocnn.train([], tmp_path / "run", quiet=True, resume=True, steps=3)
    figures = gocnn.benchmark(net, sample_store, positions=50)
    assert figures["all"]["positions"] == 50


def test_a_classifier_from_python(tmp_path: Path) -> None:
    make_homework(tmp_path / "food", classes=3)
    classifier = imagecls.train(
        tmp_path / "food",
        tmp_path / "run",
        quiet=True,
        steps=2,
        size=16,
        widths=[8, 8],
        linear_head=True,
        batch=4,
        precision="fp32",
        validations=1,
    )
    photos = sorted((tmp_path / "food").rglob("*.jpg"))[:3]
    rows = classifier.probabilities(photos, tta=2)
    assert rows.shape == (3, 3)
    assert np.allclose(rows.sum(1), 1, atol=1e-5)
    found = imagecls.load([tmp_path / "run"]).predict(photos[0], top=2, tta=2)
    assert found[0].name == classifier.classes[int(rows[0].argmax())]
    assert found[0].probability == pytest.approx(float(rows[0].max()), abs=1e-5)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    for photo, said in ((tmp_path / "broken.jpg", "broken.jpg: "), ("none.jpg", "none.jpg does")):
        with pytest.raises(imagecls.UserError, match=re.escape(str(said))):
            classifier.predict(photo)


def test_options_become_words() -> None:
    command = click.Command(
        "x",
        params=[
            click.Option(["--batch", "--batch-size"], type=int),
            click.Option(["--value/--no-value"]),
            click.Option(["--valid"], multiple=True),
            click.Option(["--widths"]),
            click.Option(["--from", "begin"]),
            click.Option(["--sam"], is_flag=False, flag_value=0.5, type=float),
        ],
    )
    words = command_line(
        command, {"batch": 3, "value": False, "valid": ["a", Path("b")], "widths": (8, 16)}
    )
    assert words == ["--batch=3", "--no-value", "--valid=a", "--valid=b", "--widths=8,16"]
    assert command_line(command, {"batch": None, "valid": ()}) == []
    assert command_line(command, {"from_": "base", "batch_size": 8}) == ["--from=base", "--batch=8"]
    assert [command_line(command, {"sam": value}) for value in (True, False, None, 0.25)] == [
        ["--sam"],
        [],
        [],
        ["--sam=0.25"],
    ]
    with pytest.raises(TypeError, match="did you mean 'from_'"):
        command_line(command, {"form": "base"})


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("choose another folder with --out, or add --resume", "another folder with out, or add resume=True"),
        ("give a lower --learning-rate or more --minutes", "a lower learning_rate or more minutes"),
        ("with --ema 0 there is none; leave --ema out", "with ema=0 there is none; leave ema out"),
        ("try --preset small, --batch=64", 'try preset="small", batch=64'),
        ("it begins --from base; --no-value", 'it begins from_="base"; value=False'),
        ("img-clean --seed 4, --gone 3, x--out", "img-clean --seed 4, --gone 3, x--out"),
        ("with: gocnn go-import GAMES --out STORE; --seed 1.", "go-import GAMES --out STORE; seed=1."),
        ("name one: --out FOLDER, or --device cuda:0", 'name one: out=FOLDER, or device="cuda:0"'),
        ("--source '(' is not", "source='(' is not"),
        ("/a --steps 5 b does not exist: --steps 5", "/a --steps 5 b does not exist: steps=5"),
    ],
)  # fmt: skip
def test_sentences_spell_options_as_keywords(told: str, wanted: str) -> None:
    from gocnn.commands.go_train import command

    given = {"device": "cuda:0", "resume": None, "steps": 5}
    assert in_python(told, command, ["/a --steps 5 b"], options=given).endswith(wanted)


def test_a_run_that_is_there_is_told_in_python(tmp_path: Path) -> None:
    homework = tmp_path / "homework"
    make_homework(homework)
    options: dict[str, Any] = {"model": "cnn", "size": 32, "steps": 1, "batch": 4, "quiet": True}
    imagecls.train(homework, tmp_path / "run", **options)
    with pytest.raises(gocnn.UserError, match=r"already holds a run") as told:
        imagecls.train(homework, tmp_path / "run", **options)
    assert "resume=True" in f"{told.value}"
    assert "--" not in f"{told.value}"
