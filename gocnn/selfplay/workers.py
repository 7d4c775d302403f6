"""Several threads that play: the compiled kernels and the network's library leave the interpreter
free, so each keeps a core busy."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence

from gocnn.policy.suggestion import Evaluator
from gocnn.selfplay.playing import Ended, GameToPlay, Other, Spent, play_games


class _Shared:
    """An iterator that several threads take from."""

    def __init__(self, tasks: Iterator[GameToPlay]) -> None:
        self._tasks, self._lock = tasks, threading.Lock()

    def __iter__(self) -> Iterator[GameToPlay]:
        return self

    def __next__(self) -> GameToPlay:
        with self._lock:
            return next(self._tasks)


def play_all(
    evaluators: Sequence[Evaluator],
    tasks: Iterator[GameToPlay],
    batch: int,
    spent: Spent,
    *,
    stopped: Callable[[], bool],
    other: Other | None = None,
) -> Iterator[Ended]:
    """Play the tasks, a thread for each evaluator, `batch` boards in each, perhaps against another
    player (see `play_games`); yields games as they end, in no certain order. What a game comes to
    depends on its task and the players alone. An error in a thread is raised here."""
    ended: queue.SimpleQueue[Ended | BaseException | None] = queue.SimpleQueue()
    shared = _Shared(tasks)
    failed = threading.Event()
    each = [Spent() for _ in evaluators]

    def work(evaluator: Evaluator, own: Spent) -> None:
        try:
            for game in play_games(
                evaluator,
                shared,
                batch,
                own,
                stopped=lambda: failed.is_set() or stopped(),
                other=other,
            ):
                ended.put(game)
            ended.put(None)
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits for the games
            ended.put(error)

    threads = [
        threading.Thread(target=work, args=pair, daemon=True)
        for pair in zip(evaluators, each, strict=True)
    ]
    for thread in threads:
        thread.start()
    left = len(threads)
    try:
        while left:
            item = ended.get()
            if item is None:
                left -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item
    finally:
        failed.set()
        for thread in threads:
            thread.join()
        for own in each:
            spent.add(own)
