"""Make sample games with a policy network of this project: it plays itself, many games at once, each move drawn from its probabilities.

    python data/games/make_network_games.py --games 200 --model gocnn/policy/weights/small.safetensors --out data/games/network

A move is drawn with temperature 1 for the first 20 moves and 0.25 later, among legal moves that do not fill an own eye of one point. A game
ends with two passes (a side passes when only moves below 0.5 % are left to it) or after 320 moves; the result is by Tromp-Taylor area, komi 6.5.
"""

import argparse
from pathlib import Path

import numpy as np
from sgfmill import sgf

from gocnn.board import PASS, Board
from gocnn.policy.model import load, planes_of

LONGEST, HOT, WORTH = 320, 20, 0.005


def fills_own_eye(stones: np.ndarray, index: int, colour: int) -> bool:
    """Whether all neighbours of the point are own stones (a one-point eye, real or false, whose filling gains nothing)."""
    row, column = divmod(index, 19)
    near = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
    return all(stones[r, c] == colour for r, c in near if 0 <= r < 19 and 0 <= c < 19)


def choose(board: Board, logits: np.ndarray, rng: np.random.Generator) -> int:
    """A move for the side to play."""
    legal, stones = board.legal(), board.stones()
    for index in np.flatnonzero(legal[:-1]):
        if fills_own_eye(stones, int(index), board.to_play):
            legal[index] = False
    shifted = np.where(legal, logits - logits[legal].max(), -np.inf).astype(np.float64)
    shares = np.exp(shifted) / np.exp(shifted).sum()
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
        for key, value in (("PB", name), ("PW", name), ("RU", "Tromp-Taylor"), ("PC", "gocnn sample games"), ("GN", f"network {number}"), ("RE", result)):
            root.set(key, value)
        root.set("KM", 6.5)
        for index, colour in board.moves:
            game.extend_main_sequence().set_move("bw"[colour - 1], None if index == PASS else divmod(index, 19))
        (options.out / f"{number:04d}.sgf").write_bytes(game.serialise())


if __name__ == "__main__":
    main()
