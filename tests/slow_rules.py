"""The rules of Go once more, written for obviousness: what the fast board is compared with."""


class Slow:
    """Go written for obviousness: sets of points, flood fill, positions compared whole."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.stones: dict[tuple[int, int], int] = {}
        self.ko: tuple[int, int] | None = None
        self.seen: set[frozenset[tuple[tuple[int, int], int]]] = set()
        self.seen.add(frozenset())

    def around(self, point: tuple[int, int]) -> list[tuple[int, int]]:
        row, column = point
        near = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        return [(r, c) for r, c in near if 0 <= r < self.size and 0 <= c < self.size]

    def chain(self, stones: dict, point: tuple[int, int]) -> tuple[set, set]:
        chain, liberties, todo = {point}, set(), [point]
        while todo:
            for n in self.around(todo.pop()):
                if n not in stones:
                    liberties.add(n)
                elif stones[n] == stones[point] and n not in chain:
                    chain.add(n)
                    todo.append(n)
        return chain, liberties

    def after(
        self, point: tuple[int, int], colour: int
    ) -> tuple[dict[tuple[int, int], int], tuple[int, int] | None] | None:
        """Stones and ko after the move, or None if it is not legal."""
        if point in self.stones:
            return None
        # who took may fill it: that brings no earlier position back
        if point == self.ko and any(self.stones.get(n) == 3 - colour for n in self.around(point)):
            return None
        stones = {**self.stones, point: colour}
        dead = set()
        for n in self.around(point):
            if stones.get(n) == 3 - colour and not self.chain(stones, n)[1]:
                dead |= self.chain(stones, n)[0]
        for d in dead:
            del stones[d]
        chain, liberties = self.chain(stones, point)
        if not liberties:
            return None
        ko = (
            next(iter(dead)) if len(dead) == 1 and len(chain) == 1 and len(liberties) == 1 else None
        )
        return stones, ko
