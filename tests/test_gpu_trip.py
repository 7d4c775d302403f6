"""The kit's way to a card and back: games packed and unpacked, a run that ends by the clock, in
parts, and goes on from them."""

import argparse
import errno
import importlib
import itertools
import json
import os
import tarfile
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import gpu
from gocnn import modelfile
from gocnn.errors import UserError
from gocnn.games import labels
from gocnn.games.importing import import_games
from gocnn.games.record import TEXTS
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.games.store_writer import add_labels
from gocnn.policy import data
from gocnn.training import TrainConfig
from gocnn.training.schedule import Budget, Deadline
from gpukit import choosing, courier, gamepack, luggage, recipes, train, travel
from tests.conftest import ROOT, play_randomly, sgf_text
from tests.typed import good


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of games from two sources (`train.games`) and one to validate on that
    shares a game with it (`valid.games`)."""
    folder = tmp_path_factory.mktemp("games")
    ranks = [
        "BR[9d]WR[9d]RE[B+R]",
        "BR[3d]WR[9d]RE[W+3.5]",
        "",
        "HA[2]AB[pd][dp]BR[1p]WR[1p]PL[W]KM[0.5]DT[2011-05-31]PC[TYGEM]PB[黑]PW[白]",
    ]
    for name, numbers in (("a", range(8)), ("b", range(8, 24)), ("v", [3, *range(30, 34)])):
        (folder / name).mkdir()
        for i in numbers:
            header = ranks[i % 4].replace("AB[pd][dp]", "AB[aa][ss]" if i % 4 == 3 else "")
            moves = play_randomly(i, 30 + i)
            if i % 4 == 3:
                moves = [(index, 3 - colour) for index, colour in moves if index not in (0, 360)]
            text = sgf_text(moves, header)
            (folder / name / f"{i}.sgf").write_bytes(text)
    import_games([str(folder / "a"), str(folder / "b")], folder / "train.games", jobs=1, quiet=True)
    import_games([str(folder / "v")], folder / "valid.games", jobs=1, quiet=True)
    return folder


@pytest.fixture(scope="module")
def packed(games: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "trip"
    assert (
        gpu.main(
            [
                "pack",
                str(games / "train.games"),
                "--valid",
                str(games / "valid.games"),
                "--out",
                str(out),
                "--part",
                "0.001",
            ]
        )
        == 0
    )
    return out


@pytest.fixture(autouse=True)
def a_command_begins_with_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here many commands are one process, whose age is not theirs."""
    monkeypatch.setattr("gpukit.train.BEGAN", time.perf_counter())


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the kit's command, which has to end with that code; returns what it said, a single
    sentence if it is bad input."""

    def call(code: int, *arguments: object) -> str:
        capsys.readouterr()
        assert gpu.main([str(a) for a in arguments]) == code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        errors = [line for line in err.splitlines() if line.startswith("Error: ")]
        assert len(errors) == (code == 1)
        return errors[0] if errors else out + err

    return call


def contents(store: Store) -> list[tuple[Any, ...]]:
    """All there is to know of each game, but the players' names."""
    records = store.records()
    lost = {"start", "black", "white"} | set(TEXTS)
    return [
        (
            *(
                np.nan_to_num(records[name][i], nan=-1.0).item()
                for name in records.dtype.names or ()
                if name not in lost
            ),
            store.words[int(records["start"][i]) :][
                : int(records["setup"][i]) + int(records["moves"][i])
            ].tolist(),
            store.texts(i)["place"],
            store.texts(i)["source"],
        )
        for i in range(len(store))
    ]


# --- packing
# -----------------------------------------------------------------------------------------------------------------------


def test_games_come_out_of_a_pack_as_they_went_in(
    games: Path, packed: Path, tmp_path: Path, says: Callable[..., str]
) -> None:
    assert len(list(packed.glob("*.part"))) > 1
    said = says(0, "unpack", packed, "--out", tmp_path)
    stores = [tmp_path / "train.games", tmp_path / "valid-1-valid.games"]
    assert all(str(path) in said for path in stores)
    original, valid = Store(games / "train.games"), Store(games / "valid.games")
    for store in map(Store, stores):
        store.verify()
    leak = set(valid.records()["key"].tolist())
    kept = [
        game
        for game, key in zip(contents(original), original.records()["key"].tolist(), strict=True)
        if key not in leak
    ]
    assert len(kept) == len(original) - 1
    assert contents(Store(stores[0])) == kept
    assert contents(Store(stores[1])) == contents(valid)
    assert {Store(stores[0]).texts(i)["black"] for i in range(len(kept))} == {""}


def test_labels_and_games_of_a_network_travel(
    games: Path, tmp_path: Path, says: Callable[..., str]
) -> None:
    """Of every kind, those that were tried in vain among them; and how many moves people played."""
    there = tmp_path / "labelled.games"
    there.write_bytes((games / "train.games").read_bytes())
    store = Store(there)
    count = len(store)
    owners = np.random.default_rng(1).integers(0, 3, (count, 361)).astype(np.int8)
    numbers = np.arange(0, count, 2)
    kinds = np.array([labels.COUNTED, labels.PLAYED_ON, labels.TRIED, labels.JUDGED], np.uint8)[
        numbers // 2 % 4
    ]
    add_labels(
        there,
        numbers,
        kinds,
        labels.pack(owners[numbers]),
        '{"engine": "katago", "version": "1.17.2"}',
    )
    says(0, "pack", there, "--out", tmp_path / "pack")
    says(0, "unpack", tmp_path / "pack", "--out", tmp_path / "out")
    before, after = Store(there), Store(tmp_path / "out" / "train.games")
    place = {key: i for i, key in enumerate(after.records()["key"].tolist())}
    order = [place[key] for key in before.records()["key"].tolist()]
    assert before.label_kinds().tolist() == after.label_kinds()[order].tolist()
    for mine, other in zip(before.labels().tolist(), after.labels()[order].tolist(), strict=True):
        assert (mine < 0) == (other < 0)
        if mine >= 0:
            assert np.array_equal(before.words[mine : mine + 46], after.words[other : other + 46])
    judges, names = after.judges()
    assert names == ["katago 1.17.2"]
    assert (judges[order] >= 0).tolist() == (before.label_kinds() == labels.JUDGED).tolist()
    assert "reserved" in gamepack.COLUMNS
    held = np.zeros(0, np.int64)
    for first in (True, False):
        ready = choosing.candidates([before], GameFilter(), held, 1, labelled_first=first)
        few = int((before.labels() >= 0).sum()) // 3
        ((_, chosen),) = ready.first(few).parts
        assert bool((before.labels()[chosen] >= 0).all()) == first


def test_a_pack_has_the_fingerprint_that_training_on_the_store_itself_has(
    games: Path, packed: Path
) -> None:
    held = data.select_games([Store(games / "valid.games")], GameFilter())
    training, _ = data.without(
        data.select_games([Store(games / "train.games")], GameFilter()), held
    )
    facts = gamepack.facts_of(packed)
    assert [f["fingerprint"] for f in facts] == [training.fingerprint(), held.fingerprint()]
    assert [f["positions"] for f in facts] == [training.games.positions, held.games.positions]


def test_the_same_draw_is_the_same_pack_and_another_seed_another(
    games: Path, tmp_path: Path, says: Callable[..., str]
) -> None:
    made = [
        says(
            0,
            "pack",
            games / "train.games",
            "--games",
            7,
            "--seed",
            seed,
            "--out",
            tmp_path / str(i),
        )
        for i, seed in enumerate((1, 1, 2, 3, 4, 5))
    ]
    prints = [text.split("fingerprint ")[1].split()[0] for text in made]
    assert prints[0] == prints[1]
    assert len(set(prints)) > 1
    assert [p.name for p in sorted((tmp_path / "0").iterdir())] == [
        p.name for p in sorted((tmp_path / "1").iterdir())
    ]


def test_small_sources_go_whole_strong_players_first(games: Path) -> None:
    store = Store(games / "train.games")
    ready = choosing.candidates([store], GameFilter(), np.zeros(0, np.int64), 1)
    sources = [store.texts(i)["source"] for i in range(len(store))]
    small = sources.count(sources[0])
    for count, wanted in ((2, 1), (small, small // 2), (2 * small, small), (len(store), small)):
        ((_, chosen),) = ready.first(count).parts
        assert abs([sources[i] for i in chosen].count(sources[0]) - wanted) <= count % 2
    records = store.records()
    ((_, few),) = ready.first(2).parts
    assert records["black_rank"][few].tolist() == [11] * 2
    assert (records["black_rank"][ready.first(2 * small - 4).parts[0][1]] > 0).all()


def test_a_size_that_does_not_hold_the_games_says_how_many_it_holds(
    games: Path, tmp_path: Path, says: Callable[..., str]
) -> None:
    refused = says(
        1, "pack", games / "train.games", "--out", tmp_path / "no", "--games", 24, "--size", 0.0208
    )
    fitting = int(refused.split("about ")[1].split()[0])
    assert 3 < fitting < 24
    assert not (tmp_path / "no").exists()
    says(0, "pack", games / "train.games", "--out", tmp_path / "yes", "--size", 0.0208)
    assert 3 < gamepack.facts_of(tmp_path / "yes")[0]["games"] < 24
    assert sum(p.stat().st_size for p in (tmp_path / "yes").iterdir()) <= 20800
    assert "holds no game" in says(
        1, "pack", games / "train.games", "--out", tmp_path / "no", "--size", 0.001
    )
    assert "all of them are taken" in says(
        0, "pack", games / "train.games", "--out", tmp_path / "all", "--games", 100
    )


def test_wrong_packing(games: Path, packed: Path, tmp_path: Path, says: Callable[..., str]) -> None:
    store, out = games / "train.games", tmp_path / "out"
    assert "is not a rank" in says(1, "pack", store, "--out", out, "--min-rank", "9x")
    assert "no game passes the filters" in says(1, "pack", store, "--out", out, "--min-moves", 1000)
    assert "every game is also a validation game" in says(
        1, "pack", store, "--out", out, "--valid", store
    )
    assert "missing.games" in says(1, "pack", tmp_path / "missing.games", "--out", out)
    assert "holds no parts" in says(1, "unpack", tmp_path, "--out", out)
    assert "not run" in says(1, "join", packed, "--out", out)
    assert not out.exists()
    for wrong in (["--games", "0"], ["--size", "-1"], ["--size", "nan"], ["--part", "x"]):
        with pytest.raises(SystemExit) as ended:
            gpu.main(["pack", str(store), "--out", str(out), *wrong])
        assert ended.value.code == 2


@pytest.mark.parametrize("number", [0, 1])
def test_a_part_that_is_missing_short_or_damaged_is_named(
    packed: Path, tmp_path: Path, says: Callable[..., str], number: int
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in packed.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    part = sorted(copy.glob("*.part"))[-number]
    whole = part.read_bytes()
    for spoil, word in (
        (whole[:-1], "bytes instead of"),
        (whole[:9] + bytes([whole[9] ^ 1]) + whole[10:], "damaged"),
        (None, "lacks"),
    ):
        part.write_bytes(spoil) if spoil is not None else part.unlink()
        said = says(1, "unpack", copy, "--out", tmp_path / "out")
        assert part.name in said
        assert word in said
        assert not list((tmp_path / "out").glob("*"))
    for manifest in (
        "",
        "{}",
        "[]",
        (
            '{"format": "gocnn-parts", "version": 1, "kind": "games", "facts": {}, "files": [],'
            ' "parts": [{"name": "../x"}]}'
        ),
        (packed / travel.MANIFEST).read_text()[:-40],
    ):
        (copy / travel.MANIFEST).write_text(manifest)
        assert "parts.json" in says(1, "unpack", copy, "--out", tmp_path / "out")


def test_a_block_that_tells_of_other_games_is_not_taken(
    packed: Path, tmp_path: Path, says: Callable[..., str]
) -> None:
    manifest = json.loads((packed / travel.MANIFEST).read_text())
    parcel = travel.receive(packed, gamepack.KIND)
    first = manifest["facts"]["stores"][0]
    first["fingerprint"] = "0" * 16
    travel.send(tmp_path / "other", gamepack.KIND, parcel.files, manifest["facts"])
    assert "other games than its manifest says" in says(
        1, "unpack", tmp_path / "other", "--out", tmp_path / "out"
    )
    first["blocks"] = [5]
    travel.send(tmp_path / "other", gamepack.KIND, parcel.files, manifest["facts"])
    assert "damaged" in says(1, "unpack", tmp_path / "other", "--out", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.games"))


# --- parts
# -------------------------------------------------------------------------------------------------------------------------


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def failing(
    function: Callable[..., Any],
    at: Container[int],
    fail: Callable[..., Any],
    calls: Iterator[int] | None = None,
) -> Callable[..., Any]:
    """`function`, but the calls numbered in `at` (from 0) are `fail`."""
    numbers = itertools.count() if calls is None else calls
    return lambda *arguments, **options: (
        fail() if next(numbers) in at else function(*arguments, **options)
    )


def test_a_full_disk_leaves_the_parts_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a": bytes(range(100)), "b": b"", "c": bytes(50)}
    written = travel.send(tmp_path, "run", files, {"step": 1}, 40)
    assert [p.stat().st_size for p in written[:-1]] == [40, 40, 40, 30]
    for at in range(4):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing(os.fsync, {2 * at}, full))
            with pytest.raises(UserError, match="No space left.*unharmed.*make room"):
                travel.send(tmp_path, "run", {"a": bytes(200)}, {"step": 2}, 60)
        assert sorted(tmp_path.iterdir()) == sorted(written)
    assert travel.receive(tmp_path, "run").files == files
    travel.send(tmp_path, "run", {"a": bytes(200)}, {"step": 2}, 60, staging=tmp_path / "staging")
    assert len(list(tmp_path.glob("*.part"))) == 4
    assert travel.receive(tmp_path, "run").facts == {"step": 2}
    assert not list((tmp_path / "staging").iterdir())


def test_whoever_is_killed_while_sending_leaves_one_set_of_parts_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = {"a": bytes(range(100))}, {"a": bytes(range(50, 250))}

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    for at in range(12):
        folder = tmp_path / str(at)
        travel.send(folder, "run", old, {}, 40)
        calls = itertools.count()
        with monkeypatch.context() as patch:
            for name in ("replace", "unlink"):
                patch.setattr(os, name, failing(getattr(os, name), range(at, 1000), killed, calls))
            with pytest.raises(Killed):
                travel.send(folder, "run", new, {}, 40)
                raise Killed
        assert travel.receive(folder, "run").files in (old, new)


def test_halves_keep_what_small_numbers_say(tiny_run: Path) -> None:
    whole = torch.load(tiny_run / "checkpoint.pt", weights_only=True)
    whole["optimisers"][0]["state"][0]["momentum"].mul_(1e-9)  # far below the least float16
    again = luggage.restore(luggage.halve(whole))

    def same(a: Any, b: Any, name: str = "") -> None:
        if isinstance(a, torch.Tensor):
            assert a.dtype == b.dtype
            close = 1e-3 if a.numel() >= luggage.SMALL and name != "exp_avg_sq" else 0.0
            torch.testing.assert_close(
                b,
                a,
                rtol=close,
                atol=(
                    float(a.abs().max()) * close / 100 if a.numel() and a.is_floating_point() else 0
                ),
            )
        elif isinstance(a, dict):
            assert a.keys() == b.keys()
            for key in a:
                same(a[key], b[key], str(key))
        elif isinstance(a, list | tuple):
            for x, y in zip(a, b, strict=True):
                same(x, y, name)
        else:
            assert a == b

    same(whole, again)


def test_what_stays_behind_as_room_gets_less(
    tiny_run: Path, tmp_path: Path, says: Callable[..., str]
) -> None:
    sizes = {
        name: (tiny_run / name).stat().st_size
        for name in luggage.NAMES
        if (tiny_run / name).exists()
    }
    everything = sum(sizes.values())
    best = sizes["best.safetensors"]
    assert luggage.pack(tiny_run, everything)[1] == {"halves": False, "left_out": []}
    assert luggage.pack(tiny_run, everything - 1)[1] == {
        "halves": False,
        "left_out": ["last.safetensors"],
    }
    files, facts = luggage.pack(tiny_run, everything - best - 1)
    assert facts == {"halves": True, "left_out": ["last.safetensors"]}
    size = sum(map(len, files.values()))
    assert luggage.pack(tiny_run, size - 1)[1]["left_out"] == [
        "best.safetensors",
        "last.safetensors",
    ]
    files, facts = luggage.pack(tiny_run, size - 1, finished=True)
    assert facts["left_out"] == ["last.safetensors", "checkpoint.pt"] or sorted(
        facts["left_out"]
    ) == ["checkpoint.pt", "last.safetensors"]
    assert "even in halves" in says(
        1, "parts", tiny_run, "--out", tmp_path / "none", "--room", 0.001
    )
    assert "holds no run" in says(1, "parts", tmp_path, "--out", tmp_path / "none")

    assert "in halves" in says(0, "parts", tiny_run, "--out", tmp_path / "parts", "--halves")
    assert "from halves" in says(0, "join", tmp_path / "parts", "--out", tmp_path / "run")
    half, whole = (modelfile.load(run, "go-policy") for run in (tmp_path / "run", tiny_run))
    assert half.provenance == whole.provenance
    assert half.path.stat().st_size < 0.6 * whole.path.stat().st_size
    assert "top-1" in good(
        "go-eval", ROOT / "data" / "games", "--model", tmp_path / "run", "--positions", 200
    )
    assert "already holds a run" in says(1, "join", tmp_path / "parts", "--out", tmp_path / "run")


# --- training
# ----------------------------------------------------------------------------------------------------------------------


def common(out: Path) -> list[object]:
    return [
        "--out",
        out,
        "--parts",
        f"{out}.parts",
        "--preset",
        "tiny",
        "--planes",
        "board,handicap",
        "--batch",
        8,
        "--valid-positions",
        100,
        "--precision",
        "fp32",
        "--device",
        "cpu",
    ]


class Clock:
    """A clock that goes on by a second each time it is looked at."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.mark.slow
def test_going_on_from_parts_gives_the_bits_of_a_run_in_one_go(
    packed: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ["--steps", 5, "--validations", 2]
    assert "done, step 5" in says(
        0, "train", packed, *common(tmp_path / "one"), *steps, "--minutes", 60
    )

    monkeypatch.setattr(train, "CLOCK", Clock())  # the first command has time for some steps only
    said = says(
        0, "train", packed, *common(tmp_path / "two"), *steps, "--minutes", 0.15, "--reserve", 1
    )
    assert "stopped; go on with --resume" in said
    done = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < done < 5
    monkeypatch.undo()
    arguments = ["train", packed, "--out", tmp_path / "three", "--device", "cpu", "--minutes", 60]
    assert "done, step 5" in says(0, *arguments, "--from-parts", tmp_path / "two.parts")
    assert "already holds a run" in says(1, *arguments, "--from-parts", tmp_path / "two.parts")
    assert "holds the parts of a run" in says(
        1, "train", packed, *common(tmp_path / "two"), *steps, "--out", tmp_path / "new"
    )
    assert "holds a run already" in says(1, "train", packed, *common(tmp_path / "two"), *steps)
    assert "which is not --preset small" in says(
        1, *arguments, "--out", tmp_path / "two", "--resume", "--preset", "small"
    )
    assert "cannot change" in says(1, *arguments, "--resume", "--batch", 16)

    says(0, "join", tmp_path / "three-parts", "--out", tmp_path / "home")
    one, home = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("one", "home")
    )
    assert one["step"] == home["step"] == 5
    for part in ("model", "ema"):
        for key, tensor in one[part].items():
            assert torch.equal(tensor, home[part][key]), (part, key)
    assert modelfile.load(tmp_path / "home", "go-policy").provenance["samples"] in (24, 40)
    assert (
        json.loads((tmp_path / "home" / "run.json").read_text())["data"]
        == gamepack.facts_of(packed)[0]["fingerprint"]
    )

    # What the trainer advises where memory or the range of fp16 was not enough can be followed.
    arguments = [
        "train",
        packed,
        "--out",
        tmp_path / "two",
        "--parts",
        tmp_path / "two.parts",
        "--device",
        "cpu",
        "--minutes",
        60,
        "--resume",
    ]
    assert "--accumulate 3 does not divide the run's batch of 8" in says(
        1, *arguments, "--accumulate", 3
    )
    assert "done, step 5" in says(
        0, *arguments, "--batch", 8, "--accumulate", 2, "--precision", "fp16"
    )
    wishes = json.loads((tmp_path / "two" / "run.json").read_text())["wishes"]["train"]
    assert (wishes["batch"], wishes["accumulate"], wishes["precision"]) == (8, 2, "fp16")


def test_no_time_no_games_no_card(
    packed: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = common(tmp_path / "run")
    assert "nothing to train in" in says(1, "train", packed, *out, "--minutes", 0.001)
    assert "no games to train on" in says(1, "train", *out)
    assert "no run to resume" in says(
        1, "train", packed, "--out", tmp_path / "run", "--resume", "--device", "cpu"
    )
    assert "no plane group" in says(1, "train", packed, *out, "--planes", "nothing")
    if not torch.cuda.is_available():
        assert "no CUDA device" in says(1, "train", packed, *out, "--device", "cuda")
    assert "not run" in says(1, "train", packed, *out, "--parts", packed)
    assert not (tmp_path / "run" / "run.json").exists()
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "best.json").write_text("{")
    assert "best.json is damaged" in says(1, "train", packed, *out, "--best", tmp_path / "best")


def test_a_run_begins_with_a_network_by_its_name_and_may_grow(
    packed: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def train_nothing(config: Any, launch: Any) -> None:
        network = config.network
        begun.append(f"{Path(config.begin).name} {network.blocks}x{network.channels}")
        raise UserError("not now")

    monkeypatch.setattr("gocnn.policy.training.train", train_nothing)
    words = ["train", packed, "--out", tmp_path / "run", "--device", "cpu", "--from"]
    for more in (["small"], ["small", "--preset", "base"]):
        assert "not now" in says(1, *words, *more)
    assert begun == ["small.safetensors 6x64", "small.safetensors 10x128"]
    assert "cannot grow to 4" in says(1, *words, "small", "--preset", "tiny")
    assert "nobody" in says(1, *words, "nobody")


def test_parts_that_cannot_be_written_end_a_run_with_a_sentence_and_leave_it_whole(
    packed: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> list[Path]:
        raise UserError(
            "cannot write 1.0 MB as parts in x (No space left on device); make room or choose"
            " another place"
        )

    with monkeypatch.context() as patch:
        patch.setattr(travel, "send", no_room)
        said = says(1, "train", packed, *common(tmp_path / "run"), "--steps", 1)
    assert "No space left" in said
    assert "step 1" in says(0, "parts", tmp_path / "run", "--out", tmp_path / "parts")


def test_parts_are_there_while_it_runs(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    sender = courier.Courier(run, tmp_path / "parts", 15 * travel.MB, 64 * travel.MB)
    monkeypatch.setattr(courier.Courier, "PERIOD", 0.01)
    with sender:
        for name in ("run.json", "metrics.jsonl", "best.safetensors", "checkpoint.pt"):
            (run / name).write_bytes((tiny_run / name).read_bytes())
        for _ in range(1000):
            if (tmp_path / "parts" / travel.MANIFEST).exists():
                break
            sender._ended.wait(0.01)
    assert (
        travel.receive(tmp_path / "parts", luggage.KIND).files["checkpoint.pt"]
        == (run / "checkpoint.pt").read_bytes()
    )


def test_a_budget_in_time_is_made_to_end_at_the_deadline() -> None:
    now = SimpleNamespace(seconds=100.0)
    budget = Budget(TrainConfig(minutes=1.0), 1, lambda: now.seconds)
    budget.start(50.0)  # an earlier command's
    budget.fit(Deadline(5030.0, True, lambda: 5000.0))
    assert budget.seconds == 80.0
    now.seconds = 130.0
    assert budget.progress(0) == 1.0
    steps = Budget(TrainConfig(steps=10), 1)
    steps.fit(Deadline(5.0, True, lambda: 0.0))
    assert steps.progress(5) == 0.5


def test_recipes_follow_what_speed_found(tmp_path: Path) -> None:
    row = {
        "batch": 2048,
        "compile": "none",
        "planes_multiple": 1,
        "samples_per_second": 20480.0,
        "compile_seconds": 0.0,
    }
    (tmp_path / "best.json").write_text(json.dumps({"base": row}))
    card = torch.device("cuda")
    found = recipes.recipe(
        "base", card, 10, tmp_path, {"seed": None, "learning_rate": None}
    ).settings
    assert (found["batch"], found["compile"], found["validations"]) == (2048, False, 10)
    assert found["learning_rate"] == pytest.approx(0.02 * 2**0.5, abs=1e-5)
    assert found["ema"] == pytest.approx(1 - 20 / 6000)
    assert (
        recipes.recipe("base", card, 10, tmp_path, {"batch": 1024, "ema": 0.5}).settings["ema"]
        == 0.5
    )
    (tmp_path / "best.json").write_text(json.dumps({"base": row | {"compile": "reduce-overhead"}}))
    assert (
        TrainConfig(
            minutes=1.0, **recipes.recipe("base", card, 10, tmp_path, {}).settings
        ).compile_mode
        == "reduce-overhead"
    )
    small = recipes.recipe("small", card, 25, tmp_path, {}).settings
    assert (small["batch"], small["ema"]) == (1024, 0.9995)
    TrainConfig(minutes=1.0, **found)
    assert recipes.recipe("base", torch.device("cpu"), 10, tmp_path, {}).settings["batch"] == 256
    for damaged in ({"batch": "many"}, row | {"compile": "much"}):
        (tmp_path / "best.json").write_text(json.dumps({"base": damaged}))
        with pytest.raises(UserError, match="not what"):
            recipes.recipe("base", card, 10, tmp_path, {})


# --- the page
# ----------------------------------------------------------------------------------------------------------------------


def page_commands() -> list[list[str]]:
    """The commands in docs/gpu.md, as lists of words without `python`."""
    blocks = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8").split("```")[1::2]
    lines = [line.split() for block in blocks for line in block.splitlines() if line.strip()]
    assert all(words[0] == "python" for words in lines)
    return [words[1:] for words in lines]


SMALLER = {"--minutes": "0.12", "--total-minutes": "10", "--preset": "tiny", "--size": "1"}
"""What the page's options are in its rehearsal."""

MORE = {
    "train": ["--device", "cpu", "--reserve", "1"],
    "go-eval": ["--positions", "200"],
    "go-import": ["--jobs", "1"],
    "go-train": ["--quiet"],
}
FIRST = [
    "--batch",
    "8",
    "--valid-positions",
    "100",
    "--precision",
    "fp32",
    "--planes",
    "board,handicap",
]


def rehearsed(words: list[str]) -> list[str]:
    """A command of the page made tiny, with the names of files written out."""
    words = [SMALLER.get(before, word) for before, word in itertools.pairwise(["", *words])]
    words = [
        name
        for word in words
        for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    return [
        *words,
        *MORE.get(words[1], []),
        *(FIRST if words[1] == "train" and "--resume" not in words else []),
    ]


@pytest.mark.slow
def test_the_page_is_true(
    games: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of the page, one after the other. Those that a module of their own tests are
    only read here."""
    (tmp_path / "games").mkdir()
    for source, target in (("a", "games/a.tar.xz"), ("b", "games/b.tar.xz"), ("v", "tygem.tar.xz")):
        with tarfile.open(tmp_path / target, "w:xz") as archive:
            archive.add(games / source, source)
    monkeypatch.chdir(tmp_path)
    read: list[str] = []

    def noted(options: argparse.Namespace) -> int:
        read.append(options.command)
        return 0

    for name in ("check", "speed", "images", "report"):
        monkeypatch.setattr(importlib.import_module(f"gpukit.{name}"), "run", noted)
    fitted: list[tuple[float | None, bool]] = []
    plain = Budget.fit

    def fit(self: Budget, deadline: Any) -> None:
        plain(self, deadline)
        fitted.append((self.seconds, deadline.fits))

    monkeypatch.setattr(Budget, "fit", fit)
    said: dict[str, list[str]] = {}
    for words in map(rehearsed, page_commands()):
        monkeypatch.setattr(train, "CLOCK", Clock())
        program, command, *arguments = words
        if command == "join":  # at home there is no run yet
            Path("runs/base").rename("runs/there")
        assert program in ("cli.py", "benchmarks/gpu.py")
        said.setdefault(command, []).append(
            good(command, *arguments) if program == "cli.py" else says(0, command, *arguments)
        )
    assert sorted(set(read)) == ["check", "images", "report", "speed"]
    # the schedule of the first goes beyond it, that of the last ends with it
    first, last = said["train"]
    assert "stopped; go on with --resume" in first
    assert "done, step" in last
    assert [fits for _, fits in fitted] == [True]
    assert fitted[0][0] is not None
    assert fitted[0][0] < 60
    assert "top-1" in said["go-eval"][0]
    assert "fp16" in said["go-export"][0]
    assert set(said) | {"parts"} == {*gpu.COMMANDS, "go-import", "go-eval", "go-train", "go-export"}
