"""Reading SGF: both paths against sgfmill, encodings, reasons for skipping."""

import random
from pathlib import Path

import numpy as np
import pytest
from sgfmill import sgf

from gocnn.board import rules, symmetry
from gocnn.games import scan, sgf_tree, slowpath, sources
from gocnn.games.reader import Reader, ReadGame, Skipped
from tests.conftest import main_line, play_randomly, sgf_text
from tests.reading import moves_of, mutated, one, read


def reason(data: bytes) -> str:
    games = read(data)
    assert len(games) == 1, games
    assert isinstance(games[0], Skipped)
    return games[0].reason


def test_sample_games_read_as_sgfmill_reads_them(sample_files: list[Path]) -> None:
    for path in sample_files:
        assert moves_of(one(path.read_bytes())) == main_line(path.read_bytes())


def both_paths(data: bytes) -> tuple[tuple[int, bytes] | None, tuple[int, bytes] | None]:
    """What the fast and the careful path make of the same game: (status, words), and None for the
    fast path where it passes the game on."""
    state, words, result = (
        rules.new_state(),
        np.zeros(scan.MAX_WORDS + 512, np.uint16),
        np.zeros(scan.RESULTS, np.int64),
    )
    array = np.frombuffer(data, np.uint8)
    begin = scan.game_start(array, 0)
    end = scan.game_end(array, begin) if begin >= 0 else -1
    if end < 0:
        return None, None

    def outcome() -> tuple[int, bytes]:
        good = result[scan.STATUS] == scan.GOOD
        return int(result[scan.STATUS]), (
            words[: result[scan.SETUP] + result[scan.MOVES]].tobytes() if good else b""
        )

    scan.scan(array, begin, end, state, words, np.zeros((scan.MAX_PROPERTIES, 3), np.int64), result)
    fast = None if result[scan.STATUS] == scan.UNUSUAL else outcome()
    slowpath.read(data, data, begin, end, state=state, words=words, result=result)
    return fast, outcome()


def by_sgfmill(data: bytes) -> list[tuple[int, int]] | None:
    """Moves of a plain game by sgfmill; None if it refuses it, or if what it holds is read
    otherwise on purpose (more than a move in a node)."""
    try:
        game = sgf.Sgf_game.from_bytes(data)
        for node in game.get_main_sequence():
            raw = [name for name in node.properties() if name in ("B", "W")]
            if (
                len(raw) > 1
                or any(len(node.get_raw_list(name)) > 1 for name in raw)
                or "" in node.properties()
            ):
                return None
        return main_line(data)
    except (ValueError, KeyError, LookupError):
        return None


@pytest.mark.slow
def test_both_paths_and_sgfmill_agree_on_mutated_games(sample_files: list[Path]) -> None:
    """Whatever the fast path accepts, the careful path reads the same, and sgfmill finds the same
    moves. Of bad games they may name different reasons."""
    rng = random.Random(0)
    files = [path.read_bytes() for path in sample_files]
    agreed = judged = 0
    for _ in range(2000):
        data = mutated(rng, files)
        fast, slow = both_paths(data)
        if fast is not None and fast[0] == scan.GOOD:
            assert fast == slow, data
            agreed += 1
        elif fast is not None and slow is not None and slow[0] == scan.GOOD:
            pytest.fail(
                f"refused by the fast path ({fast[0]}) but read by the careful one: {data!r}"
            )
        items = read(data)
        expected = by_sgfmill(data)
        if len(items) == 1 and isinstance(items[0], ReadGame) and expected is not None:
            assert moves_of(items[0]) == expected, data
            judged += 1
    assert agreed > 200
    assert judged > 200


@pytest.mark.slow
def test_real_games_read_as_sgfmill_reads_them(real_games: list[bytes]) -> None:
    for data in real_games:
        assert moves_of(one(data)) == main_line(data)


def test_handicap_passes_both_colours_in_a_row_and_variations() -> None:
    game = one(
        b"(;GM[1]SZ[19]HA[2]AB[pd][dp]PL[W];W[dd];W[pp];B[];B[tt](;W[aa](;B[bb])(;B[cc]))(;W[dd]))"
    )
    assert int(game.record["setup"]) == 2
    assert int(game.record["handicap"]) == 2
    assert int(game.record["to_play"]) == 2
    assert moves_of(game)[:4] == [(15 * 19 + 3, 2), (3 * 19 + 15, 2), (361, 1), (361, 1)]
    assert len(moves_of(game)) == 6


def test_setup_in_the_second_node_and_removed_stones() -> None:
    game = one(b"(;GM[1]SZ[19];AB[pd][dp][pp]AW[qq]AE[pp];W[dd])")
    assert int(game.record["setup"]) == 3
    assert sorted(int(w) for w in game.words[:3]) == sorted(
        [15 * 19 + 15, 3 * 19 + 3, 512 + 2 * 19 + 16]
    )


def test_compressed_points_and_unusual_spacing_go_the_careful_way() -> None:
    assert int(one(b"(;SZ[19]AB[aa:ac];W[dd])").record["setup"]) == 3
    assert moves_of(one(b"( ;\nSZ[19]\n;B\n[dd]\t;W [pp] )")) == [
        (15 * 19 + 3, 1),
        (3 * 19 + 15, 2),
    ]
    assert moves_of(one(b"(;GaMe[1]SiZe[19];Black[dd])")) == [(15 * 19 + 3, 1)]


M = b";B[pd];W[dp];B[pq];W[dd]"
FOUR = [(15 * 19 + 15, 1), (3 * 19 + 3, 2), (2 * 19 + 15, 1), (15 * 19 + 3, 2)]
PASSED = (361, 2)


@pytest.mark.parametrize(
    ("data", "moves", "stones"),
    [
        (b"(;gm[1]sz[19];b[pd];w[dp];b[pq];w[dd])", FOUR, 0),
        (b"(;GaMe[1]SiZe[19]AddBlack[aa];Black[pd];White[dp];Black[pq];White[dd])", FOUR, 1),
        (b"(;SZ[19];B[pd]W[dp]B[pq]W[dd])", FOUR, 0),
        (b"(;SZ[19];B[pd]W[dp];B[pq]W[dd])", FOUR, 0),
        (b"(;SZ[19];W[dd]B[pd])", [FOUR[3], FOUR[0]], 0),
        (b"(GM[1]SZ[19]" + M + b")", FOUR, 0),
        (b"(\n\nTE[x]\nKO[7.5]\n" + M + b")", FOUR, 0),
        (b"(;SZ[19];B[pd](W[dp];B[pq];W[dd])(W[aa]))", FOUR, 0),
        (b"Subject: (my) game (;-)\n(;SZ[19]" + M + b")\n-- \nsent (by) me\n", None, 0),
        (b"A letter (see below):\n(;SZ[19]" + M + b")\n-- \nsent (by) me\n", FOUR, 0),
        (b"(;SZ[19]AW[aa:bb]AB[cc:aa][qq]AE[bb:cc]" + M + b")", FOUR, 6),
        (b"(;SZ[19]AB[aa][aa]" + M + b")", FOUR, 1),
        (b"(;SZ[19]AB[]" + M + b")", FOUR, 0),
        (b"(;SZ[19:19]" + M + b")", FOUR, 0),
        (b"(;SZ[19x19]" + M + b")", FOUR, 0),
        (b"(;SZ[ 19 ]GM[ 1 ]" + M + b")", FOUR, 0),
        (b"(;SZ[]GM[]" + M + b")", FOUR, 0),
        (b"(;SZ[19]" + M[:12] + b";B[ ];W[\n])", [*FOUR[:2], (361, 1), PASSED], 0),
        (b"(;SZ[19];B[p\nd];W[ dp ];B[t t];W[tt])", [*FOUR[:2], (361, 1), PASSED], 0),
        (
            b"(;FF[3]GM[1]SZ[19]ID[x]GE[Strong]BS[0]\r\n;B[pd]BL[100]\r\n;W[dp]TE[1]\r\n;B[pq]SC[aa][bb];W[dd]L[aa]M[cc])",
            FOUR,
            0,
        ),
        (b"\xef\xbb\xbf(;SZ[19]" + M + b")\0\0", FOUR, 0),
        (b"(;SZ[19]K2[x]A_B[y]" + M + b")", FOUR, 0),
        (b"(;SZ[19]PB[];B[pd])", FOUR[:1], 0),
        # variations of nothing, which a careless editor leaves
        (b"(;SZ[19]" + M[:12] + b"()" + M[12:] + b")", FOUR, 0),
        (b"(;SZ[19]" + M[:12] + b"( )(" + M[12:] + b")(;B[aa]))", FOUR, 0),
        (b"(;SZ[19]AB[dd];B[pd]AB[qq])", None, 0),
    ],
)
def test_what_is_found_in_the_wild(
    data: bytes, moves: list[tuple[int, int]] | None, stones: int
) -> None:
    """go-import's reader and go-review's find the same moves; None: whatever it is, they agree."""
    items, records = read(data), sgf_tree.parse(data, "x")
    assert len(items) == len(records)
    for item, record in zip(items, records, strict=True):
        found = [(step.index, step.colour) for step in record.steps]
        if isinstance(item, ReadGame):
            assert moves_of(item) == found
            assert (moves is None) or (moves_of(item), int(item.record["setup"])) == (moves, stones)
        else:
            assert moves is None
            assert record.trouble or not found
    assert sgf_tree.serialise(records) == data


def test_both_readers_find_the_same_in_real_and_mutated_games(sample_files: list[Path]) -> None:
    rng = random.Random(2)
    files = [path.read_bytes() for path in sample_files]
    taken = 0
    for number in range(400):
        data = files[number] if number < 20 else mutated(rng, files)
        items = read(data)
        if not isinstance(items[0], ReadGame) and items[0].span == (0, 0):
            continue
        records = sgf_tree.parse(data, "x")
        assert len(items) == len(records), data
        assert sgf_tree.serialise(records) == data
        for item, record in zip(items, records, strict=True):
            if isinstance(item, ReadGame):
                assert moves_of(item) == [(step.index, step.colour) for step in record.steps], data
                assert (record.trouble, record.black, record.white) == ("", item.black, item.white)
                taken += 1
    assert taken > 50


@pytest.mark.parametrize("count", [scan.MAX_PROPERTIES - 4, scan.MAX_PROPERTIES, 300])
def test_a_root_of_many_properties_keeps_the_last_of_them(count: int) -> None:
    """As sgfmill reads it."""
    many = "".join(f"X{chr(65 + k // 26)}{chr(65 + k % 26)}[1]" for k in range(count))
    data = f"(;GM[1]SZ[19]{many}PB[one]RE[B+R];B[pd];W[dd])".encode()
    game, root = one(data), sgf.Sgf_game.from_bytes(data).get_root()
    assert (game.black, int(game.record["winner"])) == (root.get("PB"), 1) == ("one", 1)


def test_comments_with_brackets_and_escapes_do_not_confuse() -> None:
    assert len(moves_of(one(rb"(;SZ[19]C[a (;B[aa\]) \\];B[dd]C[x\]y(];W[pp])"))) == 2


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"(;SZ[13];B[dd])", "board other than 19x19"),
        (b"(;SZ[19:13];B[dd])", "board other than 19x19"),
        (b"(;SZ[abc];B[dd])", "board other than 19x19"),
        (b"(;FF[4];SZ[9];B[dd])", "board other than 19x19"),
        (b"(;GM[2];B[d3])", "not Go"),
        (b"(;GM[2]SZ[8];B[d3])", "not Go"),
        (b"(;SZ[19];B[dd]rubbish;W[pp])", "broken SGF"),
        (b"(;SZ[19];B[dd] \xff ;W[pp])", "broken SGF"),
        (b"(;SZ[19];B;W[pp])", "broken SGF"),
        (b"(;SZ[19]AB[tt];W[pp])", "impossible setup stones"),
        (b"(;SZ[19];B[d])", "move off the board"),
        (b"(;GM[2]SZ[19];B[dd])", "not Go"),
        (b"(;SZ[19])", "no moves"),
        (b"(;SZ[19];B[dd];W[dd])", "illegal move"),
        (b"(;SZ[19];B[dd];AB[pp])", "setup stones after the first move"),
        (b"(;SZ[19]AB[aa]AW[ab][ba];B[dd])", "impossible setup stones"),
        (b"(;SZ[19];B[dz])", "move off the board"),
        (b"(;SZ[19];B[dd]", "broken SGF"),
        (b"(;SZ[19];B[dd", "broken SGF"),
        (b"", "not SGF"),
        (b"\xff\xd8\xff\xe0JFIF" + bytes(range(256)), "not SGF"),
        (b"hello", "not SGF"),
        (b"(" * 100_000, "not SGF"),
        (b"(;" * 50_000, "broken SGF"),
    ],
)
def test_reasons(data: bytes, expected: str) -> None:
    assert reason(data) == expected


@pytest.mark.slow
def test_ten_megabytes_of_brackets_take_no_time() -> None:
    for data in (
        b"[" * 10_000_000,
        b"(" * 10_000_000,
        b"(;B[" * 2_500_000,
        b"()" * 5_000_000,
        b"(;)" * 300_000,
        b"(;B[aa](;" * 1_000_000,
        b"(;GM[1]" * 200_000,
    ):
        assert all(isinstance(item, Skipped) for item in Reader().games(sources.Blob("x", data)))


def test_too_many_moves() -> None:
    body = b";B[];W[]" * 1500
    assert reason(b"(;SZ[19];B[dd]" + body + b")") == "more than 2048 moves"


def test_a_collection_with_a_broken_game_in_the_middle() -> None:
    good = sgf_text(play_randomly(1, 20)) + b")"
    data = good + b"\n" + good[:60] + b"\n" + good + b"(;GM[1]SZ[9];B[aa])"
    kinds = [item.reason if isinstance(item, Skipped) else "good" for item in read(data)]
    assert kinds == ["good", "broken SGF", "good", "board other than 19x19"]


NAMES = {
    "utf-8": ("聂卫平", "九段", "UTF-8"),
    "gb18030": ("聂卫平 古力", "九段", "GB2312"),
    "shift_jis": ("武宮正樹", "九段", "Shift_JIS"),
    "euc_kr": ("이창호", "9단", "EUC-KR"),
    "latin-1": ("Jürgen Müller", "5d", "ISO-8859-1"),
}


@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("declared", [None, *(c for _, _, c in NAMES.values()), "nonsense"])
def test_encodings_whatever_ca_says(encoding: str, declared: str | None) -> None:
    name, rank, right = NAMES[encoding]
    if encoding == "latin-1" and declared not in (None, right, "UTF-8", "nonsense"):
        pytest.skip("two accented letters are too little against an East Asian declaration")
    if encoding == "euc_kr" and declared == "GB2312":
        pytest.skip(
            "common Hangul in EUC-KR are byte for byte common Chinese characters in GB 2312: CA"
            " decides"
        )
    head = f"CA[{declared}]" if declared else ""
    game = one(
        f"(;GM[1]SZ[19]{head}PB[{name}]PW[{name}]BR[{rank}]WR[{rank}];B[dd])".encode(encoding)
    )
    assert game.black == game.white == name
    assert int(game.record["black_rank"]) == (5 if rank == "5d" else 9)


def test_damaged_utf8_is_still_utf8() -> None:
    damaged = "幽龙的森林".encode().replace("龙".encode()[2:], b"?")
    assert "幽" in one(b"(;SZ[19]PB[" + damaged + b"];B[dd])").black


def test_keys_are_the_same_for_turned_games_and_differ_otherwise() -> None:
    turns = symmetry.table()
    keys = set()
    for seed in range(20):
        moves = play_randomly(seed, 40)
        mine = set()
        for s in range(8):
            data = sgf_text([(int(turns[s][index]), colour) for index, colour in moves]) + b")"
            mine.add(int(one(data).record["key"]))
        assert len(mine) == 1
        keys |= mine
    assert len(keys) == 20
    assert int(one(b"(;SZ[19];B[dd];W[pp])").record["key"]) != int(
        one(b"(;SZ[19];W[dd];B[pp])").record["key"]
    )
