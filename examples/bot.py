"""A bot in twenty lines: it plays against itself, or answers the moves you type.

python examples/bot.py --moves 20
python examples/bot.py --you
"""

import argparse

import gocnn


def main() -> None:
    """Choose, remember, go on until somebody has passed or the moves are used up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=60, help="so many at most")
    parser.add_argument("--visits", type=int, default=16, help="positions to look ahead at")
    parser.add_argument("--you", action="store_true", help="you are black, and type your moves")
    given = parser.parse_args()

    player = gocnn.player(gocnn.load(), visits=given.visits)
    moves: list[str] = []
    while len(moves) < given.moves and moves[-2:] != ["pass", "pass"]:
        if given.you and len(moves) % 2 == 0:
            try:
                moves.append(input("your move: "))
            except EOFError:  # Ctrl-D: enough
                break
        else:
            moves.append(player.choose(gocnn.position(moves=moves)).vertex)
            if given.you:
                print("the bot:", moves[-1])
        try:
            gocnn.position(moves=moves)
        except gocnn.UserError as error:
            print(error)
            moves.pop()
    print(" ".join(moves))


if __name__ == "__main__":
    main()
