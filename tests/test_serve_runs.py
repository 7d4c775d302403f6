"""The routes of training runs, asked by a client that knows the files alone."""

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gocnn.serve import running
from gocnn.serve.config import ServeConfig
from gocnn.serve.running import _shown
from gocnn.training.watching import Report, RunState
from tests.conftest import ROOT
from tests.serving import Client, serving
from tests.watched import line, make

OLD = ROOT / "tests" / "cases" / "old"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("somewhere") / "runs"
    shutil.copytree(OLD / "go-run", folder / "go" / "first")
    shutil.copytree(OLD / "img-run", folder / "photos")
    (folder / "bad").mkdir()
    (folder / "bad" / "run.json").write_text("{")
    return folder


@pytest.fixture(scope="module")
def client(runs: Path) -> Iterator[Client]:
    with serving(ServeConfig(runs=runs)) as asking:
        yield asking


def ids(client: Client) -> dict[str, str]:
    """By name."""
    return {run["name"]: run["id"] for run in client.get("/api/runs").json()["runs"]}


def test_all_runs(client: Client, runs: Path) -> None:
    answer = client.get("/api/runs")
    found = answer.json()
    assert [run["name"] for run in found["runs"]] == ["go/first", "photos"]
    assert [(one["name"], bool(one["why"])) for one in found["skipped"]] == [("bad", True)]
    assert str(runs).encode() not in answer.body
    assert not any(run["running"] for run in found["runs"])


@pytest.mark.parametrize(("name", "folder"), [("go/first", "go-run"), ("photos", "img-run")])
def test_one_run(client: Client, name: str, folder: str) -> None:
    found = client.get(f"/api/runs/{ids(client)[name]}").json()
    lines = [json.loads(text) for text in (OLD / folder / "metrics.jsonl").read_text().splitlines()]
    assert len(found["reports"]) == len(lines)
    for report, said in zip(found["reports"], lines, strict=True):
        assert (
            report["figures"] | {k: report[k] for k in ("kind", "step", "samples", "seconds")}
            == said
        )
    wishes = json.loads((OLD / folder / "run.json").read_text())["wishes"]
    assert found["asked"]["train.batch"] == wishes["train"]["batch"]
    assert found["chosen"]["device"] == "cpu"
    assert found["samples"] is None


@pytest.mark.parametrize("name", ["none", "..", "%2e%2e%2fbad", "go/first", "x" * 500])
def test_what_is_no_run(client: Client, name: str) -> None:
    answer = client.get(f"/api/runs/{name}")
    assert answer.status in (400, 404)
    assert answer.json()["error"]


def test_no_place_of_the_machine_is_told(tmp_path: Path) -> None:
    secrets = {
        "games": ["/home/someone/games.zip", "C:\\Users\\someone\\games", "~/games", "../up/g.sgf"],
        "begin": "begun from /srv/secret/small.safetensors (5 games; /home/someone/x), and ok",
        "data": str(tmp_path / "photos"),
        "unc": "\\\\server\\share\\someone\\x.sgf",
        "kept": ["12/2 games", "a/b", "1.5", "resnet-50/2", "see https://example.org/page"],
    }
    make(tmp_path / "runs" / "a", wishes=secrets, earlier=[{"place": "/root/someone/y"}])
    with serving(ServeConfig(runs=tmp_path / "runs")) as client:
        answer = client.get(f"/api/runs/{ids(client)['a']}")
    for word in (b"someone", b"secret/", b"up/", b"server", str(tmp_path).encode()):
        assert word not in answer.body, answer.json()
    asked = answer.json()["asked"]
    assert asked["games"] == ["games.zip", "games", "games", "g.sgf"]
    assert asked["begin"] == "begun from small.safetensors (5 games; x), and ok"
    assert asked["kept"] == secrets["kept"]


def test_values_that_json_has_not() -> None:
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    shown = _shown({"deep": deep, "large": 1 << 80, "/a/b": 1})
    assert (shown["large"], shown["b"]) == (str(1 << 80), 1)
    assert json.dumps(shown["deep"]).count("[") < 30


def test_events_tell_what_is_appended_and_what_appears(tmp_path: Path) -> None:
    folder = make(tmp_path / "runs" / "a", line("train", 1, loss=3.0))
    make(tmp_path / "runs" / "b", line("train", 1, loss=3.0))
    with serving(ServeConfig(runs=tmp_path / "runs")) as client:
        known = ids(client)
        events = client.events(f"/api/runs/events?watch={known['a']},none,{known['a']}")
        name, value = next(events)
        assert (name, [run["name"] for run in value["runs"]]) == ("runs", ["a", "b"])
        name, value = next(events)
        assert (name, value["id"], value["begin"]) == ("reports", known["a"], 0)
        assert [report["step"] for report in value["reports"]] == [1]
        with (folder / "metrics.jsonl").open("a") as stream:
            stream.write(line("valid", 2, loss=2.5, top1=0.5))
        name, value = next(events)
        assert (name, value["run"]["name"], value["run"]["best"]["step"]) == ("run", "a", 2)
        name, value = next(events)
        assert (name, value["begin"], value["reports"][0]["figures"]) == (
            "reports",
            1,
            {"loss": 2.5, "top1": 0.5},
        )
        with (tmp_path / "runs" / "b" / "metrics.jsonl").open("a") as stream:
            stream.write(line("train", 2, loss=2.5))
        name, value = next(events)
        assert (name, value["run"]["name"], value["run"]["step"]) == ("run", "b", 2)
        make(tmp_path / "runs" / "c")
        name, value = next(events)
        assert (name, [run["name"] for run in value["runs"]]) == ("runs", ["a", "b", "c"])
        # taken back: all of them come again
        (folder / "new").write_text(line("train", 1, loss=3.0))
        (folder / "new").replace(folder / "metrics.jsonl")
        assert next(events)[0] == "run"
        name, value = next(events)
        assert (name, value["begin"], len(value["reports"])) == ("reports", 0, 1)
        shutil.rmtree(folder)
        name, value = next(events)
        assert (name, [run["name"] for run in value["runs"]]) == ("runs", ["b", "c"])
        events.close()


@pytest.mark.parametrize("between", [None, []])
def test_reports_of_a_run_that_begins_anew_come_from_the_first_on(
    between: list[Report] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder was away, and it has as many as before; or its reports are taken back."""
    monkeypatch.setattr(running, "LOOK_SECONDS", 0.0)
    first, again = ([Report("train", step, 0, 0.0, {})] for step in (1, 2))
    scenes = iter([(first, 0), (between, 1), (again, 0 if between is None else 1)])
    watcher: Any = SimpleNamespace(skipped={}, full=False)

    def look() -> None:
        reports, rewritten = next(scenes, (None, -1))
        if rewritten < 0:
            raise EOFError
        state = RunState("a", "a", rewritten=rewritten)
        run = SimpleNamespace(state=state, reports=reports, version=0)
        watcher.runs = {} if reports is None else {"a": run}

    async def told() -> list[tuple[int, list[Report]]]:
        found = []
        with contextlib.suppress(EOFError):
            async for event in running.follow(watcher, running.Watched("a")):
                if isinstance(event, running.Reports):
                    found.append((event.begin, event.reports))
        return found

    watcher.look = look
    middle = [] if between is None else [(0, between)]
    assert asyncio.run(told()) == [(0, first), *middle, (0, again)]


def test_a_hundred_runs_that_rest_are_cheap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of runs that write nothing no file is opened but the lock."""
    from gocnn.training import described
    from gocnn.training.watching import Watcher

    text = "".join(line("train", step, loss=1.0) for step in range(500))
    for k in range(100):
        make(tmp_path / f"run-{k}", text)
    watcher = Watcher(tmp_path)
    watcher.look()
    assert len(watcher.runs) == 100
    opened: list[Path] = []
    plain = described.read_bytes

    def counting(path: Path, begin: int, most: int) -> Any:
        opened.append(path)
        return plain(path, begin, most)

    monkeypatch.setattr(described, "read_bytes", counting)
    with (tmp_path / "run-7" / "metrics.jsonl").open("a") as stream:
        stream.write(line("train", 500, loss=1.0))
    time.sleep(0.3)
    watcher.look()
    assert opened == [tmp_path / "run-7" / "metrics.jsonl"]


def test_without_a_folder_of_runs_there_are_none(tmp_path: Path) -> None:
    with serving(ServeConfig(runs=tmp_path / "not there")) as client:
        assert client.get("/api/runs").json() == {
            "type": "runs",
            "runs": [],
            "skipped": [],
            "full": False,
        }
    with serving(ServeConfig()) as client:
        assert client.get("/api/runs").status == 404
        assert client.get("/api/about").json()["runs"] is False


def test_samples_of_a_run(tiny_run: Path, tmp_path: Path) -> None:
    """What is kept of the last validation is what the saved network says of those positions."""
    import gocnn

    shutil.copytree(tiny_run, tmp_path / "runs" / "tiny")
    with serving(ServeConfig(runs=tmp_path / "runs")) as client:
        found = client.get(f"/api/runs/{ids(client)['tiny']}").json()
    samples = found["samples"]
    assert samples["step"] == found["run"]["predicted"] == found["reports"][-1]["step"]
    assert len(samples["positions"]) == 8
    for one in samples["positions"]:
        assert len(one["moves"]) == 5
        stones = one["black"] + one["white"]
        assert len(set(stones)) == len(stones) > 0
        assert one["last"] is None or one["last"] in stones
        assert one["played"] not in stones
        assert one["to_play"] in "bw"
        p = [each["probability"] for each in one["moves"]]
        assert p == sorted(p, reverse=True)
        said = {each["move"]: each["probability"] for each in one["moves"]}
        assert said.get(one["played"], one["probability"]) == one["probability"]
    assert gocnn.load(tmp_path / "runs" / "tiny" / "last.safetensors").has_value


@pytest.mark.parametrize("count", [1, 5])
def test_predictions_are_those_of_the_network(
    tiny_run: Path, sample_store: Path, count: int
) -> None:
    """Against the network asked by itself, on planes of a board that was replayed move by move."""
    import torch

    from gocnn.board import Board
    from gocnn.board.coords import from_gtp
    from gocnn.games.selection import GameFilter
    from gocnn.games.store import Store
    from gocnn.policy import data
    from gocnn.policy.model import load
    from gocnn.policy.predicting import PositionPredictions
    from gocnn.policy.samples import choose_positions, positions

    model = load(tiny_run / "last.safetensors")
    games = data.select_games([Store(sample_store)], GameFilter()).games
    network = model.network.eval()
    with torch.no_grad():
        said = PositionPredictions(games, model.config, count)(network, torch.device("cpu"), "fp32")
    which, plies = choose_positions(games, count, seed=1)
    planes, moves, *_ = positions(games, model.config.plane_groups, which, plies)
    with torch.no_grad():
        outputs = network(torch.from_numpy(planes).float())
    logits = (outputs[0] if isinstance(outputs, tuple) else outputs).numpy()
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    words = games.words
    for k, one in enumerate(said):
        best = int(p[k].argmax())
        assert from_gtp(one["moves"][0]["move"]) == best
        assert one["moves"][0]["probability"] == pytest.approx(float(p[k][best]), abs=1e-4)
        assert from_gtp(one["played"]) == int(moves[k])
        assert one["probability"] == pytest.approx(float(p[k][int(moves[k])]), abs=1e-4)
        board, game = Board(19), int(which[k])
        first = int(games.start[game])
        from gocnn.games.words import colour_of, index_of

        setup = int(games.setup[game])
        if setup:
            continue
        for word in words[first : first + int(plies[k])].tolist():
            board.play(int(index_of(word)), int(colour_of(word)))
        stones = board.stones().ravel()
        assert sorted(map(from_gtp, one["black"])) == np.flatnonzero(stones == 1).tolist()
        assert sorted(map(from_gtp, one["white"])) == np.flatnonzero(stones == 2).tolist()
        assert (one["to_play"] == "b") == (int(colour_of(int(words[first + int(plies[k])]))) == 1)


def test_mutated_files_do_no_harm(tmp_path: Path, tiny_run: Path) -> None:
    """Whatever a run's files hold, it is shown or named; its neighbour is always there."""
    import random

    from gocnn.serve import running
    from gocnn.serve.bodies import encoded
    from gocnn.training.watching import Watcher

    dice = random.Random(5)
    names = ("run.json", "metrics.jsonl", "predictions.json")
    plain = {name: (tiny_run / name).read_bytes() for name in names}
    words = [
        b"null",
        b"-1",
        b"1e999",
        b"NaN",
        b'"\\ud800"',
        b"[]",
        b"{}",
        b"9" * 400,
        b"\xff",
        b"\x00",
        b"true",
    ]
    folder = tmp_path / "runs" / "mutated"
    make(tmp_path / "runs" / "whole", line("train", 1, loss=1.0))
    folder.mkdir()
    for _ in range(400):
        for name, data in plain.items():
            some = bytearray(data)
            for _ in range(dice.randrange(4)):
                at = dice.randrange(len(some) + 1)
                end = at + dice.choice([0, 1, 5, 200])
                some[at:end] = dice.choice(words)
            (folder / name).write_bytes(bytes(some))
        watcher = Watcher(tmp_path / "runs")
        found = running.all_runs(watcher)
        assert "whole" in [state.name for state in found.runs]
        assert len(found.runs) + len(found.skipped) == 2
        assert json.loads(encoded(found))
        for state in found.runs:
            assert json.loads(encoded(running.one_run(watcher, running.Named(state.id))))
