"""A board as a picture: wood, lines, hoshi, coordinates, stones, last move, and suggestions with
their probabilities."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import GTP_LETTERS
from gocnn.board.text import STARS
from gocnn.figures import picture_format, pyplot, save_figure

LEAST_OWNER = 0.1
"""Ownership from which on a point is drawn as somebody's."""


def draw_board(
    board: Board,
    target: Path,
    suggestions: Sequence[tuple[int, float]] = (),
    *,
    played: int | None = None,
    title: str = "",
    numbered: int = 0,
    owner: npt.NDArray[np.floating] | None = None,
) -> None:
    """Draw the position into `target`, in the format of its name (see `gocnn.figures.save_figure`).

    suggestions: (flat index, probability), the best first; each point gets a disc, the darker the
    likelier, with the percentage; `played` (a flat index) gets a square. `numbered`: so many of the
    last moves show their numbers, where their stones still stand; else the last one has a ring.
    Passes are not drawn. owner: `(361,)`, +1 where a point is black's at the end, -1 where it is
    white's: a square on each point that is not its own stone's, nor has a disc, the larger the
    surer. A line below says what the marks mean.
    """
    picture_format(target)
    plt = pyplot()
    from matplotlib.patches import Circle, Rectangle

    size = board.size
    marks = legend(bool(suggestions), played is not None, owner is not None)
    height = 8 + (0.3 if title else 0) + (0.25 if marks else 0)
    figure, axis = plt.subplots(figsize=(8, height), constrained_layout=True)
    axis.add_patch(Rectangle((-1.1, -1.1), size + 1.2, size + 1.2, color="#e0b567", zorder=0))
    for i in range(size):
        width = 1.4 if i in (0, size - 1) else 0.7
        axis.plot([0, size - 1], [i, i], color="#4a3714", linewidth=width, zorder=1)
        axis.plot([i, i], [0, size - 1], color="#4a3714", linewidth=width, zorder=1)
        axis.text(i, -0.82, GTP_LETTERS[i], ha="center", va="center", fontsize=10, color="#4a3714")
        axis.text(-0.82, i, str(i + 1), ha="center", va="center", fontsize=10, color="#4a3714")
    for row in STARS.get(size, ()):
        for column in STARS.get(size, ()):
            axis.add_patch(Circle((column, row), 0.1, color="#4a3714", zorder=2))
    stones = board.stones()
    for row in range(size):
        for column in range(size):
            if stones[row, column]:
                white = stones[row, column] == WHITE
                face = "#f7f7f2" if white else "#1b1b1b"
                axis.add_patch(
                    Circle(
                        (column, row),
                        0.475,
                        facecolor=face,
                        edgecolor="#222222",
                        linewidth=0.8,
                        zorder=3,
                    )
                )
    numbers = move_numbers(board, numbered)
    for index, number in numbers.items():
        row, column = divmod(index, size)
        ink = "#1b1b1b" if stones[row, column] == WHITE else "#f7f7f2"
        last = number == len(board.moves)
        axis.text(
            column,
            row,
            str(number),
            ha="center",
            va="center",
            fontsize=9 if number < 100 else 7.5,
            zorder=5,
            color="#d22" if last else ink,
            fontweight="bold" if last else "normal",
        )
    if not numbers and board.moves and board.moves[-1][0] < size * size:
        row, column = divmod(board.moves[-1][0], size)
        ring = "#222222" if stones[row, column] == WHITE else "#f7f7f2"
        axis.add_patch(
            Circle((column, row), 0.24, facecolor="none", edgecolor=ring, linewidth=1.8, zorder=4)
        )
    covered = {index for index, _ in suggestions}
    for row, column, black, side in squares(board, owner) if owner is not None else ():
        if row * size + column in covered:
            continue
        face = "#1b1b1b" if black else "#f7f7f2"
        axis.add_patch(
            Rectangle(
                (column - side / 2, row - side / 2),
                side,
                side,
                facecolor=face,
                edgecolor="#777777",
                linewidth=0.4,
                zorder=4,
                gid=f"{'black' if black else 'white'}-{row * size + column}",
            )
        )
    best = suggestions[0][1] if suggestions else 1.0
    for rank, (index, probability) in enumerate(suggestions):
        if index == size * size:
            continue
        row, column = divmod(index, size)
        strength = 0.25 + 0.75 * probability / best
        tint = (0.13, 0.45, 0.2) if rank == 0 else (0.16, 0.36, 0.6)
        axis.add_patch(Circle((column, row), 0.46, facecolor="#e0b567", edgecolor="none", zorder=3))
        axis.add_patch(
            Circle(
                (column, row),
                0.46,
                facecolor=(*tint, strength),
                edgecolor=tint,
                linewidth=1.0,
                zorder=4,
            )
        )
        label = f"{probability:.0%}" if probability >= 0.01 else "<1"
        axis.text(
            column,
            row,
            label,
            ha="center",
            va="center",
            fontsize=7.5,
            color="white" if strength > 0.5 else "#16243a",
            zorder=5,
        )
    if played is not None and played < size * size:
        row, column = divmod(played, size)
        axis.add_patch(
            Rectangle(
                (column - 0.48, row - 0.48),
                0.96,
                0.96,
                facecolor="none",
                edgecolor="#c22",
                linewidth=2,
                zorder=6,
            )
        )
    axis.set_xlim(-1.1, size + 0.1)
    axis.set_ylim(-1.1, size + 0.1)
    axis.set_aspect("equal")
    axis.axis("off")
    if title:
        axis.set_title(title, fontsize=11)
    if marks:
        figure.supxlabel(marks, fontsize=8.5, color="#444444")
    save_figure(figure, target)


def legend(suggestions: bool, played: bool, owner: bool) -> str:
    """What the marks of a picture with these things mean; empty if it needs no words."""
    parts = [
        "discs: how likely a move is" if suggestions else "",
        "red frame: the move played" if played else "",
        "squares: whose the point will be, the larger the surer" if owner else "",
    ]
    return "; ".join(part for part in parts if part)


def squares(board: Board, owner: npt.NDArray[np.floating]) -> list[tuple[int, int, bool, float]]:
    """Row, column, whether it is black's, and side (in distances of lines) of each point that is
    somebody's without a stone of his on it."""
    stones = board.stones().ravel()
    found = []
    for index, value in enumerate(owner.tolist()):
        black = value > 0
        if abs(value) >= LEAST_OWNER and stones[index] != (BLACK if black else WHITE):
            found.append((*divmod(index, board.size), black, 0.5 * abs(value) ** 0.5))
    return found


def move_numbers(board: Board, count: int) -> dict[int, int]:
    """The numbers (from 1) of the last `count` moves by flat index: of stones that stand, the
    latest move where there were several."""
    points = board.size * board.size
    stones = board.stones().ravel()
    first = max(len(board.moves) - count, 0)
    latest = {
        index: (number, colour)
        for number, (index, colour) in enumerate(board.moves, 1)
        if index < points
    }
    return {
        index: number
        for index, (number, colour) in latest.items()
        if number > first and stones[index] == colour
    }
