"""Make sample games with a policy network of this project playing itself, as `go-gtp` plays, with
moves drawn instead of chosen.

    python data/games/make_network_games.py --games 160 [--first 0] [--model MODEL] [--out \
        data/games/network]

The first 20 moves are drawn with temperature 1, the rest with one between 0.1 and 0.5 that differs
from game to game. It ends with two passes; the result is by area, komi 6.5, what the playouts call
dead being taken off. A game depends on its number and the seed only, so several processes can make
a part each, from --first on; records that are in --out already are replaced.
"""

import argparse
from pathlib import Path

import numpy as np
from sgfmill import sgf

from gocnn.board.coords import PASS
from gocnn.engine.game import Game
from gocnn.engine.ownership import dead_stones
from gocnn.engine.player import Player
from gocnn.policy.runtime import open_evaluator

HOT, LONGEST = 20, 500


def play(player: Player, cool: float) -> tuple[Game, float]:
    """A game and its score, seen from black."""
    game = Game()
    player.new_game()
    while len(game.board.moves) < LONGEST and [i for i, _ in game.board.moves[-2:]] != [PASS, PASS]:
        player.temperature = 1.0 if len(game.board.moves) < HOT else cool
        game.play(player.decide(game, game.board.to_play).index, game.board.to_play)
    return game, game.margin(dead_stones(game.board, player.end(game).owner))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--games", type=int, default=160)
    parser.add_argument("--first", type=int, default=0, help="number of the first game")
    parser.add_argument("--model", help="by default the network that ships")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "network")
    options = parser.parse_args()
    evaluator = open_evaluator(options.model)
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(options.first, options.first + options.games):
        rng = np.random.default_rng((options.seed, number))
        cool = round(float(rng.uniform(0.1, 0.5)), 2)
        game, score = play(Player(evaluator, seed=int(rng.integers(2**31))), cool)
        record = sgf.Sgf_game(size=19)
        root = record.get_root()
        result = "Draw" if score == 0 else f"{'B' if score > 0 else 'W'}+{abs(score):g}"
        header = {
            "PB": "gocnn",
            "PW": "gocnn",
            "RU": "Chinese",
            "PC": "gocnn sample games",
            "GN": f"network {number}, temperature {cool}",
            "RE": result,
        }
        for key, value in header.items():
            root.set(key, value)
        root.set("KM", game.komi)
        for index, colour in game.board.moves:
            record.extend_main_sequence().set_move(
                "bw"[colour - 1], None if index == PASS else divmod(index, 19)
            )
        (options.out / f"{number:04d}.sgf").write_bytes(record.serialise())
        print(number, len(game.board.moves), result, flush=True)


if __name__ == "__main__":
    main()
