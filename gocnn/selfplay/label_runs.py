"""What go-label is asked, and what its runs say of themselves."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.interrupts import Interrupts
from gocnn.selfplay import judged, own, resigned
from gocnn.selfplay.playing import Spent


@dataclass(frozen=True, kw_only=True)
class LabellingConfig:
    """How to play. store: whose games are played on, or begin own ones; out: where own games go
    (None: the store); model: who plays (None: the network that ships); batch: boards that the
    network is asked about at once; jobs: threads with as many boards each (None: the cores);
    minutes: when to stop (None: at the end); seed: of all that is drawn."""

    store: Path
    out: Path | None = None
    model: str | None = None
    batch: int = 64
    jobs: int | None = None
    minutes: float | None = None
    seed: int = 1

    @property
    def target(self) -> Path:
        """The store that is written to."""
        return self.out or self.store


@dataclass
class Run:
    """What it took. began: `time.monotonic()`; spent: moves played; seconds, cpu: of playing, by
    the clock and of processor time; interrupts: Ctrl-C, while it is listened to."""

    began: float = field(default_factory=time.monotonic)
    spent: Spent = field(default_factory=Spent)
    seconds: float = 0.0
    cpu: float = 0.0
    interrupts: Interrupts = field(default_factory=Interrupts)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.interrupts.came

    def stopper(self, until: float = float("inf")) -> Callable[[], bool]:
        """What tells whether to stop: after Ctrl-C, or once `time.monotonic()` is past `until`."""
        return lambda: self.interrupts.came or time.monotonic() > until


@dataclass
class ResignedRun(Run):
    """Games played on. total: how many games of the store were resigned; findings: what came of
    those that were played on now, None if none was waiting; records: of the store."""

    total: int = 0
    findings: resigned.Findings | None = None
    records: npt.NDArray[np.void] | None = None

    def disagreed(self) -> str:
        """The games whose winner was another, as a table with tabs."""
        return _listing(self.records, self.findings.wrong if self.findings else [])


@dataclass
class JudgedRun(Run):
    """What came of having another engine judge games. total: how many games of the store were
    resigned; findings: what came of those that were judged now, None if none was waiting; records:
    of the store; engine: its name; failure: why it ended early, if it did after judging some
    games."""

    total: int = 0
    findings: judged.Judgements | None = None
    records: npt.NDArray[np.void] | None = None
    engine: str = "the engine"
    failure: UserError | None = None

    def disagreed(self) -> str:
        """The games whose winner was another, as a table with tabs."""
        return _listing(self.records, self.findings.wrong if self.findings else [])


def _listing(records: npt.NDArray[np.void] | None, wrong: list[tuple[int, float]]) -> str:
    rows = ["game\twinner\tmoves\tfound\n"]
    if records is not None:
        for game, found in wrong:
            winner = "BW"[int(records["winner"][game]) - 1]
            rows.append(f"{game}\t{winner}\t{records['moves'][game]}\t{found:+.1f}\n")
    return "".join(rows)


@dataclass
class OwnRun(Run):
    """Games of the network. kind: what a store calls them; result: what came of them, None if all
    that were asked for were there already; engine: the name of the one that judged them, if one
    did."""

    kind: str = own.KIND
    result: own.Own | None = None
    engine: str = "the engine"
