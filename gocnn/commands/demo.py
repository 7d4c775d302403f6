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


@click.command("demo")
@click.option(
    "--minutes", type=FloatRange(0.05), default=1.0, show_default=True, help="How long to train."
)
@click.option("--out", type=OutFolder(), default=Path("runs/demo"), show_default=True)
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
    if out.exists():
        shutil.rmtree(out)  # the demo's own folder, made anew each time
    game = sorted(games.rglob("*.sgf"))[0]
    pictures = " ".join(
        str(images / "validation" / name)
        for name in ("pizza/000.jpg", "sushi/003.jpg", "watermelon/005.jpg")
    )
    began = time.perf_counter()
    steps = [
        (
            f"go-train {games} --out {out}/go --preset tiny --minutes {minutes:g} --batch 128"
            " --valid-share 0.06 --validations 6 --valid-positions 1000"
        ),
        f"go-eval {games} --model {out}/go --positions 2000",
        f"go-suggest {game} --at 60 --model {out}/go --symmetries 8 --picture {out}/suggestion.png",
        (
            f"img-train {images} --out {out}/images --size 64 --widths 32,64,128 --stem-stride 2"
            f" --linear-head --batch 32 --minutes {0.7 * minutes:g} --validations 6"
        ),
        f"img-predict {pictures} --model {out}/images",
        f"img-explain {pictures.split()[0]} --model {out}/images --picture {out}/explained.png",
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


def _show_curve(run: Path, metric: str) -> None:
    from gocnn.training.run import read_reports

    click.echo(f"\nthe curve (validation {metric} by samples seen):")
    for line in read_reports(run):
        if line["kind"] == "valid":
            click.echo(
                f"{line['samples']:>8} {line[metric]:6.1%}"
                f" {'#' * round(line[metric] * (120 if metric == 'top1' else 60))}"
            )
