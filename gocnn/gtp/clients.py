"""All commands of the engine put together, and what it calls itself to programs that look for a
name."""

from collections.abc import Callable

from gocnn import __version__
from gocnn.board.coords import SIZE
from gocnn.gtp import analyze, gnugo, gogui, katago, leela_zero, parameters, searches, setup
from gocnn.gtp.commands import Engine
from gocnn.gtp.protocol import Answer, GtpError, Handler

VERSIONS = {"leela zero": "0.17", "leela": "0.17", "katago": "1.10.0"}
"""Versions of the engines whose commands these are: Lizzie asks for 0.15 of Leela Zero, and
LizzieYzy takes KataGo from 1.11 on to know more than this engine does."""

POSITION = (
    "play",
    "undo",
    "genmove",
    "reg_genmove",
    "kgs-genmove_cleanup",
    "fixed_handicap",
    "place_free_handicap",
    "set_free_handicap",
    "showboard",
    "final_score",
    "final_status_list",
    "lz-analyze",
    "lz-genmove_analyze",
    "kata-analyze",
    "kata-genmove_analyze",
    "kata-search",
    "kata-search_cancellable",
    "kata-search_analyze",
    "kata-search_analyze_cancellable",
    "cgos-genmove_analyze",
    "kata-raw-nn",
    "heatmap",
    "set_position",
    "printsgf",
    "play_sequence",
    "gg-undo",
    "gogui-setup",
    "gogui-setup_player",
    "gogui-play_sequence",
    "gocnn-policy",
    "gocnn-policy_gfx",
    "gocnn-ownership",
    "list_stones",
    "captures",
    "move_history",
    "get_handicap",
    "last_move",
    "color",
    "findlib",
    "countlib",
    "is_legal",
    "all_legal",
    "top_moves",
    "top_moves_black",
    "top_moves_white",
    "final_status",
    "estimate_score",
)
"""The commands about what is on the board. Lizzie and Kigo go on after a board size was refused,
and would show what this board has on theirs."""


def install(engine: Engine, stopped: Callable[[], bool]) -> None:
    """Add every command but the engine's own. `stopped`: whether the client has sent something
    (then an analysis ends)."""
    analyze.install(engine, stopped)
    searches.install(engine, stopped)
    for module in (katago, parameters, leela_zero, setup, gnugo, gogui):
        module.install(engine)
    for name in POSITION:
        engine.commands[name] = _on_this_board(engine, engine.commands[name])


def _on_this_board(engine: Engine, handler: Handler) -> Handler:
    """The command, refused as long as the client's board has another size than this one."""

    def guarded(arguments: list[str]) -> Answer:
        if engine.elsewhere:
            raise GtpError(
                f"this engine plays on {SIZE}x{SIZE} only, and the board size asked for last was"
                " another"
            )
        return handler(arguments)

    return guarded


def version_of(name: str, model: str) -> str | None:
    """The version that goes with a name: None (the engine's own) for its own name, one that
    programs accept for any other."""
    if name.lower().startswith("gocnn"):
        return None
    known = next(
        (version for start, version in VERSIONS.items() if name.lower().startswith(start)), "0.17"
    )
    return f"{known} (gocnn {__version__} {model})"
