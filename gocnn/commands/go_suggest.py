"""go-suggest: moves for a position."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from gocnn.commands.level_option import chosen_level, level_option
from gocnn.commands.options import model_option, position_options, symmetries_option
from gocnn.commands.style_option import style_option
from gocnn.console.numbers import FloatRange, IntRange
from gocnn.console.outputs import Picture
from gocnn.console.shared_options import json_option, of_another
from gocnn.console.streams import encodable

if TYPE_CHECKING:
    from gocnn.engine.game import Game
    from gocnn.engine.ownership import OwnershipEstimate

MARKS = "123456789abcdefghijklmnopqrstuvwxyz"


@click.command("go-suggest")
@position_options
@model_option
@click.option(
    "--top",
    type=IntRange(1, 362),
    help="How many moves to show.  [default: 10; with --json all legal ones]",
)
@symmetries_option
@style_option
@level_option
@click.option(
    "--komi",
    type=FloatRange(-1000, 1000),
    help=(
        "By which the lead is counted, with a network that says it.  [default: the record's, "
        "else 6.5, or 0.5 with handicap stones]"
    ),
)
@json_option
@click.option(
    "--picture",
    type=Picture(),
    help="Draw the board with the suggestions (.png, .jpg, .svg, .pdf).",
)
@click.option(
    "--numbers",
    type=IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="On the picture: number the last N moves.",
)
@click.option(
    "--colour/--no-colour", default=None, help="Colour the board.  [default: on a terminal]"
)
def command(
    *,
    game: str | None,
    at: int | None,
    moves: str,
    model: str | None,
    top: int | None,
    symmetries: str,
    style: str,
    level: str | None,
    komi: float | None,
    as_json: bool,
    picture: Path | None,
    numbers: int,
    colour: bool | None,
) -> None:
    """Suggest moves: in a game record (the first game of FILE.sgf, or standard input; one without
    moves is a position), in a position given by --moves, or on the empty board.

    Probabilities are over the legal moves. A network that says the score tells who leads, too, with
    the record's komi and by its rules, and, on the picture and in JSON, who owns what (by area).
    With --level they say how often that level would make each move. Given a game and --at, the move
    that was played is shown with its rank.
    """
    if at is not None and game is None:
        raise click.UsageError("--at needs a game record")
    of_another("--picture", picture is not None, "numbers")
    from gocnn.policy import shipped

    if level is None and shipped.find(model).suffix.lower() == ".onnx":
        from gocnn._jit import interpret

        interpret()
    from gocnn.board.coords import SIZE, to_gtp
    from gocnn.engine.forecast import estimate_of, lead_in_words
    from gocnn.engine.game import game_at
    from gocnn.engine.rulesets import of_record
    from gocnn.games.position import find_position
    from gocnn.policy.conditioning import check_style, conditioning_of_style
    from gocnn.policy.runtime import open_evaluator
    from gocnn.policy.suggestion import evaluate

    position = find_position(game, at, moves)
    for note in position.notes:
        click.echo(f"note: {game}: {note.what} ({note.detail})", err=True)
    now, named = game_at(position, komi), of_record(position.rules)
    policy = open_evaluator(model)
    check_style(policy, style)
    said = evaluate(
        policy,
        position.board,
        conditioning_of_style(style, position.handicap > 0),
        symmetries=int(symmetries),
    )
    probabilities = (
        said.probabilities
        if level is None
        else _chances(level, policy, now, int(symmetries), style)
    )
    estimate = estimate_of(said, position.board.to_play, now.area_komi) if policy.scores else None
    legal = np.flatnonzero(position.board.legal())
    order = legal[np.argsort(-probabilities[legal], kind="stable")]
    rows = [(int(i), float(probabilities[i])) for i in order]
    if picture is not None:
        from gocnn.pictures.board import draw_board

        side = "Black" if position.board.to_play == 1 else "White"
        title = f"{position.title or 'empty board'}: {side} to play".lstrip()
        if estimate:
            title += f"; {lead_in_words(estimate.score_mean)}"
        draw_board(
            position.board,
            picture,
            rows[: top or 10],
            played=position.played,
            title=title,
            numbered=numbers,
            owner=estimate.owner if estimate else None,
        )
    ply = position.ply
    to_play = "black" if position.board.to_play == 1 else "white"
    played = None
    if position.played is not None:
        rank = [i for i, _ in rows].index(position.played) + 1
        played = {
            "move": to_gtp(position.played),
            "probability": float(probabilities[position.played]),
            "rank": rank,
        }
    if as_json:
        shown = [{"move": to_gtp(i), "probability": p} for i, p in rows[: top or len(rows)]]
        answer: dict[str, Any] = {"to_play": to_play, "ply": ply, "moves": shown} | (
            {"level": level} if level else {}
        )
        if played:
            answer["played"] = played
        if estimate:
            answer |= {
                "komi": now.komi,
                "rules": now.rules.to_json(),
                "rules_stated": named is not None,
                "handicap_bonus": now.handicap_bonus,
                "lead": estimate.score_mean,
                "spread": estimate.score_stdev,
                "winrate": estimate.black_winrate,
                "ownership": (
                    estimate.owner.reshape(SIZE, SIZE)[::-1]
                    .ravel()
                    .astype(np.float64)
                    .round(4)
                    .tolist()
                ),
            }
        click.echo(json.dumps(answer))
        return
    _show(position.board, rows[: top or 10], colour)
    click.echo(
        f"{to_play} to play, ply {ply}{', ' + position.title if position.title else ''}"
        f" ({policy.name})"
    )
    for rank, (index, p) in enumerate(rows[: top or 10]):
        here = "  <- played" if index == position.played else ""
        click.echo(
            f" {MARKS[rank] if rank < len(MARKS) else ' '}  {to_gtp(index):>4}  {p:6.1%} "
            f" {'#' * round(p * 40)}{here}"
        )
    if estimate:
        bonus = f" and {now.handicap_bonus} for handicap stones" if now.handicap_bonus else ""
        rules = f", by {named} rules" if named else ""
        click.echo(
            f"score: {lead_in_words(estimate.score_mean)} with komi {now.komi:g}{bonus}{rules}"
            f" (give or take {estimate.score_stdev:.0f}); Black wins {estimate.black_winrate:.0%}"
            + _contrary(estimate)
        )
    if played:
        click.echo(f"played: {played['move']}, rank {played['rank']}, {played['probability']:.1%}")


def _contrary(estimate: "OwnershipEstimate") -> str:
    """A word where the side that is said to lead is said to lose: the game is about even; or, if
    the lead is no small one, neither is sure, mostly in games with handicap stones, few of which
    have been counted."""
    lead, win = estimate.score_mean, estimate.black_winrate
    if (lead > 0) == (win > 0.5):
        return ""
    small = abs(lead) < estimate.score_stdev / 10
    return " (about even)" if small else " (these disagree, so neither is sure)"


def _chances(name: str, policy: Any, game: "Game", symmetries: int, style: str) -> Any:
    """float64 `(362,)`: how often that level makes each move."""
    from gocnn.engine.player import Player

    player = Player(policy, symmetries=symmetries, style=style)
    player.level = chosen_level(name, policy)
    return player.chances(game, game.board.to_play)


def _show(board: Any, rows: list[tuple[int, float]], colour: bool | None) -> None:
    from gocnn.board.text import diagram

    if colour is None:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    unicode = encodable("●○╋┼▸")
    marks = {index: MARKS[rank] for rank, (index, _) in enumerate(rows) if rank < len(MARKS)}
    click.echo(diagram(board, marks, colour, unicode=unicode), color=colour)
