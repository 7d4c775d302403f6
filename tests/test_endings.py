"""How foreseen ends are judged: by an oracle that is right or wrong, by boards that are turned, and
against the distributions that winrates and leads come from."""

import math
from pathlib import Path

import numpy as np
import pytest

from gocnn.board import symmetry
from gocnn.games import labels
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.policy import data, endings, samples
from gocnn.policy.predictions import (
    USUAL_KOMI,
    PolicyPredictions,
    predictions,
    winrate,
    winrate_with,
)
from gocnn.statistics import wilson
from tests.labelled import toy_store


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


def test_who_leads_is_told_where_komi_is_known() -> None:
    """Three boards that are black's by three points, black to play, and said to be so: with komi
    6.5 white leads, and without a komi nobody knows."""
    owner = np.zeros((3, 361), np.int8)
    owner[:, :3] = 1
    said = PolicyPredictions(
        np.zeros((3, 362), np.float32),
        np.full(3, np.nan, np.float32),
        owner.astype(np.float32),
        np.array([3, 8, 8], np.float32),
        np.full(3, 5, np.float32),
    )
    won = np.full(3, samples.UNDECIDED, np.int8)
    komi = np.array([-6.5, np.nan, np.nan], np.float32)
    end = endings.ending(said, owner, won, komi)
    figures = endings.figures(end, np.ones(3, np.bool_))
    assert (figures["scored"], figures["leader"]) == (3, 1.0)
    assert figures["leader_interval"] == list(wilson(1, 1))
    unknown = endings.figures(end, np.isnan(komi))
    assert unknown["scored"] == 2
    assert "leader" not in unknown
    told = endings.lines({"all": unknown, "owner_calibration_error": 0.0}, ("all",))
    assert "%" not in told[0]


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


@pytest.mark.parametrize("black", [True, False])
@pytest.mark.parametrize("komi", [-300.0, -10.0, 0.0, 0.5, USUAL_KOMI, 7.5, 80.0])
def test_winrates_follow_komi(komi: float, black: bool) -> None:
    """Where the head that foresees the winner means the same as the score's distribution, both are
    that distribution at any komi; where it is as sure as can be of who wins with the usual one, far
    points outweigh it; and without a score it is left alone."""
    margin, spread = np.array([-40.0, -3.0, 7.0, 31.0]), np.array([20.0, 3.0, 12.0, 9.0])
    scale = spread * math.sqrt(3) / math.pi
    sign = 1 if black else -1
    head = 1 / (1 + np.exp(-sign * (margin - USUAL_KOMI) / scale))
    expected = 1 / (1 + np.exp(-sign * (margin - komi) / scale))
    assert winrate_with(komi, black, head, sign * margin, spread) == pytest.approx(expected)
    far = float(winrate_with(300.0 * sign, black, 0.99999, 190.0, 33.0))
    assert far < 0.005, "110 points behind, for all that is won on the board"
    assert winrate_with(komi, black, 0.8, np.nan, np.nan) == pytest.approx(0.8)
    assert np.isnan(winrate_with(komi, black, np.nan, np.nan, np.nan))


def test_the_lead_leans_on_the_owners_where_one_side_is_far_ahead() -> None:
    """Half of each from 20 points on, by degrees below, the head alone where it is even."""
    owner = np.full((4, 361), np.arctanh(np.float32(0.1)) * 2, np.float32)  # 36.1 points
    owner[3] *= -1
    head = np.array([23.9, -36.1, -16.1, -63.9], np.float32)
    score = np.stack([head / 20, np.zeros(4, np.float32)], 1).astype(np.float32)
    said = predictions(np.zeros((4, 362), np.float32), np.zeros(4, np.float32), owner, score=score)
    assert said.lead == pytest.approx([30, -36.1, -16.1 + 52.2 / 4, -50], abs=1e-3)
