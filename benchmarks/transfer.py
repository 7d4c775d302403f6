"""What pretraining gives: resnet101 on half of the classes, fine-tuned on a few pictures of the
other half, against the same from scratch.

    python benchmarks/transfer.py PHOTOGRAPHS [--size 96] [--pretrain 20] [--epochs 60] \
        [--per-class 20] [--depths 3,4,6,3] [--base 32]

The classes of even number are pretrained on (all their pictures, `--pretrain` minutes, strong
augmentation). Of the others `--per-class` training pictures each are used, `--epochs` passes for
each way: fine-tuned with the lecture's freezing (layer4 and the head learn), everything unfrozen
with lower rates for the earlier layers, and from scratch. All are judged on all validation pictures
of the other half. The runs are `img-train` as a person would type it.
"""

import argparse
import json
import shlex
import tempfile
from pathlib import Path

from gocnn.commands import main as cli
from gocnn.statistics import wilson
from imagecls.photos.collection import open_collection
from imagecls.photos.layout import TRAIN, VALID
from scripts import run_script


def link(photographs: str, target: Path, even: bool, per_class: int | None) -> None:
    """The half of the classes with even or odd numbers, as folders of links."""
    found = open_collection(photographs)
    for part in (TRAIN, VALID):
        taken: dict[int, int] = {}
        for photo in found.parts[part]:
            count = taken.get(photo.label, 0)
            if photo.label % 2 == (0 if even else 1) and not (
                part == TRAIN and per_class and count >= per_class
            ):
                folder = target / part / found.classes[photo.label].replace("/", " ")
                folder.mkdir(parents=True, exist_ok=True)
                (folder / Path(photo.name).name).symlink_to(
                    (Path(photo.source) / photo.name).resolve()
                )
                taken[photo.label] = count + 1


def run(command: str) -> None:
    """One command, shown first; what it refuses ends the script."""
    print(f"$ cli.py {command}", flush=True)
    if code := cli.main(shlex.split(command), prog_name="cli.py", standalone_mode=False):
        raise SystemExit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs")
    parser.add_argument("--out", type=Path, help="keep the runs here")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--pretrain", type=float, default=20.0, help="minutes")
    parser.add_argument("--epochs", type=float, default=60.0, help="of each way on the other half")
    parser.add_argument("--per-class", type=int, default=20)
    parser.add_argument("--depths", default="3,4,6,3", help="3,4,23,3 is ResNet-101")
    parser.add_argument("--base", type=int, default=32, help="64 is ResNet-101")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder) / "runs"
        halves = Path(folder) / "first", Path(folder) / "second"
        link(options.photographs, halves[0], True, None)
        link(options.photographs, halves[1], False, options.per_class)
        network = (
            f"--model resnet101 --size {options.size} --depths {options.depths} --base"
            f" {options.base} --quiet --validations 6"
        )
        run(
            f"img-train {halves[0]} --out {out}/first {network} --weights none --minutes"
            f" {options.pretrain} --augment strong --label-smoothing 0.1 --weight-decay 0.1"
        )
        few = f"{network} --epochs {options.epochs} --batch 32"
        ways = {
            "layer4 and head": f"--weights {out}/first --unfreeze layer4 --rates layer4=0.3",
            "all, lower rates": (
                f"--weights {out}/first --unfreeze all --rates"
                " layer4=0.3,layer=0.1,conv1=0.1,bn1=0.1"
            ),
            "from scratch": "--weights none",
        }
        for i, options_of_way in enumerate(ways.values()):
            run(f"img-train {halves[1]} --out {out}/second{i} {few} {options_of_way}")
        for i, name in enumerate(ways):
            lines = [
                json.loads(line)
                for line in (
                    (out / f"second{i}" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
                )
            ]
            valid = [line for line in lines if line["kind"] == "valid"]
            pictures = sum(1 for _ in (halves[1] / VALID).rglob("*.*"))
            last = valid[-1]["accuracy"]
            low, high = wilson(round(last * pictures), pictures)
            print(
                f"{name:18} accuracy at the end {last:.1%} [{low:.1%}, {high:.1%}] of {pictures},"
                f" {valid[-1]['samples']} samples"
            )


if __name__ == "__main__":
    run_script(main)
