"""Reviews by the server: the job, and what it finds, against the library called directly and the
command."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gocnn.games.sgf_tree import parse
from gocnn.policy.runtime import open_evaluator
from gocnn.review import page, values
from gocnn.review.position import expected_at
from gocnn.review.review import review
from gocnn.serve.config import ServeConfig
from gocnn.serve.sharing import Shared
from tests.conftest import play_randomly, sgf_text
from tests.serving import Client, serving
from tests.typed import good

NAMES = "PB[</script><b>許功蓋]PW[]"
HARD = {
    "illegal.sgf": sgf_text([*play_randomly(5, 40), play_randomly(5, 40)[3]], NAMES),
    "setup.sgf": b"(;GM[1]SZ[19]AB[dd][pp]HA[2];W[pd];B[dp]AW[jj]AE[pd];W[qf];B[];W[];B[])",
    "place.sgf": b"(;GM[1]SZ[19]AB[br][cr]AW[bq][cq]PL[W])",
    "two.sgf": sgf_text(play_randomly(1, 20)) + b"\n" + sgf_text(play_randomly(2, 33)),
    "none.sgf": b"nothing of the kind",
    "small.sgf": b"(;SZ[9];B[aa])",
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with serving(ServeConfig(threads=1)) as found:
        yield found


def start(client: Client, data: bytes, name: str, **query: str) -> str:
    more = "".join(f"&{key}={quote(value)}" for key, value in query.items())
    answer = client.post(f"/api/review?name={quote(name)}{more}", data)
    assert answer.status == 200, answer.body
    return str(answer.json()["job"])


def finish(client: Client, job: str) -> list[tuple[str, Any]]:
    return list(client.events(f"/api/jobs/{job}/events", timeout=300))


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"folder/{name}", data)
    return target.getvalue()


def rounded(found: Any) -> Any:
    """Numbers as they can be compared: two runs of a network differ in the last bits."""
    if isinstance(found, float):
        return pytest.approx(found, abs=2e-4)
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [rounded(value) for value in found]
    return found


@pytest.mark.slow
def test_one_record_as_the_command_reviews_it(
    client: Client, sample_files: list[Path], tmp_path: Path
) -> None:
    """Content, values and SGF are the library's and the command's, byte for byte; the page is
    this game's; progress counts all moves."""
    data = sample_files[3].read_bytes()
    job = start(client, data, "棋譜/a game.sgf")
    told = finish(client, job)
    assert told[-1][0] == "done"
    progress = [each for kind, each in told if kind == "progress"]
    moves = [each["moves"] for each in progress]
    assert moves == sorted(moves)
    found = client.get(f"/api/jobs/{job}").json()
    (game,) = found["games"]
    (record,) = parse(data, "a game.sgf")
    expected = review(record, "a game.sgf", open_evaluator(threads=1))
    assert (game["name"], game["moves"], game["sgf"]) == ("a game.sgf", len(expected.moves), True)
    assert progress[-1] == {
        "type": "progress",
        "games": 1,
        "of_games": 1,
        "moves": game["moves"],
        "of_moves": game["moves"],
    }
    base = f"/api/jobs/{job}/games/0"
    content = client.get(base).json()
    assert content == rounded(json.loads(json.dumps(page.content(expected))))
    assert content["least"] == [move.number - 1 for move in expected.least_expected()]
    assert client.get(f"{base}/values").json() == rounded(values.review_values(expected))

    (tmp_path / "in.sgf").write_bytes(data)
    good("go-review", tmp_path / "in.sgf", "--out", tmp_path / "out.sgf", "--threads", "1")
    saved = client.get(f"{base}/sgf")
    assert saved.body == (tmp_path / "out.sgf").read_bytes()
    assert b"SBKV[" in saved.body
    assert "a%20game-reviewed.sgf" in saved.headers["content-disposition"]


def test_looking_ahead(client: Client) -> None:
    """The lines and who is ahead are those of the library; what cannot be is refused."""
    data = sgf_text(play_randomly(6, 8), "KM[6.5]")
    job = start(client, data, "x.sgf", visits="6")
    assert finish(client, job)[-1][0] == "done"
    (record,) = parse(data, "x.sgf")
    expected = review(record, "x.sgf", open_evaluator(threads=1), visits=6)
    content = client.get(f"/api/jobs/{job}/games/0").json()
    assert content == rounded(json.loads(json.dumps(page.content(expected))))
    assert [move["line"] for move in content["moves"]] == [list(line) for line in expected.lines]
    assert content["visits"] == 6
    for wrong in ("-1", "1001", "many"):
        assert client.post(f"/api/review?name=x&visits={wrong}", data).status == 400


def test_the_page_of_a_game(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the content, and nothing in it ends the script; it comes as a file to save."""
    monkeypatch.setattr(page, "template", lambda: "<script>/*DATA*/</script>")
    job = start(client, HARD["illegal.sgf"], "x.sgf")
    finish(client, job)
    answer = client.get(f"/api/jobs/{job}/games/0/html")
    assert answer.headers["content-disposition"].startswith("attachment")
    text = answer.body.decode()
    assert text.count("<") == 2
    inside = json.loads(text.removeprefix("<script>").removesuffix("</script>"))
    assert inside == client.get(f"/api/jobs/{job}/games/0").json()
    assert inside["black"] == "</script><b>許功蓋"


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_hard_records_in_an_archive(client: Client, kind: str) -> None:
    """Each as the library has it: a record that ends early, stones set up, passes, a position, two
    games in a file; what is no game is told."""
    data = zipped(HARD)
    if kind == "tar":
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as archive:
            for name, each in HARD.items():
                entry = tarfile.TarInfo(f"folder/{name}")
                entry.size = len(each)
                archive.addfile(entry, io.BytesIO(each))
        data = target.getvalue()
    job = start(client, data, f"all.{kind}")
    assert finish(client, job)[-1][0] == "done"
    found = client.get(f"/api/jobs/{job}").json()
    names = [game["name"] for game in found["games"]]
    assert names == [
        "folder/illegal.sgf",
        "folder/setup.sgf",
        "folder/place.sgf",
        "folder/two.sgf (game 1)",
        "folder/two.sgf (game 2)",
    ]
    assert [line.split("folder/")[1].split(":")[0] for line in found["skipped"]] == [
        "none.sgf",
        "small.sgf",
    ]
    network = open_evaluator(threads=1)
    for number, name in enumerate(names):
        file, _, nth = name.removeprefix("folder/").partition(" (game ")
        record = parse(HARD[file], file)[int(nth[:-1]) - 1 if nth else 0]
        judge = review if record.steps else expected_at
        expected = page.content(judge(record, name, network))
        answer = client.get(f"/api/jobs/{job}/games/{number}").json()
        assert answer == rounded(json.loads(json.dumps(expected))), name
    trouble = [bool(game["trouble"]) for game in found["games"]]
    assert trouble == [True, False, False, False, False]
    assert [game["sgf"] for game in found["games"]] == [True, True, False, True, True]
    start_ = client.get(f"/api/jobs/{job}/games/2").json()["start"]
    assert (start_["colour"], len(start_["setup"])) == (2, 4)
    assert client.get(f"/api/jobs/{job}/games/2/sgf").status == 404
    two = client.get(f"/api/jobs/{job}/games/3/sgf").body
    assert two == client.get(f"/api/jobs/{job}/games/4/sgf").body
    assert len(parse(two, "x")) == 2


def test_cancelled_while_at_work(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Soon after it is cancelled nothing is evaluated any more, and it is gone."""
    asked: list[int] = []
    outputs = Shared.outputs

    def counting(self: Any, batch: Any) -> Any:
        asked.append(len(batch))
        return outputs(self, batch)

    monkeypatch.setattr(Shared, "outputs", counting)
    job = start(client, sgf_text([(361, 1), (361, 2)] * 5000), "long.sgf")
    events = client.events(f"/api/jobs/{job}/events", timeout=300)
    for kind, each in events:
        assert kind == "progress"
        if each["moves"] > 0:
            break
    assert client.ask("DELETE", f"/api/jobs/{job}").status == 200
    rest = list(events)
    assert rest[-1] == ("error", {"type": "error", "error": "the job was cancelled"})
    assert sum(asked) < 5000
    assert client.get(f"/api/jobs/{job}").status == 404


@pytest.mark.slow
def test_a_board_is_analysed_meanwhile(client: Client) -> None:
    """A review takes turns with those who look at a board."""
    job = start(client, sgf_text([(361, 1), (361, 2)] * 20_000), "long.sgf")
    events = client.events(f"/api/jobs/{job}/events", timeout=300)
    next(each for kind, each in events if kind == "progress" and each["moves"])
    with client.socket("/api/analysis") as board:
        asked = {"type": "analyse", "id": 1, "position": {"moves": [["b", "Q16"]]}, "visits": 30}
        board.send(json.dumps(asked))
        while not (told := json.loads(board.recv(timeout=300))).get("done"):
            assert told["type"] in ("policy", "report")
    assert client.get(f"/api/jobs/{job}").json()["state"] == "working"
    client.ask("DELETE", f"/api/jobs/{job}")
    assert list(events)[-1][0] == "error"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("x.sgf", b"nothing", "not a game record"),
        ("x.zip", zipped({"a.txt": b"x"}), "without a game record"),
        ("x.sgf", b"(;SZ[9];B[aa])", "9x9"),
        ("x.sgf", b"(;SZ[19];B[aa])" * 501, "more than 500 games"),
        ("x.sgf", sgf_text([(361, 1), (361, 2)] * 50_001), "100,000"),
    ],
)
def test_what_cannot_be_reviewed_is_told(client: Client, name: str, data: bytes, why: str) -> None:
    told = finish(client, start(client, data, name))
    assert told[-1][0] == "error"
    assert why in told[-1][1]["error"]


def test_what_is_not_there(client: Client) -> None:
    assert client.post("/api/review?name=x.sgf", b"").status == 400
    answer = client.post("/api/review?name=x.sgf&model=no", b"(;SZ[19];B[aa])")
    assert (answer.status, "no network 'no'" in answer.json()["error"]) == (400, True)
    for path in ("", "/games/0", "/games/0/sgf", "/games/0/html", "/games/0/values"):
        assert client.get(f"/api/jobs/gone{path}").status == 404
    job = start(client, b"(;SZ[19];B[aa])", "x.sgf")
    finish(client, job)
    for number, status in (("1", 404), ("-1", 400), ("x", 400), ("99999999999", 400)):
        assert client.get(f"/api/jobs/{job}/games/{number}").status == status
