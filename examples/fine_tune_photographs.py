"""Train a classifier on photographs, a folder for each class, and classify another one.

python examples/fine_tune_photographs.py photos/ new.jpg --out runs/photos --model resnet101

With --model resnet101 a network that was trained on ImageNet is fine-tuned: it is downloaded once
(170 MB), or --weights names its file. Without --model a small one is trained from scratch.
"""

import argparse

import imagecls


def main() -> None:
    """Train, predict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", help="a folder or an archive")
    parser.add_argument("photo", help="a picture to classify")
    parser.add_argument("--out", required=True, help="the folder of the run")
    parser.add_argument("--model", default="resnet", help="cnn, resnet or resnet101")
    parser.add_argument("--weights", help="of resnet101: a file, v1 or v2")
    parser.add_argument("--minutes", type=float, help="how long (30 without --steps)")
    parser.add_argument("--steps", type=int, help="or so many steps")
    parser.add_argument("--size", type=int, help="pixels a side that the network sees")
    given = parser.parse_args()

    classifier = imagecls.train(
        given.photos,
        given.out,
        minutes=given.minutes,
        steps=given.steps,
        model=given.model,
        weights=given.weights,
        size=given.size,
    )
    print(f"{given.photo}: {classifier.predict(given.photo, tta=2)}")


if __name__ == "__main__":
    main()
