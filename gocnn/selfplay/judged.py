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
class Heard:
    """What an engine has said: how many games it has judged, how many it refused, and the first
    reason for that."""

    judged: int = 0
    refused: int = 0
    reason: str = ""

    @property
    def tried(self) -> int:
        return self.judged + self.refused


@dataclass
class Judgements(Heard):
    """What came of resigned games: how many agreed with the record, how many did not; of the labels
    the margins and how far their area is from the engine's lead, in points; and the games that
    disagreed, with the margin found (black's, komi subtracted)."""

    agreed: int = 0
    disagreed: int = 0
    margins: float = 0.0
    off: float = 0.0
    wrong: list[tuple[int, float]] = field(default_factory=list)


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
    games."""
    for game in games.tolist():
        start, setup, moves = (int(records[key][game]) for key in ("start", "setup", "moves"))
        position = EnginePosition.of_words(store.words[start : start + setup + moves], setup)
        yield question(position, float(komis[game]))


def question(position: EnginePosition, komi: float) -> dict[str, Any]:
    """What an engine is asked. White gets nothing for handicap stones, so that the lead and komi
    are the area of the board."""
    return query(
        position,
        RULES,
        asked_komi(komi),
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


def refused(engine: AnalysisEngine, answer: dict[str, Any], heard: Heard) -> bool:
    """Whether an engine gave a refusal instead of an answer; counted in `heard`. Raises UserError
    if it refuses everything."""
    if "error" not in answer and not answer.get("noResults"):
        return False
    heard.refused += 1
    heard.reason = heard.reason or " ".join(str(answer.get("error", "no result")).split())[:200]
    if heard.refused == REFUSES_ALL and not heard.judged:
        raise engine.nonsense(
            f"refused the first {REFUSES_ALL} games ({heard.reason}); no game was marked;"
            " choose another engine or model"
        )
    return True


def hear(
    engine: AnalysisEngine, answer: dict[str, Any], komi: float, heard: Heard
) -> Judgement | None:
    """What an engine answered to `question`; None where it refused. Counted in `heard`. Raises
    UserError if it is no judgement, or if every game is refused."""
    if refused(engine, answer, heard):
        return None
    judgement = read(answer, asked_komi(komi))
    if judgement is None:
        raise engine.nonsense(
            "answered without a lead in points and the ownership of 361 points; choose an engine"
            " that gives them"
        )
    heard.judged += 1
    return judgement


def answered(
    engine: AnalysisEngine,
    answer: dict[str, Any],
    found: Judgements,
    *,
    game: int,
    winner: int,
    komi: float,
) -> tuple[int, npt.NDArray[np.int8]]:
    """The same as `judge` of what an engine answered about a game: TRIED, too, where it refused.
    Raises UserError as `hear` does."""
    judgement = hear(engine, answer, komi, found)
    if judgement is None:
        return labels.TRIED, np.full(POINTS, labels.UNKNOWN, np.int8)
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
