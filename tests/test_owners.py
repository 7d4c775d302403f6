"""Whose each point will be: what the samples say of it, what teaches, and what must not."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gocnn import modelfile
from gocnn.board import symmetry
from gocnn.errors import UserError
from gocnn.games import labels, store_writer
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.games.words import colour_of
from gocnn.policy import data, endings, owners, samples
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.predictions import PolicyPredictions, predictions, winrate
from gocnn.policy.source import OWN_SHARE, PositionSource
from gocnn.policy.task import PolicyTask
from tests.labelled import random_labels, toy_store
from tests.typed import good, refused

PLANES = ["board", "history"]
GO = [
    "--batch",
    "8",
    "--valid-positions",
    "100",
    "--precision",
    "fp32",
    "--blocks",
    "1",
    "--channels",
    "8",
    "--validations",
    "1",
    "--planes",
    "stones",
]
QUIET = [*GO, "--quiet"]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_store(tmp_path_factory.mktemp("toys") / "toys.games", 40, 6)


@pytest.fixture(scope="module")
def at_random(
    tmp_path_factory: pytest.TempPathFactory, sample_store: Path
) -> tuple[samples.Games, np.ndarray]:
    path = tmp_path_factory.mktemp("labels") / "random.games"
    shutil.copy(sample_store, path)
    owner = random_labels(path, 5)
    opened = Store(path)
    return samples.games_of(opened, np.arange(len(opened))), owner


# --- samples
# -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", range(8))
def test_owners_are_turned_and_seen_by_the_side_to_play(
    at_random: tuple[samples.Games, np.ndarray], turn: int
) -> None:
    """Against a plain loop over points: each symmetry, both colours, unknown points, games without
    a label."""
    games, owner = at_random
    games = replace(games, label=np.where(np.arange(len(games)) % 5 == 4, -1, games.label))
    which, plies = samples.choose_positions(games, 60, seed=turn)
    found = samples.positions(games, PLANES, which, plies, symmetry_number=turn, score=True)[3]
    assert found.dtype == np.int8
    sides = set()
    for row, game, ply in zip(found, which, plies, strict=True):
        word = int(games.words[games.start[game] + games.setup[game] + ply])
        side = colour_of(word)
        sides.add(side)
        for point in range(361):
            theirs = int(owner[game, point]) if game % 5 < 4 else 3
            wanted = (
                samples.UNKNOWN_OWNER
                if theirs == 3
                else 0
                if theirs == 0
                else 1
                if theirs == side
                else -1
            )
            assert row[symmetry.permutation(turn)[point]] == wanted
    assert sides == {1, 2}


def test_batches_of_others_are_as_they_were(toys: Path, tmp_path: Path) -> None:
    """A network without score draws the same with labels and networks' games as without; so do the
    moves and planes of one with score, of people's."""
    bare = Store(toy_store(tmp_path / "bare.games", 40, 0, labelled=False))
    plain, full = (samples.games_of(s, np.arange(len(s))) for s in (bare, Store(toys)))
    assert (full.own.sum(), plain.own.sum()) == (6, 0)
    options: dict[str, Any] = {"plane_groups": PLANES, "batch": 32, "seed": 3, "future": 1}
    one, other = (PositionSource(games, outcome=True, **options) for games in (plain, full))
    scored = PositionSource(full.subset(~full.own), score=True, **options)
    for i in (0, 7, 130):
        assert len(one.batch(i)) == 3
        assert all((a == b).all() for a, b in zip(one.batch(i), other.batch(i), strict=True))
        assert all((a == b).all() for a, b in zip(one.batch(i), scored.batch(i)[:3], strict=True))
        assert set(np.unique(scored.batch(i)[3])) == {-1, 1}


def test_games_of_networks_have_their_share_and_teach_no_move(toys: Path) -> None:
    games = samples.games_of(Store(toys), np.arange(46))
    source = PositionSource(games, PLANES, 64, seed=1, future=2, score=True)
    batches = [source.batch(i) for i in range(2 * source.block)]
    moves = np.concatenate([b[1] for b in batches])
    own = (moves[:, 0] == -1).mean()
    assert own == pytest.approx(OWN_SHARE, abs=0.01)
    assert (moves[moves[:, 0] == -1] == -1).all()
    assert not (np.concatenate([b[3] for b in batches]) == samples.UNKNOWN_OWNER).any()
    parts = [
        PositionSource(games, PLANES, 64, seed=1, future=2, rank=r, world=2, score=True)
        for r in range(2)
    ]
    assert all(
        (np.concatenate([p.batch(5)[k] for p in parts]) == batches[5][k]).all() for k in range(4)
    )


@pytest.mark.parametrize(
    ("people", "said"), [(0, "holds only games that a network played"), (2, "loosen them")]
)
def test_there_must_be_games_of_people(tmp_path: Path, people: int, said: str) -> None:
    """No filter is to blame where a store has none."""
    store = Store(toy_store(tmp_path / "few.games", people, 2))
    with pytest.raises(UserError, match=said):
        data.select_games([store], GameFilter(min_moves=1000), own=False)


def test_games_of_networks_are_never_held_back(toys: Path) -> None:
    everything, people = (
        data.select_games([Store(toys)], GameFilter(), own=own) for own in (True, False)
    )
    assert (len(everything.games), len(people.games)) == (46, 40)
    assert everything.fingerprint() == people.fingerprint()
    training, held = data.split(everything, 0.3)
    assert not held.games.own.any()
    assert training.games.own.sum() == 6
    # filters are for people's games
    assert (
        data.select_games([Store(toys)], GameFilter(result="black"), own=True).games.own.sum() == 6
    )
    joined = data.select_games([Store(toys), Store(toys)], GameFilter(), own=True)
    assert len(joined.games) == 46
    assert everything.labels() == data.LabelCounts(40, 6, joined.labels().fingerprint)


# --- losses
# ------------------------------------------------------------------------------------------------------------------------------


def boards(n: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, scores and owners; the first board is not labelled, the second in part."""
    torch.manual_seed(1)
    owner = torch.randint(-1, 2, (n, 361), dtype=torch.int8)
    owner[0] = samples.UNKNOWN_OWNER
    owner[1, 100:] = samples.UNKNOWN_OWNER
    return torch.randn(n, 361), torch.randn(n, 2), owner


def test_losses_against_a_plain_twin() -> None:
    logits, score, owner = boards()
    total = 0.0
    for i in range(6):
        points = [p for p in range(361) if owner[i, p] != 2]
        losses = []
        for p in points:
            q = 1 / (1 + math.exp(-float(logits[i, p])))
            target = (int(owner[i, p]) + 1) / 2
            losses.append(-target * math.log(q) - (1 - target) * math.log(1 - q))
        total += owners.OWNER_WEIGHT * sum(losses) / max(len(points), 1)
        if len(points) == 361:
            margin = sum(int(o) for o in owner[i]) / 20
            scale = math.exp(float(score[i, 1])) * math.sqrt(3) / math.pi
            z = (margin - float(score[i, 0])) / scale
            total += owners.SCORE_WEIGHT * -math.log(
                math.exp(-z) / (scale * (1 + math.exp(-z)) ** 2)
            )
    assert float(owners.loss(logits, score, owner)) == pytest.approx(total / 6, rel=1e-4)


def test_what_is_not_known_teaches_nothing() -> None:
    logits, score, owner = boards()
    for t in (logits, score):
        t.requires_grad_()
    owners.loss(logits, score, owner).backward()
    assert logits.grad is not None
    assert score.grad is not None
    assert not logits.grad[0].any()
    assert logits.grad[1, :100].all()
    assert not logits.grad[1, 100:].any()
    assert not score.grad[:2].any()
    assert score.grad[2:].all()


def test_a_spread_that_has_gone_astray_comes_back() -> None:
    score = torch.tensor([[0.0, -9.0], [0.0, 9.0]], requires_grad=True)
    owners.loss(torch.zeros(2, 361), score, torch.zeros(2, 361, dtype=torch.int8)).backward()
    assert score.grad is not None
    assert score.grad[0, 1] < 0 < score.grad[1, 1]


class Said(nn.Module):
    """Says the same, whatever is shown."""

    def __init__(self, *parts: torch.Tensor) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, planes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.parts


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_moves_that_nobody_played_are_left_out(smoothing: float) -> None:
    """Loss and accuracy are those of torch over the others."""
    _, score, owner = boards()
    moves = torch.tensor([3, -1, 361, 17, -1, 0])
    logits, value = torch.randn(6, 362), torch.zeros(6)
    logits[0, 3] = 99.0
    keep = moves >= 0
    task, planes = PolicyTask(smoothing), torch.zeros(6, 3, 19, 19, dtype=torch.uint8)
    won = torch.full((6,), samples.UNDECIDED, dtype=torch.int8)
    loss, right = task.loss(
        Said(logits, value, torch.zeros(6, 361), score), (planes, moves, won, owner)
    )
    rest = owners.loss(torch.zeros(6, 361), score, owner)
    assert float(loss - rest) == pytest.approx(
        float(functional.cross_entropy(logits[keep], moves[keep], label_smoothing=smoothing)),
        rel=1e-5,
    )
    assert float(right) == pytest.approx(6 / 4 * float((logits.argmax(1) == moves)[keep].sum()))
    nothing, right = task.loss(
        Said(logits, value, torch.zeros(6, 361), score), (planes, torch.full((6,), -1), won, owner)
    )
    assert float(nothing) == pytest.approx(float(rest))
    assert float(right) == 0


def test_every_head_has_its_part_in_every_loss() -> None:
    """As several processes want it: also where a batch says nothing of a head."""
    network = PolicyNetwork(
        PolicyConfig(blocks=1, channels=8, head=8, future=1, value=True, score=True)
    )
    batch = (
        torch.randint(0, 2, (4, 21, 19, 19), dtype=torch.uint8),
        torch.full((4, 2), -1),
        torch.full((4,), -1, dtype=torch.int8),
        torch.full((4, 361), samples.UNKNOWN_OWNER, dtype=torch.int8),
    )
    loss, _ = PolicyTask().loss(network, batch)
    loss.backward()
    assert float(loss.detach()) == 0
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_figures_against_counting() -> None:
    logits, score, owner = boards()
    batch = (
        torch.zeros(6, 3, 19, 19, dtype=torch.uint8),
        torch.zeros(6, dtype=torch.long),
        torch.zeros(6, dtype=torch.int8),
        owner,
    )
    task = PolicyTask()
    figures = task.summary(
        {
            key: float(value)
            for key, value in task.judge(
                Said(torch.randn(6, 362), torch.zeros(6), logits, score), batch
            ).items()
        }
    )
    said = predictions(
        *(part.numpy() for part in (torch.zeros(6, 362), torch.zeros(6), logits, score))
    )
    true = owner.numpy().astype(float)
    owned = (true == 1) | (true == -1)
    assert figures["owner"] == pytest.approx(((said.owner > 0) == (true > 0))[owned].mean())
    head = 20 * score[:, 0].numpy()  # alone: what is told leans on the owners, too
    assert figures["score_error"] == pytest.approx(np.abs(head - true.sum(1))[2:].mean(), rel=1e-4)
    known = true != 2
    likelihoods = np.where(
        known,
        (1 + true) / 2 * np.log((1 + said.owner) / 2)
        + (1 - true) / 2 * np.log((1 - said.owner) / 2),
        0,
    )
    assert figures["owner_loss"] == pytest.approx(-likelihoods[known].mean(), rel=1e-4)
    unlabelled = (*batch[:3], torch.full_like(owner, samples.UNKNOWN_OWNER))
    none = task.summary(
        {
            key: float(value)
            for key, value in task.judge(
                Said(torch.randn(6, 362), torch.zeros(6), logits, score), unlabelled
            ).items()
        }
    )
    assert none.keys() == {"loss", "top1", "top5", "value", "value_loss"}


# --- training
# ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_tiny_network_learns_whose_the_points_are(toys: Path, tmp_path: Path) -> None:
    """Black's stones are above white's: half a minute of counting for a person, a few dozen steps
    for two blocks."""
    run = tmp_path / "run"
    heard = good(
        "go-train",
        toys,
        "--out",
        run,
        *GO[2:],
        "--batch",
        "32",
        "--steps",
        "60",
        "--learning-rate",
        "0.02",
    )
    assert "learning the score from " in heard
    assert "labelled games, 6 that a network played" in heard
    figures = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last = [line for line in figures if line["kind"] == "valid"][-1]
    assert last["owner"] > 0.9
    assert last["score_error"] < 40
    assert modelfile.load(run, "go-policy").config["score"] is True
    onnx = tmp_path / "network.onnx"
    assert "largest difference" in good("go-export", run, "--onnx", onnx)


def test_games_without_labels_train_without(tmp_path: Path) -> None:
    bare = toy_store(tmp_path / "bare.games", 10, 0, labelled=False)
    for extra in ([], ["--score"]):
        run = tmp_path / f"run{len(extra)}"
        heard = good("go-train", bare, "--out", run, *GO, *extra, "--steps", "1")
        assert heard.count("the network does not learn the score") == 1
        assert modelfile.load(run, "go-policy").config["score"] is False
    assert "--score needs --value" in refused(
        2, "go-train", bare, "--out", tmp_path / "x", "--score", "--no-value", "--steps", "1"
    )


def test_a_run_goes_on_with_more_labels_not_with_fewer(tmp_path: Path, toys: Path) -> None:
    games = shutil.copy(toys, tmp_path / "toys.games")
    bare = toy_store(tmp_path / "bare.games", 40, 0, labelled=False)
    other = Store(games)
    store_writer.add_labels(
        bare,
        np.arange(30),
        labels.COUNTED,
        np.stack([other.words[i : i + 46] for i in other.labels()[:30]]),
        "{}",
    )
    run, fixed = tmp_path / "run", tmp_path / "fixed"
    good("go-train", bare, "--out", run, *QUIET, "--steps", "2")
    good("go-train", bare, "--out", fixed, *QUIET, "--steps", "2", "--deterministic")
    good("go-train", games, "--out", run, "--resume", "--steps", "4", "--quiet")
    assert json.loads((run / "run.json").read_text())["labels"]["own"] == 6
    assert "which is --deterministic" in refused(
        1, "go-train", games, "--out", fixed, "--resume", "--steps", "4", "--quiet"
    )
    assert "here are" in refused(
        1, "go-train", bare, "--out", run, "--resume", "--steps", "6", "--quiet"
    )


@pytest.mark.slow
def test_a_model_with_score_goes_on_without_where_nothing_is_labelled(
    tmp_path: Path, toys: Path
) -> None:
    bare = toy_store(tmp_path / "bare.games", 10, 0, labelled=False)
    first, second, third = (tmp_path / name for name in "abc")
    good("go-train", toys, "--out", first, *QUIET, "--steps", "1")
    more = [
        "--steps",
        "1",
        "--batch",
        "8",
        "--valid-positions",
        "100",
        "--precision",
        "fp32",
        "--quiet",
    ]
    good("go-train", bare, "--from", first, "--out", second, *more)
    good("go-train", toys, "--from", second, "--out", third, *more)
    assert [modelfile.load(run, "go-policy").config["score"] for run in (first, second, third)] == [
        True,
        False,
        True,
    ]


# --- judging
# -----------------------------------------------------------------------------------------------------------------------------


class Oracle:
    """Foresees what comes, or its contrary, with 90 %."""

    name, plane_groups, has_value_head, scores = "oracle", ("board", "stones"), True, True

    def __init__(self, owner: np.ndarray, right: bool) -> None:
        self.owner, self.sign = owner, 1 if right else -1

    def logits(self, batch: np.ndarray) -> np.ndarray:
        return self.outputs(batch).logits

    def outputs(self, batch: np.ndarray) -> PolicyPredictions:
        n = len(batch)
        lead = np.full(n, float(self.owner.sum()) * self.sign, np.float32)
        return PolicyPredictions(
            np.zeros((n, 362), np.float32),
            np.full(n, 0.9 if lead[0] > 0 else 0.1, np.float32),
            np.tile(0.8 * self.sign * self.owner, (n, 1)).astype(np.float32),
            lead,
            np.full(n, 10.0, np.float32),
        )


def test_ends_are_judged(tmp_path: Path) -> None:
    """One labelled game of black's positions, foreseen rightly and wrongly."""
    opened = Store(toy_store(tmp_path / "one.games", 1, 0, moves=41))
    chosen = data.select_games([opened], GameFilter())
    label = labels.unpack(opened.words[opened.labels()[0] : opened.labels()[0] + 46])
    seen = np.where(label == labels.BLACK_OWNS, 1, -1)
    black = np.arange(0, 41, 2)
    margin = int(seen.sum())
    for right in (True, False):
        policy = Oracle(seen, right)
        batch, _, won, owner = samples.positions(
            chosen.games, policy.plane_groups, np.zeros(21, np.int64), black, score=True
        )
        komi = endings.komi_of_sides(chosen.games, chosen.komi, np.zeros(21, np.int64), black)
        assert (komi == -6.5).all()
        end = endings.ending(policy.outputs(batch), owner, won, komi)
        figures = endings.figures(end, np.ones(21, np.bool_))
        assert figures["owner"] == right
        assert figures["owner_log_likelihood"] == pytest.approx(
            math.log(0.9 if right else 0.1), rel=1e-5
        )
        assert figures["score_error"] == pytest.approx(0 if right else 2 * abs(margin))
        assert figures["score_error_even"] == pytest.approx(abs(margin - 6.5))
        assert figures["leader"] == right
        assert figures["winner_by"]["score"]["winner"] == right
        assert endings.lopsided(end).all() == (abs(margin - 6.5) > endings.LOPSIDED)
        assert endings.owner_calibration(end)[1] == pytest.approx(0.1 if right else 0.9, rel=1e-5)


def test_what_is_said_of_turned_boards_is_turned_back() -> None:
    rng = np.random.default_rng(0)
    owner = rng.uniform(-1, 1, (3, 361)).astype(np.float32)
    turned = []
    for s in range(8):
        there = np.empty_like(owner)
        there[:, symmetry.permutation(s)[:361]] = owner
        turned.append(
            PolicyPredictions(
                np.zeros((3, 362), np.float32),
                np.full(3, s / 8, np.float32),
                there,
                np.zeros(3, np.float32),
                np.ones(3, np.float32),
            )
        )
    mean = endings.mean_of(turned)
    assert np.allclose(mean.owner, owner, atol=1e-6)
    assert np.allclose(mean.win, 3.5 / 8)


def test_winrates() -> None:
    """A logistic distribution of the score by itself; a logit's mean of both; and what is not there
    has no say."""
    p = winrate(
        [0.5, np.nan, 0.9, np.nan],
        [6.5, 20.0, np.nan, np.nan],
        [10.0, 10.0, np.nan, np.nan],
        [-6.5, 0.0, 0.0, 6.5],
    )
    scale = 10 * math.sqrt(3) / math.pi
    assert p[:3] == pytest.approx([0.5, 1 / (1 + math.exp(-20 / scale)), 0.9])
    assert np.isnan(p[3])
    assert winrate(0.3, 7.0, 12.0, 0.5, share=1.0) == pytest.approx(0.3)
    draws = np.random.default_rng(1).logistic(7.0, 12 * math.sqrt(3) / math.pi, 200_000)
    assert draws.std() == pytest.approx(12, rel=0.02)
    assert winrate(0.3, 7.0, 12.0, 0.5, share=0.0) == pytest.approx(
        (draws + 0.5 > 0).mean(), abs=0.005
    )


def test_go_eval_tells_of_owners_and_scores(toys: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    good("go-train", toys, "--out", run, *QUIET, "--steps", "1")
    said = good("go-eval", toys, "--model", run, "--positions", "200", "--symmetries", "8")
    for words in (
        "points that the score is off",
        "owners foreseen",
        "winner by value, by score, by both",
        "lopsided",
    ):
        assert words in said
    figures = json.loads(good("go-eval", toys, "--model", run, "--positions", "200", "--json"))
    assert figures["all"]["scored"] == figures["all"]["positions"] == 200
    assert figures["all"]["winner_by"].keys() == {"positions", "share", "value", "score", "both"}
    assert 0 <= figures["owner_calibration_error"] <= 1


def test_the_lead_leans_on_the_owners_where_one_side_is_far_ahead() -> None:
    """Half of each from 20 points on, by degrees below, the head alone where it is even."""
    owner = np.full((4, 361), np.arctanh(np.float32(0.1)) * 2, np.float32)  # 36.1 points
    owner[3] *= -1
    head = np.array([23.9, -36.1, -16.1, -63.9], np.float32)
    score = np.stack([head / 20, np.zeros(4, np.float32)], 1).astype(np.float32)
    said = predictions(np.zeros((4, 362), np.float32), np.zeros(4, np.float32), owner, score=score)
    assert said.lead == pytest.approx([30, -36.1, -16.1 + 52.2 / 4, -50], abs=1e-3)
