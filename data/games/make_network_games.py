"""Make sample games with a policy network of this project: it plays itself, many games at once, each move drawn from its probabilities.

    python data/games/make_network_games.py --games 200 --model gocnn/policy/weights/small.safetensors --out data/games/network

A move is drawn with temperature 1 for the first 20 moves and 0.25 later, among legal moves that do not fill an own eye of one point. A game
ends with two passes (a side passes when only moves below 0.5 % are left to it) or after 240 moves: the games it learned from mostly end by
resignation, so it seldom passes. The result is by Tromp-Taylor area with every stone alive, komi 6.5.
"""

import argparse
from pathlib import Path

import numpy as np
from sgfmill import sgf

from gocnn.board import PASS, Board
from gocnn.policy.model import load
from gocnn.policy.suggestion import planes_of

LONGEST, HOT, WORTH = 240, 20, 0.005


def own_eyes(stones: np.ndarray, colour: int) -> np.ndarray:
    """bool `(361,)`: points all of whose neighbours are own stones (one-point eyes, real or false, whose filling gains nothing)."""
    own = np.pad(stones == colour, 1, constant_values=True)
    return (own[:-2, 1:-1] & own[2:, 1:-1] & own[1:-1, :-2] & own[1:-1, 2:]).ravel()


def choose(board: Board, logits: np.ndarray, rng: np.random.Generator) -> int:
    """A move for the side to play."""
    legal = board.legal()
    legal[:-1] &= ~own_eyes(board.stones(), board.to_play)
    shares = np.exp(np.where(legal, logits - logits[legal].max(), -np.inf).astype(np.float64))
    shares /= shares.sum()
    points = np.flatnonzero(legal[:-1] & (shares[:-1] >= WORTH))
    if len(points) == 0 or (shares[PASS] > 0.5 and len(board.moves) > 100):
        return PASS
    hot = shares[points] ** (1.0 if len(board.moves) < HOT else 4.0)
    return int(rng.choice(points, p=hot / hot.sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=200)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "network")
    options = parser.parse_args()
    policy, rng = load(options.model), np.random.default_rng(options.seed)
    boards = [Board() for _ in range(options.games)]
    going = list(boards)
    while going:
        stacks = [planes_of(b, [i for i, _ in reversed(b.moves[-8:])], policy.config.groups)[0] for b in going]
        for board, logits in zip(going, policy.logits(np.stack(stacks)), strict=True):
            board.play(choose(board, logits, rng))
        going = [b for b in going if len(b.moves) < LONGEST and [i for i, _ in b.moves[-2:]] != [PASS, PASS]]
    options.out.mkdir(parents=True, exist_ok=True)
    for number, board in enumerate(boards):
        game = sgf.Sgf_game(size=19)
        root = game.get_root()
        name = f"gocnn {policy.config.blocks}x{policy.config.channels}"
        score = board.score(6.5)
        result = f"{'B' if score > 0 else 'W'}+{abs(score):g}"
        for key, value in (
            ("PB", name),
            ("PW", name),
            ("RU", "Tromp-Taylor"),
            ("PC", "gocnn sample games"),
            ("GN", f"network {number}"),
            ("RE", result),
        ):
            root.set(key, value)
        root.set("KM", 6.5)
        for index, colour in board.moves:
            game.extend_main_sequence().set_move("bw"[colour - 1], None if index == PASS else divmod(index, 19))
        (options.out / f"{number:04d}.sgf").write_bytes(game.serialise())


if __name__ == "__main__":
    main()
