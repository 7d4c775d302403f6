"""demo: the main job on the sample games, as a person would do it."""

import shlex
import sys
import time
from pathlib import Path

import click

SAMPLES = Path("data/games")


@click.command("demo")
@click.option("--minutes", type=click.FloatRange(0.05), default=1.0, show_default=True, help="How long to train.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/demo"), show_default=True)
def command(minutes: float, out: Path) -> None:
    """Train a small network on the sample games for a minute, show its curve, and suggest a move with a picture."""
    import shutil

    from gocnn.commands import main
    from gocnn.errors import UserError

    samples = SAMPLES if SAMPLES.is_dir() else Path(__file__).parents[2] / SAMPLES
    if not samples.is_dir():
        raise UserError("the sample games are not here: run the demo in a checkout of the project (make demo)")
    if out.exists():
        shutil.rmtree(out)  # the demo's own folder, made anew each time
    game = sorted(samples.rglob("*.sgf"))[0]
    began = time.perf_counter()
    steps = [
        f"go-train {samples} --out {out} --preset tiny --minutes {minutes:g} --batch 128 --valid-share 0.06 --validations 6 --valid-positions 1000",
        f"go-eval {samples} --model {out} --positions 2000",
        f"go-suggest {game} --at 60 --model {out} --symmetries 8 --picture {out}/suggestion.png",
    ]
    for step in steps:
        click.echo(f"\n$ cli.py {step}")
        if step.startswith("go-eval"):
            click.echo("(most of these positions were trained on: the curve below, on games held back, is the honest figure)")
        sys.stdout.flush()
        main.main(shlex.split(step), prog_name="cli.py", standalone_mode=False)
    _show_curve(out)
    click.echo(f"\ndone in {time.perf_counter() - began:.0f} s; look at {out}/curves.png and {out}/suggestion.png")


def _show_curve(out: Path) -> None:
    from gocnn.training.run import read_reports

    click.echo("\nthe curve (validation top-1 by samples seen):")
    for line in read_reports(out):
        if line["kind"] == "valid":
            click.echo(f"{line['samples']:>8} {line['top1']:6.1%} {'#' * round(line['top1'] * 120)}")
