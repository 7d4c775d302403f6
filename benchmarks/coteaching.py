"""Whether two networks that choose each other's lessons learn more from labels that are partly
wrong (co-teaching, Han et al. 2018, https://arxiv.org/abs/1804.06872) than one does, at equal
processor time: two networks see half as many batches.

    python benchmarks/coteaching.py PHOTOGRAPHS --out FOLDER [--seconds 300] [--seed 1]
        [--plant 0.4] [--noise-rate 0.2] [--augment strong] WAY ...

WAY: one (a network alone), pair (two that learn from everything) or co-teaching (each learns from
those pictures of a batch that the other finds most likely; more and more are left out, up to the
noise rate, over the first fifth of the run). Two are judged together and the first of them alone.
Seconds are of one core, not of the clock. With --plant 0.4 that share of the training pictures gets
a wrong label.
"""

import os
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core_seconds import count_core_seconds, figures, options, share, short, tell, trained
from gocnn.training import Batch
from imagecls.augment import Mixed
from imagecls.classifier import training
from imagecls.classifier.models import build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.noisy import RAMP
from imagecls.classifier.task import ImageTask
from noisy import altered
from scripts import run_script


class Pair(Classifier):
    """Two networks that begin differently. In training their logits, `(2, N, classes)`; in judging
    the logarithm of the mean of their probabilities, `(N, classes)`."""

    def __init__(self, *given: Any) -> None:
        super().__init__()
        self.first, self.second = build(*given), build(*given)

    def each(self, x: Tensor) -> Tensor:
        return torch.stack([self.first(x), self.second(x)])

    def forward(self, x: Tensor) -> Tensor:
        logits = self.each(x)
        return logits if self.training else logits.float().softmax(2).mean(0).log()


class PairTask(ImageTask):
    """An ImageTask for a `Pair`: each learns from the share of a batch that the other finds most
    likely."""

    noise_rate = 0.0
    done = 0.0

    def advance(self, done: float) -> None:
        super().advance(done)
        self.done = done

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        mixed, pictures = self.mixed(batch)
        logits = model(pictures).float()
        losses = [self._each(own, mixed) for own in logits]
        kept = round(len(pictures) * (1 - self.noise_rate * min(1.0, self.done / RAMP)))
        chosen = [loss.detach().argsort(stable=True)[: max(kept, 1)] for loss in losses]
        loss = losses[0][chosen[1]].mean() + losses[1][chosen[0]].mean()
        return loss, self.right(logits[0], mixed)

    def _each(self, logits: Tensor, mixed: Mixed) -> Tensor:
        """The cross-entropy of each picture, `(N,)`."""
        own, other = (
            functional.cross_entropy(
                logits, labels, label_smoothing=self.label_smoothing, reduction="none"
            )
            for labels in (mixed.labels, mixed.others)
        )
        return own * mixed.share + other * (1 - mixed.share)

    def judge(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        assert isinstance(model, Pair)
        together, alone = super().judge(model, batch), super().judge(model.first, batch)
        return {**together, "alone": alone["accuracy"]}

    def summary(self, sums: dict[str, float]) -> dict[str, float]:
        return {**super().summary(sums), "alone": sums["alone"] / max(sums["count"], 1.0)}


def main() -> None:
    parser = options(seconds=300, size=48)
    parser.add_argument("ways", nargs="+", choices=["one", "pair", "co-teaching"], metavar="WAY")
    parser.add_argument("--plant", type=share(), default=0.0)
    parser.add_argument("--noise-rate", type=share(), default=0.2)
    parser.add_argument("--augment", default="strong")
    arguments = parser.parse_args()
    count_core_seconds()
    source = arguments.photographs
    if arguments.plant:
        source = altered(source, arguments.out / f"plant-{arguments.plant}", 0.0, arguments.plant)
    for way in arguments.ways:
        config = short(arguments, source, augment=arguments.augment)
        PairTask.noise_rate = arguments.noise_rate if way == "co-teaching" else 0.0
        setattr(training, "build", build if way == "one" else Pair)  # noqa: B010
        setattr(training, "ImageTask", ImageTask if way == "one" else PairTask)  # noqa: B010
        outcome, reports = trained(config, arguments.out / f"{way}-{arguments.seed}")
        said: dict[str, Any] = {
            "way": way,
            "plant": arguments.plant,
            "noise rate": PairTask.noise_rate,
            "seed": arguments.seed,
            "seconds": round(outcome.seconds),
            **figures(outcome, reports),
        }
        if way != "one":
            said["alone"] = [round(r["alone"], 4) for r in reports if r["kind"] == "valid"]
        tell(said, arguments.out)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_script(main)
