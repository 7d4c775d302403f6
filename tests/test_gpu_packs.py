"""Games packed for the kit's way to a card: they come out as they went in, held against the store
that they came from; and packs that are damaged or of other games."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpu
from gocnn.games import labels
from gocnn.games.record import TEXTS
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.games.store_writer import add_labels
from gocnn.policy import data
from gpukit import choosing, gamepack, travel
from tests.trips import a_command_begins_with_its_test, games, packed, says

__all__ = ["a_command_begins_with_its_test", "games", "packed", "says"]


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
    """Of every kind, those that were tried in vain among them; and how many moves people played.
    What was unpacked before the games had labels does not stay in their place."""
    there = tmp_path / "labelled.games"
    there.write_bytes((games / "train.games").read_bytes())
    says(0, "pack", there, "--out", tmp_path / "before")
    says(0, "unpack", tmp_path / "before", "--out", tmp_path / "out")
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
