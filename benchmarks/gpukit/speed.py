"""Samples a second of whole steps of small, base and large, by batch, compiling, planes and
channels: a table that grows as it is measured.

The fastest are looked for first, and what cannot win is not tried. While rows without compiling are
measured, others are compiled in processes of their own; one thing at a time is measured on the
card. OUT/speed.json has the table, OUT/best.json the best row of each preset, for `train`:

    {"base": {"batch": 1024, "compile": "default", "planes_multiple": 1, "samples_per_second":
    25000.0, "compile_seconds": 31.0}, ...}

`compile` is none, or a mode of torch.compile. Of rows within 3 % of the fastest the one
with the smallest batch is the best (it takes more steps), then the one without padding.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from gocnn.errors import UserError
from gocnn.policy.samples import Games
from gocnn.training import memory, tuning
from gpukit import common, facts, feeding, go, timing
from gpukit.check_steps import half
from gpukit.timing import Row, Setting
from gpukit.workers import Worker, serve

AUTOTUNE = "max-autotune-no-cudagraphs"
MODES = ("default", "reduce-overhead", AUTOTUNE)
BATCHES = (1024, 512, 2048, 256)
NEAR = 0.97
HEAD = (
    f"{'network':12}{'batch':>6} "
    f" {'compile':27}{'planes':>6}{'samples/s':>11}{'of peak':>9}{'ms/step':>9}{'host':>8}{'GB':>7}"
    f"{'first s':>9}{'waited':>8}"
)


def add(parser: argparse.ArgumentParser) -> None:
    common.add_device(parser)
    parser.add_argument(
        "--games",
        type=Path,
        default=common.GAMES,
        metavar="STORE",
        help="a store or a folder of records (default: data/games)",
    )
    parser.add_argument(
        "--minutes", type=common.above_zero, default=3.0, help="for everything (default: 3)"
    )
    parser.add_argument(
        "--preset",
        action="append",
        choices=["tiny", "small", "base", "large"],
        help="only this network (also several times)",
    )
    parser.add_argument(
        "--mode",
        action="append",
        choices=[*MODES, "none"],
        help="only this way of compiling, beside none (also several times)",
    )
    parser.add_argument("--tiny", action="store_true", help="everything as small as it can be")
    parser.add_argument(
        "--stretch", type=common.above_zero, default=1.2, help="seconds for a row (default: 1.2)"
    )
    parser.add_argument("--peak", type=float, default=1.0, help=argparse.SUPPRESS)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    device = common.device(options)
    precision = half(device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with tuning.tuned(device, True):
        return _run(options, device, precision)


def _run(options: argparse.Namespace, device: torch.device, precision: str) -> int:
    if options.child:
        return serve(options, device, precision)
    if options.tiny:
        options.stretch = min(options.stretch, 0.05)
        torch.set_num_threads(1)
    common.need(options.games)
    out = common.folder(options)
    common.prove_writable(out)
    with tempfile.TemporaryDirectory(prefix="gpu-speed-") as scratch:
        table = Table(options, device, precision, out, Path(scratch))
        try:
            table.fill()
        finally:
            table.end()
            table.write()
    if not table.best():
        raise UserError("not one row could be measured; speed.json says why for each")
    print(f"best rows: {out / 'best.json'}; all: {out / 'speed.json'}")
    return 0


class Table:
    """The table of speeds, and what is still being compiled for it."""

    def __init__(
        self,
        options: argparse.Namespace,
        device: torch.device,
        precision: str,
        out: Path,
        scratch: Path,
    ) -> None:
        self.options, self.device, self.precision, self.out, self.scratch = (
            options,
            device,
            precision,
            out,
            scratch,
        )
        self.card = device.type == "cuda"
        self.until: float = time.monotonic() + options.minutes * 60
        self.rows: list[Row] = []
        self.left_out: list[str] = []
        self.feeders: dict[int, float] = {}
        self.waiting: list[Setting] = []
        self.workers: list[Worker] = []
        self.flop: dict[tuple[str, int | None], float] = {}
        self.peak = 0.0
        self._games: Games | None = None
        self.batches = BATCHES if self.card else (4, 2) if options.tiny else (16, 8)
        self.presets = options.preset or (["tiny"] if options.tiny else ["base", "small", "large"])
        self.modes = [m for m in options.mode or (MODES if self.card else ()) if m != "none"]

    def left(self) -> float:
        """Seconds that are left."""
        return self.until - time.monotonic()

    def fill(self) -> None:
        """Measure, the best first."""
        self.peak = timing.peak(
            self.device, self.precision, 8192 if self.card else 256 if self.options.tiny else 1024
        )
        name = facts.machine(self.device)["name"]
        print(
            f"{name}, torch {torch.__version__}, {self.precision}: a matrix product reaches"
            f" {self.peak / 1e12:.3g} TFLOP/s\n{HEAD}",
            flush=True,
        )
        first = self.presets[0]
        batch = self.best_batch(first)
        multiple = self.best_multiple(first, batch)
        self.compile_later([Setting(first, batch, "default", multiple)])
        for preset in self.presets[1:]:
            other = self.best_batch(preset)
            self.compile_later([Setting(preset, other, "default", multiple)])
        if self.card and first == "base":
            # how much faster wide layers are: share of peak, not samples
            for channels in (192, 256):
                self.measure(Setting("base", batch, "none", 1, channels))
        self.compile_later(self.second_wave(first, batch, multiple))
        while (self.workers or self.waiting) and self.left() > 12:
            self.gather()
            time.sleep(0.05)
        for setting in [*(w.setting for w in self.workers), *self.waiting]:
            self.left_out.append(setting.title())
        self.end()
        self.feed_alone()
        if self.left_out:
            print(f"left out, no time was left: {'; '.join(self.left_out)}")

    def best_batch(self, preset: str) -> int:
        """The best batch without compiling: from 1024 on, larger or smaller while that is
        faster."""
        rates: dict[int, float] = {}
        for batch in self.batches:
            if batch == 256 and rates and max(rates, key=lambda b: rates[b]) != 512:
                continue  # smaller yet cannot win where 512 does not
            if batch == 2048 and rates.get(512, 0.0) > rates.get(1024, 0.0):
                continue
            row = self.measure(Setting(preset, batch))
            rates[batch] = row.samples_per_second if row else 0.0
            self.gather()
        fastest = max(rates.values(), default=0.0)
        return min(
            (b for b, rate in rates.items() if rate >= NEAR * fastest), default=self.batches[0]
        )

    def best_multiple(self, preset: str, batch: int) -> int:
        """8 if planes padded to a multiple of 8 are faster, else 1."""
        padded = self.measure(Setting(preset, batch, "none", 8))
        plain = next((r for r in self.rows if r.setting == Setting(preset, batch)), None)
        return (
            8
            if padded and plain and padded.samples_per_second > plain.samples_per_second / NEAR
            else 1
        )

    def second_wave(self, preset: str, batch: int, multiple: int) -> list[Setting]:
        """Rows to compile after the first: other modes, and twice the batch."""
        chosen = [Setting(preset, batch, "reduce-overhead", multiple)]
        if batch < max(self.batches):
            chosen.append(Setting(preset, 2 * batch, "default", multiple))
        small = next(
            (r.setting for r in self.rows if r.setting.preset == "small" and r.samples_per_second),
            None,
        )
        if small and preset != "small":
            chosen.append(Setting("small", small.batch, "reduce-overhead", multiple))
        return [*chosen, Setting(preset, batch, AUTOTUNE, multiple)]

    def measure(self, setting: Setting) -> Row | None:
        """A row without compiling, measured here; None if there was no time."""
        if self.left() < 15 and self.rows:
            self.left_out.append(setting.title())
            return None
        prepared = None
        try:
            prepared = timing.Prepared(
                setting, self.device, self.precision, 2 if self.options.tiny else 5
            )
            row = prepared.measure(self.options.stretch, self.peak, self.operations(setting))
            if self.card and setting == Setting(self.presets[0], self.batches[0]):
                row.waited, row.fed_per_second = (
                    round(value, 4) for value in prepared.feed(self.games(), self.options.stretch)
                )
        except Exception as error:  # a row without a figure; what else goes wrong is said as it is
            if not memory.ran_out(error):
                raise
            row = Row(setting, note="out of memory")
        prepared = None
        memory.free(self.device)
        self.add(row)
        return row

    def games(self) -> Games:
        """The training games, opened once."""
        if self._games is None:
            self._games = go.games(self.options.games)[0]
        return self._games

    def operations(self, setting: Setting) -> float:
        """Operations a sample of a setting's network."""
        key = (setting.preset, setting.channels)
        if key not in self.flop:
            self.flop[key] = timing.operations(setting.shape())
        return self.flop[key]

    def add(self, row: Row) -> None:
        """Show a row and keep it."""
        self.rows.append(row)
        s = row.setting
        name = s.preset + (f" x{s.channels}" if s.channels else "")
        start = f"{name:12}{s.batch:>6}  {s.mode:27}{s.planes:>6}"
        if row.note:
            print(f"{start}  {row.note}", flush=True)
        else:
            waited = "" if row.waited is None else f"{row.waited:.1%}"
            print(
                f"{start}{row.samples_per_second:>11,.0f}{row.share_of_peak:>9.1%}{row.step_ms:>9.2f}{row.host_ms:>8.2f}{row.memory_gb:>7.1f}"
                f"{row.compile_seconds:>9.1f}{waited:>8}",
                flush=True,
            )
        self.write()

    def compile_later(self, settings: list[Setting]) -> None:
        """Queue rows to compile, of the modes that are wanted."""
        self.waiting += [s for s in settings if s.mode in self.modes]
        self.gather(measure=False)

    def gather(self, measure: bool = True) -> None:
        """Start what waits, as many as there are cores for; measure what is ready."""
        for worker in [w for w in self.workers if measure and w.settled()]:
            self.workers.remove(worker)
            row = worker.measure(max(5.0, self.left() - 5))
            self.add(row)
            if row.note == "out of memory" and self.workers:  # beside others: once more, alone
                self.waiting.append(row.setting)
                self.rows.remove(row)
        most = max(1, min(3, (os.cpu_count() or 1) // 4))
        while self.waiting and len(self.workers) < most:
            # What tries kernels out on the card does so alone: others would slow them down, and
            # they others.
            if self.workers and AUTOTUNE in (self.waiting[0].mode, self.workers[0].setting.mode):
                break
            setting = self.waiting.pop(0)
            if setting.mode == "reduce-overhead" and not self.host_matters(setting):
                self.left_out.append(f"{setting.title()} (the host is not the limit)")
                continue
            arguments = [
                "--device",
                str(self.device),
                "--games",
                str(self.options.games),
                "--stretch",
                str(self.options.stretch),
            ]
            arguments += ["--peak", str(self.peak / 1e12)]
            self.workers.append(
                Worker(
                    setting,
                    arguments,
                    self.scratch / f"worker{len(self.rows)}-{time.monotonic_ns()}.log",
                )
            )

    def host_matters(self, setting: Setting) -> bool:
        """Whether CUDA graphs can win: the host takes a good part of the step in the same network
        compiled (or not yet measured)."""
        rows = [
            r
            for r in self.rows
            if r.setting.preset == setting.preset and r.setting.mode == "default" and r.step_ms
        ]
        return not rows or any(r.host_ms > 0.5 * r.step_ms for r in rows)

    def feed_alone(self) -> None:
        """Samples a second that the feeders bring, by their number, with nothing trained."""
        if self.left() < 8 and not self.options.tiny:
            self.left_out.append("feeders alone")
            return
        cores = os.cpu_count() or 1
        self.feeders = feeding.alone(
            self.games(),
            self.device,
            (1,) if self.options.tiny else [n for n in (1, 2, 4, 8, 12) if n <= max(2, cores)],
            batch=1024 if self.card else 64,
            ahead=2 if self.options.tiny else None,
            stretch=self.options.stretch,
        )
        print(
            "feeders alone, samples/s: "
            + ", ".join(f"{count}: {rate:,.0f}" for count, rate in self.feeders.items()),
            flush=True,
        )

    def end(self) -> None:
        """End what is still compiling."""
        for worker in self.workers:
            worker.end()
        self.workers.clear()

    def best(self) -> dict[str, dict[str, Any]]:
        """The best row of each preset as it is (with its own channels)."""
        result: dict[str, dict[str, Any]] = {}
        for preset in dict.fromkeys(r.setting.preset for r in self.rows):
            mine = [
                r
                for r in self.rows
                if r.setting.preset == preset
                and r.setting.channels is None
                and r.samples_per_second
            ]
            if mine:
                fastest = max(r.samples_per_second for r in mine)
                row = min(
                    (r for r in mine if r.samples_per_second >= NEAR * fastest),
                    key=lambda r: (r.setting.batch, r.setting.multiple, -r.samples_per_second),
                )
                result[preset] = {
                    "batch": row.setting.batch,
                    "compile": row.setting.mode,
                    "planes_multiple": row.setting.multiple,
                    "samples_per_second": row.samples_per_second,
                    "compile_seconds": row.compile_seconds,
                }
        return result

    def write(self) -> None:
        """speed.json and best.json, as far as they go."""
        gflop = {
            preset + (f" x{channels}" if channels else ""): round(flop / 1e9, 3)
            for (preset, channels), flop in self.flop.items()
        }
        value = {
            "machine": facts.machine(self.device),
            "precision": self.precision,
            "peak_tflops": round(self.peak / 1e12, 4),
            "gflop_a_sample": gflop,
            "rows": [r.json() for r in self.rows],
            "feeders": self.feeders,
            "left_out": self.left_out,
        }
        common.write_json(self.out / "speed.json", value)
        common.write_json(self.out / "best.json", self.best())
