"""What an analysis has found, as KataGo's analysis engine writes it: one JSON object."""

import hashlib
import math
from typing import Any

import numpy as np

from gocnn.board import BLACK, WHITE, Board, symmetry
from gocnn.board.coords import PASS, to_gtp
from gocnn.board.rules import NO_KO, flat_index, forbidden
from gocnn.engine.analysis import Analysis, MoveInfo
from gocnn.gtp.analysis_json.requests import Order
from gocnn.gtp.analyze import from_the_top, shown_ownership, shown_uncertainty


def answer(order: Order, turn: int, analysis: Analysis, partial: bool) -> dict[str, Any]:
    """The answer about one position, seen from whom the query's settings say. partial: the search
    goes on."""
    query, mover = order.query, analysis.colour
    asked = order.settings.report_analysis_winrates_as
    viewer = mover if asked == "SIDETOMOVE" else WHITE if asked == "WHITE" else BLACK
    board = analysis.game.board
    infos = analysis.moves(order.longest)
    found: dict[str, Any] = {
        "id": query.id,
        "isDuringSearch": partial,
        "turnNumber": turn,
        "moveInfos": [_info(info, rank, viewer != mover, order) for rank, info in enumerate(infos)],
    }
    if query.include_moves_ownership or query.include_moves_ownership_stdev:
        for values, estimate in zip(found["moveInfos"], analysis.estimates(), strict=True):
            if query.include_moves_ownership:
                values["ownership"] = shown_ownership(estimate, board, viewer)
            if query.include_moves_ownership_stdev:
                values["ownershipStdev"] = shown_uncertainty(estimate)
    whole = analysis.estimate()
    winrate = analysis.winrate if viewer == mover else 1 - analysis.winrate
    lead = whole.score_mean if viewer == BLACK else -whole.score_mean
    same, turned = hashes(board, mover)
    root: dict[str, Any] = {
        "currentPlayer": "B" if mover == BLACK else "W",
        "visits": analysis.visits,
        "weight": float(analysis.visits),
        "winrate": winrate,
        "utility": 2 * winrate - 1,
        "scoreLead": lead,
        "scoreSelfplay": lead,
        "scoreStdev": whole.score_stdev,
        "thisHash": same,
        "symHash": turned,
        "lcb": found["moveInfos"][0]["lcb"] if infos else winrate,
    }
    if math.isfinite(analysis.network_winrate):
        root["rawWinrate"] = (
            analysis.network_winrate if viewer == mover else 1 - analysis.network_winrate
        )
    if analysis.network_estimate:
        raw = (
            analysis.network_estimate.score_mean
            if viewer == BLACK
            else -analysis.network_estimate.score_mean
        )
        root |= {
            "rawLead": raw,
            "rawScoreSelfplay": raw,
            "rawScoreSelfplayStdev": analysis.network_estimate.score_stdev,
        }
    found["rootInfo"] = root
    if query.include_ownership:
        found["ownership"] = shown_ownership(whole, board, viewer)
    if query.include_ownership_stdev:
        found["ownershipStdev"] = shown_uncertainty(whole)
    if query.include_policy:
        p = np.where(analysis.legal, analysis.probabilities, -1.0)
        found["policy"] = [round(float(v), 6) for v in (*from_the_top(p[:PASS]).ravel(), p[PASS])]
    return found


def _info(info: MoveInfo, rank: int, flip: bool, order: Order) -> dict[str, Any]:
    """One move, seen from the side to move, or from the other if `flip`."""
    winrate, lead, lcb = (
        (1 - info.winrate, -info.lead, 1 - info.lcb)
        if flip
        else (info.winrate, info.lead, info.lcb)
    )
    values: dict[str, Any] = {
        "move": to_gtp(info.index),
        "order": rank,
        "visits": info.visits,
        "edgeVisits": info.visits,
        "weight": float(info.visits),
        "edgeWeight": float(info.visits),
        "winrate": winrate,
        "lcb": lcb,
        "prior": info.prior,
        "utility": -info.utility if flip else info.utility,
        "utilityLcb": 2 * lcb - 1,
        "scoreLead": lead,
        "scoreMean": lead,
        "scoreSelfplay": lead,
        "scoreStdev": info.spread,
        "pv": [to_gtp(index) for index in info.variation],
    }
    if order.query.include_pv_visits:
        values["pvVisits"] = values["pvEdgeVisits"] = list(info.variation_visits)
    if order.query.include_no_result_value:
        values["noResultValue"] = 0.0  # a game always ends with a score here
    return values


def hashes(board: Board, colour: int) -> tuple[str, str]:
    """Two texts that stand for a position with `colour` to play: one that no other has (of the
    stones, the side to play and the point that the ko forbids), and one that it shares with its
    turned and mirrored positions only."""
    state = np.append(board.stones().ravel().astype(np.uint8), 0)
    point = int(forbidden(board.state, colour))
    if point != NO_KO:
        state[flat_index(point, board.size)] = 4
    texts = []
    for turn in range(symmetry.SYMMETRIES):
        turned = np.empty_like(state)
        turned[symmetry.permutation(turn).astype(np.int64)] = state
        texts.append(
            hashlib.blake2b(turned.tobytes(), digest_size=16, key=bytes([colour]))
            .hexdigest()
            .upper()
        )
    return texts[0], min(texts)
