"""go-analysis: the engine that KaTrain starts."""

import os
import sys

import click


@click.command("go-analysis")
@click.option("--model", help="A model file (.safetensors or .onnx), or the folder of a training run.  [default: the model that ships]")
@click.option("--symmetries", type=click.Choice(["1", "8"]), default="1", show_default=True, help="8: average over the turned and mirrored boards.")
@click.option("--threads", type=click.IntRange(1), help="Threads of the network.  [default: the cores]")
def command(model: str | None, symmetries: str, threads: int | None) -> None:
    """Answer queries in the protocol of KataGo's analysis engine, lines of JSON, on standard input and output: for KaTrain and tools like it."""
    from gocnn.play.gtp import Lines
    from gocnn.play.player import Player
    from gocnn.play.queries import Answerer
    from gocnn.policy.runtime import open_evaluator

    def write(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    player = Player(open_evaluator(model, threads=threads), int(symmetries))
    try:
        Answerer(player, Lines(sys.stdin.fileno()), write).run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The client is gone; what Python would still flush has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
