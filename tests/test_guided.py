"""Labels that are partly wrong, and pictures without labels: what is learnt of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from imagecls.augment import RECIPES, Augmenter
from imagecls.classifier.guided import GuidedTask
from imagecls.classifier.noisy import ELR_WEIGHT, MOMENTUM, Method, Noisy, NoisyLabels
from imagecls.classifier.pseudo import MOMENTUM as RECENT
from imagecls.classifier.pseudo import PseudoLabels, Unlabelled
from imagecls.photos.data import Split, load_splits
from imagecls.photos.store import ImageStore
from tests.conftest import ROOT
from tests.kills import Stages, models
from tests.toyruns import on_two_processes
from tests.typed import good, refused

IMAGES = ROOT / "data" / "images"
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
PLAIN = Augmenter(RECIPES["none"], 8, MEAN, STD)
FAST = ["--size", "32", "--widths", "8,16", "--linear-head", "--batch", "8"]
FAST += ["--precision", "fp32", "--validations", "1", "--quiet"]


class Averages(nn.Module):
    """Tells three classes apart by the mean of each channel."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) * self.factor


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    """Plain areas of random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 3, 1, 1), dtype=np.uint8)
    return torch.from_numpy(np.broadcast_to(colours, (count, 3, 8, 8)).copy())


def said_of(pixels: torch.Tensor, factor: float) -> np.ndarray:
    """Probabilities that `Averages(factor)` gives plain areas, by numpy alone."""
    x = (pixels.numpy()[:, :, 0, 0] / 255 - 0.5) / 0.25 * factor
    p = np.exp(x)
    return p / p.sum(1, keepdims=True)


@torch.no_grad()
def taught(method: Method, rate: float, dones: list[float]) -> tuple[float, np.ndarray]:
    """The loss of the last of several guided batches of the same pictures, and what is
    remembered."""
    labels = torch.tensor([0, 2, 1, 0])
    noisy = NoisyLabels(Noisy(method, rate), np.array([1, 0, 2, 1, 0]), 3)
    task = GuidedTask(PLAIN, PLAIN, noisy=noisy)
    batch = pictures(4), torch.tensor([1, 2, 3, 4]), labels
    noisy.held[1:] = torch.eye(3)[labels] if method == "correction" else 0.0
    for done in dones:
        lesson = task.guide(Averages(3.0), batch, done)
    loss, right = task.loss(Averages(1.0), lesson)
    assert right == (said_of(batch[0], 1.0).argmax(1) == labels.numpy()).sum()
    return float(loss), noisy.held.numpy()


def test_early_learning_regularisation() -> None:
    """Liu et al. 2020, equations 6 and 9, written out."""
    loss, held = taught("elr", 0.2, [0.5, 0.6, 1.0])
    p, said = said_of(pictures(4), 1.0), said_of(pictures(4), 3.0)
    keep, y = MOMENTUM["elr"], [0, 2, 1, 0]
    t = (1 - keep**3) * said
    assert np.allclose(held[1:], t, atol=1e-5)
    assert not held[0].any()
    each = [-np.log(p[i, y[i]]) + ELR_WEIGHT * np.log(1 - p[i] @ t[i]) for i in range(4)]
    assert loss == pytest.approx(np.mean(each), abs=1e-4)


def test_labels_move_to_what_the_average_says() -> None:
    """Huang et al. 2020, algorithm 1: not before the warm-up; then targets are averages of labels
    and predictions, and pictures count by how sure those are."""
    loss, held = taught("correction", 0.2, [0.1, 0.2])
    p, said, given = said_of(pictures(4), 1.0), said_of(pictures(4), 3.0), np.eye(3)[[0, 2, 1, 0]]
    assert np.array_equal(held[1:], given)
    assert loss == pytest.approx(np.mean(-(given * np.log(p)).sum(1)), abs=1e-5)
    loss, held = taught("correction", 0.2, [0.1, 0.5, 0.9])
    keep = MOMENTUM["correction"]
    t = keep**2 * given + (1 - keep**2) * said
    assert np.allclose(held[1:], t, atol=1e-5)
    w = t.max(1)
    expected = (w * -(t * np.log(p)).sum(1)).sum() / w.sum()
    assert loss == pytest.approx(expected, abs=1e-4)


def test_symmetric_cross_entropy() -> None:
    """Wang et al. 2019, equation 6, with A = -4."""
    loss, _ = taught("sce", 0.2, [0.5])
    p, y = said_of(pictures(4), 1.0), [0, 2, 1, 0]
    reverse = [-sum(p[i, k] * (0 if k == y[i] else -4) for k in range(3)) for i in range(4)]
    assert loss == pytest.approx(np.mean([-np.log(p[i, y[i]]) + reverse[i] for i in range(4)]))


@pytest.mark.parametrize(("done", "kept"), [(1.0, 2), (0.1, 3), (0.0, 4)])
def test_least_likely_labels_are_left_out(done: float, kept: int) -> None:
    """Half of them in the end, fewer at the beginning."""
    loss, _ = taught("small-loss", 0.5, [done])
    p, said, y = said_of(pictures(4), 1.0), said_of(pictures(4), 3.0), [0, 2, 1, 0]
    likely = sorted(range(4), key=lambda i: -said[i, y[i]])[:kept]
    assert loss == pytest.approx(np.mean([-np.log(p[i, y[i]]) for i in likely]), abs=1e-5)


def test_mixed_pictures_learn_mixed_targets() -> None:
    """With any share of any partner, the loss is that of the mixed target, whatever the method
    makes of the labels: compared picture by picture."""
    torch.manual_seed(1)
    augment = Augmenter(
        RECIPES["none"].__class__(0, 0, 0, 0, 1.0, (0, 0, 0, 0), mixup=1.0), 8, MEAN, STD
    )
    labels = torch.tensor([0, 2, 1, 0])
    noisy = NoisyLabels(Noisy("correction"), labels.numpy(), 3)
    noisy.held = torch.rand(4, 3).softmax(1)
    task = GuidedTask(augment, PLAIN, noisy=noisy)
    numbers = torch.tensor([3, 1, 0, 2])
    lesson = task.guide(Averages(), (pictures(4), numbers, labels), 0.0)
    torch.manual_seed(2)
    loss, _ = task.loss(Averages(), lesson)
    torch.manual_seed(2)
    mixed = augment(pictures(4), torch.arange(4))
    logs = Averages()(mixed.pictures).log_softmax(1)
    t = noisy.held[numbers]
    w = t.amax(1) / t.amax(1).mean()
    total = torch.zeros(())
    for i in range(4):
        j, share = int(mixed.others[i]), mixed.share[i]
        total -= share * w[i] * (t[i] @ logs[i]) + (1 - share) * w[j] * (t[j] @ logs[i])
    assert 0.0 < float(mixed.share.min()) < 1.0
    assert loss.item() == pytest.approx(total.item() / 4, abs=1e-5)


def test_sure_guesses_are_labels() -> None:
    """FixMatch: only of pictures that the average is sure of, with a weight that grows."""
    config = Unlabelled("", threshold=0.8, weight=2.0, warmup=0.5)
    spare, labels = pictures(16, 5), torch.tensor([0, 2, 1, 0])
    shares = np.array([0.5, 0.2, 0.3])
    pseudo = PseudoLabels(config, PLAIN, PLAIN, shares)
    pseudo.strong = PLAIN  # so that the expectation can be written out
    task = GuidedTask(PLAIN, PLAIN, pseudo=pseudo)
    batch = spare, pictures(4), torch.arange(4), labels
    p, said = said_of(spare, 1.0), said_of(spare, 2.0)
    own = np.mean([-np.log(said_of(pictures(4), 1.0)[i, labels[i]]) for i in range(4)])
    recent, counted = shares, 0
    for done, weight in ((0.0, 0.0), (0.25, 1.0), (0.5, 2.0), (1.0, 2.0)):
        recent = RECENT * recent + (1 - RECENT) * said.mean(0)
        aligned = said * shares / recent
        aligned /= aligned.sum(1, keepdims=True)
        sure = aligned.max(1) >= 0.8
        assert 3 < sure.sum() < 13
        counted += sure.sum()
        others = np.mean(sure * -np.log(p[np.arange(16), aligned.argmax(1)]))
        with torch.no_grad():
            loss, right = task.loss(Averages(), task.guide(Averages(2.0), batch, done))
        assert float(loss) == pytest.approx(own + weight * others, abs=1e-4)
        assert right <= 4
    assert task.state()["counts"].tolist() == [counted, 4 * 16]
    with torch.no_grad():  # out of turn, as where algorithms are chosen: by the labels alone
        assert float(task.loss(Averages(), batch)[0]) == pytest.approx(own, abs=1e-5)


def test_guesses_do_not_end_with_one_class() -> None:
    """An average that says one class of everything is corrected by how often classes occur: what it
    says a little more often of some pictures than of others is what counts."""
    config = Unlabelled("", threshold=0.0, warmup=0.0)
    pseudo = PseudoLabels(config, PLAIN, PLAIN, np.array([0.5, 0.5, 0.0]))
    biased = nn.Sequential(Averages(), nn.Linear(3, 3))
    with torch.no_grad():
        biased[1].weight.copy_(torch.eye(3))  # type: ignore[operator]
        biased[1].bias.copy_(torch.tensor([5.0, 0.0, 0.0]))  # type: ignore[operator]
        spare = pictures(64, 3)
        assert biased(PLAIN.plain(spare)).argmax(1).eq(0).float().mean() > 0.9
        for _ in range(600):
            guessed = pseudo.guess(biased, spare, 1.0)
    shares = guessed.classes.bincount(minlength=3) / 64
    assert 0.15 < shares[0] < 0.85
    assert 0.15 < shares[1] < 0.85
    assert shares[2] == 0


# --- through the command
# ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of 2021: six labelled pictures of two classes, four without labels, and one of
    those in validation too."""
    target = tmp_path_factory.mktemp("course")
    spare = target / "training" / "unlabeled"
    spare.mkdir(parents=True)
    for number, name in enumerate(("pizza", "soup")):
        for i, path in enumerate(sorted((IMAGES / "training" / name).iterdir())[:7]):
            place = target / ("validation" if i >= 5 else "training/labeled") / f"{number:02d}"
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, spare / f"{name}{i}.jpg" if i in (3, 4) else place)
            if i == 5:
                shutil.copy(path, spare / f"{name}-again.jpg")
    return target


@pytest.mark.parametrize(
    "extra",
    [["--noisy", "elr"], ["--noisy", "correction", "--unlabelled", "--augment", "strong"]],
    ids=["elr", "correction and pseudo-labels"],
)
def test_what_is_remembered_survives_every_kill(
    tmp_path: Path, course: Path, extra: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, targets and counts too."""
    arguments = ["img-train", course, *FAST, "--steps", "3", *extra]
    whole = Stages(monkeypatch).every(
        tmp_path,
        lambda out: print(good(*arguments, "--out", out)),
        lambda out: print(good("img-train", "--out", out, "--resume", "--quiet")),
    )
    expected = torch.load(whole / "checkpoint.pt", weights_only=True)["task"]
    assert any(bool(tensor.abs().sum() > 0) for tensor in expected.values())
    for other in tmp_path.glob("*-step"):
        state = torch.load(other / "checkpoint.pt", weights_only=True)["task"]
        assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_unlabelled_pictures_are_found_and_counted(tmp_path: Path, course: Path) -> None:
    """The layout's own folder, or another one; what is judged by is not learnt from."""
    quick = [each for each in FAST if each != "--quiet"]
    said = good("img-train", course, *quick, "--out", tmp_path / "a", "--steps", 1, "--unlabelled")
    assert "unlabelled pictures that are also in validation, byte for byte, left out: 2" in said
    assert "note: learnt from as well: 4 pictures without labels" in said
    assert "pseudo-labels: " in said
    assert "of 8 guesses were as sure as 0.95" in said
    said = good(
        *("img-train", course, *quick, "--out", tmp_path / "b", "--steps", 1),
        *("--unlabelled", IMAGES / "validation", "--pseudo-threshold", "0.1"),
        *("--unlabelled-ratio", "3"),
    )
    assert "72 of the 72 unlabelled pictures lie in" in said
    assert "as if they had classes, which are not looked at" in said
    assert "pseudo-labels: 100% of 24 guesses" in said
    wishes = json.loads((tmp_path / "b" / "run.json").read_text())["wishes"]
    assert wishes["unlabelled"]["source"] == str(IMAGES / "validation")


def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path, course: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.txt").write_text("no picture")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_bytes(b"no picture")
    run = ["--out", tmp_path / "r", *FAST, "--steps", "1"]
    cases: list[tuple[int, list[object], str]] = [
        (1, ["--unlabelled", tmp_path / "nowhere"], "nowhere does not exist"),
        (1, ["--unlabelled", tmp_path / "empty"], "empty holds no pictures"),
        (1, ["--unlabelled", tmp_path / "text"], "text holds no pictures"),
        (1, ["--unlabelled", tmp_path / "bad"], "no unlabelled picture of"),
        (1, ["--unlabelled", course / "validation"], "is left to learn from"),
        (1, ["--unlabelled", "--ema", "0"], "leave --ema out"),
        (1, ["--noisy", "elr", "--ema", "0"], "leave --ema out"),
        (2, ["--noisy", "coteaching"], "'coteaching' is not one of"),
        (2, ["--noisy", "elr", "--noise-rate", "0.1"], "with --noisy small-loss only"),
        (2, ["--pseudo-threshold", "0.9"], "with --unlabelled only"),
        (2, ["--unlabelled", "--pseudo-threshold", "nan"], "nan"),
    ]
    for code, extra, words in cases:
        assert words in refused(code, "img-train", course, *run, *extra)
        assert not (tmp_path / "r" / "run.json").exists()
    assert "has no folder of unlabelled pictures" in refused(
        1, "img-train", IMAGES, *run, "--unlabelled"
    )
    assert "has taken" in refused(2, "img-train", "--unlabelled", course, *run)
    good("img-train", course, "--out", tmp_path / "c", *FAST, "--steps", "1", "--noisy", "sce")
    assert "--noisy cannot be elr in a resumed run: the run in" in refused(
        2, "img-train", "--out", tmp_path / "c", "--resume", "--noisy", "elr"
    )


def test_lists_and_pictures_without_labels_may_have_moved(tmp_path: Path, course: Path) -> None:
    """A run goes on with them where they are now, if they are the same."""
    more, drop, relabel = tmp_path / "more", tmp_path / "drop.csv", tmp_path / "relabel.csv"
    shutil.copytree(course / "validation", more)
    for i, path in enumerate(sorted(more.rglob("*.jpg"))):
        Image.open(path).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(path, quality=90 + i % 5)
    found = load_splits(str(course), Split(), ImageStore(8, cache=tmp_path / "cache"), quiet=True)
    dropped, renamed = found.train.photos[0].name, found.train.photos[1].name
    drop.write_text(f"file\n{dropped}\n")
    relabel.write_text(f"file,likely\n{renamed},{found.classes[-1]}\n")
    run, plain = tmp_path / "r", tmp_path / "plain"
    places = ("--unlabelled", more, "--drop-listed", drop, "--relabel", relabel)
    good("img-train", course, "--out", run, *FAST, "--steps", "1", *places)
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in (more, drop, relabel):
        shutil.move(path, moved)
    again = ("img-train", "--out", run, "--resume", "--quiet", "--steps")
    assert "does not exist" in refused(1, *again, 2)
    places = (
        *("--unlabelled", moved / "more", "--drop-listed", moved / "drop.csv"),
        *("--relabel", moved / "relabel.csv"),
    )
    good(*again, 2, *places)
    good(*again, 3)  # the run knows it now
    (moved / "other.csv").write_text(f"file\n{found.train.photos[2].name}\n")
    for other in (("--unlabelled", course), ("--drop-listed", moved / "other.csv")):
        assert "are not those that the run" in refused(1, *again, 4, *other)
    good("img-train", course, "--out", plain, *FAST, "--steps", "1")
    for option, value in zip(places[::2], places[1::2], strict=True):
        said = refused(2, "img-train", "--out", plain, "--resume", "--steps", 2, option, value)
        assert f"began without {option}; leave it out" in said


@pytest.mark.slow
def test_processes_remember_the_same(tmp_path: Path, course: Path) -> None:
    """Two processes, each of which sees its share of the pictures, hold what one alone would."""
    arguments = ["img-train", str(course), *FAST, "--steps", "2", "--noisy", "elr", "--sync-norms"]
    arguments += ["--device", "cpu", "--threads", "1", "--augment", "none"]
    good(*arguments, "--out", tmp_path / "one")
    on_two_processes(*arguments, "--out", str(tmp_path / "two"))
    one, two = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["task"]["held"]
        for name in ("one", "two")
    )
    assert (one.sum(1) > 0).all()
    assert torch.allclose(one, two, atol=1e-4)
    assert models(tmp_path / "one").keys() == models(tmp_path / "two").keys()
