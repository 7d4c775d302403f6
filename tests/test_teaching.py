"""Teaching networks: the loss against torch's own and the formula written out, and what teachers
see and say of pictures that are mixed, turned and grow."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn.training import TrainConfig
from gocnn.training.batches import Again
from gocnn.training.stepping import Stepper
from imagecls.augment import RECIPES, Augmenter, Recipe
from imagecls.classifier.growing import Growth
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.task import ImageTask
from imagecls.classifier.teaching import TaughtTask, Teacher, Teachers, Teaching, divergence
from tests.classifiers import CLASSES, predictor

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
RUN = ClassifierConfig("resnet", CLASSES, 8, 8, mean=MEAN, std=STD)
PLAIN = Augmenter(RECIPES["none"], 8, MEAN, STD)
MIXING = Augmenter(Recipe(0.5, 9.0, 0, 0, 0.5, (0, 0, 0, 0), mixup=1.0, cutmix=1.0), 8, MEAN, STD)


class Averages(Classifier):
    """Tells three classes apart by the mean of each channel, and notes what it has seen."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        return x.mean((2, 3)) * self.factor


def teacher(
    network: Classifier,
    *,
    config: ClassifierConfig = RUN,
    order: tuple[int, ...] = (0, 1, 2),
    fixed: bool = False,
) -> Teacher:
    return Teacher(network, config, RUN, order=order, fixed=fixed)


def batch(count: int = 6, size: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    return pixels, torch.arange(count) % 3


def softmax(logits: Any) -> Any:
    p = np.exp(np.asarray(logits, np.float64))
    return p / p.sum(1, keepdims=True)


# --- the loss


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_divergence_is_what_torch_and_the_formula_say(temperature: float) -> None:
    mine, theirs = np.random.default_rng(0).normal(0, 2, (2, 5, 7))
    p, q = softmax(theirs / temperature), softmax(mine / temperature)
    written_out = (p * np.log(p / q)).sum(1).mean() * temperature**2
    logits, said = torch.tensor(mine, requires_grad=True), torch.tensor(p)
    loss = divergence(logits, said, temperature)
    assert loss.item() == pytest.approx(written_out)
    theirs_too = nn.KLDivLoss(reduction="batchmean")(torch.tensor(np.log(q)), said)
    assert loss.item() == pytest.approx(theirs_too.item() * temperature**2)
    # Hinton et al. 2015, equation 2: (q - p) / T for each picture, here times T squared
    (gradient,) = torch.autograd.grad(loss, logits)
    assert np.allclose(gradient, (q - p) / 5 * temperature)


def test_sure_teachers_are_no_trouble() -> None:
    """Probabilities of 0 and 1: the cross-entropy, and a gradient."""
    logits = torch.zeros(2, 3, requires_grad=True)
    loss = divergence(logits, torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(3))
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_teachers_and_labels_have_their_shares(share: float) -> None:
    """On pictures that are turned, cropped, mixed and cut; teachers are shown the same ones. Label
    smoothing and weights of classes are the labels'."""
    networks = Averages(3.0), Averages(-2.0)
    members = Teachers([teacher(network) for network in networks])
    weights = torch.tensor([0.5, 1.0, 1.5])
    teaching = Teaching(("a", "b"), share, 2.0)
    task = TaughtTask(MIXING, PLAIN, members, teaching, label_smoothing=0.1, class_weights=weights)
    student = Averages(0.7)
    torch.manual_seed(3)
    loss, right = task.loss(student, batch())
    torch.manual_seed(3)
    labels, right_by_labels = ImageTask(MIXING, PLAIN, 0.1, class_weights=weights).loss(
        student, batch()
    )
    first, second = student.seen
    assert torch.equal(first, second)
    assert [len(network.seen) for network in networks] == ([1, 1] if share else [0, 0])
    for network in networks if share else ():
        assert torch.equal(network.seen[0], first)
    x = first.numpy().mean((2, 3), dtype=np.float64)
    p, q = (softmax(x * 3 / 2) + softmax(-x * 2 / 2)) / 2, softmax(x * 0.7 / 2)
    apart = (p * np.log(p / q)).sum(1).mean() * 4
    assert loss.item() == pytest.approx((1 - share) * labels.item() + share * apart, abs=1e-5)
    assert right == right_by_labels
    loss.backward()
    assert student.factor.grad is not None
    assert all(p.grad is None for p in members.parameters())


# --- what teachers see and say


def test_classes_in_another_order() -> None:
    x = MIXING(*batch()).pictures
    plain = Teachers([teacher(Averages(3.0))])(x)
    turned = Teachers([teacher(Averages(3.0), order=(2, 0, 1))])(x)
    assert plain.sum(1).allclose(torch.ones(6))
    assert torch.equal(turned, torch.stack([plain[:, 2], plain[:, 0], plain[:, 1]], 1))


def test_another_normalisation() -> None:
    """A teacher sees what its own augmenter would have made of the same pictures."""
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    network = Averages()
    config = ClassifierConfig("resnet", CLASSES, 8, 8, mean=mean, std=std)
    Teachers([teacher(network, config=config)])(PLAIN.plain(batch()[0]))
    expected = Augmenter(RECIPES["none"], 8, mean, std).plain(batch()[0])
    assert network.seen[0].allclose(expected, atol=1e-5)


def test_a_network_of_one_size_is_shown_that() -> None:
    config = ClassifierConfig("cnn", CLASSES, 4, 5, mean=MEAN, std=STD)
    network = Averages()
    x = PLAIN.plain(batch()[0])
    Teachers([teacher(network, config=config, fixed=True)])(x)
    expected = functional.interpolate(x, (4, 4), mode="bilinear", antialias=True)
    assert network.seen[0].allclose(expected)


def test_teachers_stay_what_they_were() -> None:
    """Their normalisations and dropout too, whatever learns beside them."""
    config = ClassifierConfig("resnet", CLASSES, 8, 8, widths=(8, 8), hidden=(8,), dropout=0.5)
    members = Teachers([teacher(predictor(config).network, config=config)])
    before = {name: value.clone() for name, value in members.state_dict().items()}
    task = TaughtTask(MIXING, PLAIN, members, Teaching(("a",)))
    stepper = Stepper(build(config), task, TrainConfig(steps=3, batch=6), torch.device("cpu"))
    stepper.precision = "fp32"
    for _ in range(3):
        stepper.step(stepper.model, Again(batch()), 1.0)
    assert not any(module.training for module in members.modules())
    assert all(torch.equal(value, before[name]) for name, value in members.state_dict().items())
    x = PLAIN.plain(batch()[0])
    assert torch.equal(members(x), members(x))


def test_a_taught_network_agrees_with_its_teacher() -> None:
    """Of colours, from a teacher that knows which is the strongest, beside labels that say nothing;
    what learns from those alone agrees by chance."""
    generator = torch.Generator().manual_seed(1)
    colours = torch.randint(0, 256, (512, 3, 1, 1), generator=generator, dtype=torch.uint8)
    pixels = colours.expand(512, 3, 8, 8).contiguous()
    labels = torch.randint(0, 3, (512,), generator=generator)
    members = Teachers([teacher(Averages(8.0))])
    config = ClassifierConfig("resnet", CLASSES, 8, 8, widths=(8, 8), hidden=())
    agreed = {}
    for share in (1.0, 0.0):
        torch.manual_seed(0)
        task = TaughtTask(PLAIN, PLAIN, members, Teaching(("a",), share))
        train = TrainConfig(steps=60, batch=64, learning_rate=0.01, optimiser="adamw", ema=0.0)
        stepper = Stepper(build(config), task, train, torch.device("cpu"))
        stepper.precision = "fp32"
        for step in range(60):
            some = slice(step % 6 * 64, step % 6 * 64 + 64)
            stepper.step(stepper.model, Again((pixels[some], labels[some])), 1.0)
        x = PLAIN.plain(pixels[384:])
        with torch.no_grad():
            answers = stepper.model.eval()(x).argmax(1)
        agreed[share] = (answers == members(x).argmax(1)).float().mean().item()
    assert agreed[1.0] > 0.8
    assert agreed[0.0] < 0.6


def test_teachers_see_pictures_grow() -> None:
    growth = Growth.between(8, 16)
    augment = Augmenter(RECIPES["strong"], 16, MEAN, STD)
    network, student = Averages(), Averages()
    task = TaughtTask(
        augment, augment, Teachers([teacher(network)]), Teaching(("a",)), growth=growth
    )
    for done in growth.begins:
        task.advance(done)
        task.loss(student, batch())
    assert [x.shape[-1] for x in network.seen] == list(growth.sizes)
    assert all(torch.equal(a, b) for a, b in zip(network.seen, student.seen, strict=True))
