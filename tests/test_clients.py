"""What board programs send, as their sources have it, and what they must be told: Lizzie, Sabaki,
GoGui, Kigo, q5Go, KGS, CGOS."""

import json
import re

import numpy as np
import pytest
from sgfmill import sgf

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.engine.rulesets import RULES, parse
from gocnn.gtp.protocol import serve
from tests.conftest import play_randomly
from tests.conversation import Scripted, engine_on, finished, talk


def test_lizzie(evaluator):
    answers = talk(
        evaluator,
        "0 name",
        "1 version",
        "2 boardsize 19",
        "3 komi 7.5",
        "4 time_settings 0 10 1",
        "5 play b Q16",
        "6 lz-analyze 10",
        "7 lz-analyze 10 avoid b q4,d16 1 avoid w q4,d16 1",
        "8 lz-genmove_analyze w 10",
        "9 heatmap",
        "10 clear_board",
        "11 fixed_handicap 4",
        "12 kata-analyze 10 ownership true",
        "13 name",
    )
    assert not any(answer.startswith("?") for answer in answers)
    assert re.search(r"^play [A-T]\d+$", answers[8], re.M)
    *rows, passed, win = answers[9].strip("\n").split("\n")
    assert [len(row.split()) for row in rows] == [19] * 19
    assert (
        abs(
            sum(int(v) for row in rows for v in row.split())
            + int(passed.removeprefix("pass: "))
            - 1000
        )
        < 50
    )
    assert 0 < float(win.removeprefix("winrate: ")) < 1


def test_a_board_of_another_size(evaluator):
    """What Lizzie 0.7 sends when it opens a record of a 9x9 game: it shows whatever comes back, so
    nothing about the position may."""
    answers = talk(
        evaluator,
        "1 name",
        "2 version",
        "3 boardsize 19",
        "4 komi 7.5",
        "5 clear_board",
        "6 komi 7.5",
        "7 clear_board",
        "8 komi 7.5",
        "9 boardsize 9",
        "10 kata-analyze 10",
        "11 play B E5",
        "12 kata-analyze 10 ownership true",
        "13 genmove W",
        "14 komi 7.5",
        "15 name",
        "16 boardsize 19",
        "17 play B E5",
    )
    assert answers[8] == "?unacceptable size: this engine plays on 19x19 only"
    assert all(answer.startswith("?this engine plays on 19x19 only") for answer in answers[9:13])
    assert answers[13:] == ["", "gocnn", "", ""]


def test_kigo_begins_with_a_board_of_nine(evaluator):
    """Kigo 22.12 as it starts, with its default size and handicap, then with 19x19 chosen."""
    answers = talk(
        evaluator,
        "name",
        "version",
        "clear_board",
        "list_stones black",
        "captures white",
        "boardsize 9",
        "fixed_handicap 4",
        "list_stones black",
        "level 1",
        "genmove white",
        "boardsize 19",
        "fixed_handicap 4",
        "list_stones black",
        "komi 4.5",
    )
    refused = "?this engine plays on 19x19 only, and the board size asked for last was another"
    assert answers[3:] == [
        "",
        "0",
        "?unacceptable size: this engine plays on 19x19 only",
        refused,
        refused,
        "",
        refused,
        "",
        "D4 Q16 D16 Q4",
        "D4 Q4 D16 Q16",
        "",
    ]


def test_kigo_sees_a_pass(evaluator):
    """It takes GNU Go's `PASS` alone for one: `pass` it shows as a stone on P0, and the game never
    ends."""
    over = [*finished(), "play black pass", "level 1", "genmove white", "final_status_list dead"]
    assert talk(evaluator, *over)[-2:] == ["PASS", ""]
    assert talk(evaluator, *(command for command in over if command != "level 1"))[-2] == "pass"


def test_a_reverse_komi_can_lose_a_won_board(evaluator):
    """Quarry's and Kigo's dialogues take a komi of any size. White has all of the board that there
    is to have, and no board makes up for 400 points: it says so, and resigns as Kigo asks for
    moves."""
    ring = [f"{c}{r}" for c in "CDEFGHJKLMNOPQR" for r in range(3, 18) if c in "CR" or r in (3, 17)]
    edge = [f"{c}{r}" for c in "BDFHKMOQS" for r in (1, 19)]
    edge += [f"{c}{r}" for c in "AT" for r in range(2, 19, 2)]
    edge += ["pass"] * (len(ring) - len(edge))
    game = [
        f"play {c} {v}"
        for pair in zip(edge, ring, strict=True)
        for c, v in zip("bw", pair, strict=True)
    ]
    (analysed,) = talk(
        evaluator, "komi -400", *game, "play b pass", "kata-search_analyze w maxmoves 1", visits=3
    )[-1:]
    assert float(re.findall(r"winrate (\S+)", analysed)[0]) < 0.01
    turns = ["play black pass", "level 10", "genmove white"] * 3
    answers = talk(evaluator, "boardsize 19", "komi -400", *game, *turns, resign=0.1)[-9:]
    assert answers[::3] == answers[1::3] == [""] * 3
    assert answers[8] == "resign"


@pytest.mark.parametrize("command", ["lz-analyze", "kata-analyze", "lz-genmove_analyze"])
def test_an_analysis_has_begun_before_it_is_worked_out(evaluator, monkeypatch, command):
    """A program sees at once that the command was taken; on a machine's first start the kernels are
    compiled after that."""
    from gocnn.gtp.analyze import Request

    lines, written = Scripted([f"7 {command} 10".encode()]), []
    monkeypatch.setattr(Request, "analysis", lambda *_: written.append("looked at"))
    serve(engine_on(lines, evaluator).commands, lines, written.append)
    assert written[:2] == ["=7\n", "looked at"]


def test_katrain_does_not_paint_every_move_as_a_mistake(scoreless):
    """It shows what a move loses against `rootInfo`: nothing for the best one, whatever a few
    playouts say."""
    for colour in "bw":
        (row,) = talk(
            scoreless,
            "komi 6.5",
            "play b D3",
            "play w D16",
            "play b R4",
            f"kata-analyze {colour} 1 rootInfo true maxmoves 8",
        )[4:]
        for line in row.strip().split("\n"):
            leads = [float(text) for text in re.findall(r"scoreLead (\S+)", line)]
            assert max(leads) == leads[0] >= leads[-1]


def test_kigo(evaluator, tmp_path):
    saved = tmp_path / "a game.sgf"
    moves = play_randomly(5, 60)
    played = [f"play {'bw'[colour - 1]} {to_gtp(index)}" for index, colour in moves]
    lines = Scripted([])
    engine = engine_on(lines, evaluator)

    def ask(command: str) -> str:
        name, *arguments = command.split()
        answer = engine.commands[name](arguments)
        assert isinstance(answer, str)
        return answer

    assert [
        ask(text)
        for text in (
            "boardsize 19",
            "komi 6.5",
            "fixed_handicap 3",
            "query_boardsize",
            "get_komi",
            "get_handicap",
            "level 8",
        )
    ] == ["", "", "D4 Q16 D16", "19", "6.5", "3", ""]
    assert ask("list_stones black") == "D4 D16 Q16"
    assert ask("list_stones white") == ask("move_history") == ""
    ask("clear_board")
    for command in played:
        ask(command)
    board = engine.game.board
    stones = board.stones().ravel()
    for colour, name in ((BLACK, "black"), (WHITE, "white")):
        assert [from_gtp(v) for v in ask(f"list_stones {name}").split()] == np.flatnonzero(
            stones == colour
        ).tolist()
        assert [from_gtp(v) for v in ask(f"all_legal {name}").split()] == np.flatnonzero(
            board.legal(colour)[:-1]
        ).tolist()
        assert ask(f"captures {name}") == str(board.captured()[colour - 1])
        top = ask(f"top_moves_{name}").split()
        assert len(top) == 20
        assert all(board.legal(colour)[from_gtp(v)] for v in top[::2])
    assert ask("move_history").split("\n")[::-1] == [
        f"{'black' if c == BLACK else 'white'} {to_gtp(i)}" for i, c in moves
    ]
    assert ask("last_move") == ask("move_history").split("\n")[0]
    for index in np.flatnonzero(stones):
        free = set(ask(f"findlib {to_gtp(int(index))}").split())
        assert len(free) == int(ask(f"countlib {to_gtp(int(index))}"))
        mine = board.chain_ids() == board.chain_ids()[index]
        near = {int(i) + s for i in np.flatnonzero(mine & (stones > 0)) for s in (-19, 19)}
        assert {v for v in near if 0 <= v < 361 and not stones[v]} <= {from_gtp(v) for v in free}
        assert ask(f"color {to_gtp(int(index))}") == (
            "black" if stones[index] == BLACK else "white"
        )
    ask(f"printsgf {saved}")
    written = sgf.Sgf_game.from_bytes(saved.read_bytes())
    assert [node.get_move() for node in written.get_main_sequence()[1:]] == [
        ("bw"[c - 1], divmod(i, 19) if i < 361 else None) for i, c in moves
    ]
    assert written.get_komi() == 6.5
    assert ask(f"loadsgf {saved}") == ("black" if moves[-1][1] == WHITE else "white")
    assert (engine.game.board.stones().ravel() == stones).all()
    ask(f"loadsgf {saved} 0")  # how it counts the moves of a record
    assert len(ask("move_history").split("\n")) == 60
    ask(f"loadsgf {saved} 11")
    assert engine.game.board.moves == moves[:10]
    assert [p.name for p in tmp_path.iterdir()] == ["a game.sgf"]


def test_gogui(evaluator):
    answers = talk(
        evaluator,
        "gogui-setup b D4 b Q16 w C3",
        "gogui-setup_player w",
        "showboard",
        "gogui-play_sequence w D3 b E4 w pass",
        "gg-undo 2",
        "last_move",
        "gg-undo 5",
        "gogui-setup b A1",
        "gogui-play_sequence b A1 w A1",
        "last_move",
        "gg-undo",
        "showboard",
        "# interrupt",
        "gogui-interrupt",
    )
    assert answers[:2] == ["", ""]
    assert answers[2] == answers[11]
    assert "white to play" in answers[2]
    assert (
        answers[3:11]
        == [
            "",
            "",
            "white D3",
            "?cannot undo",
            "?board not empty",
            "?illegal move",
            "white D3",
            "",
            answers[2],
        ][:8]
    )
    assert answers[12] == ""


def test_a_sequence_that_cannot_be_played_changes_nothing(evaluator):
    """Not even whose turn it is."""
    for before in ("play b D4", "gogui-setup_player w"):
        answers = talk(evaluator, before, "showboard", "play_sequence b A1 b A1", "showboard")
        assert "white to play" in answers[1]
        assert answers[2:] == ["?illegal move", answers[1]]


def test_sabaki_reads_no_dialect_twice(evaluator):
    """Sabaki takes what `analyze` says for ten-thousandths, KataGo's `analyze` says it in
    fractions: it is not offered, so `kata-analyze` is taken."""
    commands = talk(evaluator, "list_commands")[0].split("\n")
    assert not {"analyze", "genmove_analyze"} & set(commands)
    assert {"kata-analyze", "lz-analyze", "kata-genmove_analyze", "set_free_handicap"} <= set(
        commands
    )


def test_q5go(evaluator):
    rules = (
        '{"hasButton":false,"ko":"POSITIONAL", "scoring":"AREA", "suicide":false, "tax":"ALL",'
        ' "whiteHandicapBonus":"N"}'
    )
    answers = talk(
        evaluator,
        "protocol_version",
        "boardsize 19",
        "rectangular_boardsize 19 19",
        "rectangular_boardsize 19 13",
        "clear_board",
        "komi 6.5",
        "known_command kata-analyze",
        "known_command kata-set-rules",
        f"kata-set-rules {rules}",
        "kata-get-rules",
        "time_settings 1 1 0",
        "known_command known_command",
    )
    assert answers[3] == "?unacceptable size: this engine plays on 19x19 only"
    assert parse(answers[9]) == parse(rules)
    assert answers[6:9] == ["true", "true", ""]
    assert answers[10:] == ["", "true"]


def test_kgs(evaluator):
    answers = talk(
        evaluator,
        "kgs-rules chinese",
        "kata-get-rules",
        "kgs-rules new_zealand",
        "kata-get-rules",
        "kgs-rules japanese",
        "kata-get-rules",
        "kgs-rules",
        "kgs-rules house",
        "kgs-time_settings byoyomi 600 30 5",
        "time_left b 30 5",
        "kgs-game_over",
        "kgs-chat game x hello",
    )
    for place, name in ((1, "chinese-kgs"), (3, "new-zealand"), (5, "japanese")):
        assert json.loads(answers[place]) == RULES[name].to_json()
    assert answers[6].startswith("?")
    assert answers[7].startswith("?unknown rules")
    assert answers[8:] == ["", "", "", "?unknown command"]


def test_cgos(evaluator):
    analysed, board = talk(evaluator, "play b Q16", "cgos-genmove_analyze w", "showboard")[1:]
    row, move = analysed.strip().split("\n")
    values = json.loads(row)
    assert set(values) == {"winrate", "score", "visits", "moves", "ownership"}
    assert len(values["ownership"]) == 361
    assert re.fullmatch(r"play ([A-T]\d+|pass|resign)", move)
    assert board.count("O") == 2 + 1  # the letter of two columns' rows, and the stone
    for info in values["moves"]:
        assert set(info) == {"move", "visits", "winrate", "score", "prior", "pv"}
        assert not info["pv"].startswith(info["move"])
