"""How soon a picture is classified from a cold start, without torch, beside importing torch alone.

    python benchmarks/image_start.py [--photo FILE] [--rounds 7]

Whole processes, alternating: `import torch`; `img-predict` and `img-explain` of one picture by the
classifier that ships; `img-predict` of it by torch. Prints for each the median of the seconds that
passed and of the processor's seconds, and both as a share of `import torch` in the same round: on a
busy machine the processor's are the steadier ones.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from imagecls.classifier import shipped
from scripts import run_script

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "data" / "images" / "validation" / "pizza" / "000.jpg"


def spent(*arguments: str) -> tuple[float, float]:
    """Seconds that a process took: by the clock, and of the processor."""
    before, begun = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    passed, after = time.perf_counter() - begun, os.times()
    used = after.children_user + after.children_system
    return passed, used - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    photo = str(options.photo.resolve())
    with tempfile.TemporaryDirectory() as folder:
        picture = str(Path(folder, "explained.png"))
        ways = {
            "import torch": ("-c", "import torch"),
            "img-predict": ("cli.py", "img-predict", photo),
            "img-explain": ("cli.py", "img-explain", photo, "--picture", picture),
            "img-predict by torch": (
                *("cli.py", "img-predict", photo, "--model"),
                str(shipped.find("food", ".safetensors")),
            ),
        }
        for words in ways.values():
            spent(*words)  # files into memory
        rounds = [
            {name: spent(*words) for name, words in ways.items()} for _ in range(options.rounds)
        ]
    print(f"{'':22}  seconds   share  processor   share")
    for name in ways:
        cells = []
        for kind in (0, 1):
            each = [one[name][kind] for one in rounds]
            shares = [one[name][kind] / one["import torch"][kind] for one in rounds]
            cells.append(f"{statistics.median(each):9.2f} {statistics.median(shares):7.2f}")
        print(f"{name:22}{cells[0]}  {cells[1]}")


if __name__ == "__main__":
    run_script(main)
