"""What board programs send, as their sources have it, and what they must be told: Lizzie, Sabaki,
GoGui, Kigo, q5Go, KGS, CGOS, KataGo's own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sgfmill import sgf

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.commands import main
from gocnn.engine.limits import MOST_VISITS
from gocnn.engine.rulesets import RULES, parse
from gocnn.gtp.clients import version_of
from gocnn.gtp.protocol import serve
from tests.conftest import ROOT, play_randomly
from tests.conversation import Scripted, answer_of, engine_on, finished, send, talk

CASES = Path(__file__).parent / "cases" / "go"


def case(name: str) -> list[str]:
    return (CASES / name).read_text().splitlines()


# --- names
# ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Leela Zero", "leela zero 0.17", "Leela", "KataGo", "katago", "My engine"]
)
def test_lizzie_takes_the_version(name):
    """Lizzie: the second number of the first word after the sign is a whole one, 15 at least,
    unless the engine is KataGo."""
    version = version_of(name, "small.onnx")
    assert version is not None
    minor = int(version.split(" ")[0].split(".")[1])
    assert name.lower().startswith("katago") or minor >= 15
    assert "gocnn" in version


def test_the_own_name_has_the_own_version():
    assert version_of("gocnn", "small.onnx") is None


def test_a_name_on_the_command_line():
    command = [
        sys.executable,
        "cli.py",
        "go-gtp",
        "--name",
        "Leela Zero",
        "--threads",
        "1",
        "--rules",
        "new zealand",
    ]
    told = (
        subprocess.run(
            command, cwd=ROOT, input=b"name\nversion\nkata-get-rules\n", capture_output=True
        )
        .stdout.decode()
        .split("\n\n")
    )
    assert told[:2] == ["= Leela Zero", f"= {version_of('Leela Zero', 'small.onnx')}"]
    assert json.loads(told[2][2:]) == RULES["new-zealand"].to_json()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--name", "a\nb"], "one line"),
        (["--name", " "], "one line"),
        (["--gtp-version", "1\t2"], "one line"),
        (["--rules", "house"], "unknown rules 'house': choose "),
        (["--rules", "japanise"], "did you mean japanese?"),
        (["--rules", "New Zeland"], "did you mean new-zealand?"),
        (["--rules", '{"ko":"SPIGHT"}'], "rule ko is one of"),
        (["--rules", "aga-button"], "button"),
    ],
)
def test_options_that_cannot_be(options, why):
    answer = CliRunner().invoke(main, ["go-gtp", *options])
    assert answer.exit_code == 2
    assert why in " ".join(answer.output.split())


# --- scoring through the protocol
# --------------------------------------------------------------------------------------------------------------


def test_handicap_under_chinese_rules(scoreless):
    assert talk(scoreless, *case("handicap_score.gtp"))[3] == "B+358.5"


def test_final_score_of_the_empty_board(scoreless):
    """Counted, as it stands; a network that knows the score says how it would end."""
    for name in RULES:
        assert talk(
            scoreless, "komi 7.5", f"kata-set-rules {name}", "final_score", "estimate_score"
        )[1:] == ["", "W+7.5", "W+7.5"]


def test_prisoners_and_points_of_a_divided_board(evaluator):
    """Black has columns A to C, white D to T; a white stone is dead at A10, another was captured at
    A1."""
    moves = [move for row in range(1, 20) for move in (f"play b C{row}", f"play w D{row}")]
    moves += ["play w A1", "play b A2", "play w A10", "play b B1", "play w pass", "play b pass"]
    answers = talk(
        evaluator,
        "komi 0.5",
        *moves,
        "kata-set-rules japanese",
        "final_score",
        "captures black",
        "kata-set-rules chinese",
        "final_score",
        "kata-set-rules tromp-taylor",
        "final_score",
        "final_status_list dead",
        "kata-set-rules chinese",
        "final_status A10",
        "final_status C1",
        "final_status A19",
        "final_status T19",
    )[len(moves) + 1 :]
    # Territory: black 2 * 19 points less two stones of its own, two prisoners; white 15 * 19. Area:
    # 3 * 19 against 16 * 19.
    assert answers[1] == f"W+{15 * 19 - (2 * 19 - 2 + 2) + 0.5:g}"
    assert answers[2] == "1"
    assert answers[4] == f"W+{16 * 19 - 3 * 19 + 0.5:g}"
    # Tromp and Taylor: the game is over and A10 stands, so all that touches it is nobody's: black
    # has its 19 + 2 stones and A1.
    assert answers[6] == f"W+{16 * 19 + 1 - 22 + 0.5:g}"
    assert answers[7] == ""
    assert answers[9:] == ["dead", "alive", "black_territory", "white_territory"]


# --- each program's habits
# ------------------------------------------------------------------------------------------------------------------------


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


# --- KataGo's
# ---------------------------------------------------------------------------------------------------------------------------------------


def test_searches_leave_the_board_alone(evaluator):
    before, move, rows, cancelled, after = talk(
        evaluator,
        "showboard",
        "kata-search b",
        "kata-search_analyze b 10",
        "kata-search_analyze_cancellable b 10",
        "showboard",
    )
    assert before == after
    assert re.fullmatch(r"[A-T]\d+", move)
    assert re.search(r"^info move .*\nplay [A-T]\d+$", rows, re.M)
    assert re.search(r"^play ([A-T]\d+|cancelled)$", cancelled, re.M)
    engine = engine_on(Scripted([], patience=-1), evaluator, visits=100_000)
    assert engine.commands["kata-search_cancellable"](["b"]) == "cancelled"


def test_positions_set(evaluator):
    answers = talk(
        evaluator,
        "play b D4",
        "set_position b A1 w T19 b C3",
        "list_stones b",
        "list_stones w",
        "undo",
        "captures b",
        "set_position b A1 w A1",
        "set_position b A2 b B1 w A1",
        "set_position b",
        "set_position b pass",
        "set_position b Z1",
        "list_stones b",
        "set_position",
        "list_stones b",
        "last_move",
    )
    assert answers[1:6] == ["", "A1 C3", "T19", "?cannot undo", "0"]
    assert all(answer.startswith("?") for answer in answers[6:11])
    assert answers[11:] == ["A1 C3", "", "", "?no previous move known"]


def test_parameters(evaluator):
    answers = talk(
        evaluator,
        "kata-set-param maxVisits 50",
        "kata-get-param maxVisits",
        "kata-set-param maxVisits 1125899906842624",
        "kata-get-param maxVisits",
        "kata-set-param analysisWideRootNoise 0",
        "kata-set-param analysisWideRootNoise 0.04",
        "kata-get-param playoutDoublingAdvantage",
        "kata-get-param nonsense",
        'kata-set-params {"maxTime": 2.5, "chosenMoveTemperature": 0.5}',
        "kata-get-param maxTime",
        'kata-set-params {"maxTime": 7, "maxVisits": -3}',
        "kata-get-param maxTime",
        "kata-set-params [1]",
        "kata-set-params {",
        "kata-set-param maxVisits 1.5",
        "kata-set-param maxTime nan",
        "kata-set-param humanSLProfile",
        "kata-set-param humanSLProfile rank_1d",
        "kata-list-params",
        "kata-get-params",
    )
    assert answers[:5] == ["", "50", "", str(MOST_VISITS), ""]
    assert answers[5] == "?could not set params: analysisWideRootNoise is always 0.0 in this engine"
    assert answers[6] == "0.0"
    assert answers[7] == "?invalid parameter: nonsense"
    assert answers[8:10] == ["", "2.5"]
    assert answers[10].startswith("?")
    assert answers[11] == "2.5"
    assert all(answer.startswith("?") for answer in answers[12:16])
    assert answers[16] == ""
    assert answers[17].startswith("?")
    assert set(answers[18].split()) == set(json.loads(answers[19]))


def test_options_of_leela_zero(evaluator):
    answers = talk(
        evaluator,
        "lz-setoption name Visits value 50",
        "lz-setoption",
        "lz-setoption name Resign Percentage value 10",
        "lz-setoption name Pondering value false",
        "lz-setoption name Pondering value true",
        "lz-setoption name Visits",
        "lz-setoption name Visits value x",
        "lz-setoption name Resign Percentage value 99",
        "heatmap average",
        "heatmap 9",
    )
    assert answers[0] == answers[2] == answers[3] == ""
    assert "option name Visits type spin default 50" in answers[1]
    assert all(answer.startswith("?") for answer in (*answers[4:8], answers[9]))
    assert not answers[8].startswith("?")


def test_rules_by_every_form(evaluator):
    for name, rules in RULES.items():
        answers = talk(
            evaluator,
            f"kata-set-rules {name}",
            "kata-get-rules",
            "kata-set-rules chinese",
            "kata-get-rules",
        )
        assert parse(answers[1]) == rules
    answers = talk(
        evaluator,
        "kata-set-rule ko SITUATIONAL",
        "kata-set-rule whiteHandicapBonus N-1",
        "kata-set-rule suicide true",
        "kata-get-rules",
        "kata-set-rule ko",
        "kata-set-rule ko SPIGHT",
        "kata-set-rules aga-button",
        "kata-get-rules",
    )
    assert json.loads(answers[3]) == RULES["chinese-kgs"].to_json() | {
        "ko": "SITUATIONAL",
        "whiteHandicapBonus": "N-1",
        "suicide": True,
    }
    assert all(answer.startswith("?") for answer in answers[4:7])
    assert answers[7] == answers[3]


# --- as a process
# -------------------------------------------------------------------------------------------------------------------------------------


def test_records_are_not_read_from_the_protocol_itself(process):
    """With the pipe left open: a refusal, and the next command is answered."""
    for line in [
        *case("loadsgf_stdin.gtp")[:-1],
        "loadsgf /dev/stdin",
        "loadsgf /dev/fd/0",
        "loadsgf - 3",
    ]:
        send(process, f"{line}\n".encode())
        answer = answer_of(process)
        assert answer.startswith(
            b"? cannot load file" if line.startswith("loadsgf") else b"= gocnn"
        ), line
    send(process, b"5 name\n")
    assert answer_of(process) == b"=5 gocnn\n"


def test_every_way_a_line_can_come(process):
    text = (
        "1 name\r\n\r\n \t 2 \tplay\tb\tq16 # the first\r\n#\n3 PLAY b d4\n4 play b D4 extra\n5"
        " play w \uff24\uff14\n6 play W pAsS\n7 komi \uff16.\uff15\n8 name\x07\n9 play b resign\n10"
        " undo\n11 list_stones black\n"
    ).encode()
    send(
        process,
        text + b"12 name \xff\xfe\n13 " + b"x" * 300_000 + b"\n" + b"14 name\n" * 3000 + b"15 name",
    )
    process.stdin.close()
    answers = process.stdout.read().decode().split("\n\n")
    signs = [re.match(r"[=?]\d*", answer).group() for answer in answers[:-1]]  # type: ignore[union-attr]
    assert signs[:13] == [
        "=1",
        "=2",
        "?3",
        "?4",
        "?5",
        "=6",
        "=7",
        "=8",
        "=9",
        "=10",
        "=11",
        "=12",
        "?13",
    ]
    assert signs[13:] == ["=14"] * 3000 + ["=15"]
    assert answers[10] == "=11 Q16"
    assert process.stderr.read() == b""
    assert process.wait(600) == 0


def test_dead_stones_are_captured_before_the_end_where_the_rules_want_it(evaluator):
    """All is settled but for a dead white stone at A11: black passes under Chinese rules, takes the
    stone under Tromp and Taylor's, then passes. In the middle of a game such a stone is no reason
    to play there."""
    settled = [line for line in finished() if line not in ("play b A11", "play b B11")] + [
        "play w A11",
        "play w pass",
    ]
    assert talk(evaluator, "kata-set-rules chinese", *settled, "genmove b")[-1] == "pass"
    capturing = [line for _ in range(4) for line in ("genmove b", "play w pass")]
    answers = talk(
        evaluator,
        "kata-set-rules tromp-taylor",
        *settled,
        *capturing,
        "captures black",
        "final_score",
    )[len(settled) + 1 :]
    assert {answers[0], answers[2], answers[4]} <= {"A10", "A12", "B11"}
    assert answers[6:9] == ["pass", "", "1"]
    assert answers[9] == "W+25.5"
    begun = [f"play b B{row}" for row in range(1, 20)] + [
        "play w A10",
        "play w D16",
        "play w Q4",
        "play b Q16",
    ]
    chosen = [
        talk(evaluator, f"kata-set-rules {rules}", *begun, "genmove b")[-1]
        for rules in ("chinese-kgs", "tromp-taylor")
    ]
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize("rules", ["japanese", "chinese-kgs"])
def test_an_early_pass_does_not_end_the_game(evaluator, rules):
    """What Quarry 0.2.0 sends when a person passes after six moves of a handicap game: counted as
    it stands White has won by its komi, but nobody would call it over."""
    answers = talk(
        evaluator,
        f"kata-set-rules {rules}",
        "boardsize 19",
        "clear_board",
        "time_settings 1800 0 0",
        "fixed_handicap 5",
        "komi 6.5",
        "play white O17",
        "play black R14",
        "play white R12",
        "play black F17",
        "play white O10",
        "time_left white 1799 0",
        "play black pass",
        "genmove white",
    )
    assert re.fullmatch(r"[A-T]\d+", answers[-1])
