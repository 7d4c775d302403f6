"""Knowledge distillation: a network learns from the answers of trained ones (Hinton et al. 2015,
https://arxiv.org/abs/1503.02531) to exactly those pictures that it sees itself, augmented and
mixed: the consistent teaching of Beyer et al. 2022 (https://arxiv.org/abs/2106.05237)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from gocnn import devices, modelfile
from gocnn.errors import UserError
from gocnn.locks import is_held
from gocnn.training import Batch, memory
from gocnn.training.names import LOCK
from gocnn.training.session import Session
from imagecls.augment import Augmenter, geometry
from imagecls.classifier import init_from, shipped
from imagecls.classifier import model as models
from imagecls.classifier.growing import Growth
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.task import ImageTask
from imagecls.photos.classes import match

FACT = "teachers"
"""What run.json calls the fingerprint of the teachers."""


@dataclass(frozen=True)
class Teaching:
    """Who teaches, and how.

    models: files or folders of trained classifiers, or names of those that ship; none: nobody.
    share: of the teachers' answers in what is learnt, 0 to 1; the rest is the labels'. temperature:
    by which the logits of both sides are divided before they are compared, above 0.

    Raises ValueError if share or temperature is out of its range.
    """

    models: tuple[str, ...] = ()
    share: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"the teachers' share is {self.share}, not a number from 0 to 1")
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"the teachers' temperature is {self.temperature}, not above 0")


class Teacher(nn.Module):
    """A trained network that is shown the pictures of a run.

    Normalised float32 `(N, 3, S, S)`, as the run has them, become what the network has learnt to
    see: normalised its way, and of its own size if it is `fixed` to that. What it answers is
    ordered as the run's classes are.
    """

    scale: Tensor | None
    shift: Tensor | None
    order: Tensor | None

    def __init__(
        self,
        network: Classifier,
        config: ClassifierConfig,
        run: ClassifierConfig,
        *,
        order: Sequence[int],
        fixed: bool,
    ) -> None:
        """`config`: the network's; `run`: of the network that is taught, for its normalisation;
        `order`: for each class of the run its index among the network's."""
        super().__init__()
        self.network, self.size = network, config.size if fixed else None
        same = (config.mean, config.std) == (run.mean, run.std)
        mean, std, mine, spread = (
            torch.tensor(values, dtype=torch.float64)[None, :, None, None]
            for values in (run.mean, run.std, config.mean, config.std)
        )
        plain = list(order) == list(range(len(order)))
        self.register_buffer("scale", None if same else (std / spread).float())
        self.register_buffer("shift", None if same else ((mean - mine) / spread).float())
        self.register_buffer("order", None if plain else torch.tensor(order))

    def forward(self, pictures: Tensor, temperature: float) -> Tensor:
        """Probabilities, float32 `(N, classes)`, of the logits divided by `temperature`."""
        with torch.autocast(pictures.device.type, enabled=False):
            x = pictures
            if self.scale is not None and self.shift is not None:
                x = x * self.scale + self.shift
            if self.size is not None:
                x = geometry.resize(x, self.size)
        logits = self.network(x.to(memory_format=devices.layout(x.device))).float()
        said = (logits / temperature).softmax(1)
        return said if self.order is None else torch.index_select(said, 1, self.order)


class Teachers(nn.Module):
    """Trained networks in evaluation mode, which learn nothing; their answers are averaged. They
    are no part of what they teach, nor of its checkpoints. `fingerprint`: of their files, in their
    order."""

    def __init__(self, members: Sequence[Teacher], fingerprint: str = "") -> None:
        super().__init__()
        self.members, self.fingerprint = nn.ModuleList(members), fingerprint
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, pictures: Tensor, temperature: float = 1.0) -> Tensor:
        """The mean of their probabilities (see `Teacher.forward`), float32 `(N, classes)`, without
        gradients. Nothing waits for the device."""
        return torch.stack([member(pictures, temperature) for member in self.members]).mean(0)


class TaughtTask(ImageTask):
    """An ImageTask whose loss is `teaching.share` times how far the answers are from the mean of
    the teachers' answers to the same pictures (see `divergence`), plus the rest times the loss on
    the labels, which label smoothing and class weights belong to. Accuracy is by the labels."""

    def __init__(
        self,
        augment: Augmenter,
        view: Augmenter,
        teachers: Teachers,
        teaching: Teaching,
        *,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
        growth: Growth | None = None,
    ) -> None:
        super().__init__(augment, view, label_smoothing, class_weights=class_weights, growth=growth)
        self.teachers, self.teaching = teachers, teaching

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        share, temperature = self.teaching.share, self.teaching.temperature
        if not share:
            return super().loss(model, batch)
        mixed, pictures = self.mixed(batch)
        said = self.teachers(pictures, temperature)
        logits = model(pictures).float()
        loss = divergence(logits, said, temperature)
        if share < 1:
            loss = torch.lerp(self.of_labels(logits, mixed), loss, share)
        return loss, self.right(logits, mixed)


def divergence(logits: Tensor, said: Tensor, temperature: float = 1.0) -> Tensor:
    """The Kullback-Leibler divergence of the answers from what was `said`, probabilities `(N,
    classes)`, in nats, the mean over the batch; logits, `(N, classes)`, are divided by
    `temperature`, and the result is multiplied by its square, so that gradients are about as large
    whatever it is (Hinton et al. 2015, section 2)."""
    logs = (logits / temperature).log_softmax(1)
    return functional.kl_div(logs, said, reduction="batchmean") * temperature**2


# --- from files


def load(
    teaching: Teaching, run: ClassifierConfig, sizes: Sequence[int], session: Session
) -> Teachers | None:
    """The teachers of a run, on its device; None if it has none.

    `run`: the network that is taught, with its classes; `sizes`: pixels a side of the pictures in
    training. A network that cannot see all of these sizes (`cnn`, and vision transformers of timm)
    is shown pictures of its own.

    Raises UserError if a file is gone, is no classifier, or knows other classes; if it is written
    over meanwhile; if the run goes on and they are not those that it began with; or if they do not
    fit into the device's memory.
    """
    if not teaching.models:
        return None
    members, prints = [], []
    for name in teaching.models:
        path = _file(name, session)
        fingerprint = _fingerprint(path)
        found = models.load(path)
        if _fingerprint(path) != fingerprint:
            raise UserError(
                f"{path} was written over while it was read; start again, best with a copy of it"
            )
        order = _order(path, found.config.classes, run.classes)
        fixed = found.config.model == "cnn" or not _sees(found.network, sizes)
        members.append(Teacher(found.network, found.config, run, order=order, fixed=fixed))
        prints.append(fingerprint)
    together = "-".join(prints)
    session.need_same_data(FACT, together, FACT, "ones in the same order")
    teachers = Teachers(members, together)
    try:
        return devices.placed(teachers, session.device)
    except RuntimeError as error:
        if not memory.ran_out(error):
            raise
        raise UserError(
            "the teachers do not fit into the memory of"
            f" {devices.title(session.device)}{memory.gigabytes(session.device)}; give fewer, or"
            " smaller ones"
        ) from error


def named(teaching: Teaching) -> str:
    """Who teaches and how much, for a sentence: `runs/a and runs/b (the labels count 0.25)`; paths
    are cut to their ends."""
    *others, last = map(init_from.named, teaching.models)
    names = f"{', '.join(others)} and {last}" if others else last
    return names if teaching.share == 1 else f"{names} (the labels count {1 - teaching.share:.3g})"


def _file(name: str, session: Session) -> Path:
    """The model file of a teacher. Raises UserError if there is none that torch can read."""
    model = shipped.find_for_torch(name, "cannot teach")
    if session.before and not model.exists():
        raise UserError(
            f"{name}, which teaches the run in {session.launch.out}, is gone; put it back, or"
            " name all of its teachers with --teacher where they are now"
        )
    path = modelfile.locate(model)
    if model.is_dir() and is_held(model / LOCK):
        session.say(
            f"note: {name} is still in training and teaches as it is now; --resume needs this very"
            f" {path.name}: give a copy of it if you may go on later"
        )
    return path


def _fingerprint(path: Path) -> str:
    """The fingerprint of a file. Raises UserError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check its permissions") from error


def _order(path: Path, theirs: Sequence[str], ours: Sequence[str]) -> list[int]:
    """For each of our classes its index among theirs. Raises UserError if they are not the same."""
    found = match(ours, theirs)
    order = [index for index in found if index is not None]
    advice = "a teacher has to know the classes of the photographs and no others: give another one"
    if len(order) < len(ours):
        raise UserError(f"{path} does not know the class {ours[found.index(None)]}; {advice}")
    for index, name in enumerate(theirs):
        if index not in order:
            raise UserError(
                f"{path} knows the class {name}, which the photographs do not have; {advice}"
            )
    return order


@torch.no_grad()
def _sees(network: Classifier, sizes: Sequence[int]) -> bool:
    """Whether the network, which is on the CPU, can see pictures of all of these sizes."""
    try:
        for size in sizes:
            network(torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError, TypeError, ValueError):
        return False
    return True
