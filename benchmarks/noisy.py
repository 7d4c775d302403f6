"""Ways to learn from labels that are partly wrong, and from pictures without labels, at equal
processor time: each is the same network, recipe and budget in seconds of one core (not of the
clock, so that other work on the machine takes nothing from anyone).

    python benchmarks/noisy.py PHOTOGRAPHS --out FOLDER [--seconds 240] [--seed 1] METHOD ...

METHOD: none, elr, correction, sce, small-loss (img-train --noisy). With --plant 0.4 that share of
the training pictures gets a wrong label; with --hide 0.8 that share of each class loses its label,
and METHOD is without or a threshold of pseudo-labels such as 0.7 (img-train --unlabelled).
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core_seconds import count_core_seconds, figures, options, share, short, tell, trained
from imagecls.classifier.noisy import Noisy
from imagecls.classifier.pseudo import Unlabelled
from imagecls.photos.collection import open_collection
from imagecls.photos.layout import TRAIN, VALID
from scripts import run_script


def altered(source: Path, target: Path, hide: float, plant: float) -> Path:
    """The same photographs (links) in the layout of 2021, where a share of each class's training
    pictures lies in `unlabeled/`, and another in a folder that is not theirs."""
    if target.exists():
        return target
    begun = target.with_name(f"{target.name}.part")  # of a run that was stopped in it
    shutil.rmtree(begun, ignore_errors=True)
    collection = open_collection(source)
    generator = np.random.default_rng(0)
    for part, folder in ((TRAIN, "training/labeled"), (VALID, "validation")):
        for label, name in enumerate(collection.classes):
            photos = [p for p in collection.part(part) if p.label == label]
            order = generator.permutation(len(photos)).tolist()
            lost = set(order[: round(hide * len(photos))])
            wrong = set(order[len(order) - round(plant * len(photos)) :])
            for i, photo in enumerate(photos):
                where = f"{folder}/{name}"
                if part == TRAIN and i in wrong:
                    step = int(generator.integers(1, len(collection.classes)))
                    other = collection.classes[(label + step) % len(collection.classes)]
                    where = f"{folder}/{other}"
                if part == TRAIN and i in lost:
                    where = "training/unlabeled"
                place = begun / where / f"{name}-{Path(photo.name).name}"
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to((source / photo.name).resolve())
    return begun.rename(target)


def main() -> None:
    parser = options(seconds=240, widths="16,32,64,128", blocks=2)
    parser.add_argument("methods", nargs="+", metavar="METHOD")
    parser.add_argument("--hide", type=share(), default=0.0)
    parser.add_argument("--plant", type=share(), default=0.0)
    parser.add_argument("--augment", default="strong")
    arguments = parser.parse_args()
    count_core_seconds()
    source = arguments.photographs
    if arguments.hide or arguments.plant:
        target = arguments.out / f"hide-{arguments.hide}-plant-{arguments.plant}"
        source = altered(source, target, arguments.hide, arguments.plant)
    for method in arguments.methods:
        config = short(arguments, source, augment=arguments.augment)
        if arguments.hide:
            if method != "without":
                config = replace(config, unlabelled=Unlabelled("", threshold=float(method)))
        else:
            config = replace(config, noisy=Noisy(method))
        kind = "hide" if arguments.hide else "plant" if arguments.plant else "noisy"
        name = f"{kind}-{method}-{arguments.seed}"
        folder = arguments.out / name
        outcome, reports = trained(config, folder)
        said = {
            "method": method,
            "plant": arguments.plant,
            "seed": arguments.seed,
            "seconds": round(outcome.seconds),
            **figures(outcome, reports),
            "learnt": round([r["accuracy"] for r in reports if r["kind"] == "train"][-1], 4),
        }
        if arguments.hide and method != "without":
            state = torch.load(folder / "checkpoint.pt", weights_only=True)
            sure, all_of_them = state["task"]["counts"].tolist()
            said["sure"] = round(sure / all_of_them, 3)
        tell(said, arguments.out)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_script(main)
