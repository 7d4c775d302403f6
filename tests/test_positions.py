"""Positions that records mean: without moves, with stones set up in the middle, up to where a game
goes wrong."""

import gzip
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from gocnn.board.coords import to_gtp
from gocnn.commands import main
from gocnn.engine import rulesets
from gocnn.engine.game import Game
from gocnn.errors import UserError
from gocnn.games.position import Position, find_position, in_file
from gocnn.games.reader import Reader, Skipped
from gocnn.games.sources import Blob
from gocnn.gtp.loading import load
from gocnn.gtp.protocol import GtpError
from tests.conftest import ROOT

CASES = ROOT / "tests" / "cases" / "go"


def place(data: str, ply: int | None = None) -> Position:
    return in_file(Blob("x.sgf", data.encode()), ply)


def stones(position: Position) -> dict[str, int]:
    board = position.board.stones().ravel()
    return {to_gtp(int(i)): int(board[i]) for i in board.nonzero()[0]}


@pytest.mark.parametrize(
    ("data", "to_play", "black", "white"),
    [
        ("(;SZ[19]AB[br][cr]AW[bq][cq]PL[W])", 2, "B2 C2", "B3 C3"),
        ("(;SZ[19]AB[br][cr]AW[bq][cq]PL[B])", 1, "B2 C2", "B3 C3"),
        ("(;SZ[19]AB[br][cr]AW[bq][cq])", 1, "B2 C2", "B3 C3"),
        ("(;SZ[19]AB[br];AW[bq]PL[White])", 2, "B2", "B3"),
        ("(;SZ[19]HA[4]AB[dd][pd][dp][pp])", 2, "D16 Q16 D4 Q4", ""),
        ("(;SZ[19]AB[dd][pp])", 2, "D16 Q4", ""),
        ("(;SZ[19]HA[2]AB[dd][pp]PL[B])", 1, "D16 Q4", ""),
        ("(;SZ[19]AB[dd])", 1, "D16", ""),
        ("(;SZ[19]AB[aa:cc]AE[bb]AW[ss]C[a problem])", 1, "A19 B19 C19 A18 C18 A17 B17 C17", "T1"),
        ("(;SZ[19])", 1, "", ""),
        ("(;SZ[19]PL[W])", 2, "", ""),
        ("(;SZ[19]HA[2]AP[foxwq])", 2, "D4 Q16", ""),
        ("(;SZ[19]HA[2]AP[foxwq]PL[B])", 1, "", ""),
    ],
)
def test_records_without_moves_are_positions(
    data: str, to_play: int, black: str, white: str
) -> None:
    position = place(data)
    assert position.board.to_play == to_play
    assert stones(position) == dict.fromkeys(black.split(), 1) | dict.fromkeys(white.split(), 2)
    assert (position.ply, position.played) == (0, None)
    (item,) = Reader().games(Blob("x", data.encode()))
    assert isinstance(item, Skipped)
    assert item.reason == "no moves"  # a store has nothing to train on


@pytest.mark.parametrize(
    "data",
    ["(;)", "no (; game", "(;SZ[9]AB[aa])", "(;GM[2]SZ[19]AB[aa])", "(;SZ[19]AB[aa]AW[ab][ba])"],
)
def test_what_is_no_position(data: str) -> None:
    with pytest.raises(UserError):
        place(data)


def test_set_up_stones_are_no_moves() -> None:
    assert place("(;SZ[19]HA[1]AB[pd];W[dp];B[pq])").ply == 2
    assert stones(place("(;SZ[19]HA[1]AB[pd];W[dp];B[pq])", 0)) == {"Q16": 1}
    assert place("(;SZ[19]HA[1]AB[pd];W[dp];B[pq])", 0).board.to_play == 2


def test_stones_set_up_in_the_middle() -> None:
    data = (CASES / "23_ae_mid.sgf").read_text()
    before, after, end = (place(data, ply) for ply in (2, 3, None))
    assert stones(before) == {"Q16": 1, "D4": 2}
    assert before.played is not None
    assert (to_gtp(before.played), before.board.to_play) == ("D16", 1)
    assert stones(after) == {"Q16": 1, "D16": 1, "D3": 1, "C17": 2}
    assert after.board.to_play == 2
    assert stones(end) == {"Q16": 1, "D16": 1, "D3": 1, "C17": 2, "Q4": 2, "R4": 1}
    assert (end.ply, end.played) == (5, None)


def test_a_game_up_to_its_illegal_move() -> None:
    data = "(;SZ[19];B[dd];W[pp];B[dd])"
    assert stones(place(data, 2)) == {"D16": 1, "Q4": 2}
    for ply in (None, 3):
        with pytest.raises(UserError, match=r"move 3 .*0 to 2 moves"):
            place(data, ply)


# --- loadsgf
# ---------------------------------------------------------------------------------------------------------------------------


def loaded(tmp_path: Path, data: str, moves: int | None = None, game: Game | None = None) -> Game:
    (tmp_path / "x.sgf").write_text(data)
    game = game or Game(komi=7.5)
    load(str(tmp_path / "x.sgf"), moves, game)
    return game


@pytest.mark.parametrize(
    ("head", "komi"),
    [
        ("", 7.5),
        ("KM[]", 7.5),
        ("KM[0]", 0),
        ("KM[6,5]", 6.5),
        ("KM[375]AP[foxwq]", 7.5),
        ("KM[325]AP[foxwq]", 6.5),
        ("KM[9999]", 7.5),
        ("KM[x]", 7.5),
    ],
)
def test_komi_is_set_if_the_record_states_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], head: str, komi: float
) -> None:
    assert loaded(tmp_path, f"(;SZ[19]{head};B[dd])").komi == komi
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("left unknown" in captured.err) == (head in ("KM[9999]", "KM[x]"))


def test_positions_are_loaded(tmp_path: Path) -> None:
    game = loaded(tmp_path, (CASES / "26b_tsumego.sgf").read_text())
    assert (
        game.board.to_play,
        int((game.board.stones() == 1).sum()),
        int((game.board.stones() == 2).sum()),
    ) == (2, 4, 5)
    game = loaded(tmp_path, (CASES / "26_handicap_no_moves.sgf").read_text())
    assert (game.board.to_play, game.handicap, game.handicap_stones) == (2, 4, 4)
    game = loaded(tmp_path, (CASES / "23_ae_mid.sgf").read_text(), 2)
    assert [to_gtp(index) for index, _ in game.board.moves] == ["Q16", "D4"]
    with pytest.raises(GtpError, match="setup stones after the first move"):
        loaded(tmp_path, (CASES / "23_ae_mid.sgf").read_text())
    assert len(loaded(tmp_path, "(;SZ[19];B[dd];W[pp];B[dp])", 2).board.moves) == 2
    assert len(loaded(tmp_path, "(;SZ[19];B[dd];W[pp];B[dp])", 99).board.moves) == 3


def test_a_game_that_repeats_a_position_is_loaded_whatever_the_rules_are_now(
    tmp_path: Path,
) -> None:
    """A ko taken, retaken after an exchange of passes: legal under simple ko, not under positional
    superko."""
    repeat = "(;SZ[19]AB[ba][ab][bc]AW[ca][db][cc][bb];B[cb];W[];B[];W[bb];B[];W[];B[cb])"
    game = Game()
    game.set_rules(rulesets.parse("tromp-taylor"))
    assert game.rules.superko
    loaded(tmp_path, repeat, game=game)
    assert len(game.board.moves) == 7
    assert game.board.superko


def test_what_cannot_be_loaded_leaves_the_game_as_it_was(tmp_path: Path) -> None:
    game = Game(komi=7.5)
    game.play(60, 1)
    for data in (
        "(;SZ[9]AB[aa])",
        "nothing",
        "(;SZ[19]KM[6.5];B[dd];W[dd])",
        "(;SZ[19]HA[12]KM[6.5];W[dd])",
    ):
        with pytest.raises(GtpError, match="cannot load file"):
            loaded(tmp_path, data, game=game)
        assert (game.board.moves, game.komi) == ([(60, 1)], 7.5)


# --- commands
# --------------------------------------------------------------------------------------------------------------------------


def run(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_go_review_shows_what_is_expected_in_a_position(tmp_path: Path) -> None:
    out = run("go-review", CASES / "26b_tsumego.sgf")
    assert "a position without moves to review; White to play, first choices" in out
    (tmp_path / "many.sgf").write_text(
        "(;SZ[19]AB[aa]AW[bb]PL[W])(;SZ[19]HA[2]AB[pd][dp])(;SZ[19];B[dd];W[pp])"
    )
    reviews = json.loads(run("go-review", tmp_path / "many.sgf", "--json", "--quiet"))
    assert [(r.get("to_play"), len(r["moves"])) for r in reviews] == [
        (None, 2),
        ("white", 0),
        ("white", 0),
    ]
    assert all(len(r["choices"]) == 5 for r in reviews[1:])


def test_go_import_says_what_it_decided(tmp_path: Path) -> None:
    (tmp_path / "a.sgf").write_text(
        "(;SZ[19]KM[9999];B[dd])(;SZ[19]HA[2]KM[0]AP[foxwq];W[fc];B[cf])"
    )
    out = run("go-import", tmp_path / "a.sgf", "--out", tmp_path / "s.games")
    assert "1 komi that cannot be one, left unknown (first: " in out
    assert "1 handicap stones put where the server puts them (first: " in out
    assert "skipped" not in out


@pytest.mark.parametrize(
    ("name", "to_play", "ply"),
    [
        ("26b_tsumego", "white", 0),
        ("26_handicap_no_moves", "white", 0),
        ("suggest_ab1", "black", 3),
    ],
)
def test_go_suggest_interpreted(name: str, to_play: str, ply: int, tmp_path: Path) -> None:
    """In a process of its own, where the reader runs as plain Python."""
    command = [
        sys.executable,
        "cli.py",
        "go-suggest",
        str(CASES / f"{name}.sgf"),
        "--json",
        "--picture",
        str(tmp_path / "p.svg"),
    ]
    answer = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
    assert (answer["to_play"], answer["ply"]) == (to_play, ply)
    assert f"{to_play.capitalize()} to play" in (tmp_path / "p.svg").read_text()


@pytest.mark.parametrize("rest", ["AE[jd];B[qf]", "W[fq];B[qf]"])
def test_komi_and_handicap_of_a_game_that_no_store_takes(tmp_path: Path, rest: str) -> None:
    """Up to stones set up in the middle, and up to an illegal move."""
    (tmp_path / "g.sgf").write_text(f"(;SZ[19]HA[4]KM[0,5]AB[dd][pd][dp][pp];W[fq];B[cn];{rest})")
    game = Game(komi=7.5)
    load(str(tmp_path / "g.sgf"), 1, game)
    assert (game.komi, game.handicap_stones, len(game.board.moves)) == (0.5, 4, 1)


def test_the_side_to_play_that_is_named_after_the_last_move(tmp_path: Path) -> None:
    data = "(;SZ[19];B[pd];W[dp];PL[W]C[what now?])"
    assert [place(data, ply).board.to_play for ply in (0, 1, 2)] == [1, 2, 2]
    assert place(data.replace("PL[W]", "PL[W];W[qq]")).board.to_play == 1
    for spelling in ("PL[W]", "pl[w]", "PLayer [White]"):
        for codec in ("utf-8", "utf-16", "utf-16-be"):
            written = data.replace("PL[W]", spelling).encode(codec)
            assert in_file(Blob("x.sgf", written), None).board.to_play == 2, (spelling, codec)
    (tmp_path / "g.sgf").write_text(data)
    game = Game()
    load(str(tmp_path / "g.sgf"), None, game)
    assert game.board.to_play == 2


def test_loadsgf_says_that_it_takes_the_first_of_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = "(;SZ[19];B[dd];W[pp])"
    assert len(loaded(tmp_path, one + "(;SZ[19];B[dd])").board.moves) == 2
    assert "the first game of a collection is taken" in capsys.readouterr().err
    loaded(tmp_path, one)
    assert "the first" not in capsys.readouterr().err


GAME = "(;SZ[19];B[pd];W[dp](;B[pp])(;B[dd]))"


@pytest.mark.parametrize("kind", ["folder", "zip", "collection", "file", "gz"])
def test_a_name_that_leads_to_several_games_says_which_is_taken(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "games"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.sgf").write_text(GAME)
    given, said = folder, "a.sgf"
    if kind == "zip":
        given, said = Path(shutil.make_archive(str(tmp_path / "g"), "zip", folder)), "g.zip:"
    elif kind == "collection":
        given, said = tmp_path / "c.sgf", "the first game of a collection"
        given.write_text(GAME + GAME)
    elif kind == "file":
        given, said = folder / "b.sgf", ""
    elif kind == "gz":
        given, said = folder / "b.sgf.gz", ""
        given.write_bytes(gzip.compress(GAME.encode()))
    notes = find_position(str(given), 2, "").notes
    assert [said in f"{note.what} ({note.detail})" for note in notes] == [True] * bool(said)
    if said:
        result = CliRunner().invoke(main, ["go-suggest", str(given), "--top", "1", "--json"])
        assert result.exit_code == 0
        assert said in result.stderr
        assert json.loads(result.stdout)["ply"] == 3


def test_records_that_cannot_be_shown_are_passed_over(tmp_path: Path) -> None:
    """In a folder: a small board, no record at all and a game that goes wrong before its end do not
    keep the one after them from being shown; which were passed over is said."""
    folder = tmp_path / "games"
    folder.mkdir()
    (folder / "a.sgf").write_text("(;SZ[9];B[dd])")
    (folder / "b.sgf").write_text("no record")
    (folder / "c.sgf").write_text("(;SZ[19];B[dd];W[dd];B[pp])")
    (folder / "d.sgf").write_text(GAME)
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as packed:  # in this order
        for name in "abcd":
            packed.write(folder / f"{name}.sgf", f"{name}.sgf")
    for given in (folder, tmp_path / "g.zip"):
        found = find_position(str(given), None, "")
        assert len(found.board.moves) == 3
        (note,) = found.notes
        assert note.what == "the first game record in it that can be shown is taken"
        assert "d.sgf; passed over: " in note.detail
        assert "a.sgf: board other than 19x19" in note.detail
        assert note.detail.endswith(", and 2 more")
        assert "give" not in note.detail
        # the game that goes wrong can be shown up to there
        assert "c.sgf; " in find_position(str(given), 1, "").notes[0].detail
    (folder / "d.sgf").unlink()
    with pytest.raises(
        UserError, match=r"a\.sgf: .*give a 19x19.* \(nor can 2 others in .*games\)"
    ):
        find_position(str(folder), None, "")
