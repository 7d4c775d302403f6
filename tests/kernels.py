"""What the kernels make of some games and positions, as plain values; run as a program it does so
without numba.

`python -m tests.kernels < INPUT > OUTPUT`: a pickled list of SGF files in, the pickled answer of
`everything` out.
"""

import pickle
import sys
from typing import Any

Files = list[tuple[str, bytes]]


def games(files: Files) -> list[Any]:
    """What the reader says of every game of every file."""
    from gocnn.games.reader import Reader, Skipped
    from gocnn.games.sources import Blob

    reader = Reader()
    found: list[Any] = []
    for name, data in files:
        for item in reader.games(Blob(name, data)):
            if isinstance(item, Skipped):
                found.append((name, item.game, item.reason, item.detail, item.span))
            else:
                found.append(
                    (
                        name,
                        item.record.tobytes(),
                        item.words.tobytes(),
                        item.black,
                        item.white,
                        item.place,
                        item.span,
                    )
                )
    return found


def positions(moves: list[tuple[int, int]], seed: int) -> list[Any]:
    """What every kernel of the board says of the position after these moves."""
    import numpy as np

    from gocnn.board import Board, pass_alive, playouts, repetition, rules, symmetry
    from gocnn.features import planes

    board = Board(19)
    for index, colour in moves:
        board.play(index, colour)
    state = board.state
    found: list[Any] = [
        state.tobytes(),
        board.area().tobytes(),
        int(repetition.position_hash(state)),
    ]
    recent = np.array(
        [index for index, _ in reversed(moves[-planes.HISTORY :])] + [-1] * planes.HISTORY, np.int16
    )[: planes.HISTORY]
    at = planes.offsets(tuple(planes.PLANES))
    for colour in (1, 2):
        mask = np.zeros(362, np.bool_)
        rules.legal_mask(state, colour, mask)
        eyes, alive, suspects = (
            np.zeros(361, np.bool_),
            np.zeros(361, np.bool_),
            np.zeros(361, np.bool_),
        )
        pass_alive.eyes(state, colour, eyes)
        pass_alive.pass_alive(state, colour, alive)
        found += [mask.tobytes(), eyes.tobytes(), alive.tobytes()]
        if seed == 0:
            seen = np.sort(
                np.array([repetition.position_hash(state), *range(1000, 1100)], np.uint64)
            )
            repetition.maybe_repeats(state, colour, mask, seen, suspects)
            found.append(suspects.tobytes())
        out = np.zeros((sum(planes.PLANES.values()), 361), np.uint8)
        shown, memory = planes.Shown(state, colour, recent, 255), planes.new_memory()
        for turned in (0, 5):
            planes.fill(shown, at, symmetry.permutation(turned), memory, out)
            found.append(out.tobytes())
    owned = np.zeros(361, np.int32)
    won = playouts.playouts(state, 1, 1, seed, 6.5, owned)
    return [*found, [float(each) for each in won], owned.tobytes()]


def samples(files: Files) -> list[Any]:
    """Training samples of the games."""
    import numpy as np

    from gocnn.features import planes
    from gocnn.games.reader import Reader, ReadGame
    from gocnn.games.sources import Blob
    from gocnn.policy.samples import Games
    from gocnn.policy.samples import positions as draw

    reader = Reader()
    good = [
        item
        for name, data in files
        for item in reader.games(Blob(name, data))
        if isinstance(item, ReadGame)
    ][:6]
    words = np.concatenate([game.words for game in good])
    start = np.cumsum([0, *(len(game.words) for game in good[:-1])])
    setup = np.array([int(game.record["setup"]) for game in good])
    moves = np.array([int(game.record["moves"]) for game in good])
    which = np.repeat(np.arange(len(good)), 2)
    plies = np.array([part for count in moves for part in (count // 3, count - 1)])
    answer = draw(
        Games(words, start, setup, moves, np.full(len(good), 255), np.full(len(good), -1), moves),
        planes.DEFAULT_GROUPS,
        which,
        plies,
        symmetry_number=3,
    )
    return [each.tobytes() for each in answer]


def everything(files: Files, lines: list[list[tuple[int, int]]]) -> dict[str, Any]:
    """All of it, by kind."""
    from gocnn.board import rules

    return {
        "games": games(files),
        "positions": [positions(line, seed) for seed, line in enumerate(lines)],
        "samples": samples(files),
        "legal positions": [int(rules.count_legal_positions(size)) for size in (1, 2)],
    }


if __name__ == "__main__":
    from gocnn import _jit

    _jit.interpret()
    answer = everything(*pickle.load(sys.stdin.buffer))
    assert "numba" not in sys.modules
    sys.stdout.buffer.write(pickle.dumps(answer))
