"""Train a network on a folder of game records, and ask it for a move.

python examples/train_on_a_folder.py my-games/ --out runs/mine --minutes 30
"""

import argparse

import gocnn


def main() -> None:
    """Train, evaluate the empty board, suggest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("games", nargs="+", help="SGF files, folders, archives or stores")
    parser.add_argument("--out", required=True, help="the folder of the run")
    parser.add_argument("--preset", default="small", help="tiny, small, base or large")
    parser.add_argument("--minutes", type=float, help="how long (30 without --steps)")
    parser.add_argument("--steps", type=int, help="or so many steps")
    given = parser.parse_args()

    net = gocnn.train(
        given.games,
        given.out,
        minutes=given.minutes,
        steps=given.steps,
        preset=given.preset,
        valid_positions=200,
    )
    print(f"{net.name}: {net.suggest(gocnn.position(moves='Q16 D4'), top=3)}")


if __name__ == "__main__":
    main()
