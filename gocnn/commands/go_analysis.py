"""go-analysis: the engine that KaTrain starts."""

import sys

import click

from gocnn.commands.options import conversation, manner_options


@click.command("go-analysis")
@click.option("--model", help="A model file (.safetensors or .onnx), or the folder of a training run.  [default: the model that ships]")
@click.option("--symmetries", type=click.Choice(["1", "8"]), default="1", show_default=True, help="8: average over the turned and mirrored boards.")
@manner_options("win")
@click.option("--threads", type=click.IntRange(1), help="Threads of the network.  [default: the cores]")
def command(model: str | None, symmetries: str, style: str | None, outcome: str | None, threads: int | None) -> None:
    """Answer queries in the protocol of KataGo's analysis engine, lines of JSON, on standard input and output: for KaTrain and tools like it."""
    from gocnn.play.gtp import Lines
    from gocnn.play.player import TO_WIN, Player
    from gocnn.play.queries import Answerer
    from gocnn.policy.manner import manner_for
    from gocnn.policy.runtime import open_evaluator

    def write(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    evaluator = open_evaluator(model, threads=threads)
    player = Player(evaluator, int(symmetries), manner=manner_for(evaluator, style, outcome, TO_WIN))
    with conversation():
        Answerer(player, Lines(sys.stdin.fileno()), write).run()
