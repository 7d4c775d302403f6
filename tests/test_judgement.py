"""One judgement of another engine: what is made of its ownership, against every threshold tried;
its komi, its name, what it is asked; and what training says of who judged."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gocnn import modelfile
from gocnn.board.coords import from_gtp
from gocnn.commands import main
from gocnn.games import labels, results, store_writer
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.policy import data
from gocnn.selfplay import engine, judged
from gocnn.selfplay.engine import EnginePosition
from tests.labelled import toy_store


def test_the_area_is_as_near_to_the_lead_as_any_threshold_gives() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        owner = np.round(
            np.clip(rng.normal(rng.uniform(-0.3, 0.3), rng.uniform(0.1, 0.8), 361), -1, 1),
            int(rng.integers(1, 4)),
        )
        lead = float(rng.uniform(-150, 150))
        found = judged.settled(judged.Judgement(lead, owner.astype(np.float64)))
        assert found.dtype == np.int8
        areas: dict[tuple[int, ...], float] = {}
        for t in {
            0.05,
            0.6,
            *(abs(v) for v in owner.tolist() if 0.05 <= abs(v) <= 0.6),
            *np.linspace(0.05, 0.6, 200).tolist(),
        }:
            said = [1 if v > t else 2 if v < -t else 0 for v in owner.tolist()]
            areas.setdefault(tuple(said), abs(said.count(1) - said.count(2) - lead))
        assert areas[tuple(found.tolist())] == min(areas.values())


def test_where_many_thresholds_do_the_half_is_taken() -> None:
    owner = np.array([0.9] * 100 + [0.3, -0.3] * 20 + [0.55, -0.55] + [-0.9] * 219)
    found = judged.settled(judged.Judgement(-119.0, owner))
    assert found.tolist() == [1] * 100 + [0] * 40 + [1, 2] + [2] * 219


@pytest.mark.parametrize(
    ("komi", "asked"),
    [
        (6.5, 6.5),
        (7.0, 7.0),
        (0.0, 0.0),
        (-5.5, -5.5),
        (3.75, 4.0),
        (6.3, 6.5),
        (1000.0, 150.0),
        (-1e30, -150.0),
        (0.1, 0.0),
    ],
)
def test_komis_that_the_protocol_knows(komi: float, asked: float) -> None:
    assert judged.asked_komi(komi) == asked


@pytest.mark.parametrize(
    ("lead", "winner", "komi", "kind"),
    [
        (10.0, results.BLACK_WON, 6.5, labels.JUDGED),
        (10.0, results.WHITE_WON, 6.5, labels.TRIED),
        (10.0, results.WHITE_WON, 40.5, labels.JUDGED),
        (-30.0, results.WHITE_WON, 6.5, labels.JUDGED),
        (7.0, results.BLACK_WON, 7.0, labels.TRIED),  # a draw agrees with nobody
        # a hair ahead, and the label's 6 points say the contrary
        (6.6, results.BLACK_WON, 6.5, labels.TRIED),
    ],
)
def test_the_record_decides(lead: float, winner: int, komi: float, kind: int) -> None:
    """Every second point is white's, the rest black's as far as it goes; owners so sure that no
    threshold changes them."""
    owner = np.zeros(361)
    size = int(lead) if lead != 6.6 else 6
    owner[: abs(size)] = np.sign(size)
    found = judged.Judgements()
    assert judged.judge(judged.Judgement(lead, owner), 3, winner, komi, found)[0] == kind
    assert (found.agreed, found.disagreed) == ((1, 0) if kind == labels.JUDGED else (0, 1))
    assert [round(x, 6) for _, x in found.wrong] == (
        [] if kind == labels.JUDGED else [round(lead - komi, 6)]
    )


def test_names_without_places() -> None:
    def name(command: str, version: str = "1.17.2") -> str | None:
        text = judged.text(command, version)
        assert "/" not in text
        assert "\\" not in text
        return labels.engine_of(text)

    assert (
        name("/opt/k/katago analysis -model /home/me/nets/b10.bin.gz -config /x/y.cfg")
        == "katago 1.17.2 with b10.bin.gz"
    )
    assert (
        name("nice -n 5 /opt/katago analysis -config /x -model=/home/b10.bin.gz")
        == "katago 1.17.2 with b10.bin.gz"
    )
    assert (
        name("python3 cli.py go-analysis --model runs/x/best.onnx", "gocnn 0.1.0")
        == "gocnn 0.1.0 with best.onnx"
    )
    assert name("/opt/katago analysis", "") == "katago"
    for text in (
        "",
        "{}",
        "[]",
        "7",
        '{"made_by": "go-import"}',
        '{"made_by": "go-label", "network": "small"}',
    ):
        assert labels.engine_of(text) is None


def test_training_says_who_judged(tmp_path: Path) -> None:
    toys = toy_store(tmp_path / "toys.games", 20, 2)
    plain = toy_store(tmp_path / "plain.games", 4, 0, first=50)
    other = Store(toys)
    own = np.stack([other.words[i : i + 46] for i in other.labels()[:9]])
    store_writer.add_labels(
        toys,
        np.arange(9),
        labels.JUDGED,
        own,
        judged.text("/opt/katago analysis -model /x/b10.bin.gz", "1.17.2"),
    )
    store_writer.add_labels(
        toys,
        np.arange(9, 11),
        labels.JUDGED,
        own[:2],
        judged.text("/opt/katago analysis -model /x/b6.bin.gz", "1.17.2"),
    )
    store_writer.add_labels(
        toys, np.arange(11, 15), labels.TRIED, own[:4], judged.text("/opt/never analysis", "9")
    )
    chosen = data.select_games([Store(plain), Store(toys)], GameFilter(), own=True)
    found = chosen.labels()
    assert (found.people, found.own, found.judged) == (20, 2, 11)
    assert found.engines == ("katago 1.17.2 with b10.bin.gz", "katago 1.17.2 with b6.bin.gz")
    assert (chosen.games.label[chosen.judge >= 0] >= 0).all()
    arguments = [
        "go-train",
        toys,
        "--out",
        tmp_path / "run",
        "--blocks",
        "1",
        "--channels",
        "8",
        "--batch",
        "8",
        "--steps",
        "1",
        "--valid",
        plain,
        "--valid-positions",
        "100",
        "--precision",
        "fp32",
    ]
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    told = (
        "16 labelled games, 2 that a network played (11 of these labels by another engine: katago"
        " 1.17.2 with b10.bin.gz, katago 1.17.2 with b6.bin.gz); judging"
    )
    assert told in result.output
    model = modelfile.load(tmp_path / "run", "go-policy")
    assert (
        "16 of them labelled, and 2 games that a network played (11 of these labels by another"
        " engine: katago 1.17.2 with b10.bin.gz, " in model.provenance["data"]
    )
    assert json.loads((tmp_path / "run" / "run.json").read_text())["labels"]["judged"] == 11
    # games of which nothing is to be learnt are none that it was made with
    arguments[arguments.index(tmp_path / "run")] = tmp_path / "without"
    result = CliRunner().invoke(main, [str(a) for a in [*arguments, "--own-share", "0"]])
    assert "16 labelled games, 0 that a network played" in result.output


def test_points_begin_where_the_protocol_says() -> None:
    values = [0.0] * 361
    values[0], values[342] = 0.9, -0.9
    found = judged.read({"rootInfo": {"scoreLead": -6.5}, "ownership": values}, 6.5)
    assert found is not None
    assert found.lead == 0
    owner = judged.settled(found)
    assert (owner[from_gtp("A19")], owner[from_gtp("A1")], owner.sum()) == (
        labels.BLACK_OWNS,
        labels.WHITE_OWNS,
        3,
    )


def test_engines_are_to_see_the_moves_before_a_position() -> None:
    """KataGo's analysis keeps them from its network otherwise, and looks worse than it is."""
    stones = ((from_gtp("Q4"), 1), (from_gtp("D16"), 2))
    asked = engine.query(EnginePosition((), stones), "japanese", 6.5)
    assert asked["overrideSettings"]["ignorePreRootHistory"] is False
    assert asked["moves"] == [["B", "Q4"], ["W", "D16"]]
