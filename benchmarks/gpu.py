"""The kit for an hour, or a minute, with a CUDA card.

    python benchmarks/gpu.py check     every CUDA path with tiny steps; all failures are collected
    python benchmarks/gpu.py speed     samples a second by network, batch, compiling and width;
                                      the best rows are kept for `train`
    python benchmarks/gpu.py pack      a store of games small enough to travel
    python benchmarks/gpu.py unpack    ordinary stores of a pack
    python benchmarks/gpu.py train     the best recipe for the minutes there are, in parts that
                                      can travel
    python benchmarks/gpu.py parts     a run taken apart for travelling
    python benchmarks/gpu.py join      a run put together again from its parts
    python benchmarks/gpu.py images    the classifier from scratch, resnet101 against
                                      torchvision's, augmentation
    python benchmarks/gpu.py report    the figures of the others as rows of docs/benchmarks.md

Each has --help, and --device cpu rehearses it without a card. Nothing here needs a network,
sgfmill, matplotlib, tqdm or onnx. Exit codes: 0, 1 for what did not work (one sentence says why), 2
for a wrong call.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
for folder in (ROOT / "benchmarks", ROOT):  # the project need not be installed
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

COMMANDS = {
    "check": "every CUDA path with tiny steps",
    "speed": "samples a second by network, batch, compiling and width",
    "pack": "a store of games small enough to travel",
    "unpack": "ordinary stores of a pack",
    "train": "the best recipe for the minutes there are",
    "parts": "a run taken apart for travelling",
    "join": "a run put together again from its parts",
    "images": "the classifier from scratch, resnet101 against torchvision's, augmentation",
    "report": "the figures of the others as rows of docs/benchmarks.md",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (by default the process's) name; returns the exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="gpu.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = next((a for a in arguments if not a.startswith("-")), None)
    module = None
    for name, text in COMMANDS.items():
        part = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name == wanted:
            module = importlib.import_module(f"gpukit.{name}")
            part.description = module.__doc__
            part.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add(part)
    options = parser.parse_args(arguments)
    from gocnn.libraries import keep_private
    from gpukit.common import sentences

    keep_private()  # what is compiled is kept where the project's own commands find it

    with sentences() as said:
        return int(module.run(options) or 0)  # type: ignore[union-attr]
    return said.code


if __name__ == "__main__":
    sys.exit(main())
