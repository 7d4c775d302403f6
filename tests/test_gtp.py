"""GTP: a scripted conversation for every command, against the protocol's own words and a board that
the same moves were played on."""

import numpy as np
import pytest

from gocnn.board import Board, IllegalMove
from gocnn.board.coords import to_gtp
from gocnn.engine.game import Game
from gocnn.gtp.protocol import serve
from tests.conftest import ROOT, play_randomly, sgf_text
from tests.conversation import FINISHED_LEFT, FINISHED_RIGHT, Scripted, engine_on, finished, talk


def test_ids_comments_and_white_space(evaluator):
    lines = Scripted(
        [
            b"\xef\xbb\xbf1 name # who are you",
            b"",
            b"# only a comment",
            b"\t2\tprotocol_version\r",
            b"  name  ",
            b"007 nonsense",
            b"12",
            b"na\x01me",
        ]
    )
    written: list[str] = []
    serve(engine_on(lines, evaluator).commands, lines, written.append)
    assert (
        "".join(written)
        == "=1 gocnn\n\n=2 2\n\n= gocnn\n\n?007 unknown command\n\n?12 unknown command\n\n="
        " gocnn\n\n"
    )


def test_administration(evaluator):
    version, commands, known, unknown, nothing = talk(
        evaluator,
        "version",
        "list_commands",
        "known_command genmove",
        "known_command dance",
        "known_command",
    )
    assert "small.onnx" in version
    needed = {
        "protocol_version",
        "name",
        "version",
        "known_command",
        "list_commands",
        "quit",
        "boardsize",
        "clear_board",
        "komi",
        "fixed_handicap",
        "place_free_handicap",
        "set_free_handicap",
        "play",
        "genmove",
        "undo",
        "time_settings",
        "time_left",
        "final_score",
        "final_status_list",
        "loadsgf",
        "reg_genmove",
        "showboard",
        "lz-analyze",
        "lz-genmove_analyze",
        "kata-analyze",
        "kata-genmove_analyze",
        "kata-raw-nn",
        "kata-list_rules",
        "gogui-analyze_commands",
    }
    assert needed <= set(commands.split("\n"))
    assert (known, unknown, nothing) == ("true", "false", "false")
    assert talk(evaluator, "quit", "name") == [""]


def test_setup(evaluator):
    assert talk(
        evaluator,
        "boardsize 19",
        "boardsize 13",
        "boardsize x",
        "boardsize",
        "clear_board",
        "komi 7.5",
        "komi seven",
        "komi nan",
        "komi 3.75",
        "komi 1 2",
    ) == [
        "",
        "?unacceptable size: this engine plays on 19x19 only",
        "?syntax error: a whole number is expected",
        "?syntax error: one argument is expected",
        "",
        "",
        "?syntax error: komi is a number",
        "?syntax error: komi is a number from -1000 to 1000",
        "?syntax error: komi is a whole number of points or a half",
        "?syntax error: one argument is expected",
    ]
    assert talk(
        evaluator,
        "fixed_handicap 9",
        "fixed_handicap 2",
        "clear_board",
        "fixed_handicap 1",
        "fixed_handicap 10",
        "fixed_handicap 5",
    ) == [
        "D4 Q16 D16 Q4 D10 Q10 K4 K16 K10",
        "?board not empty",
        "",
        "?invalid number of stones",
        "?invalid number of stones",
        "D4 Q16 D16 Q4 K10",
    ]
    free = talk(
        evaluator,
        "place_free_handicap 20",
        "clear_board",
        "place_free_handicap 1",
        "set_free_handicap A1 T19 C3",
        "showboard",
        "clear_board",
        "set_free_handicap A1 A1",
        "set_free_handicap A1",
        "set_free_handicap A1 pass",
        "set_free_handicap A1 Z9",
        "play b A1",
        "set_free_handicap A2 A3",
    )
    assert len(free[0].split()) == 9
    assert free[1:4] == ["", "?invalid number of stones", ""]
    assert free[4].count("X") == 3
    assert "white to play" in free[4]
    assert free[5:] == ["", *["?bad vertex list"] * 4, "", "?board not empty"]


def test_play_undo_and_illegal_moves(evaluator):
    ko = [
        "play b B1",
        "play b A2",
        "play b B3",
        "play w C1",
        "play w C3",
        "play w D2",
        "play b C2",
        "play w B2",
    ]
    answers = talk(
        evaluator,
        *ko,
        "play b C2",
        "play b Q16",
        "play w Q3",
        "play b C2",
        "undo",
        "undo",
        "undo",
        "play b C2",
    )
    assert answers == [""] * 8 + ["?illegal move", "", "", "", "", "", "", "?illegal move"]
    assert talk(
        evaluator,
        "play b D4",
        "play w D4",
        "play w I5",
        "play w T20",
        "play red C3",
        "play b",
        "play b D5 E5",
        "play BLACK pass",
        "play White q16",
    ) == [
        "",
        "?illegal move",
        "?invalid vertex",
        "?invalid vertex",
        "?invalid color",
        "?syntax error: play COLOR VERTEX",
        "?syntax error: play COLOR VERTEX",
        "",
        "",
    ]
    assert talk(evaluator, "undo", "play b D4", "undo", "undo") == [
        "?cannot undo",
        "",
        "",
        "?cannot undo",
    ]
    assert talk(evaluator, "play b D4", "play w Q16", "undo 0", "undo 2", "undo 1", "undo x")[
        2:5
    ] == ["", "", "?cannot undo"]
    assert talk(evaluator, "play b A2", "play b B1", "play w A1") == ["", "", "?illegal move"]


def test_undo_restores_everything(evaluator):
    """After any number of moves and undos the board is that of the moves that are left."""
    moves = play_randomly(4, 80)
    game = Game()
    for index, colour in moves:
        game.play(index, colour)
    for left in range(79, 40, -1):
        assert game.undo()
        twin = Board(19)
        for index, colour in moves[:left]:
            twin.play(index, colour)
        assert (game.board.stones() == twin.stones()).all()
        assert (game.board.moves, game.board.to_play, game.board.ko()) == (
            twin.moves,
            twin.to_play,
            twin.ko(),
        )


def test_moves_are_played_and_repeatable(evaluator):
    first = talk(
        evaluator,
        "genmove b",
        "genmove w",
        "showboard",
        "reg_genmove b",
        "showboard",
        "genmove",
        "genmove x",
    )
    assert first[2] == first[4]
    assert first[2].count("X") == 1
    assert first[5:] == ["?syntax error: one argument is expected", "?invalid color"]
    assert talk(evaluator, "genmove b", "genmove w", "showboard", "reg_genmove b") == first[:4]
    drawn = {
        tuple(talk(evaluator, "genmove b", "genmove w", temperature=1.0, seed=seed))
        for seed in range(6)
    }
    assert len(drawn) > 1
    assert talk(evaluator, "genmove b", "genmove w", temperature=1.0, seed=3) == talk(
        evaluator, "genmove b", "genmove w", temperature=1.0, seed=3
    )


def test_loadsgf(evaluator, tmp_path):
    moves = play_randomly(1, 30)
    plain, handicap, late, small = (
        tmp_path / name for name in ("plain.sgf", "handicap.sgf", "late.sgf", "small.sgf")
    )
    plain.write_bytes(sgf_text(moves, "KM[7.5]"))
    handicap.write_bytes(b"(;GM[1]SZ[19]HA[2]AB[dd][pp];W[dp];B[pd])")
    late.write_bytes(b"(;GM[1]SZ[19];B[dd];AB[pp];W[dp])")
    small.write_bytes(b"(;GM[1]SZ[9];B[dd])")
    board = Board(19)
    for index, colour in moves[:10]:
        board.play(index, colour)
    whole, shown, part, shown_part, other = talk(
        evaluator,
        f"loadsgf {plain}",
        "showboard",
        f"loadsgf {plain} 11",
        "showboard",
        f"loadsgf {handicap}",
    )
    assert (whole, part, other) == ("black", "black", "white")
    assert "komi 7.5" in shown
    assert shown.count("X") + shown.count("O") > shown_part.count("X") + shown_part.count("O")
    for index in np.flatnonzero(board.stones().ravel()).tolist():
        assert talk(evaluator, f"loadsgf {plain} 11", f"play b {to_gtp(int(index))}") == [
            "black",
            "?illegal move",
        ]
        break
    for path in (tmp_path / "nothing.sgf", late, small, ROOT / "README.md"):
        _, failed, after = talk(evaluator, "play b D4", f"loadsgf {path}", "showboard")[0:3]
        assert failed.startswith("?cannot load file")
        assert after.count("X") == 1
    assert talk(evaluator, "loadsgf", "loadsgf a b c", f"loadsgf {plain} x")[2].startswith(
        "?syntax error"
    )


def test_the_end_of_the_game(evaluator):
    answers = talk(
        evaluator,
        *finished(),
        "genmove b",
        "genmove w",
        "final_score",
        "final_status_list dead",
        "final_status_list alive",
        "final_status_list seki",
        "final_status_list x",
        "final_status_list",
    )[len(finished()) :]
    assert answers[:2] == ["pass", "pass"]
    # Black's columns A to J: 9 * 19; white's: 10 * 19 + 6.5.
    assert answers[2] == f"W+{10 * 19 + 6.5 - 9 * 19:g}"
    assert answers[3] == ""
    assert len(answers[4].split()) == len(FINISHED_LEFT) + len(FINISHED_RIGHT)
    assert answers[5] == ""
    assert answers[6:] == [
        "?syntax error: alive, dead, seki, black_territory, white_territory, dame",
        "?syntax error: one argument is expected",
    ]


def test_a_faulty_command_is_answered(evaluator):
    lines = Scripted([b"boom", b"name"])
    engine = engine_on(lines, evaluator)

    def boom(arguments: list[str]) -> str:
        raise ZeroDivisionError("bang")

    engine.commands["boom"] = boom
    written: list[str] = []
    serve(engine.commands, lines, written.append)
    assert "".join(written) == "? internal error: ZeroDivisionError: bang\n\n= gocnn\n\n"


def test_a_long_game_costs_little_beside_the_network(monkeypatch):
    """300 moves through the protocol: nothing is evaluated, and each is played once."""

    class Unasked:
        name, plane_groups, has_value_head, scores = "unasked", (), True, False

        def __getattr__(self, name):
            pytest.fail(f"the network was asked ({name})")

    moves, count, plain = play_randomly(2, 300), 0, Board.play

    def counted(*arguments, **options):
        nonlocal count
        count += 1
        return plain(*arguments, **options)

    engine = engine_on(Scripted([]), Unasked())
    monkeypatch.setattr(Board, "play", counted)
    serve(
        engine.commands,
        Scripted([f"play {'bw'[colour - 1]} {to_gtp(index)}".encode() for index, colour in moves]),
        lambda text: None,
    )
    assert count == len(engine.game.board.moves) == 300
    with pytest.raises(IllegalMove):
        engine.game.play(moves[-1][0], moves[-1][1])
