"""go-gtp: the engine that board programs start."""

import sys

import click

from gocnn.commands.options import conversation
from gocnn.commands.style_option import style_option


@click.command("go-gtp")
@click.option("--model", help="A model file (.safetensors or .onnx), or the folder of a training run.  [default: the model that ships]")
@click.option("--symmetries", type=click.Choice(["1", "8"]), default="1", show_default=True, help="8: average over the turned and mirrored boards.")
@style_option
@click.option("--visits", type=click.IntRange(0, 10**6), default=0, show_default=True, help="Look ahead at so many positions before each move "
              "(0: play what the network says), fewer if the clock asks for it.")  # fmt: skip
@click.option("--temperature", type=click.FloatRange(0, 10), default=0.0, show_default=True, help="0: the likeliest move; 1: as predicted.")
@click.option("--resign", type=click.FloatRange(0, 0.5), default=0.0, show_default=True, metavar="P", help="Resign once, late in a game, less than "
              "this share of random playouts is won for three moves on end (0: never).")  # fmt: skip
@click.option("--komi", type=click.FloatRange(-1000, 1000), default=6.5, show_default=True, help="Until the client says otherwise.")
@click.option("--rules", type=click.Choice(["chinese", "chinese-kgs", "chinese-ogs"]), default="chinese-kgs", show_default=True, help="Area scoring; "
              "chinese: simple ko, the others positional superko.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Threads of the network.  [default: the cores]")
def command(model: str | None, symmetries: str, style: str, visits: int, temperature: float, resign: float, komi: float,
            rules: str, seed: int, threads: int | None) -> None:  # fmt: skip
    """Play and analyse through the Go Text Protocol (version 2) on standard input and output, for Sabaki, Lizzie, GoGui and other programs."""
    from gocnn.play import analysis, gogui, kata
    from gocnn.play.engine import Engine
    from gocnn.play.gtp import Lines, serve
    from gocnn.play.player import Player
    from gocnn.policy.runtime import open_evaluator
    from gocnn.policy.style import check_style

    evaluator = open_evaluator(model, threads=threads)
    check_style(evaluator, style)
    engine = Engine(Player(evaluator, int(symmetries), temperature, resign, seed, style, visits))
    engine.game.komi = komi
    engine.game.set_superko(kata.RULES[rules])
    lines = Lines(sys.stdin.fileno())
    analysis.install(engine, lines.waiting)
    kata.install(engine)
    gogui.install(engine)

    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    with conversation():
        serve(engine.commands, lines, write)
