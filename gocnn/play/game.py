"""A game in progress, as a protocol sees it: the position, what led to it, komi and rules; every change can be undone."""

from dataclasses import dataclass, field

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import PASS, SIZE

FIXED_HANDICAP = {2: "D4 Q16", 3: "D4 Q16 D16", 4: "D4 Q16 D16 Q4", 5: "D4 Q16 D16 Q4 K10", 6: "D4 Q16 D16 Q4 D10 Q10",
                  7: "D4 Q16 D16 Q4 D10 Q10 K10", 8: "D4 Q16 D16 Q4 D10 Q10 K4 K16", 9: "D4 Q16 D16 Q4 D10 Q10 K4 K16 K10"}  # fmt: skip
"""Where handicap stones stand on 19x19 (GTP version 2, section 4.1.1)."""


@dataclass
class Game:
    """Starts empty. `superko`: positional superko besides simple ko; without it only simple ko is enforced."""

    komi: float = 6.5
    superko: bool = True
    handicap: int = 0
    board: Board = field(init=False)
    _setup: tuple[list[int], list[int], int] = field(init=False, default=([], [], BLACK))

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """The empty board; komi and rules stay."""
        self.set_up([], [], BLACK)

    def set_up(self, black: list[int], white: list[int], to_play: int, handicap: int = 0) -> None:
        """Begin anew from these stones. Raises IllegalMove if they cannot stand so; nothing has changed then."""
        board = Board(SIZE, self.superko)
        board.set_up(black, white, to_play)
        self.board, self.handicap, self._setup = board, handicap, (black, white, to_play)

    def copy(self) -> "Game":
        """An independent copy."""
        twin = Game(self.komi, self.superko, self.handicap)
        twin.board, twin._setup, twin.handicap = self.board.copy(), self._setup, self.handicap
        return twin

    def give_handicap(self, points: list[int]) -> None:
        """Handicap stones for black on the empty board; white is to play."""
        self.set_up(points, [], WHITE, len(points))

    def play(self, index: int, colour: int) -> None:
        """Play a move of either colour. Raises IllegalMove; nothing has changed then."""
        self.board.play(index, colour)

    def undo(self) -> bool:
        """Take the last move back; False if there is none. The others are played again from the start: quick, and nothing need be kept."""
        moves = self.board.moves
        if not moves:
            return False
        board = Board(SIZE)
        board.set_up(*self._setup)
        for index, colour in moves[:-1]:
            board.play(index, colour)
        board.to_play = moves[-1][1]
        board.superko = self.superko
        self.board = board
        return True

    def set_superko(self, superko: bool) -> None:
        """Change the rule of repetition from here on."""
        self.superko = self.board.superko = superko

    @property
    def empty(self) -> bool:
        """Whether no stone stands and no move was made."""
        return not self.board.moves and not self.board.stones().any()

    def passed(self, colour: int) -> bool:
        """Whether the last move was a pass of that colour."""
        return bool(self.board.moves) and self.board.moves[-1] == (PASS, colour)

    @property
    def over(self) -> bool:
        """Whether the last two moves were passes, of either side each."""
        last = self.board.moves[-2:]
        return len(last) == 2 and all(index == PASS for index, _ in last) and {c for _, c in last} == {BLACK, WHITE}
