"""Several processes, started by torchrun: one for each GPU (NCCL), or on CPUs (Gloo)."""

import contextlib
import datetime
import inspect
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from gocnn.devices import resolve, take
from gocnn.errors import UserError
from gocnn.training.norms import share_norms
from gocnn.training.pulse import Pulse

T = TypeVar("T")

TIMEOUT = datetime.timedelta(minutes=10)
"""How long a process waits for the others to join, and to exchange gradients."""

PATIENCE = datetime.timedelta(days=7)
"""How long it waits where the others may have much to do alone, as importing games. That they are
still there the pulse sees."""


class Elsewhere(UserError):
    """Another process has failed, and so this one ends."""


@dataclass(frozen=True)
class Links:
    """How this process reaches the others. control: a group over Gloo for what the programs tell
    each other, so that nobody waits for a device; exchange: the group in which gradients are
    averaged; pulse: notices processes that have ended; hosts: the name of each process's machine,
    by rank."""

    control: Any
    exchange: Any
    pulse: Pulse
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Processes:
    """This process among all of a run: `rank` 0 to `world - 1`, and `local`, its number on its
    machine, from 0.

    All methods must be called by all processes, in the same order.
    """

    rank: int = 0
    world: int = 1
    local: int = 0
    links: Links | None = None

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def _control(self) -> Any:
        return self.links.control if self.links else None

    def name(self, rank: int) -> str:
        """What to call a process in a sentence: with its machine, if there are several."""
        hosts = self.links.hosts if self.links else ()
        return f"process {rank} on {hosts[rank]}" if len(set(hosts)) > 1 else f"process {rank}"

    def gather(self, value: T) -> list[T]:
        """The values of all processes, by rank."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value, group=self._control)
        return values

    def broadcast(self, value: T) -> T:
        """The value that process 0 has, in every process."""
        if self.world == 1:
            return value
        box: list[Any] = [value if self.first else None]
        dist.broadcast_object_list(box, src=0, group=self._control)
        result: T = box[0]
        return result

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """If the block raises in one process, it raises in all: there its own exception, in the
        others Elsewhere, with the same sentence. Nothing in the block may wait for other
        processes."""
        problem: Exception | None = None
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised again, once the others know
            problem = error
        failed = [
            (rank, text)
            for rank, text in enumerate(self.gather(problem and sentence_of(problem)))
            if text is not None
        ]
        if problem is not None:
            raise problem
        if failed:
            raise Elsewhere(f"{self.name(failed[0][0])}: {failed[0][1]}")

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` returns in process 0, in every process; the others do not call it. If it
        fails, all fail as in `together`."""
        result: Any = None
        with self.together():
            if self.first:
                result = make()
        shared: T = self.broadcast(result)
        return shared

    def one_by_machine(self, make: Callable[[], T]) -> T:
        """What `make` returns in this process. One process of each machine calls it first, so that
        the others find what it has put into the machine's cache."""
        with self.together():
            if self.local == 0:
                result = make()
        with self.together():
            if self.local != 0:
                result = make()
        return result

    def must_share(self, **facts: Any) -> None:
        """Raise UserError in all processes unless each of the `facts` is the same in all of them.
        Their names, with spaces for underscores, are what the message calls them."""
        everything = self.gather(facts)
        for what in facts:
            for rank, theirs in enumerate(everything):
                if theirs[what] != everything[0][what]:
                    name = what.replace("_", " ")
                    raise UserError(
                        f"{self.name(rank)} has other {name} than {self.name(0)}; start all"
                        f" processes with the same {name}"
                    )


def sentence_of(error: BaseException) -> str:
    """What to tell the other processes of an error."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "it was ended by Ctrl-C"
    first = next(iter(str(error).splitlines()), "")[:300]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


@contextlib.contextmanager
def joined(device: str) -> Iterator[tuple[Processes, torch.device]]:
    """Within: this process among those that torchrun has started (or the only one), and its device
    (see `gocnn.devices.resolve`). Of several processes on CUDA each has a device of its own.

    What ends one process ends all: an exception in one of them is told to the others, where
    Elsewhere is raised, or SystemExit where another process of the same machine prints the
    sentence. Raises UserError if there is no such device, or if the processes cannot meet.
    """
    processes = _connect()
    try:
        yield _with_device(processes, device)
        leave(processes)
    except BaseException as error:
        if processes.world == 1:
            raise
        raise _ending(processes, error) from error.__cause__


def leave(processes: Processes) -> None:
    """Leave the run when all processes have come to this. Raises Elsewhere if one of them has
    failed."""
    if processes.links:
        processes.links.pulse.leave()
        if processes.links.pulse.told:
            raise _news(processes)
        dist.destroy_process_group()


def _connect() -> Processes:
    """Meet the other processes that torchrun started, if there are any."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    try:
        dist.init_process_group("gloo", timeout=TIMEOUT)
        rank, world = dist.get_rank(), dist.get_world_size()
        hosts: list[Any] = [None] * world
        dist.all_gather_object(hosts, socket.gethostname())
        control = dist.new_group(backend="gloo", timeout=PATIENCE)
        pulse = Pulse(dist.new_group(backend="gloo", timeout=TIMEOUT), world)
    except (RuntimeError, ValueError, OSError) as error:
        first = next(iter(str(error).splitlines()), "")[:200]
        raise UserError(
            f"the processes of this run cannot meet (torch says: {first}); start as many on each"
            " machine as torchrun was told, see that the machines reach each other, and name the"
            " network to use in GLOO_SOCKET_IFNAME if they have several"
        ) from error
    local = int(os.environ.get("LOCAL_RANK", hosts[:rank].count(hosts[rank])))
    return Processes(rank, world, local, Links(control, dist.group.WORLD, pulse, tuple(hosts)))


def join(device: str) -> tuple[Processes, torch.device]:
    """The same as what `joined` yields, for a program that stays in a run until it ends: its
    failure is not told to the others, and it must call `leave`."""
    return _with_device(_connect(), device)


def _with_device(processes: Processes, device: str) -> tuple[Processes, torch.device]:
    """The device of this process, and how it exchanges gradients from there."""
    if processes.world == 1:
        return processes, take(resolve(device))
    with processes.together():
        chosen = resolve(device)
        if chosen.type == "mps":
            raise UserError(
                "--device mps: several processes cannot share Apple's GPU; start one, without"
                " torchrun"
            )
    kinds = processes.gather(chosen.type)
    for rank, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise UserError(
                f"{processes.name(rank)} would compute on {kind}, {processes.name(0)} on"
                f" {kinds[0]}; take machines alike, or give all --device cpu"
            )
    if chosen.type != "cuda":
        return processes, chosen
    assert processes.links is not None
    seen = processes.gather(
        (processes.links.hosts[processes.rank], os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    )
    with processes.together():
        index = card(processes.local, torch.cuda.device_count(), seen[processes.rank], seen)
        chosen = take(torch.device("cuda", index))
    more: dict[str, Any] = (
        {"device_id": chosen} if "device_id" in inspect.signature(dist.new_group).parameters else {}
    )
    exchange = dist.new_group(backend="nccl", timeout=TIMEOUT, **more)
    return replace(processes, links=replace(processes.links, exchange=exchange)), chosen


def card(local: int, count: int, mine: tuple[str, str], seen: list[tuple[str, str]]) -> int:
    """The number of the CUDA device of the process `local` of a machine where it sees `count`
    devices. `mine` and `seen`: machine, and value of CUDA_VISIBLE_DEVICES, of this and of all
    processes. Raises UserError if there are not enough."""
    if local < count:
        return local
    there = sum(host == mine[0] for host, _ in seen)
    # each process was given a card of its own, as by Slurm
    if count == 1 and Counter(seen)[mine] == 1:
        return 0
    raise UserError(
        f"{mine[0]} has {count} CUDA device{'s' if count > 1 else ''} for {there} processes; start"
        f" as many as it has (torchrun --nproc-per-node {count}), or give --device cpu"
    )


def _news(processes: Processes) -> Elsewhere:
    """The exception for what the pulse was told of another process."""
    assert processes.links is not None
    rank, text = processes.links.pulse.told[0]
    return Elsewhere(text if rank is None else f"{processes.name(rank)}: {text}")


def _ending(processes: Processes, error: BaseException) -> BaseException:
    """The exception to raise where this process ends with `error`, after telling the others."""
    assert processes.links is not None
    pulse = processes.links.pulse
    if threading.current_thread() is threading.main_thread():
        # it comes from torchrun, when another process has ended; this one is about to say so
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if (
        isinstance(error, RuntimeError)
        and pulse.news()
        and processes.rank not in [rank for rank, _ in pulse.told]
    ):
        error = _news(processes)  # an exchange has failed since another process has
    if not isinstance(error, Elsewhere):
        pulse.fail(sentence_of(error))
    said = isinstance(error, Elsewhere) or any(
        rank != processes.rank and text == str(error) for rank, text in pulse.told
    )
    return SystemExit(1) if said and processes.local != 0 else error


def wrap_model(
    model: nn.Module, processes: Processes, device: torch.device, *, sync_norms: bool = True
) -> nn.Module:
    """The model for training: its gradients are averaged over all processes, and with `sync_norms`
    its batch normalisations see the batch of all (else each its own share; the running averages of
    process 0 count then). A process alone gets the model itself."""
    if processes.world == 1:
        return model
    group = processes.links.exchange if processes.links else None
    if sync_norms:
        share_norms(model, group)
    # What torch calls the option not to copy buffers before each step has changed.
    names = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    unshared: dict[str, Any] = {
        "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers": False
    }
    net = nn.parallel.DistributedDataParallel(
        model, [device.index] if device.type == "cuda" else None, process_group=group, **unshared
    )
    _settle(net)
    return net


def _settle(net: nn.parallel.DistributedDataParallel) -> None:
    """Fix the order in which gradients are exchanged, by one backward pass without data.
    DistributedDataParallel otherwise finds an order in the first step of each process; with a fixed
    one a resumed run adds gradients in the same order as before, bit for bit."""
    model = net.module
    learning = [p for p in model.parameters() if p.requires_grad]
    model.forward = lambda start: sum((p.sum() * 0.0 for p in learning), start)
    try:
        # on a card torch looks for an input to move there, and fails without one
        net(torch.zeros((), device=learning[0].device)).backward()
    finally:
        del model.forward
    for parameter in learning:
        parameter.grad = None


@torch.no_grad()
def rows_of_all(rows: torch.Tensor, processes: Processes) -> torch.Tensor:
    """The rows of all processes, by rank, each of which has as many; a process alone gets its own.
    On CUDA nothing waits for them."""
    if processes.world == 1:
        return rows
    everything = [torch.empty_like(rows) for _ in range(processes.world)]
    dist.all_gather(everything, rows.contiguous(), processes.links and processes.links.exchange)
    return torch.cat(everything)


@torch.no_grad()
def take_from_first(model: nn.Module, processes: Processes) -> None:
    """Give every process the weights and running averages of process 0, so that all judge what is
    saved."""
    if processes.world == 1:
        return
    group = processes.links.exchange if processes.links else None
    tensors = [t for t in model.state_dict().values() if t.is_floating_point()]
    for kind in dict.fromkeys(t.dtype for t in tensors):
        some = [t for t in tensors if t.dtype == kind]
        flat = torch.cat([t.flatten() for t in some])
        dist.broadcast(flat, 0, group=group)
        for mine, given in zip(some, torch.split(flat, [t.numel() for t in some]), strict=True):
            mine.copy_(given.view_as(mine))
