"""`Board`: a position with its history, for people and protocols. The kernels underneath are in
`gocnn.board.rules`."""

import numpy as np
import numpy.typing as npt

from gocnn.board import repetition, rules
from gocnn.board.coords import BLACK, COLOUR_NAMES, WHITE, to_gtp

REASONS = {
    rules.OCCUPIED: "the point is occupied",
    rules.KO_BAN: "the ko forbids it",
    rules.SUICIDE: "it would be suicide",
}


class IllegalMove(ValueError):
    """A move the rules forbid; the message names it and says why."""


class Board:
    """A Go position of size 1 to 19 with the moves that led to it.

    Moves are flat indices (`gocnn.board.coords`), colours 1 (black) and 2 (white). With `superko`,
    a move that repeats any earlier whole-board position is illegal as well (positional superko, as
    in the Tromp-Taylor rules); `situational`: only if the same side made it. `suicide`: a move that
    takes off two or more own stones is legal.
    """

    def __init__(
        self,
        size: int = 19,
        superko: bool = False,
        situational: bool = False,
        *,
        suicide: bool = False,
    ) -> None:
        self.state = rules.new_state(size)
        self.size = size
        self.superko, self.situational, self.suicide = superko, situational, suicide
        self.moves: list[tuple[int, int]] = []
        self.to_play = BLACK
        self._forget()

    def _forget(self) -> None:
        """The position now is the only one seen."""
        # for each position, the colours that have moved to it, added up
        self._seen = {self._colours(): 3 - self.to_play}
        self._hashes = {int(repetition.position_hash(self.state))}

    def _colours(self) -> bytes:
        return bytes(self.state[rules.COLOUR])

    def set_up(self, black: list[int], white: list[int], to_play: int = BLACK) -> None:
        """Replace the position by one with these stones and no history. Raises IllegalMove if a
        chain would have no liberty, or one is not on the board; nothing has changed then."""
        state = rules.new_state(self.size)
        for colour, points in ((BLACK, black), (WHITE, white)):
            for index in points:
                if not 0 <= index < self.size * self.size:
                    raise IllegalMove(self._not_here(index))
                rules.place(state, index, colour)
        if not rules.rebuild(state):
            raise IllegalMove("the stones set up leave a chain without a liberty")
        self.state, self.moves = state, []
        self.to_play = to_play
        self._forget()

    def play(self, index: int, colour: int | None = None) -> None:
        """Play a move, `colour` by default the side to play, and give the turn to the other. Raises
        IllegalMove; nothing has changed then."""
        if not 0 <= index <= self.size * self.size:
            raise IllegalMove(self._not_here(index))
        colour = colour or self.to_play
        before = self.state.copy()
        verdict = rules.play_index(self.state, index, colour)
        if verdict == rules.SUICIDE and self.suicide and self._take_off(self.state, index, colour):
            verdict = rules.LEGAL
        reason = REASONS.get(verdict)
        if (
            reason is None
            and self.superko
            and index != self.size * self.size
            and self._repeats(self.state, colour)
        ):
            reason = "it would repeat an earlier position (superko)"
        if reason is not None:
            self.state = before
            raise IllegalMove(
                f"{COLOUR_NAMES[colour]} may not play {to_gtp(index, self.size)}: {reason}"
            )
        now = self._colours()
        self._seen[now] = self._seen.get(now, 0) | colour
        self._hashes.add(int(repetition.position_hash(self.state)))
        self.moves.append((index, colour))
        self.to_play = 3 - colour

    def _not_here(self, index: int) -> str:
        return f"{index} is no flat index of a point on the {self.size}x{self.size} board"

    def _repeats(self, state: rules.State, colour: int) -> bool:
        """Whether superko forbids `colour` to bring about this position."""
        seen = self._seen.get(state[rules.COLOUR].tobytes(), 0)
        return bool(seen & colour) if self.situational else seen > 0

    def _take_off(self, state: rules.State, index: int, colour: int) -> bool:
        """Play a suicide: place the stone and take its chain off; False, and nothing has changed,
        if it would be alone."""
        point = int(rules.field_point(index, self.size))
        chain, i = [point], 0
        while i < len(chain):
            near = (chain[i] + step for step in rules.STEPS)
            chain += [n for n in near if state[rules.COLOUR, n] == colour and n not in chain]
            i += 1
        if len(chain) == 1:
            return False
        state[rules.COLOUR, chain] = rules.EMPTY
        state[rules.META, rules.CAPTURED_BY_BLACK + 2 - colour] += len(chain)
        rules.rebuild(state)
        return True

    def legal(self, colour: int | None = None, suicide: bool = True) -> npt.NDArray[np.bool_]:
        """bool `(size * size + 1,)`: True where `colour` (by default the side to play) may play;
        the last entry is the pass. `suicide`: with suicides, if the rules allow them."""
        colour = colour or self.to_play
        mask = np.empty(self.size * self.size + 1, np.bool_)
        rules.legal_mask(self.state, colour, mask)
        if self.superko:
            suspects = np.empty(len(mask) - 1, np.bool_)
            repetition.maybe_repeats(
                self.state, colour, mask, np.array(sorted(self._hashes), np.uint64), suspects
            )
            for index in np.flatnonzero(suspects):
                trial = self.state.copy()
                rules.play_index(trial, int(index), colour)
                mask[index] = not self._repeats(trial, colour)
        if suicide and self.suicide:
            for index in np.flatnonzero(~mask[:-1] & (self.stones().ravel() == 0)):
                trial = self.state.copy()
                if rules.play_index(trial, int(index), colour) == rules.SUICIDE and self._take_off(
                    trial, int(index), colour
                ):
                    mask[index] = not (self.superko and self._repeats(trial, colour))
        return mask

    def stones(self) -> npt.NDArray[np.int8]:
        """int8 `(size, size)`: 0 empty, 1 black, 2 white; row 0 is the bottom row."""
        field = self.state[rules.COLOUR].reshape(rules.STRIDE, rules.STRIDE)
        stones: npt.NDArray[np.int8] = field[1 : self.size + 1, 1 : self.size + 1].astype(np.int8)
        return stones

    def chain_ids(self) -> npt.NDArray[np.int64]:
        """int64 `(size * size,)`: for each stone a number that its whole chain shares (meaningless
        at empty points)."""
        field = self.state[rules.HEAD].reshape(rules.STRIDE, rules.STRIDE)
        ids: npt.NDArray[np.int64] = (
            field[1 : self.size + 1, 1 : self.size + 1].ravel().astype(np.int64)
        )
        return ids

    def lift_ko(self) -> None:
        """Let the point be played that simple ko forbids now."""
        self.state[rules.META, rules.KO] = rules.NO_KO

    def ko(self) -> int | None:
        """The flat index that simple ko forbids to the side to play, or None."""
        point = int(rules.forbidden(self.state, self.to_play))
        return None if point == rules.NO_KO else int(rules.flat_index(point, self.size))

    def captured(self) -> tuple[int, int]:
        """Stones captured by black and by white."""
        meta = self.state[rules.META]
        return int(meta[rules.CAPTURED_BY_BLACK]), int(meta[rules.CAPTURED_BY_WHITE])

    def positions_seen(self) -> dict[int, int]:
        """For each position that there has been, by its hash (`gocnn.board.repetition`), the
        colours that have moved to it, added up."""
        state = self.state.copy()
        found: dict[int, int] = {}
        for colours, movers in self._seen.items():
            state[rules.COLOUR] = np.frombuffer(colours, state.dtype)
            found[int(repetition.position_hash(state))] = movers
        return found

    def area(self) -> npt.NDArray[np.int8]:
        """int8 `(size, size)`: who owns each point under Tromp-Taylor area scoring (1 black, 2
        white, 0 neither), all stones alive."""
        owner = np.zeros(self.size * self.size, np.int8)
        rules.area(self.state, owner)
        return owner.reshape(self.size, self.size)

    def score(self, komi: float = 0.0) -> float:
        """Black's area minus white's minus komi (Tromp-Taylor: every stone on the board counts as
        alive)."""
        owner = self.area()
        return float((owner == BLACK).sum() - (owner == WHITE).sum()) - komi

    def copy(self) -> "Board":
        """An independent copy, history included."""
        twin = Board.__new__(Board)
        twin.state, twin.size = self.state.copy(), self.size
        twin.superko, twin.situational, twin.suicide = self.superko, self.situational, self.suicide
        twin.moves, twin.to_play, twin._seen, twin._hashes = (
            list(self.moves),
            self.to_play,
            dict(self._seen),
            set(self._hashes),
        )
        return twin


def legal_positions(size: int) -> int:
    """How many of the `3 ** (size * size)` colourings leave every chain a liberty, by trying each.

    Published: 1, 57, 12675, 24318165 for sizes 1 to 4 (Tromp and Farnebäck, "Combinatorics of Go",
    2007; OEIS A094777).
    """
    return int(rules.count_legal_positions(size))
