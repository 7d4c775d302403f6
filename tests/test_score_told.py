"""A network that knows the score is told faithfully: every channel against what the rule of
`tests.knower` says of the board itself."""

import json
import re

import numpy as np
import pytest

from gocnn.board import BLACK, WHITE, Board, symmetry
from gocnn.board.coords import PASS, from_gtp, to_gtp
from gocnn.engine.analysis import Analysis
from gocnn.engine.forecast import Forecast
from gocnn.engine.game import FIXED_HANDICAP, Game
from gocnn.engine.player import RESIGN, Player
from gocnn.engine.rulesets import RULES
from gocnn.gtp.analysis_json.session import Answerer
from tests.conftest import play_randomly
from tests.conversation import Scripted, finished, read_kata, talk
from tests.knower import SPREAD, Knower, truth, win_for_black

MOVES = play_randomly(3, 41)


def board_after(moves=MOVES) -> Board:
    board = Board()
    for index, colour in moves:
        board.play(index, colour)
    return board


def played(moves=MOVES) -> list[str]:
    return [f"play {'bw'[colour - 1]} {to_gtp(index)}" for index, colour in moves]


def from_the_top(values: np.ndarray) -> np.ndarray:
    return values.reshape(19, 19)[::-1].ravel()


DRIFT = 15.0
"""Points by which the mean over a search may differ from the position that it began with, for each
move that it looked ahead: a stone is worth no more to the knower. How far a search looks in a given
time depends on the machine."""


def ask(evaluator, **values) -> dict:
    """The last answer to one query."""
    query = {
        "id": "q",
        "moves": [["BW"[c - 1], to_gtp(i)] for i, c in MOVES],
        "rules": "chinese",
        "komi": 6.5,
        "maxVisits": 30,
    } | values
    written: list[str] = []
    Answerer(Player(evaluator), Scripted([json.dumps(query).encode()], 10**9), written.append).run()
    answers = [json.loads(line) for line in written]
    assert not [a for a in answers if "error" in a or "warning" in a]
    return answers[-1]


# --- the bare network
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["b", "w"])
@pytest.mark.parametrize("turn", range(8))
def test_the_bare_network_through_every_symmetry(colour: str, turn: int) -> None:
    rows = talk(Knower(), *played(), "komi 3.5", f"kata-raw-nn {colour} {turn}")[-1].split("\n")
    said = dict(row.split() for row in rows if re.fullmatch(r"\w+ -?[\d.]+|\w+ nan", row))
    owner = truth(board_after())
    lead = owner.sum() - 3.5
    assert float(said["whiteLead"]) == pytest.approx(-lead, abs=2e-3)
    assert float(said["whiteScoreSelfplaySq"]) == pytest.approx(lead**2 + SPREAD**2, rel=1e-3)
    assert float(said["whiteWin"]) == pytest.approx(1 - win_for_black(owner.sum(), 3.5), abs=1e-5)
    start = rows.index("whiteOwnership") + 1
    shown = [float(v) for row in rows[start : start + 19] for v in row.split()]
    assert shown == pytest.approx(-from_the_top(owner), abs=2e-5)


def test_the_heat_map_counts_komi() -> None:
    for komi in (-50.5, 6.5, 100.5):
        told = float(
            re.findall(
                r"winrate: ([\d.]+)",
                talk(Knower(), *played(), f"komi {komi}", "heatmap average")[-1],
            )[0]
        )
        assert told == pytest.approx(
            1 - win_for_black(truth(board_after()).sum(), komi), abs=1e-5
        ), "white is to play"


# --- analyses
# -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["b", "w"])
def test_an_analysis_by_protocol(colour: str) -> None:
    """Leads and ownership after each move, and those of the position, seen from the side to
    move."""
    asked = (
        "rootInfo true ownership true movesOwnership true ownershipStdev true movesOwnershipStdev"
        " true"
    )
    line = (
        talk(Knower(), *played(), "komi 5.5", f"kata-analyze {colour} 10 maxmoves 100 {asked}")[-1]
        .strip()
        .split("\n")[-1]
    )
    infos, root, ownership = read_kata(line)
    board, sign = board_after(), 1 if colour == "b" else -1
    board.to_play = BLACK if colour == "b" else WHITE
    exact = 0
    for info in infos:
        after = board.copy()
        after.play(from_gtp(info["move"]))
        owner = truth(after)
        within = 1e-3 if info["visits"] < 2 else DRIFT * (len(info["pv"]) - 1)
        assert (
            info["scoreLead"]
            == info["scoreMean"]
            == pytest.approx(sign * (owner.sum() - 5.5), abs=within)
        )
        assert info["scoreStdev"] == pytest.approx(SPREAD, rel=1e-4)
        if info["visits"] > 1:
            continue
        exact += 1
        assert info["movesOwnership"] == pytest.approx(sign * from_the_top(owner), abs=1e-3)
        assert info["movesOwnershipStdev"] == pytest.approx(
            np.sqrt(1 - from_the_top(owner) ** 2), abs=1e-3
        )
    assert exact > 10
    assert root["scoreLead"] == pytest.approx(
        sign * (truth(board).sum() - 5.5), abs=DRIFT * len(infos[0]["pv"])
    )
    sure = np.abs(from_the_top(truth(board))) > 0.9
    assert (np.sign(ownership)[sure] == np.sign(sign * from_the_top(truth(board)))[sure]).all()
    assert root["ownershipStdev"] == pytest.approx(np.sqrt(1 - np.square(ownership)), abs=1e-3)


@pytest.mark.parametrize("viewer", ["BLACK", "WHITE", "SIDETOMOVE"])
@pytest.mark.parametrize("turn", [40, 41])
def test_an_analysis_by_query(viewer: str, turn: int) -> None:
    found = ask(
        Knower(),
        analyzeTurns=[turn],
        overrideSettings={"reportAnalysisWinratesAs": viewer},
        includeOwnership=True,
        includeMovesOwnership=True,
        maxVisits=6,
    )
    board = board_after(MOVES[:turn])
    sign = {"BLACK": 1, "WHITE": -1, "SIDETOMOVE": 1 if turn % 2 == 0 else -1}[viewer]
    lead = truth(board).sum() - 6.5
    assert found["rootInfo"]["rawLead"] == pytest.approx(sign * lead, abs=1e-3)
    win = win_for_black(lead + 6.5, 6.5)
    assert found["rootInfo"]["rawWinrate"] == pytest.approx(win if sign == 1 else 1 - win, abs=1e-5)
    assert found["rootInfo"]["rawScoreSelfplayStdev"] == pytest.approx(SPREAD, rel=1e-4)
    exact = 0
    for info in found["moveInfos"]:
        after = board.copy()
        after.play(from_gtp(info["move"]))
        mine = sign * (truth(after).sum() - 6.5)
        assert info["scoreLead"] == pytest.approx(mine, abs=1e-3 if info["visits"] < 2 else DRIFT)
        if info["visits"] < 2:
            exact += 1
            assert info["ownership"] == pytest.approx(sign * from_the_top(truth(after)), abs=1e-3)
    assert exact > 5
    assert found["rootInfo"]["scoreLead"] == pytest.approx(sign * lead, abs=DRIFT)
    sure = np.abs(from_the_top(truth(board))) > 0.9
    assert (
        np.sign(found["ownership"])[sure] == np.sign(sign * from_the_top(truth(board)))[sure]
    ).all()


def test_servers_and_boards_see_it_from_their_side() -> None:
    from gocnn.gtp.searches import LETTERS

    rows = talk(Knower(), *played(), "komi 7.5", "cgos-genmove_analyze w")[-1].strip().split("\n")
    said = json.loads(rows[0])
    after = board_after()
    after.play(from_gtp(said["moves"][0]["move"]))
    assert said["score"] == pytest.approx(-(truth(after).sum() - 7.5), abs=DRIFT)
    shown, sure = (
        np.array([LETTERS.index(c) / 31 - 1 for c in said["ownership"]]),
        np.abs(from_the_top(truth(after))) > 0.9,
    )
    assert (np.sign(shown)[sure] == -np.sign(from_the_top(truth(after)))[sure]).all()
    grid, commands = talk(Knower(), *played(), "gocnn-ownership", "gogui-analyze_commands")[-2:]
    assert [float(v) for v in grid.split()] == pytest.approx(
        from_the_top(truth(board_after())), abs=1e-3
    ), "always black's"
    assert "dboard/Ownership/gocnn-ownership" in commands.split("\n")


def test_the_position_may_be_asked_for_through_all_symmetries_and_children_once() -> None:
    knower = Knower()
    game = Game()
    for index, colour in MOVES:
        game.play(index, colour)
    analysis = Analysis(Player(knower, symmetries=8), game, WHITE)
    assert knower.asked == 8
    analysis.moves()
    analysis.estimates()
    assert knower.asked == 8 + len(analysis.candidates)
    assert analysis.network_estimate is not None
    assert analysis.network_estimate.owner == pytest.approx(truth(game.board), abs=1e-5)


def test_a_bias_for_the_side_to_play_cancels() -> None:
    """A network that thinks whoever is to play four points better off: the position stands between
    itself and what follows, so no move is painted as a loss for that alone."""
    board = board_after()
    after = board.copy()
    after.play(from_gtp("K10"))
    knower = Knower(tempo=4.0)
    analysis = Analysis(Player(knower), game_of(board), WHITE)
    raw = analysis.network_estimate
    assert raw is not None
    assert raw.score_mean == pytest.approx(truth(board).sum() - 4 - 6.5, abs=1e-3)
    plain = Analysis(Player(Knower()), game_of(board), WHITE).estimate().score_mean
    assert analysis.estimate().score_mean == pytest.approx(plain, abs=1e-3)
    foreseen = Forecast(knower, raw, [after], [6.5], 0)
    assert foreseen.whole(np.array([0.3])).score_mean == pytest.approx(
        (raw.score_mean + foreseen.after[0].score_mean) / 2
    )
    analysis.advance(1e6, lambda: False, visits=10)
    assert abs(analysis.estimate().score_mean - plain) < 8


def game_of(board: Board, **values) -> Game:
    game = Game(**values)
    for index, colour in board.moves:
        game.play(index, colour)
    return game


# --- komi, handicap, rules
# ----------------------------------------------------------------------------------------------------------------


def test_komi_decides_who_wins() -> None:
    """Whatever else: with a hundred points of komi white wins, and black with as many the other
    way, whoever is to play, with and without a search."""
    for moves in (MOVES, MOVES[:-1], []):
        lead = truth(board_after(moves)).sum()
        for komi, black in ((lead + 100.5, 0.01), (lead - 100.5, 0.99)):
            found = ask(
                Knower(),
                moves=[["BW"[c - 1], to_gtp(i)] for i, c in moves],
                komi=round(2 * komi) / 2,
                maxVisits=20,
            )
            for said in (
                found["rootInfo"]["winrate"],
                found["rootInfo"]["rawWinrate"],
                found["moveInfos"][0]["winrate"],
            ):
                assert said == pytest.approx(black, abs=0.02)
            assert (found["rootInfo"]["scoreLead"] > 0) == (black > 0.5)


def test_a_network_without_a_score_answers_as_before(scoreless) -> None:
    """The winner it foresees knows no komi, and is told as it is."""
    said = [
        float(
            re.findall(
                r"whiteWin ([\d.]+)",
                talk(scoreless, "play b Q16", f"komi {komi}", "kata-raw-nn 0")[-1],
            )[0]
        )
        for komi in (6.5, 100.5)
    ]
    assert said[0] == said[1]


def test_white_is_paid_for_handicap_stones_as_the_rules_say() -> None:
    lead = {}
    stones = [["B", vertex] for vertex in FIXED_HANDICAP[4].split()]
    board = Board()
    board.set_up([from_gtp(v) for v in FIXED_HANDICAP[4].split()], [], WHITE)
    for rules in ("chinese", "aga", "tromp-taylor", "japanese"):
        lead[rules] = ask(Knower(), moves=[], initialStones=stones, rules=rules, komi=0.5)[
            "rootInfo"
        ]["rawLead"]
    area = truth(board).sum() - 0.5
    assert lead == pytest.approx(
        {"chinese": area - 4, "aga": area - 3, "tromp-taylor": area, "japanese": area - 4 + 0.5},
        abs=1e-3,
    )


@pytest.mark.parametrize("count", [40, 41])
def test_territory_is_area_without_the_stones_that_were_put_down(count: int) -> None:
    """Black has put down as many stones as white, or one more; who is to play may get the last
    neutral point."""
    found = ask(Knower(), rules="japanese", analyzeTurns=[count])
    board = board_after(MOVES[:count])
    assert found["rootInfo"]["rawLead"] == pytest.approx(
        truth(board).sum() - 6.5 - (0.5 if count % 2 == 0 else 1 - 0.5), abs=1e-3
    )


def test_a_pass_costs_nothing_where_territory_counts() -> None:
    game = game_of(board_after(MOVES[:40]), rules=RULES["japanese"])
    for colour in (BLACK, WHITE):
        twin = game.copy()
        twin.board.to_play = colour
        expected = twin.area_komi_for(colour)
        for index in (361, int(np.flatnonzero(twin.board.legal())[0])):
            after = twin.copy()
            after.play(index, colour)
            assert after.area_komi == twin.area_komi_after(index, colour)
            assert (twin.area_komi_after(index, colour) == expected) == (index != 361)


# --- the end
# ------------------------------------------------------------------------------------------------------------------------------


def test_the_score_is_foreseen_while_the_game_goes_on_and_counted_after_it() -> None:
    lead = truth(board_after()).sum()
    for komi in (6.5, 7.0, -20.5):
        (said,) = talk(Knower(), *played(), f"komi {komi}", "final_score")[-1:]
        margin = (1 if said[0] == "B" else -1) * float(said[2:])
        assert (margin + komi) % 1 == 0, "a result that there can be"
        assert abs(margin - (lead - komi)) <= 0.5
    assert talk(Knower(), *finished(), "komi 6.5", "final_score")[-1] == "W+25.5"
    assert (
        talk(Knower(), *finished(), "komi 6.5", "play b pass", "play w pass", "final_score")[-1]
        == "W+25.5"
    )
    assert (
        talk(Knower(), *played(), "komi 6.5", "estimate_score")[-1]
        == talk(Knower(), *played(), "komi 6.5", "final_score")[-1]
    )


@pytest.mark.parametrize("visits", [0, 5])
def test_it_resigns_what_the_network_knows_to_be_lost(visits: int) -> None:
    moves = play_randomly(5, 120)
    lead = truth(board_after(moves)).sum()
    for colour in (BLACK, WHITE):
        for komi, lost in ((lead + 150, BLACK), (lead - 150, WHITE)):
            player, game = (
                Player(Knower(), resign=0.1, visits=visits),
                game_of(board_after(moves), komi=float(komi)),
            )
            decisions = []
            for _ in range(3):
                decisions.append(player.decide(game, colour).index)
                game.play(PASS, colour)
                game.play(PASS, 3 - colour)
            assert (decisions[-1] == RESIGN) == (colour == lost)
            assert RESIGN not in decisions[:2]


def test_turning_back_is_what_the_planes_do() -> None:
    """The knower itself: turned planes give the turned ownership."""
    from gocnn.policy.suggestion import planes_of

    board = board_after()
    for turn in range(8):
        said = (
            Knower()
            .outputs(planes_of(board, [], ("stones",), conditioning=0, symmetries=(turn,)))
            .owner[0]
        )
        assert -said[symmetry.permutation(turn)[:361].astype(int)] == pytest.approx(
            truth(board), abs=1e-5
        ), "white is to play"
