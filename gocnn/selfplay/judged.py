"""Games that nobody counted, judged by another engine: it is asked once about each game's last
position, and its answer is the label where it gives the game to the recorded winner."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.board.coords import POINTS
from gocnn.games import labels, results
from gocnn.games.store import Store
from gocnn.processes import words_of
from gocnn.selfplay.engine import AnalysisEngine, EnginePosition, by_index, query
from gocnn.selfplay.resigned import margin, uncounted

LEAST_OWNED, MOST_OWNED = 0.05, 0.6
"""Between these lies the ownership from which on a point counts as somebody's."""

MOST_KOMI = 150.0
"""Beyond it KataGo's older versions refuse a komi."""

RULES, VISITS = "chinese", 1

REFUSES_ALL = 16
"""An engine that refuses so many games, the first of all, is not one for this."""


@dataclass
class Judgements:
    """What came of games that another engine judged: how many agreed with the record, how many did
    not, how many were refused, and the first reason for that; of the labels the margins and how far
    their area is from the engine's lead, in points; and the games that disagreed, with the margin
    found (black's, komi subtracted)."""

    agreed: int = 0
    disagreed: int = 0
    refused: int = 0
    reason: str = ""
    margins: float = 0.0
    off: float = 0.0
    wrong: list[tuple[int, float]] = field(default_factory=list)

    @property
    def judged(self) -> int:
        return self.agreed + self.disagreed

    @property
    def tried(self) -> int:
        return self.judged + self.refused


@dataclass(frozen=True)
class Judgement:
    """An engine's word on a position: black's lead in points of area, without komi; owner, float64
    `(361,)`, -1 to 1, black's view."""

    lead: float
    owner: npt.NDArray[np.float64]


def waiting(store: Store, records: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """bool `(G,)`: the uncounted games that no engine has judged and that have no label. Those that
    a network of this project played on in vain are among them."""
    kinds, makers = store.label_kinds(), store.label_makers()
    # -1, no maker, is the last
    by_engine = np.array(
        [labels.engine_of(text) is not None for text in store.label_texts()] + [False]
    )
    result: npt.NDArray[np.bool_] = uncounted(records) & (
        (kinds == 0) | ((kinds == labels.TRIED) & ~by_engine[makers])
    )
    return result


def asked_komi(komi: float) -> float:
    """The komi that an engine is asked with: the protocol knows whole and half points, and no
    absurd ones."""
    return math.floor(2 * min(max(komi, -MOST_KOMI), MOST_KOMI) + 0.5) / 2


def queries(
    store: Store,
    records: npt.NDArray[np.void],
    games: npt.NDArray[np.int64],
    komis: npt.NDArray[np.float64],
) -> Iterator[dict[str, Any]]:
    """A question about the last position of each of the games numbered `games`; komis: of all
    games. White gets nothing for handicap stones, so that the lead and komi are the area of the
    board."""
    for game in games.tolist():
        start, setup, moves = (int(records[key][game]) for key in ("start", "setup", "moves"))
        position = EnginePosition.of_words(store.words[start : start + setup + moves], setup)
        yield query(
            position,
            RULES,
            asked_komi(float(komis[game])),
            visits=VISITS,
            includeOwnership=True,
            whiteHandicapBonus="0",
        )


def read(answer: dict[str, Any], komi: float) -> Judgement | None:
    """An engine's answer, seen from black, to a question asked with that komi. None if it is not
    one."""
    try:
        root = answer["rootInfo"]
        lead = float(root["rawLead"] if "rawLead" in root else root["scoreLead"]) + komi
        owner = by_index(answer["ownership"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if owner.shape != (POINTS,) or not np.isfinite(lead) or not (np.abs(owner) <= 1.001).all():
        return None
    return Judgement(lead, owner)


def settled(judgement: Judgement) -> npt.NDArray[np.int8]:
    """int8 `(361,)`, as `gocnn.games.labels` has owners: whose a point surely is, and nobody's
    between. Where "surely" begins is chosen from LEAST_OWNED to MOST_OWNED so that the area comes
    nearest to the lead, and among such the nearest to a half, where what is rounded is least."""
    size = np.abs(judgement.owner)
    order = np.argsort(size)
    # Beyond a threshold lie all points that are larger, so only the points' own values, and the
    # ends, tell areas apart.
    thresholds = np.unique(
        np.concatenate(
            [size[(size >= LEAST_OWNED) & (size <= MOST_OWNED)], [LEAST_OWNED, 0.5, MOST_OWNED]]
        )
    )
    signs = np.sign(judgement.owner)[order]
    # of the points from this one on, in the order of size
    above = np.append(np.cumsum(signs[::-1])[::-1], 0)
    area = above[np.searchsorted(size[order], thresholds, "right")]
    best = thresholds[np.lexsort((np.abs(thresholds - 0.5), np.abs(area - judgement.lead)))[0]]
    return np.where(
        size > best,
        np.where(judgement.owner > 0, labels.BLACK_OWNS, labels.WHITE_OWNS),
        labels.NEUTRAL,
    ).astype(np.int8)


def judge(
    judgement: Judgement, game: int, winner: int, komi: float, found: Judgements
) -> tuple[int, npt.NDArray[np.int8]]:
    """The kind of the game's label and its owners: JUDGED where the lead, and the label's area too,
    give the game to the recorded winner, else TRIED; counted in `found`."""
    owner = settled(judgement)
    lead, area = judgement.lead - komi, margin(owner, komi)
    sign = 1 if winner == results.BLACK_WON else -1
    if sign * lead > 0 and sign * area > 0:
        found.agreed += 1
        found.margins += abs(lead)
        found.off += abs(area - lead)
        return labels.JUDGED, owner
    found.disagreed += 1
    found.wrong.append((game, lead))
    return labels.TRIED, owner


def answered(
    engine: AnalysisEngine,
    answer: dict[str, Any],
    found: Judgements,
    *,
    game: int,
    winner: int,
    komi: float,
) -> tuple[int, npt.NDArray[np.int8]]:
    """The same of what an engine answered about a game: TRIED, too, where it refused. Raises
    UserError if it gives no judgement, or refuses every game."""
    if "error" in answer or answer.get("noResults"):
        found.refused += 1
        found.reason = found.reason or " ".join(str(answer.get("error", "no result")).split())[:200]
        if found.refused == REFUSES_ALL and not found.judged:
            raise engine.nonsense(
                f"refused the first {REFUSES_ALL} games ({found.reason}); no game was marked;"
                " choose another engine or model"
            )
        return labels.TRIED, np.full(POINTS, labels.UNKNOWN, np.int8)
    judgement = read(answer, asked_komi(komi))
    if judgement is None:
        raise engine.nonsense(
            "answered without a lead in points and the ownership of 361 points; choose an engine"
            " that gives them"
        )
    return judge(judgement, game, winner, komi, found)


def text(command: str, version: str) -> str:
    """What made the labels, as a store keeps it: of the engine the program's name, its version, and
    the file name of the model in the command line; no folders."""
    words = words_of(command)
    # `nice katago analysis`
    program = words[words.index("analysis", 1) - 1] if "analysis" in words[1:] else words[0]
    model = ""
    for at, word in enumerate(words):
        option, sign, value = word.partition("=")
        if option in ("-model", "--model"):
            model = value if sign else words[at + 1] if at + 1 < len(words) else ""
    name, file = (re.split(r"[/\\]", path.rstrip("/\\"))[-1] for path in (program, model))
    name = re.sub(r"(?i)\.exe\Z", "", name)
    # KataGo says a number, this project's own engine says what it is; the program is an interpreter
    # then.
    about = {"engine": version} if version[:1].isalpha() else {"engine": name, "version": version}
    about |= {"model": file} if file else {}
    return json.dumps({"made_by": "go-label"} | about | {"rules": RULES, "visits": VISITS})
