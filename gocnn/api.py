"""What other programs import: the network, positions, a player and training, in few words.

Every name here is found in `gocnn` too. Playing needs no torch; training does.

Points are counted as everywhere (`gocnn.board.coords`): index `row * 19 + column`, A1 is 0, T1 is
18, A19 is 342, and 361 is a pass. What a person can mend is raised as `UserError`, an argument of a
wrong type as TypeError, each in one sentence.

Examples:
    >>> import gocnn
    >>> net = gocnn.load()
    >>> position = gocnn.position(moves=["Q16", "D4", "Q3"])
    >>> net.suggest(position, top=1)[0].vertex in ("D16", "D17", "C16")
    True
    >>> round(float(net.evaluate(position).policy.sum()), 3)
    1.0
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn import libraries, results
from gocnn.arguments import Name, number, path, paths, whole
from gocnn.board.coords import to_gtp
from gocnn.engine import player as engine_player
from gocnn.engine.forecast import win_of
from gocnn.engine.game import game_at
from gocnn.engine.levels import BadLevel
from gocnn.engine.levels import parse as parse_level
from gocnn.engine.limits import MOST_VISITS
from gocnn.errors import UserError as UserError
from gocnn.features.conditioning import STYLES
from gocnn.features.planes import DEFAULT_GROUPS, UnknownPlanes, plane_count
from gocnn.games.position import Position as Position
from gocnn.games.position import find_position
from gocnn.policy.conditioning import check_style, conditioning_of_style
from gocnn.policy.runtime import is_onnx, open_evaluator
from gocnn.policy.suggestion import Evaluation, Evaluator, evaluate
from gocnn.policy.wrapped import WrappedPolicy
from gocnn.results import Move as Move
from gocnn.results import PositionEvaluation as PositionEvaluation

MOST_SECONDS = 86_400 * 365.0
MOST_THREADS = 1024


class Network:
    """A network that can be asked; `load` makes one. It may be used from several threads."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        """The network underneath, by planes: `logits` and `outputs` of uint8 `(N, C, 19, 19)`."""

    def __repr__(self) -> str:
        return f"<Network {self.name}>"

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.evaluator.name

    @property
    def has_value(self) -> bool:
        """Whether it says who wins."""
        return self.evaluator.has_value_head

    @property
    def has_score(self) -> bool:
        """Whether it says the score and who owns what."""
        return self.evaluator.scores

    def suggest(
        self, position: Position, top: int | None = 5, *, symmetries: int = 1, style: str = "any"
    ) -> list[Move]:
        """The `top` likeliest legal moves (all of them if None), the likeliest first.

        Args:
            position: what `gocnn.position` made.
            top: how many moves.
            symmetries: 1, or 8 to average over the turned and mirrored boards.
            style: `any`, `tygem`, `tom`, `fox` or `professional`, if the network was shown where
                games were played.

        Raises:
            UserError: symmetries or style is none of these.
        """
        top = None if top is None else whole("top", top, 0)
        p = self._ask(position, symmetries, style).probabilities
        legal = np.flatnonzero(position.board.legal())
        order = legal[np.argsort(-p[legal], kind="stable")][:top]
        return [Move(to_gtp(int(i)), float(p[i]), int(i)) for i in order]

    def evaluate(
        self, position: Position, *, symmetries: int = 1, style: str = "any"
    ) -> PositionEvaluation:
        """All that it says of a position, in one evaluation; arguments as for `suggest`. Raises
        UserError."""
        said = self._ask(position, symmetries, style)
        game = game_at(position)
        to_play = position.board.to_play
        komi = game.area_komi_for(to_play)
        value = win_of(said, to_play, komi) if self.has_value or self.has_score else None
        if not self.has_score:
            return PositionEvaluation(said.probabilities, value, None, None, None)
        lead = said.lead + (-komi if to_play == 1 else komi)
        return PositionEvaluation(said.probabilities, value, lead, said.spread, said.owner)

    def _ask(self, position: Position, symmetries: int, style: str) -> Evaluation:
        _check_position(position)
        _check(self.evaluator, symmetries, style)
        conditioning = conditioning_of_style(style, position.handicap > 1)
        return evaluate(self.evaluator, position.board, conditioning, symmetries=symmetries)


class Player:
    """Chooses moves; `player` makes one. Between two calls it keeps what it has read, which counts
    where the second position follows from the first; so each thread takes a player of its own."""

    def __init__(self, chooser: engine_player.Player) -> None:
        self._chooser = chooser

    def __repr__(self) -> str:
        level = self._chooser.level
        how = f"level={level.name!r}" if level else f"visits={self._chooser.visits}"
        return f"<Player {self._chooser.evaluator.name}, {how}>"

    def choose(self, position: Position, *, seconds: float | None = None) -> Move:
        """A move for the side to play; nothing is played. It passes where the game is over.

        Args:
            position: what `gocnn.position` made.
            seconds: look ahead no longer than that.
        """
        _check_position(position)
        if seconds is not None:
            seconds = number("seconds", seconds, 0, MOST_SECONDS)
        game = game_at(position)
        decision = self._chooser.decide(game, position.board.to_play, seconds=seconds)
        if decision.index == engine_player.RESIGN:
            return Move("resign", float("nan"), decision.index)
        return Move(
            to_gtp(decision.index), float(decision.probabilities[decision.index]), decision.index
        )


def load(model: Name | None = None, *, device: str = "cpu", threads: int | None = None) -> Network:
    """A network: one that ships (`base` or `small`), a model file (`.onnx`, which needs no torch,
    or `.safetensors`), or the folder of a training run, of which the best one is taken.

    Without `model` it is what the environment variable GOCNN_MODEL names, else `base`.

    Args:
        model: its name, its file or folder.
        device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.
        threads: of the CPU, for ONNX; all cores if None.

    Raises:
        UserError: there is no such model, it is damaged, or a package is missing.
    """
    libraries.keep_private()
    libraries.hush()
    file = None if model is None else Path(path("model", model))
    if threads is not None:
        threads = whole("threads", threads, 1, high=MOST_THREADS)
    with libraries.named():
        if device != "cpu" and not is_onnx(file):
            from gocnn.devices import resolve

            device = str(resolve(device))
        return Network(open_evaluator(file, device, threads))


def position(
    game: Name | None = None,
    at: int | None = None,
    *,
    moves: str | Sequence[str | Move] = (),
    komi: float | None = None,
) -> Position:
    """A position on 19x19: a game record (of a collection the first) after `at` of its moves, all
    of them if None, or the empty board; then `moves` on top of it.

    Args:
        game: a file in any format that `go-suggest` reads.
        at: how many of its moves are played, 0 to all.
        moves: GTP vertices or what `suggest` and `choose` gave, in turn, `["Q16", "D4"]` or
            `"Q16 D4"`; a colour before one says whose it is (`"B Q16"`).
        komi: -1000 to 1000, instead of what the record states (0.5 with handicap stones, else 6.5,
            where it states none).

    Raises:
        UserError: there is no such game, move or ply.

    Examples:
        >>> position(moves="Q16 D4").ply
        2
    """
    libraries.hush()
    name = None if game is None else path("game", game)
    at = None if at is None else whole("at", at, 0)
    typed = moves if isinstance(moves, str) else " ".join(results.vertices("moves", moves))
    try:
        found = find_position(name, at, typed)
    except UserError as error:
        # the sentences are those of the commands, whose options are our arguments
        text = str(error)
        for option, argument in (("--at ", "at="), ("--moves:", "moves:")):
            text = argument + text.removeprefix(option) if text.startswith(option) else text
        raise UserError(text) from error
    if at is not None and game is None:
        raise UserError(f"at={at} needs a game record; name one, or give moves")
    if komi is not None:
        found.komi = number("komi", komi, -1000, 1000)
    return found


def player(
    net: Network,
    *,
    visits: int = 0,
    level: str | None = None,
    temperature: float = 0.0,
    resign: float = 0.0,
    symmetries: int = 1,
    style: str = "any",
    seed: int = 1,
) -> Player:
    """A player by that network. (It is not called `engine`: `gocnn.engine` is the package with the
    search in it, and a name that is a module to one and a function to another serves neither.)

    Args:
        net: what `load` or `wrap` made.
        visits: positions to look ahead at before each move; 0 plays what the network says at once.
        level: a rank to play at instead, `20k` to `1k`, `1d` and up, or `max`; it chooses visits
            and temperature.
        temperature: 0 plays the likeliest move, 1 draws as predicted; at most 10.
        resign: give up once the chance to win stays below this, 0 to 1 (0: never).
        symmetries: 1, or 8 to average over the turned and mirrored boards.
        style: as for `Network.suggest`.
        seed: of what is drawn.

    Raises:
        UserError: the network cannot do that, or a number is out of its range.

    Examples:
        >>> net = load()
        >>> player(net, visits=16).choose(position(moves="Q16 D4 Q3")).vertex != "pass"
        True
    """
    _check_network(net)
    _check(net.evaluator, symmetries, style)
    visits = whole("visits", visits, 0, high=MOST_VISITS)
    temperature = number("temperature", temperature, 0, 10)
    resign = number("resign", resign, 0, 1)
    if level is not None and not isinstance(level, str):
        raise TypeError(f"level must be a text such as '5k', not {shortened(level)}")
    if visits and not net.has_value:
        raise UserError(
            f"{net.name} does not say who wins, so that it cannot look ahead; leave out visits"
        )
    if level is not None and (visits or temperature):
        raise UserError(
            f"level={level!r} chooses visits and temperature itself; leave one of the two out"
        )
    chooser = engine_player.Player(
        net.evaluator,
        symmetries=symmetries,
        temperature=temperature,
        resign=resign,
        seed=whole("seed", seed, 0),
        style=style,
        visits=visits,
    )
    if level is not None:
        try:
            chooser.level = parse_level(level)
        except BadLevel as error:
            raise UserError(f"level={level!r}: {error}") from error
    return Player(chooser)


def train(
    games: Name | Sequence[Name],
    out: Name,
    *,
    minutes: float | None = None,
    quiet: bool = False,
    **options: Any,
) -> Network:
    """Train a network on games, as the command `go-train` does, and return the best one.

    Args:
        games: SGF files, folders, archives, or stores of go-import.
        out: the folder of the run, which must not hold one yet.
        minutes: how long (30 if None, and neither `steps` nor `epochs` is given).
        quiet: nothing is printed.
        options: the command's others by their names, for example `preset="tiny"`, `batch=64`,
            `value=False`, `resume=True` (`gocnn go-train --help`); `from_="base"` is `--from base`.

    Raises:
        UserError: whatever a person can mend.
        TypeError: there is no such option.
        KeyboardInterrupt: it was interrupted; `resume=True` goes on then.
    """
    from gocnn.commands.go_train import command
    from gocnn.console.calling import call

    named = paths("games", games)
    out = path("out", out)
    call(command, named, {"out": out, "minutes": minutes, "quiet": quiet, **options}, silent=quiet)
    return load(out)


def wrap(
    logits: Callable[[npt.NDArray[np.uint8]], npt.ArrayLike],
    *,
    name: str = "mine",
    plane_groups: Sequence[str] = DEFAULT_GROUPS,
) -> Network:
    """A network of your own, in whatever library, to be asked and measured like ours.

    Args:
        logits: maps planes, uint8 `(N, C, 19, 19)` with 0 and 1 in them, to one number for each
            move, float `(N, 362)`.
        name: what it is called in figures.
        plane_groups: what it wants to see (`gocnn.features.planes.PLANES` says how many planes each
            group has).

    Raises:
        UserError: there is no such group.

    Examples:
        >>> flat = wrap(lambda planes: np.zeros((len(planes), 362)))
        >>> round(flat.suggest(position(), top=1)[0].probability * 362, 3)
        1.0
    """
    if not callable(logits):
        raise TypeError(f"logits must be a function, not {shortened(logits)}")
    try:
        plane_count(plane_groups)
    except UnknownPlanes as error:
        raise UserError(f"plane_groups: {error}") from error
    return Network(WrappedPolicy(logits, name, tuple(plane_groups)))


def benchmark(
    net: Network,
    games: Name | Sequence[Name],
    *,
    positions: int = 10_000,
    symmetries: int = 1,
    seed: int = 0,
) -> dict[str, Any]:
    """How well a network predicts the moves of games: the figures of `go-eval --json`, by the same
    positions. Under `all`, `opening`, `middle` and `end`: `positions`, `top1`, `top3`, `top5` (0 to
    1) and `log_likelihood` (nats a move), each with its 95 % interval (`top1_interval`).

    Args:
        net: what `load` or `wrap` made.
        games: SGF files, folders, archives, or stores of go-import.
        positions: so many, drawn by the seed; all if there are not more.
        symmetries: 1, or 8 to average over the turned and mirrored boards.
        seed: of what is drawn.

    Raises:
        UserError: there is no game.
    """
    from gocnn.games.selection import GameFilter
    from gocnn.policy import data, evaluation

    _check_network(net)
    _check(net.evaluator, symmetries, "any")
    positions, seed = whole("positions", positions, 1), whole("seed", seed, 0)
    stores, _ = data.open_stores(paths("games", games), quiet=True)
    found = data.select_games(stores, GameFilter())
    judged = evaluation.judge(
        net.evaluator, found.games, positions, symmetries=symmetries, seed=seed, komi=found.komi
    )
    return evaluation.figures(judged)


def _check_position(position: object) -> None:
    if not isinstance(position, Position):
        raise TypeError(f"position must come from gocnn.position, not be {shortened(position)}")


def _check_network(net: object) -> None:
    if not isinstance(net, Network):
        raise TypeError(f"net must come from gocnn.load or gocnn.wrap, not be {shortened(net)}")


def _check(evaluator: Evaluator, symmetries: int, style: str) -> None:
    if whole("symmetries", symmetries, 1) not in (1, 8):
        raise UserError(f"symmetries={symmetries} must be 1 or 8")
    if style not in STYLES:
        raise UserError(f"style={style!r} is not known; there are {', '.join(STYLES)}")
    check_style(evaluator, style)
