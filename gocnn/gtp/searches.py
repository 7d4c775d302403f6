"""Moves that are looked for but not played (KataGo's `kata-search` and its relatives), and the
Computer Go Server's `cgos-genmove_analyze`
(https://github.com/zakki/cgos/wiki/GTP-tournament-game-expansion)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from gocnn.board import BLACK
from gocnn.board.coords import to_gtp
from gocnn.engine.analysis import Analysis
from gocnn.gtp.analyze import Request, from_the_top, kata_row, parse
from gocnn.gtp.commands import Engine, one, parse_colour
from gocnn.gtp.protocol import Handler

LOOK = 0.2
"""Seconds of analysis before such a move."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
"""The Computer Go Server's digits: ownership from -1 to 1 as 0 to 62."""


def install(engine: Engine, stopped: Callable[[], bool]) -> None:
    """Add the commands. `stopped`: whether the client has sent something (then what can be
    cancelled is)."""

    def search(arguments: list[str]) -> str:
        return engine.generate(parse_colour(one(arguments)), play=False)

    def cancellable(arguments: list[str]) -> str:
        colour = parse_colour(one(arguments))
        move = engine.generate(colour, play=False, stopped=stopped)
        return "cancelled" if stopped() else move

    def analysed(can_cancel: bool) -> Handler:
        def rows(analysis: Analysis, request: Request) -> Iterator[str]:
            analysis.advance(min(request.interval, LOOK), stopped if can_cancel else lambda: False)
            if analysis.candidates:
                yield kata_row(analysis, request)
            keep = analysis.choice(request.keep)
            move = engine.generate(
                request.colour, keep=keep, play=False, stopped=stopped if can_cancel else None
            )
            yield "play cancelled" if can_cancel and stopped() else f"play {move}"

        def handler(arguments: list[str]) -> Iterator[str]:
            request = parse(arguments, engine.game)
            return rows(request.analysis(engine.player, engine.game), request)

        return handler

    def cgos(arguments: list[str]) -> Iterator[str]:
        request = parse(arguments, engine.game)
        return cgos_rows(request.analysis(engine.player, engine.game), request)

    def cgos_rows(analysis: Analysis, request: Request) -> Iterator[str]:
        analysis.advance(LOOK, lambda: False)
        if analysis.candidates:
            yield cgos_row(analysis)
        yield f"play {engine.generate(request.colour, keep=analysis.choice(request.keep))}"

    engine.commands.update(
        {
            "kata-search": search,
            "kata-search_cancellable": cancellable,
            "kata-search_analyze": analysed(False),
            "kata-search_analyze_cancellable": analysed(True),
            "cgos-genmove_analyze": cgos,
        }
    )


def cgos_row(analysis: Analysis) -> str:
    """The server's JSON, on one line: seen from the side to move."""
    infos, sign = analysis.moves(), 1 if analysis.colour == BLACK else -1
    owner = from_the_top(sign * analysis.estimates()[0].owner).ravel()
    moves = [
        {
            "move": to_gtp(info.index),
            "visits": info.visits,
            "winrate": round(info.winrate, 4),
            "score": round(info.lead, 2),
            "prior": round(info.prior, 6),
            "pv": " ".join(to_gtp(index) for index in info.variation[1:]),
        }
        for info in infos
    ]
    row: dict[str, Any] = {
        "winrate": round(infos[0].winrate, 4),
        "score": round(infos[0].lead, 2),
        "visits": analysis.visits,
        "moves": moves,
        "ownership": "".join(LETTERS[round((float(value) + 1) / 2 * 62)] for value in owner),
    }
    return json.dumps(row, separators=(",", ":"))
