"""Work of requests in threads beside the loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

importing = threading.RLock()
"""Held by whoever imports what was not imported at the start. Python has a lock for each module:
where two threads import torch, one of them from within (`torch.nn.functional`), each waits for a
module of the other's, and Python then lets an import fail, or crashes."""


async def in_thread(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """What the function returns, called in a thread of its own beside the loop. The thread does not
    keep the program from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(found: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(found)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    def work() -> None:
        try:
            found, error = function(*arguments, **named), None
        except BaseException as raised:  # noqa: BLE001 - raised where it is waited for
            found, error = None, raised
            if isinstance(raised, StopIteration):
                error = RuntimeError("StopIteration")
        # the loop is closed where the server has ended meanwhile
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, found, error)

    async with _places():
        threading.Thread(target=work, daemon=True, name="answering").start()
        return await future


THREADS = 32
"""Requests that are worked on at once; more wait."""

_limits: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def _places() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    if loop not in _limits:
        for old in [one for one in _limits if one.is_closed()]:
            del _limits[old]
        _limits[loop] = asyncio.Semaphore(THREADS)
    return _limits[loop]


_counting = threading.Lock()
_within = 0
_usual = 0


@contextlib.contextmanager
def one_torch_thread() -> Iterator[None]:
    """Within: torch computes in one thread. A single input is too little work for several: where
    the processor is busy they wait for each other, a hundred times as long as they compute."""
    with importing:
        import torch

    global _within, _usual
    with _counting:
        if _within == 0:
            _usual = torch.get_num_threads()
        _within += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _counting:
            _within -= 1
            if _within == 0:
                torch.set_num_threads(_usual)
