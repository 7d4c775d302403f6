"""go-analysis: the engine that KaTrain starts."""

import sys

import click

from gocnn.commands.options import conversation, model_option, symmetries_option, threads_option
from gocnn.commands.style_option import style_option


@click.command("go-analysis")
@model_option
@symmetries_option
@style_option
@threads_option
def command(*, model: str | None, symmetries: str, style: str, threads: int | None) -> None:
    """Answer queries in the protocol of KataGo's analysis engine, lines of JSON, on standard input
    and output: for KaTrain and tools like it."""
    from gocnn.engine.player import Player
    from gocnn.gtp.analysis_json.session import Answerer
    from gocnn.gtp.protocol import Lines
    from gocnn.policy.conditioning import check_style
    from gocnn.policy.runtime import open_evaluator

    def write(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    evaluator = open_evaluator(model, threads=threads)
    check_style(evaluator, style)
    player = Player(evaluator, symmetries=int(symmetries), style=style)
    with conversation():
        Answerer(player, Lines(sys.stdin.fileno(), sys.stdout.fileno()), write).run()
