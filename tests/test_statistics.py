"""Intervals of shares, beside published ones; ranks, beside a stable sort."""

import numpy as np
import pytest

from gocnn.statistics import ranks, wilson


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_newcombes_third_method(right: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Two-sided confidence intervals for the single proportion, table I."""
    assert wilson(right, n) == pytest.approx((low, high), abs=6e-5)
    turned = wilson(n - right, n)
    assert turned == pytest.approx((1 - high, 1 - low), abs=6e-5)


@pytest.mark.parametrize("n", [*range(1, 200), 750, 20_000])
def test_intervals_stay_within_0_and_1(n: int) -> None:
    assert f"{wilson(0, n)[0]:.1%}" == "0.0%"
    assert f"{wilson(n, n)[1]:.1%}" == "100.0%"
    assert wilson(0, n)[0] == 0.0 or wilson(0, n)[0] > 0
    assert wilson(n, n)[1] <= 1.0


def test_ranks_are_places_in_a_stable_sort() -> None:
    """With many equal scores, as of who answers the same to everything."""
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (200, 7)).astype(np.float32)
    scores[0], answers = 0.0, rng.integers(0, 7, 200)
    order = np.argsort(-scores, 1, kind="stable")
    expected = [row.tolist().index(answer) for row, answer in zip(order, answers, strict=True)]
    assert ranks(scores, answers).tolist() == expected
