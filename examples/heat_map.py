"""Draw where a network would play, and say how likely the side to play is to win.

python examples/heat_map.py game.sgf --at 60 --out map.png
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

import gocnn


def main() -> None:
    """A coloured 19x19 grid of probabilities over the stones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("game", help="an SGF file")
    parser.add_argument("--at", type=int, help="after so many moves (all of them)")
    parser.add_argument("--model", help="a model file, a run or small (base)")
    parser.add_argument("--out", type=Path, default=Path("map.png"))
    given = parser.parse_args()

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    net = gocnn.load(given.model)
    position = gocnn.position(given.game, at=given.at)
    said = net.evaluate(position, symmetries=8)

    # rows count from the bottom, so the picture's origin is below, too
    heat = said.policy[:361].reshape(19, 19)
    figure, axis = plt.subplots(figsize=(7, 7), constrained_layout=True)
    axis.imshow(heat, origin="lower", cmap="Reds", vmax=max(float(heat.max()), 0.05))
    for colour, face in ((1, "black"), (2, "white")):
        rows, columns = np.nonzero(position.board.stones() == colour)
        axis.scatter(columns, rows, s=180, c=face, edgecolors="grey", zorder=2)
    axis.set_xticks(range(19), "ABCDEFGHJKLMNOPQRST")
    axis.set_yticks(range(19), [str(row) for row in range(1, 20)])
    chance = "" if said.value is None else f"; the side to play wins {said.value:.0%}"
    axis.set_title(f"{net.suggest(position, top=1, symmetries=8)[0]}{chance}")
    figure.savefig(given.out)
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
