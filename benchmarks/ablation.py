"""What each group of planes gives: the same small network trained for the same samples with and without it, then judged on the same positions.

    python benchmarks/ablation.py GAMES-OR-STORE --valid GAMES [--steps 400] [--positions 20000] [--out runs/ablation]

Each variant is one `go-train` run and one `go-eval`; a variant whose folder is there already is only judged again.
"""

import argparse
import json
from pathlib import Path

from click.testing import CliRunner

from gocnn.board.planes import DEFAULT_GROUPS
from gocnn.commands import main as cli

VARIANTS = {
    "all planes": DEFAULT_GROUPS,
    "without ladders": tuple(g for g in DEFAULT_GROUPS if "ladder" not in g),
    "without history": tuple(g for g in DEFAULT_GROUPS if g != "history"),
    "stones, not liberties": ("stones", *(g for g in DEFAULT_GROUPS if "liberties" not in g)),
    "without ko and legality": tuple(g for g in DEFAULT_GROUPS if g not in ("ko", "legal")),
    "stones and board only": ("stones", "board"),
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
    options = parser.parse_args()
    print(f"tiny (4x32), {options.steps} steps of 256 samples, {options.positions} positions of {options.valid}")
    print(f"{'planes':26}{'count':>6}{'top-1':>9}{'top-5':>9}{'nats':>9}", flush=True)
    for name, groups in VARIANTS.items():
        folder = options.out / name.replace(" ", "-").replace(",", "")
        if not (folder / "last.safetensors").exists():
            run("go-train", options.games, "--valid", options.valid, "--out", folder, "--preset", "tiny", "--steps", options.steps, "--planes",
                ",".join(groups), "--learning-rate", 0.01, "--validations", 1, "--quiet")  # fmt: skip
        judged = json.loads(run("go-eval", options.valid, "--model", folder, "--positions", options.positions, "--json"))["all"]
        count = json.loads((folder / "run.json").read_text(encoding="utf-8"))["wishes"]["network"]["groups"]
        print(f"{name:26}{len(count):>6}{judged['top1']:>9.2%}{judged['top5']:>9.2%}{judged['log_likelihood']:>9.3f}", flush=True)


if __name__ == "__main__":
    main()
