"""What augmentation draws on a device is what should be drawn: uniform, as Beta is, and on the host
as a seed has always given it."""

import dataclasses
import math

import pytest
import torch

from imagecls.augment import RECIPES, Augmenter, auto, changed, colour, dealing, mixing
from tests.augmenting import MEAN, RECIPES_TRIED, STD, pictures


def test_dealt_operations_are_uniform_and_everyone_has_a_place():
    torch.manual_seed(0)
    for count in (1, 13, 14, 15, 45, 128):
        chosen, seated = dealing.deal(len(auto.NAMES), count, 2)
        for k in range(2):
            for number in range(len(auto.NAMES)):
                here = seated[k, number]
                assert (
                    sorted(here[here < count].tolist())
                    == (chosen[:, k] == number).nonzero()[:, 0].tolist()
                )
    many = torch.cat([dealing.deal(len(auto.NAMES), 45, 2)[0] for _ in range(1500)])
    share = 1 / len(auto.NAMES)
    slack = 5 * math.sqrt(share * (1 - share) / len(many))
    for k in range(2):
        assert (
            many[:, k].bincount(minlength=len(auto.NAMES)) / len(many) - share
        ).abs().max() < slack
    # the rounds know nothing of each other
    both = (many[:, 0] * len(auto.NAMES) + many[:, 1]).bincount(
        minlength=len(auto.NAMES) ** 2
    ) / len(many)
    assert (both - share**2).abs().max() < 5 * share / math.sqrt(len(many))
    # The first picture of a batch is no other than the last.
    firsts = torch.stack([dealing.deal(14, 45, 1)[0][:, 0] for _ in range(1500)])
    for i in (0, 20, 44):
        assert (firsts[:, i].bincount(minlength=14) / 1500 - share).abs().max() < 5 * math.sqrt(
            share / 1500
        )


@pytest.mark.parametrize("kind", ["trivial", "rand"])
def test_dealt_operations_do_what_the_same_ones_do_on_the_host(kind):
    torch.manual_seed(4)
    x = (torch.rand(45, 3, 24, 24) * 255).round() / 255
    most = torch.tensor(auto.largest(kind))
    drawn = auto.sample(kind, 45, most, hosted=False)
    assert drawn.seated is not None
    assert torch.allclose(
        auto.apply(x.clone(), drawn),
        auto.apply(x.clone(), dataclasses.replace(drawn, seated=None)),
        atol=1e-6,
    )
    # Signs and strengths are those of the host's draws as well.
    signs = torch.cat(
        [auto.sample(kind, 200, most, hosted=False).strength.flatten() for _ in range(100)]
    )
    hosts = torch.cat([auto.sample(kind, 200, most).strength.flatten() for _ in range(100)])
    assert set(signs.unique().tolist()) == set(hosts.unique().tolist())
    assert abs(signs.mean() - hosts.mean()) < 6 * hosts.std() * math.sqrt(2 / len(hosts))


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.4, 1.0, 3.0])
def test_beta_is_betas(alpha):
    torch.manual_seed(1)
    n = 40_000
    ours = mixing.beta(alpha, n)
    theirs = torch.distributions.Beta(alpha, alpha).sample((n,))
    assert ours.isfinite().all()
    assert abs(ours.mean() - 0.5) < 5 * theirs.std() / math.sqrt(n)
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(ours.var() - variance) < 0.02 * variance
    # Kolmogorov and Smirnov's distance of two samples: 1.95 is passed once in a thousand times.
    places = torch.linspace(0, 1, 1001)[1:-1]
    apart = torch.searchsorted(ours.sort().values, places) - torch.searchsorted(
        theirs.sort().values, places
    )
    assert apart.abs().max() / n < 1.95 * math.sqrt(2 / n)


def test_the_hosts_shares_are_torchs_own():
    """A seed gives a CPU the draws that it has always given: the choice first, then the shares of
    mixup, then those of CutMix."""
    torch.manual_seed(8)
    share, cut = mixing.shares(50, 0.4, 1.0)
    torch.manual_seed(8)
    choice = torch.rand(50) < 0.5
    blended, boxed = (
        torch.distributions.Beta(torch.tensor(a), torch.tensor(a)).sample((50,)) for a in (0.4, 1.0)
    )
    assert torch.equal(cut, choice)
    assert torch.equal(share, torch.where(choice, boxed, blended))


def test_the_host_draws_in_the_old_order():
    """What a CPU draws for a batch, one call after another: a seed gives the views that it has
    always given."""
    batch, n = pictures("cpu"), 45
    torch.manual_seed(9)
    mixed = Augmenter(RECIPES["strong"], 32, MEAN, STD)(*batch)
    after = torch.get_rng_state()
    torch.manual_seed(9)
    torch.rand(n, 8), torch.rand(n, 4)
    torch.randint(len(auto.NAMES), (n, 1)), torch.randint(auto.STEPS, (n, 1)), torch.rand(n, 1)
    torch.rand(n, 5)
    partner = torch.randperm(n)
    mixing.shares(n, 0.2, 1.0)
    torch.rand(n, 2)
    assert torch.equal(torch.get_rng_state(), after)
    assert torch.equal(mixed.others, mixed.labels[partner])


@pytest.mark.parametrize("hosted", [True, False])
def test_draws_of_the_lectures_recipe(hosted):
    """Share of mirrored pictures, range of angles and factors: the same whoever draws."""
    torch.manual_seed(2)
    recipe = changed(RECIPES["lecture"], affine_rotate=0.0, shear=0.0)
    draws = Augmenter(recipe, 32, MEAN, STD, hosted=hosted)._sample(4000, torch.device("cpu"))
    maps, factors = draws.maps, draws.factors
    assert draws.operations is None
    assert maps is not None
    assert factors is not None
    mirrored = torch.linalg.det(maps[:, :, :2]) < 0
    assert abs(mirrored.float().mean() - 0.5) < 0.04
    degrees = torch.rad2deg(torch.atan2(maps[:, 1, 0], maps[:, 1, 1]))
    assert 14.9 < degrees.abs().max() <= 15.001
    assert abs(degrees.mean()) < 5 * 8.66 / math.sqrt(4000)
    assert abs(degrees.std() - 8.66) < 0.3
    assert factors is not None
    for part, middle in zip(factors.T, (1.0, 1.0, 1.0, 0.0), strict=True):
        assert 0.19 < (part - middle).abs().max() <= 0.2001
        assert abs(part.mean() - middle) < 0.01


@pytest.mark.parametrize("name", RECIPES_TRIED)
def test_a_seed_repeats_what_is_drawn_on_the_device(name):
    torch.manual_seed(6)
    batch, seen = pictures("cpu"), []
    for _ in range(2):
        torch.manual_seed(7)
        mixed = Augmenter(RECIPES_TRIED[name], 32, MEAN, STD, hosted=False)(*batch)
        seen.append(mixed)
    assert torch.equal(seen[0].pictures, seen[1].pictures)
    assert torch.equal(seen[0].share, seen[1].share)
    assert seen[0].pictures.isfinite().all()
    assert seen[0].pictures.shape == (45, 3, 32, 32)
    again = Augmenter(RECIPES_TRIED[name], 32, MEAN, STD, hosted=False)(*batch)
    assert name == "none" or not torch.equal(seen[0].pictures, again.pictures)


def test_one_picture_alone():
    for recipe in RECIPES_TRIED.values():
        assert (
            Augmenter(recipe, 16, MEAN, STD, hosted=False)(*pictures("cpu", 1))
            .pictures.isfinite()
            .all()
        )


def test_hues_offsets_are_the_sixths():
    assert torch.equal(torch.arange(5, 0, -2) / 6, torch.tensor([5 / 6, 3 / 6, 1 / 6]))
    assert colour.hue(torch.rand(2, 3, 4, 4), torch.zeros(2)).shape == (2, 3, 4, 4)
