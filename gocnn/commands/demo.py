"""demo: the main jobs on the samples that ship, as a person would do them."""

import shlex
import sys
import time
from pathlib import Path

import click

from gocnn import program
from gocnn.console.numbers import FloatRange
from gocnn.console.outputs import OutFolder

SAMPLES = Path("data")

OUT = Path("runs/demo")
"""The demo's own folder, made anew each time; one that a person names is left as it is."""


@click.command("demo")
@click.option(
    "--minutes", type=FloatRange(0.05), default=1.0, show_default=True, help="How long to train."
)
@click.option(
    "--out",
    type=OutFolder(),
    default=OUT,
    show_default=True,
    help="Where the runs and pictures go: an empty folder, or a new one. The default is emptied.",
)
def command(minutes: float, out: Path) -> None:
    """Train a Go network on the sample games for a minute and suggest a move; train a classifier on
    the sample pictures and classify some."""
    import shutil

    from gocnn.commands import main
    from gocnn.errors import UserError

    samples = SAMPLES if SAMPLES.is_dir() else Path(__file__).parents[2] / SAMPLES
    games, images = samples / "games", samples / "images"
    if not games.is_dir() or not images.is_dir():
        raise UserError(
            "the samples are not here: run the demo in a checkout of the project (make demo)"
        )
    if out == OUT and out.exists():
        shutil.rmtree(out)
    elif out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} is not empty; choose another --out, or empty it")
    records, photographs, target, game = map(
        _quoted, (games, images, out, min(games.rglob("*.sgf")))
    )
    pictures = [
        _quoted(images / "validation" / name)
        for name in ("pizza/000.jpg", "sushi/003.jpg", "watermelon/005.jpg")
    ]
    began = time.perf_counter()
    steps = [
        (
            f"go-train {records} --out {target}/go --preset tiny --minutes {minutes:g} --batch 128"
            " --valid-share 0.06 --validations 6 --valid-positions 1000"
        ),
        f"go-eval {records} --model {target}/go --positions 2000",
        (
            f"go-suggest {game} --at 60 --model {target}/go --symmetries 8"
            f" --picture {target}/suggestion.png"
        ),
        (
            f"img-train {photographs} --out {target}/images --size 64 --widths 32,64,128"
            f" --stem-stride 2 --linear-head --batch 32 --minutes {0.7 * minutes:g} --validations 6"
        ),
        f"img-predict {' '.join(pictures)} --model {target}/images",
        f"img-explain {pictures[0]} --model {target}/images --picture {target}/explained.png",
    ]
    for step in steps:
        click.echo(f"\n$ {program.name()} {step}")
        if step.startswith("go-eval"):
            click.echo(
                "(most of these positions were trained on: the curve, on games held back, is the"
                " honest figure)"
            )
        sys.stdout.flush()
        code = main.main(shlex.split(step), prog_name=program.name(), standalone_mode=False)
        if code:
            raise SystemExit(code)
        if step.startswith("go-suggest"):
            _show_curve(out / "go", "top1")
    _show_curve(out / "images", "accuracy")
    click.echo(
        f"\ndone in {time.perf_counter() - began:.0f} s; look at {out}/go/curves.png,"
        f" {out}/suggestion.png and {out}/explained.png"
    )


def _quoted(path: Path) -> str:
    """The path as a word of a command line: there may be spaces in it, and `\\` on Windows."""
    return shlex.quote(str(path))


def _show_curve(run: Path, metric: str) -> None:
    from gocnn.training.run import read_reports

    click.echo(f"\nthe curve (validation {metric} by samples seen):")
    for line in read_reports(run):
        if line["kind"] == "valid":
            click.echo(
                f"{line['samples']:>8} {line[metric]:6.1%}"
                f" {'#' * round(line[metric] * (120 if metric == 'top1' else 60))}"
            )
