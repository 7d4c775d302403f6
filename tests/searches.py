"""Searches to test with: networks by rule, and a look into the tree."""

from collections.abc import Callable

import numpy as np

from gocnn.engine.mcts import Search
from gocnn.policy.predictions import PolicyPredictions, predictions


class Judge:
    """An evaluator by rule: `value(own, opponent)`, sets of flat indices, is the probability that
    the side to play wins; it prefers `liked`."""

    name, has_value_head, scores = "judge", True, False
    plane_groups: tuple[str, ...] = ("stones",)

    def __init__(self, value, liked=()) -> None:
        self.value, self.liked = value, list(liked)

    def spy(self, look: Callable[[np.ndarray], object]) -> None:
        """Until `unspy`, `look` sees each batch first."""
        outputs = self.outputs

        def watched(batch: np.ndarray) -> PolicyPredictions:
            look(batch)
            return outputs(batch)

        vars(self)["outputs"] = watched

    def unspy(self) -> None:
        del vars(self)["outputs"]

    def outputs(self, batch: np.ndarray) -> PolicyPredictions:
        logits = np.zeros((len(batch), 362), np.float32)
        for index, bonus in self.liked:
            logits[:, index] = bonus
        sides = [
            [set(np.flatnonzero(plane).tolist()) for plane in planes.reshape(2, 361)]
            for planes in batch
        ]
        return predictions(logits)._replace(
            win=np.array([self.value(*pair) for pair in sides], np.float32)
        )

    def logits(self, batch: np.ndarray) -> np.ndarray:
        return self.outputs(batch)[0]


class Scorer(Judge):
    """A judge that says scores as well: some number of the position for each of its answers."""

    scores = True

    def outputs(self, batch: np.ndarray) -> PolicyPredictions:
        keys = [
            int(np.flatnonzero(planes.ravel()) @ np.arange(1, 1 + int(planes.sum())))
            for planes in batch
        ]
        rngs = [np.random.default_rng(key) for key in keys]
        rows = [
            (
                rng.normal(0, 2.5, 362),
                rng.uniform(0.2, 0.8),
                rng.uniform(-1, 1, 361),
                rng.normal(0, 12),
                rng.uniform(5, 25),
            )
            for rng in rngs
        ]
        return PolicyPredictions(*(np.array(part, np.float32) for part in zip(*rows, strict=True)))


def node_of(search: Search, node: int) -> dict:
    """A position of the tree, and those below it by move."""
    nodes = search._tree.nodes
    told = {name: nodes[name][node].item() for name in nodes.dtype.names or ()}
    first, tried = told["first"], told["tried"]
    moves, children = (
        search._tree.move[first : first + told["kept"]],
        search._tree.child[first : first + told["kept"]],
    )
    assert (children[:tried] > 0).all()
    assert (children[tried:] == -1).all()
    return told | {
        "below": dict(zip(moves[:tried].tolist(), children[:tried].tolist(), strict=True)),
        "moves": moves.tolist(),
    }
