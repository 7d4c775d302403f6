"""What `gpu.py train` can be told."""

import argparse
from pathlib import Path

from gpukit import parts
from gpukit.pack import positive


def share(text: str) -> float:
    """A type for argparse: a share of the samples."""
    value = float(text)
    if not 0 <= value <= 0.9:
        raise ValueError
    return value


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "games",
        nargs="*",
        metavar="STORE",
        help="a folder from `pack` or `unpack`, or stores and other games",
    )
    parser.add_argument(
        "--valid",
        action="append",
        default=[],
        metavar="SET",
        help="games to validate on (default: those of the pack, or a share of STORE)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="RUN", help="the folder of the run"
    )
    parser.add_argument(
        "--parts", type=Path, metavar="FOLDER", help="the folder for the parts (default: RUN-parts)"
    )
    parts.options(parser)
    parser.add_argument(
        "--minutes",
        type=positive(float),
        default=9.5,
        metavar="M",
        help="wall time of this command, all of it (default: 9.5)",
    )
    parser.add_argument(
        "--total-minutes",
        type=positive(float),
        metavar="T",
        help="training minutes of the schedule, over several commands",
    )
    parser.add_argument(
        "--steps",
        type=positive(int),
        help="the schedule in steps instead; --minutes still ends the command",
    )
    parser.add_argument(
        "--reserve",
        type=positive(float),
        metavar="S",
        help="seconds of it kept for the last validation and the parts (default: 15)",
    )
    parser.add_argument(
        "--preset",
        choices=["tiny", "small", "base", "large"],
        help="size of the network (default: base)",
    )
    parser.add_argument(
        "--planes",
        metavar="GROUPS",
        help="groups of feature planes (default: those of docs/gpu.md)",
    )
    parser.add_argument(
        "--score",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also learn whose each point will be, and by how much, where games are labelled",
    )
    parser.add_argument(
        "--own-share",
        type=share,
        metavar="X",
        help="share of the samples, 0 to 0.9, from games that a network played (default:"
        " go-train's)",
    )
    parser.add_argument(
        "--from",
        dest="begin",
        metavar="MODEL",
        help="begin with the weights of this model (also base or small, which ship) and with its"
        " network",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument(
        "--from-parts", type=Path, metavar="FOLDER", help="go on with the run whose parts these are"
    )
    parser.add_argument(
        "--best",
        type=Path,
        default=Path("runs/gpu"),
        metavar="FOLDER",
        help="where `speed` left its best rows (default: runs/gpu)",
    )
    parser.add_argument(
        "--batch", type=positive(int), help="samples a step, instead of the recipe's"
    )
    parser.add_argument(
        "--accumulate",
        type=positive(int),
        help="parts in which a batch is computed, to save memory",
    )
    parser.add_argument("--optimiser", choices=["muon", "adamw", "sgd"], help="instead of muon")
    parser.add_argument(
        "--learning-rate", type=positive(float), help="highest rate, instead of the recipe's"
    )
    parser.add_argument(
        "--ema", type=float, help="decay of the averaged weights, instead of the recipe's (0: none)"
    )
    parser.add_argument(
        "--precision",
        choices=["auto", "fp32", "bf16", "fp16"],
        help="instead of what the device trains fastest in",
    )
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="use torch.compile, or not, instead of the recipe's",
    )
    parser.add_argument(
        "--validations", type=positive(int), help="how many, instead of one a minute"
    )
    parser.add_argument(
        "--valid-positions",
        type=positive(int),
        default=4096,
        metavar="N",
        help="positions in each (default: 4096)",
    )
    parser.add_argument("--feeders", type=positive(int), help="threads that prepare samples")
    parser.add_argument("--seed", type=int, help="of the run (default: 1)")
    parser.add_argument(
        "--device",
        default="cuda",
        metavar="NAME",
        help="cuda, cuda:N, mps or cpu (default: cuda); cpu rehearses",
    )
