"""A game in progress, as a protocol sees it: the position, what led to it, komi and rules; every
change can be undone."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import PASS, SIZE
from gocnn.engine import scoring
from gocnn.engine.rulesets import CHINESE_SERVERS, Rules, of_record, parse
from gocnn.games import handicap as handicaps
from gocnn.games.position import Position, usual_komi

FIXED_HANDICAP = {
    2: "D4 Q16",
    3: "D4 Q16 D16",
    4: "D4 Q16 D16 Q4",
    5: "D4 Q16 D16 Q4 K10",
    6: "D4 Q16 D16 Q4 D10 Q10",
    7: "D4 Q16 D16 Q4 D10 Q10 K10",
    8: "D4 Q16 D16 Q4 D10 Q10 K4 K16",
    9: "D4 Q16 D16 Q4 D10 Q10 K4 K16 K10",
}
"""Where handicap stones stand on 19x19 (GTP version 2, section 4.1.1)."""


@dataclass
class Game:
    """Starts empty. `handicap`: the stones that a record or a protocol calls so; see
    `handicap_stones`."""

    komi: float = 6.5
    rules: Rules = CHINESE_SERVERS
    handicap: int = 0
    board: Board = field(init=False)
    _setup: tuple[list[int], list[int], int] = field(init=False, default=([], [], BLACK))
    _told: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """The empty board; komi and rules stay."""
        self.set_up([], [], BLACK)

    def set_up(
        self, black: list[int], white: list[int], to_play: int, *, handicap: int | None = None
    ) -> None:
        """Begin anew from these stones. handicap: how many handicap stones black has (0: none);
        None: they are counted. Raises IllegalMove if they cannot stand so; nothing has changed
        then."""
        board = Board(SIZE)
        board.set_up(black, white, to_play)
        self._obey(board)
        self.board, self._setup = board, (black, white, to_play)
        self.handicap, self._told = handicap or 0, handicap is not None

    def copy(self) -> "Game":
        """An independent copy."""
        twin = Game(self.komi, self.rules, self.handicap)
        twin.board, twin._setup = self.board.copy(), self._setup
        twin.handicap, twin._told = self.handicap, self._told
        return twin

    def give_handicap(self, points: list[int]) -> None:
        """Handicap stones for black on the empty board; white is to play."""
        self.set_up(points, [], WHITE, handicap=len(points))

    def play(self, index: int, colour: int) -> None:
        """Play a move of either colour. Raises IllegalMove; nothing has changed then."""
        self.board.play(index, colour)

    def undo(self, count: int = 1) -> bool:
        """Take the last moves back; False if there are not so many. The others are played again
        from the start: quick, and nothing need be kept."""
        moves = self.board.moves
        if not 1 <= count <= len(moves):
            return False
        # these moves were legal when they were made, whatever the rules are now
        board = Board(SIZE, suicide=True)
        board.set_up(*self._setup)
        for index, colour in moves[:-count]:
            board.play(index, colour)
        board.to_play = moves[-count][1]
        self._obey(board)
        self.board = board
        return True

    def set_to_play(self, colour: int) -> None:
        """Give the turn to `colour`; before the first move, that is where undoing comes back to."""
        if self.board.moves:
            self.board.to_play = colour
        else:
            black, white, _ = self._setup
            told = self.handicap if self._told else None
            self.set_up(black, white, colour, handicap=told)

    def set_rules(self, rules: Rules) -> None:
        """Change the rules from here on."""
        self.rules = rules
        self._obey(self.board)

    def _obey(self, board: Board) -> None:
        board.superko, board.situational, board.suicide = (
            self.rules.superko,
            self.rules.situational,
            self.rules.suicide,
        )

    @property
    def first_stones(self) -> tuple[list[int], list[int], int]:
        """The stones before the first move, black and white, and who was to play."""
        return self._setup

    @property
    def handicap_stones(self) -> int:
        """How many handicap stones black has, 0 or at least 2: those given as such, else those that
        `gocnn.games.handicap` counts."""
        if self._told:
            return self.handicap if 1 < self.handicap <= handicaps.MOST else 0
        black, white, _ = self._setup
        return handicaps.counted(len(black), len(white), self.board.moves)

    def margin(self, dead: npt.NDArray[np.bool_]) -> float:
        """Black's points minus white's under the rules, komi and white's points for handicap
        counted; dead: bool `(361,)`, stones to be taken off."""
        return scoring.margin(
            self.board, dead, self.rules, self.komi, handicap=self.handicap_stones
        )

    @property
    def handicap_bonus(self) -> int:
        """Points that the rules give white for handicap stones, beside komi."""
        return self.rules.white_bonus(self.handicap_stones)

    @property
    def area_komi(self) -> float:
        """What black must lead by in area to win: komi, and white's points for handicap stones.

        Under territory scoring area says the same once each side's stones are counted against it:
        black's lead in area is by so much larger as black has put down more stones than white; half
        a point stands for the last neutral point, which either may get.
        """
        return self.area_komi_for(self.board.to_play)

    def area_komi_for(self, to_play: int) -> float:
        """The same if it were the turn of `to_play`."""
        komi = self.komi + self.handicap_bonus
        if not self.rules.territory:
            return komi
        black, white, _ = self._setup
        put_down = (
            len(black)
            - len(white)
            + sum(
                (1 if colour == BLACK else -1)
                for index, colour in self.board.moves
                if index != PASS
            )
        )
        return komi + put_down + (0.5 if to_play == BLACK else -0.5)

    def area_komi_after(self, index: int, colour: int) -> float:
        """The same after a move of `colour`: a pass puts no stone down, and costs nothing under
        territory scoring."""
        komi = self.area_komi_for(colour)
        return (
            komi + (1 if colour == WHITE else -1)
            if self.rules.territory and index == PASS
            else komi
        )

    @property
    def empty(self) -> bool:
        """Whether no stone stands and no move was made."""
        return not self.board.moves and not self.board.stones().any()

    def passed(self, colour: int) -> bool:
        """Whether the last move was a pass of that colour."""
        return bool(self.board.moves) and self.board.moves[-1] == (PASS, colour)

    @property
    def must_capture(self) -> bool:
        """Whether the rules count every stone as alive that stands when both have passed."""
        return not (self.rules.friendly_pass or self.rules.territory)

    @property
    def over(self) -> bool:
        """Whether the last two moves were passes, of either side each."""
        last = self.board.moves[-2:]
        return (
            len(last) == 2
            and all(index == PASS for index, _ in last)
            and {c for _, c in last} == {BLACK, WHITE}
        )


def with_side_to_play(game: Game, colour: int) -> Board:
    """The board with `colour` to play."""
    board = game.board
    if board.to_play != colour:
        board = board.copy()
        board.to_play = colour
    return board


def game_at(position: Position, komi: float | None = None) -> Game:
    """The position as a game that the engine goes on with, by the record's rules if it names any
    that are known, else by those that a Game has by default: with `komi` (None: the record's, else
    the usual one), and with what these rules give white for handicap stones."""
    named = of_record(position.rules)
    game = Game(
        usual_komi(position.komi, position.handicap) if komi is None else komi,
        CHINESE_SERVERS if named is None else parse(named),
    )
    game.set_up(*position.start, handicap=position.known_handicap)
    board = position.board.copy()
    # whatever repetitions the record has, from here on these rules hold
    board.superko, board.situational, board.suicide = (
        game.board.superko,
        game.board.situational,
        game.board.suicide,
    )
    game.board = board
    return game
