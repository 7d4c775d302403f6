"""What each group of planes gives: the same small network trained for the same samples with and
without it, then judged on the same positions.

    python benchmarks/ablation.py GAMES-OR-STORE --valid GAMES [--steps 400] [--positions 20000] \
        [--out runs/ablation] [--only WORD] [--seed 1]

Each variant is one `go-train` run and one `go-eval`; a variant whose folder is there already is
only judged again.
"""

import argparse
import json
from pathlib import Path

from click.testing import CliRunner

from gocnn.commands import main as cli
from gocnn.features.planes import DEFAULT_GROUPS, PLANES, plane_count
from scripts import run_script

ADDED = tuple(
    name for name in PLANES if name not in (*DEFAULT_GROUPS, "handicap", "stones", "style")
)

BATCH = 256

VARIANTS = {
    "all by default": DEFAULT_GROUPS,
    "without ladders": tuple(g for g in DEFAULT_GROUPS if "ladder" not in g),
    "without history": tuple(g for g in DEFAULT_GROUPS if g != "history"),
    "stones, not liberties": ("stones", *(g for g in DEFAULT_GROUPS if "liberties" not in g)),
    "without ko and legality": tuple(g for g in DEFAULT_GROUPS if g not in ("ko", "legal")),
    "stones and board only": ("stones", "board"),
    **{f"with {name}": (*DEFAULT_GROUPS, name) for name in ADDED},
    "with what a move does": (
        *DEFAULT_GROUPS,
        "capture_size",
        "self_atari_size",
        "liberties_after",
    ),
    "with all of these": (*DEFAULT_GROUPS, *ADDED),
}


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [str(a) for a in arguments])
    if result.exit_code:
        raise SystemExit(result.output)
    return result.output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("games")
    parser.add_argument("--valid", required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--positions", type=int, default=20000)
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--only", default="", help="variants whose names have this in them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--preset", default="tiny")
    options = parser.parse_args()
    print(
        f"{options.preset}, {options.steps} steps of {BATCH} samples, seed {options.seed},"
        f" {options.positions} positions of {options.valid}"
    )
    print(f"{'planes':26}{'count':>6}{'top-1':>9}{'top-5':>9}{'nats':>9}", flush=True)
    for name, groups in VARIANTS.items():
        if options.only not in name:
            continue
        folder = (
            options.out
            / f"{name.replace(' ', '-').replace(',', '')}-{options.preset}-{options.seed}"
        )
        if not (folder / "last.safetensors").exists():
            run(
                "go-train",
                options.games,
                "--valid",
                options.valid,
                "--out",
                folder,
                "--preset",
                options.preset,
                "--steps",
                options.steps,
                "--batch",
                BATCH,
                "--seed",
                options.seed,
                "--planes",
                ",".join(groups),
                "--learning-rate",
                0.01,
                "--validations",
                1,
                "--quiet",
            )
        judged = json.loads(
            run(
                "go-eval",
                options.valid,
                "--model",
                folder,
                "--positions",
                options.positions,
                "--json",
            )
        )["all"]
        count = plane_count(groups)
        print(
            f"{name:26}{count:>6}{judged['top1']:>9.2%}{judged['top5']:>9.2%}{judged['log_likelihood']:>9.3f}",
            flush=True,
        )


if __name__ == "__main__":
    run_script(main)
