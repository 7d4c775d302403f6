"""The score of a finished position under a rule set, once it is known which stones are dead: area
or territory, seki, group tax, prisoners."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, Board
from gocnn.engine.rulesets import Rules
from gocnn.games.settling import MOST_DAME, SURE_EYE_SPACE

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Group:
    """Stones of one colour and the points that only they surround, all connected: flat indices;
    seki: alive only because neither side may move."""

    colour: int
    stones: list[int]
    territory: list[int]
    seki: bool


def result_text(margin: float) -> str:
    """A result as GTP and records write it: `B+3.5`, `W+0.5`, or `0`. margin: black's points minus
    white's."""
    return "0" if margin == 0 else f"{'B' if margin > 0 else 'W'}+{abs(margin):g}"


def cleared(board: Board, dead: Mask) -> Board:
    """The board with the dead stones, bool `(361,)`, taken off."""
    stones = board.stones().ravel()
    rest = Board(board.size)
    rest.set_up(
        np.flatnonzero((stones == BLACK) & ~dead).tolist(),
        np.flatnonzero((stones == WHITE) & ~dead).tolist(),
    )
    return rest


def groups(board: Board) -> list[Group]:
    """All groups of a board from which dead stones have been taken.

    Which of them live in seki, `gocnn.games.settling.without_seki` decides by the same rule. It
    does so in millions of games, so it is a kernel that only clears the owner of their points; here
    the stones of each group are wanted, for group tax and for GTP's `final_status_list seki`.
    """
    stones, owner = board.stones().ravel(), board.area().ravel()
    few: set[int] = set()
    for part in _parts(owner.tolist(), np.flatnonzero(owner == 0).tolist(), board.size):
        few |= set(part) if len(part) <= MOST_DAME else set()
    found = []
    for part in _parts(
        owner.tolist(), [index for index in range(owner.size) if stones[index]], board.size
    ):
        colour = int(owner[part[0]])
        territory = [index for index in part if not stones[index]]
        beside_dame = any(near in few for index in part for near in _near(index, board.size))
        spaces = _parts([1] * owner.size, territory, board.size, within=set(territory))
        alive = len(spaces) > 1 or len(territory) >= SURE_EYE_SPACE
        found.append(
            Group(
                colour,
                [index for index in part if stones[index]],
                territory,
                beside_dame and not alive,
            )
        )
    return found


def _near(index: int, size: int) -> list[int]:
    row, column = divmod(index, size)
    around = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    return [r * size + c for r, c in around if 0 <= r < size and 0 <= c < size]


def _parts(
    value: list[int], starts: list[int], size: int, *, within: set[int] | None = None
) -> list[list[int]]:
    """The connected parts of equal value that hold the starts; only points `within`, if given."""
    done: set[int] = set()
    found = []
    for start in starts:
        if start in done:
            continue
        done.add(start)
        part, i = [start], 0
        while i < len(part):
            for near in _near(part[i], size):
                if (
                    near not in done
                    and value[near] == value[start]
                    and (within is None or near in within)
                ):
                    done.add(near)
                    part.append(near)
            i += 1
        found.append(part)
    return found


def owners(board: Board, dead: Mask, rules: Rules) -> npt.NDArray[np.int8]:
    """int8 `(361,)`: whose point each is in the end, 1 black, 2 white, 0 neither; in seki only
    stones count if the rules say so."""
    rest = cleared(board, dead)
    owner = rest.area().ravel().copy()
    if rules.tax != "NONE":
        for group in groups(rest):
            if group.seki:
                owner[group.territory] = 0
    return owner


def points(board: Board, dead: Mask, rules: Rules) -> tuple[int, int]:
    """The points of black and white, without komi: area, or territory with prisoners (dead stones
    among them)."""
    owner, stones = owners(board, dead, rules), board.stones().ravel()
    rest = np.where(dead, 0, stones)
    captured = board.captured()
    result = []
    for colour in (BLACK, WHITE):
        mine = owner == colour
        if rules.territory:
            own = (
                int((mine & (rest == 0)).sum())
                + captured[colour - 1]
                + int((dead & (stones == 3 - colour)).sum())
            )
        else:
            own = int(mine.sum())
        result.append(own)
    if rules.tax == "ALL":
        for group in groups(cleared(board, dead)):
            if not group.seki:
                result[group.colour - 1] -= min(2, len(group.territory))
    return result[0], result[1]


def margin(board: Board, dead: Mask, rules: Rules, komi: float, *, handicap: int = 0) -> float:
    """Black's points minus white's, komi, and what the rules give white for handicap stones."""
    black, white = points(board, dead, rules)
    return black - white - komi - rules.white_bonus(handicap)


def without_territory(board: Board, dead: Mask) -> Mask:
    """bool `(361,)`: stones that live in seki."""
    found = np.zeros(len(dead), np.bool_)
    for group in groups(cleared(board, dead)):
        if group.seki:
            found[group.stones] = True
    return found
