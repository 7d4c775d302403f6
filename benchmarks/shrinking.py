"""What a photograph bears: how often a classifier gives the same answer after a picture was pooled
once, twice, ... (`imagecls.photos.shrinking`) and enlarged again.

    python benchmarks/shrinking.py PHOTOS [--part valid] [--model food] [--count 300] [--times 4]

Of the labelled pictures of PHOTOS so many are drawn (seed 1); those that the classifier gives half
of the probability or more to one class are counted.
"""

import argparse
import random

import numpy as np

from gocnn.statistics import wilson
from imagecls.classifier.runtime import open_classifier
from imagecls.photos.collection import read_photos
from imagecls.photos.data import labelled
from imagecls.photos.decode import decode
from imagecls.photos.shrinking import WAYS, enlarged, pooled
from scripts import run_script


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos")
    parser.add_argument("--part", default="valid")
    parser.add_argument("--model", default="food")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--times", type=int, default=4)
    options = parser.parse_args()
    asked = open_classifier(options.model)
    side, fit = asked.config.store_size, asked.config.fit
    photos = list(labelled(options.photos, asked.config.classes, options.part))
    chosen = random.Random(1).sample(photos, min(options.count, len(photos)))
    pictures = [
        decode(data, side, fit) for _, data in read_photos(chosen) if isinstance(data, bytes)
    ]

    def answers(some: list[np.ndarray]) -> np.ndarray:
        rows = [asked.probabilities(np.stack(some[i : i + 32])) for i in range(0, len(some), 32)]
        return np.concatenate(rows)

    whole = answers(pictures)
    sure = whole.max(1) >= 0.5
    print(f"{len(pictures)} pictures of {side} pixels a side, {sure.sum()} of them sure")
    for way in WAYS[1:]:
        left = [pooled(picture, way, options.times) for picture in pictures]
        said = []
        for k in range(1, options.times + 1):
            rows = answers([enlarged(each[k], side) for each in left])
            same = int((rows.argmax(1) == whole.argmax(1))[sure].sum())
            low, high = wilson(same, int(sure.sum()))
            said.append(f"{left[0][k].shape[1]}: {same / sure.sum():.1%} [{low:.1%}, {high:.1%}]")
        print(f"{way:14}{'  '.join(said)}", flush=True)


if __name__ == "__main__":
    run_script(main)
