"""How fast a step of the trainer is: one row of the table of speeds. Also the device's peak, and
the operations of a sample."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from gocnn import devices
from gocnn.features.planes import plane_count
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.samples import Games
from gocnn.training import Prefetcher, TrainConfig, padding
from gocnn.training.batches import Again
from gpukit import go

SEGMENTS = 5
"""The fastest of so many stretches counts: what else the machine does makes steps slower, never
faster."""

KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

BACKWARD = 3
"""A step's operations, in those of its forward pass: the backward pass has twice as many."""


@dataclass(frozen=True)
class Setting:
    """What is measured: a preset (perhaps with other channels), the planes padded to a multiple (1,
    or 8: `gocnn.training.padding`), samples a step, and how it is compiled: none, or a mode of
    torch.compile."""

    preset: str
    batch: int
    mode: str = "none"
    multiple: int = 1
    channels: int | None = None

    def shape(self) -> PolicyConfig:
        """The network."""
        return go.shape(self.preset, self.channels)

    @property
    def planes(self) -> int:
        """How many planes it computes with, padding included."""
        return -(-plane_count(go.GROUPS) // self.multiple) * self.multiple

    def title(self) -> str:
        """For a person."""
        width = f" x{self.channels}" if self.channels else ""
        return (
            f"{self.preset}{width}, batch {self.batch}, compile {self.mode}, {self.planes} planes"
        )


@dataclass
class Row:
    """A measured setting. Milliseconds a step: `step_ms` in all, `host_ms` until the program had
    handed one over (at most: a full queue makes it wait). `share_of_peak` of the matrix product's
    speed, 0 to 1; `compile_seconds`: the first step; `waited`: the share of time that a run with
    real games waits for them (None: not measured), at `fed_per_second` samples a second. `note`
    says why there is no figure."""

    setting: Setting
    samples_per_second: float = 0.0
    step_ms: float = 0.0
    host_ms: float = 0.0
    share_of_peak: float = 0.0
    memory_gb: float = 0.0
    compile_seconds: float = 0.0
    waited: float | None = None
    fed_per_second: float | None = None
    note: str = ""

    def json(self) -> dict[str, Any]:
        """One flat object."""
        values = asdict(self)
        setting: dict[str, Any] = values.pop("setting")
        return setting | {"planes": self.setting.planes} | values

    @classmethod
    def read(cls, values: dict[str, Any]) -> "Row":
        """The inverse of json."""
        keys = Setting.__dataclass_fields__
        rest = {key: value for key, value in values.items() if key not in keys and key != "planes"}
        return cls(Setting(**{key: values[key] for key in keys}), **rest)


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak(device: torch.device, precision: str, side: int) -> float:
    """Operations a second of a product of two square matrices of `side` rows in that precision: the
    fastest stretch."""
    kind = KINDS[precision]
    a, b = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    out = torch.empty_like(a)
    count, best = (20 if device.type == "cuda" else 2), float("inf")
    for _ in range(1 + SEGMENTS):
        wait(device)
        began = time.perf_counter()
        for _ in range(count):
            torch.mm(a, b, out=out)
        wait(device)
        best = min(best, (time.perf_counter() - began) / count)
    return 2 * side**3 / best


def operations(shape: PolicyConfig) -> float:
    """Floating-point operations of one training sample, counted by torch in the forward pass (a
    multiply-add is two), times three."""
    with torch.device("meta"):
        net = PolicyNetwork(shape).train()
        planes = torch.zeros(2, plane_count(shape.plane_groups), 19, 19)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        net(planes)
    return BACKWARD * counter.get_total_flops() / 2


class Prepared:
    """A network, its step and its batch on the device, compiled and warmed up."""

    def __init__(
        self, setting: Setting, device: torch.device, precision: str, warm: int = 5
    ) -> None:
        self.setting, self.device = setting, device
        if device.type == "cuda":
            torch.set_num_threads(1)  # the other cores are the feeders', as in a run
            torch.cuda.reset_peak_memory_stats(device)
        torch.manual_seed(0)
        net = PolicyNetwork(setting.shape())
        if setting.multiple > 1:
            padding.pad_planes(net)
        self.net = devices.placed(net, device)
        self.config = TrainConfig(steps=1, batch=setting.batch, ema=0.999)
        self.stepper = go.stepper(self.net, device, precision, self.config)
        self.call: Any = (
            self.net
            if setting.mode == "none"
            else torch.compile(self.net, mode=setting.mode, dynamic=False)
        )
        self.prefetcher = Again(go.dice(setting.batch, device))
        wait(device)
        began = time.perf_counter()
        self.step()
        wait(device)
        self.first = time.perf_counter() - began
        for _ in range(warm - 1):
            self.step()
        wait(device)

    def step(self) -> None:
        """One step on the batch that lies there."""
        self.stepper.step(self.call, self.prefetcher, 1.0)

    def measure(self, seconds: float, highest: float, flop: float) -> Row:
        """The row, from about `seconds` seconds; `highest`: operations a second of the device,
        `flop`: operations a sample."""
        host = float("inf")
        took = 0.0
        for _ in range(3):
            wait(self.device)
            began = time.perf_counter()
            self.step()
            host = min(host, time.perf_counter() - began)
            wait(self.device)
            took = time.perf_counter() - began
        count = max(1, round(seconds / SEGMENTS / max(took, 1e-6)))
        best = float("inf")
        for _ in range(SEGMENTS):
            began = time.perf_counter()
            for _ in range(count):
                self.step()
            wait(self.device)
            best = min(best, (time.perf_counter() - began) / count)
        rate = self.setting.batch / best
        memory = (
            torch.cuda.max_memory_allocated(self.device) / 1e9
            if self.device.type == "cuda"
            else 0.0
        )
        return Row(
            self.setting,
            round(rate, 1),
            round(1000 * best, 3),
            round(1000 * host, 3),
            round(rate * flop / highest, 4),
            round(memory, 2),
            round(self.first, 1),
        )

    def feed(self, games: Games, seconds: float) -> tuple[float, float]:
        """Share of time waited and samples a second with real games, and as many feeders as the
        trainer would have."""
        prefetcher = Prefetcher(go.source(games, self.setting.batch), 0, self.device)
        try:
            for _ in range(4):
                self.stepper.step(self.call, prefetcher, 1.0)
            wait(self.device)
            began, waited, steps = time.perf_counter(), prefetcher.waited, 0
            while time.perf_counter() - began < seconds:
                for _ in range(4):
                    self.stepper.step(self.call, prefetcher, 1.0)
                steps += 4
            wait(self.device)
            took = time.perf_counter() - began
            return (prefetcher.waited - waited) / took, steps * self.setting.batch / took
        finally:
            prefetcher.close()
