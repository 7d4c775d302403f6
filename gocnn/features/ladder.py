"""Reading ladders: does atari after atari capture the chain, or does it get out?

The reader works on a plain array of colours, plays and takes back, and finds liberties by walking
chains, so that a short sequence costs well under a microsecond. It looks at what the ladder feature
of AlphaGo looks at (Silver et al. 2016, extended data table 2: "whether a move is a successful
ladder capture / escape"): the hunter answers only with atari, the prey only by extending or by
capturing hunters that are themselves in atari. A search that has placed more than `BUDGET + 2 *
depth` stones is given up as "not captured": a ladder places two or three for each step it goes, a
tangle of captures places many and goes nowhere.
"""

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board.rules import EMPTY, FIELD, NEXT, STEPS, State

Ints = npt.NDArray[np.int16]

BUDGET = 16

DEFENCES = 6

GIVEN_UP = 30000
"""What SPENT is set to when a search is given up: nothing more is tried then, at any depth."""

# Rows of the scratch array: colours; marks and a stack for counting liberties; the log of removed
# stones; counters; marks and stones of the chain that looks for a defence (liberties are counted
# meanwhile); the stack of the search; the stones known to be the prey's (those with the mark PREY),
# whose liberties need no counting.
COL, MARK, STACK, LOG, NUMBERS, SEEN, CHAIN, FRAMES, MEMBER = 0, 1, 2, 3, 4, 5, 6, 7, 8
STAMP, SPENT, LIB_A, LIB_B, PREY = 0, 1, 2, 3, 4
ROWS, WIDTH = 9, FIELD * 4
SHAPE = (ROWS, WIDTH)

# A frame of the search, after its DEFENCES moves: how many defences, the next to try, the log's end
# before the defence, the defence played, the log's end after it, the two liberties it leaves, the
# ataris tried, the atari played, whether captures were looked for.
COUNT, NEXT_DEFENCE, TOP, DEFENCE, AFTER, FIRST, SECOND, ATARIS, ATARI, SCANNED = (
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
)
FRAME = 16
DEPTH = 36


def new_scratch() -> Ints:
    """The working memory one thread needs: int16 `(9, 1764)`."""
    return np.zeros(SHAPE, np.int16)


@jit
def _fresh_stamp(s: Ints) -> int:
    if s[NUMBERS, STAMP] == 32000:
        s[MARK, :] = 0
        s[SEEN, :] = 0
        s[MEMBER, :] = 0
        s[NUMBERS, STAMP] = 0
    s[NUMBERS, STAMP] += 1
    return int(s[NUMBERS, STAMP])


@jit
def _liberties(s: Ints, point: int, limit: int) -> int:
    """Liberties of the chain at `point`, counted up to `limit`; the first two are left in LIB_A and
    LIB_B."""
    stamp = _fresh_stamp(s)
    colour = s[COL, point]
    s[MARK, point] = stamp
    s[STACK, 0] = point
    count, i, libs = 1, 0, 0
    while i < count:
        for step in STEPS:
            n = s[STACK, i] + step
            if s[MARK, n] == stamp:
                continue
            c = s[COL, n]
            if c == EMPTY:
                s[MARK, n] = stamp
                if libs < 2:
                    s[NUMBERS, LIB_A + libs] = n
                libs += 1
                if libs == limit:
                    return libs
            elif c == colour:
                s[MARK, n] = stamp
                s[STACK, count] = n
                count += 1
        i += 1
    return libs


@jit
def _take(s: Ints, point: int, top: int) -> int:
    """Remove the chain at `point`, logging each stone from `top` on; returns the new top."""
    colour = s[COL, point]
    first = top
    s[COL, point] = EMPTY
    s[LOG, top] = point
    top += 1
    while first < top:
        for step in STEPS:
            n = s[LOG, first] + step
            if s[COL, n] == colour:
                s[COL, n] = EMPTY
                s[LOG, top] = n
                top += 1
        first += 1
    return top


@jit
def _put(s: Ints, point: int, colour: int, top: int) -> int:
    """Play at `point`, removing what it captures; returns the new top of the log, or -1 (nothing
    changed) if it is suicide.

    The prey itself is never captured here: the hunter only plays where it leaves the prey a
    liberty.
    """
    s[COL, point] = colour
    s[NUMBERS, SPENT] += 1
    free = False
    start = top
    for step in STEPS:
        n = point + step
        if s[COL, n] == EMPTY:
            free = True
        elif (
            s[COL, n] == 3 - colour
            and s[MEMBER, n] != s[NUMBERS, PREY]
            and _liberties(s, n, 1) == 0
        ):
            top = _take(s, n, top)
    if not free and top == start and _liberties(s, point, 1) == 0:
        s[COL, point] = EMPTY
        return -1
    return top


@jit
def _undo(s: Ints, point: int, opponent: int, start: int, top: int) -> None:
    for i in range(start, top):
        s[COL, s[LOG, i]] = opponent
    s[COL, point] = EMPTY
    s[MEMBER, point] = 0


@jit
def _hopeless(s: Ints, other: int, taken: int) -> bool:
    """Quick look before reading: with its liberty `taken` filled, the prey runs to `other`; three
    liberties there mean it is out."""
    fresh = 0
    for step in STEPS:
        n = other + step
        if n != taken and s[COL, n] == EMPTY:
            fresh += 1
    return fresh >= 3


@jit
def _in_atari(s: Ints, point: int) -> bool:
    """Whether the chain at `point` has exactly one liberty (then left in LIB_A); looks at the
    stone's own neighbours first."""
    empty = 0
    for step in STEPS:
        if s[COL, point + step] == EMPTY:
            empty += 1
    return empty < 2 and _liberties(s, point, 2) == 1


@jit
def _counter_captures(s: Ints, prey: int, at: int) -> int:
    """The moves that capture a hunter's chain in atari next to the prey, other than the prey's own
    liberty, which is in row FRAMES at `at`.

    They follow it there; returns how many moves there are then in all.
    """
    found = 1
    colour = s[COL, prey]
    stamp = _fresh_stamp(s)
    s[SEEN, prey] = stamp
    s[CHAIN, 0] = prey
    count, i = 1, 0
    while i < count:
        for step in STEPS:
            n = s[CHAIN, i] + step
            c = s[COL, n]
            if c == EMPTY or s[SEEN, n] == stamp:
                continue
            s[SEEN, n] = stamp
            if c == colour:
                s[CHAIN, count] = n
                count += 1
            elif c == 3 - colour and found < DEFENCES and _in_atari(s, n):
                move = s[NUMBERS, LIB_A]
                new = True
                for j in range(found):
                    new = new and s[FRAMES, at + j] != move
                if new:
                    s[FRAMES, at + found] = move
                    found += 1
        i += 1
    return found


@jit
def _open_frame(s: Ints, f: int, run: int, top: int) -> None:
    """Start the frame at `f` with the prey's extension to its liberty `run`; captures are looked
    for when that has failed."""
    s[FRAMES, f] = run
    s[FRAMES, f + COUNT] = 1
    s[FRAMES, f + NEXT_DEFENCE] = 0
    s[FRAMES, f + SCANNED] = 0
    s[FRAMES, f + TOP] = top


@jit
def know_prey(s: Ints, state: State, prey: int) -> None:
    """Mark the stones of the chain with head `prey` in `state` as the prey's; colours must be those
    of `state`."""
    stamp = _fresh_stamp(s)
    s[NUMBERS, PREY] = stamp
    p = prey
    while True:
        s[MEMBER, p] = stamp
        p = state[NEXT, p]
        if p == prey:
            break


@jit
def _liberties_after(s: Ints, prey: int, move: int, run: int, captured: bool) -> int:
    """The prey's liberties, counted up to 3, now that it has played `move`; in atari it had only
    `run`, so what is new is around it."""
    if move == run:
        s[MEMBER, move] = s[NUMBERS, PREY]
    if move != run or captured:
        return _liberties(s, prey, 3)
    colour = s[COL, prey]
    libs = 0
    for step in STEPS:
        n = move + step
        c = s[COL, n]
        if c == EMPTY:
            if libs < 2:
                s[NUMBERS, LIB_A + libs] = n
            libs += 1
        elif c == colour and s[MEMBER, n] != s[NUMBERS, PREY]:
            return _liberties(s, prey, 3)
    return libs


@jit
def escapes(s: Ints, prey: int, run: int, top: int) -> bool:
    """Whether the chain at `prey`, in atari with the liberty `run` and to move, gets out; `top` is
    the end of the log so far.

    Depth first, with a stack of frames instead of recursion (numba does not cache recursive
    functions). A frame is a position with the prey in atari: it tries its defences in turn; against
    one that leaves two liberties the hunter tries both ataris, each a deeper frame.
    """
    depth, f = 0, 0
    _open_frame(s, 0, run, top)
    colour = s[COL, prey]
    hunter = 3 - colour
    defending = True
    while True:
        verdict = -1  # of this frame: 1 escaped, 0 captured
        if defending:
            if s[FRAMES, f + NEXT_DEFENCE] == s[FRAMES, f + COUNT] and not s[FRAMES, f + SCANNED]:
                s[FRAMES, f + SCANNED] = 1
                s[FRAMES, f + COUNT] = _counter_captures(s, prey, f)
            if s[FRAMES, f + NEXT_DEFENCE] == s[FRAMES, f + COUNT]:
                verdict = 0
            else:
                move = s[FRAMES, f + s[FRAMES, f + NEXT_DEFENCE]]
                s[FRAMES, f + NEXT_DEFENCE] += 1
                after = _put(s, move, colour, s[FRAMES, f + TOP])
                if after < 0:
                    continue
                s[FRAMES, f + DEFENCE] = move
                s[FRAMES, f + AFTER] = after
                libs = _liberties_after(s, prey, move, s[FRAMES, f], after > s[FRAMES, f + TOP])
                too_far = (
                    s[NUMBERS, SPENT] > BUDGET + 2 * depth
                    or after > WIDTH - FIELD
                    or depth == DEPTH - 1
                )
                if libs == 2 and not too_far:
                    s[FRAMES, f + FIRST] = s[NUMBERS, LIB_A]
                    s[FRAMES, f + SECOND] = s[NUMBERS, LIB_B]
                    s[FRAMES, f + ATARIS] = 0
                    defending = False
                    continue
                _undo(s, move, hunter, s[FRAMES, f + TOP], after)
                if libs < 2:
                    continue
                if libs == 2:
                    s[NUMBERS, SPENT] = GIVEN_UP
                verdict = 1
        elif s[FRAMES, f + ATARIS] == 2 or s[NUMBERS, SPENT] >= GIVEN_UP:
            _undo(s, s[FRAMES, f + DEFENCE], hunter, s[FRAMES, f + TOP], s[FRAMES, f + AFTER])
            verdict = 1
        else:
            second = s[FRAMES, f + ATARIS]
            move, other = s[FRAMES, f + FIRST + second], s[FRAMES, f + SECOND - second]
            s[FRAMES, f + ATARIS] += 1
            if _hopeless(s, other, move):
                continue
            after = _put(s, move, hunter, s[FRAMES, f + AFTER])
            if after < 0:
                continue
            s[FRAMES, f + ATARI] = move
            depth += 1
            f += FRAME
            _open_frame(s, f, other, after)
            defending = True
            continue
        if depth == 0:
            return verdict == 1
        # Back to the frame above: take the atari back; if it captured, the defence it answered has
        # failed as well.
        above = f - FRAME
        _undo(s, s[FRAMES, above + ATARI], colour, s[FRAMES, above + AFTER], s[FRAMES, f + TOP])
        depth -= 1
        f = above
        defending = verdict == 0
        if defending:
            _undo(s, s[FRAMES, f + DEFENCE], hunter, s[FRAMES, f + TOP], s[FRAMES, f + AFTER])


@jit
def _atari_works(s: Ints, prey: int, move: int, other: int, top: int) -> bool:
    if _hopeless(s, other, move):
        return False
    colour = s[COL, prey]
    after = _put(s, move, 3 - colour, top)
    if after < 0:
        return False
    caught = not escapes(s, prey, other, after)
    _undo(s, move, colour, top, after)
    return caught


@jit
def atari_captures(s: Ints, prey: int, move: int, other: int) -> bool:
    """Whether the hunter's `move` captures the prey (see know_prey) in a ladder; `move` and `other`
    are its two liberties."""
    s[NUMBERS, SPENT] = 0
    return _atari_works(s, prey, move, other, 0)


@jit
def escaping_moves(s: Ints, prey: int, run: int, moves: Ints) -> int:
    """Fill int16 `(DEFENCES,)` with the moves that get the prey (see know_prey), in atari with the
    liberty `run` and to move, out of the ladder; returns how many."""
    _open_frame(s, 0, run, 0)
    tried = _counter_captures(s, prey, 0)
    for i in range(tried):
        moves[i] = s[FRAMES, i]
    colour = s[COL, prey]
    found = 0
    for i in range(tried):
        move = moves[i]
        s[NUMBERS, SPENT] = 0
        after = _put(s, move, colour, 0)
        if after < 0:
            continue
        libs = _liberties_after(s, prey, move, run, after > 0)
        a, b = s[NUMBERS, LIB_A], s[NUMBERS, LIB_B]
        if libs > 2 or (
            libs == 2
            and not _atari_works(s, prey, a, b, after)
            and not _atari_works(s, prey, b, a, after)
        ):
            moves[found] = move
            found += 1
        _undo(s, move, 3 - colour, 0, after)
    return found
