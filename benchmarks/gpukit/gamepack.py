"""Games packed for a trip, and unpacked into stores.

Games are packed in blocks of 16,384, each of them compressed alone, so that all cores can unpack. A
block is, before xz: the length of its head (uint32), the head (JSON: numbers of games, words and
labels, texts), each field of the records as one column, the kind of each game's label as a byte (0:
none) and the labels (`gocnn.games.labels`) of those that have one, a bit a word for the colour
where it is not the other one's turn, and for each word the row and the column of the point as bytes
(a pass is row 19). A pack of a version before has no labels. What is not kept: the players' names,
what made the labels, and the key of each game, which is computed from its moves again and shows, by
the fingerprint, that they are right.
"""

import hashlib
import json
import lzma
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import symmetry
from gocnn.board.coords import SIZE
from gocnn.cores import cores
from gocnn.errors import UserError
from gocnn.files import make_folder
from gocnn.games import store_writer
from gocnn.games.labels import LABEL_WORDS
from gocnn.games.reader import Chunk
from gocnn.games.record import RECORD
from gocnn.games.scan import game_key
from gocnn.games.store import Store
from gocnn.games.words import WHITE_BIT, index_of, is_white
from gpukit import travel

KIND = "games"
GAMES_A_BLOCK = 16384
OLD_COLUMNS = tuple(
    name
    for name in RECORD.names or ()
    if name not in ("start", "key", "black", "white", "reserved")
)
"""Those of packs from before there were labels."""
COLUMNS = tuple(
    name for name in RECORD.names or () if name not in ("start", "key", "black", "white")
)
TEXT_COLUMNS = ("place", "source")
TRAIN = "train.games"
MADE_BY = json.dumps({"made_by": "whoever labelled the games that were packed"})
FILTERS = [
    {
        "id": lzma.FILTER_LZMA2,
        "preset": 9 | lzma.PRESET_EXTREME,
        "dict_size": 16 << 20,
        "lc": 3,
        "lp": 1,
        "pb": 1,
    }
]
_PERMUTATIONS = symmetry.table()


@dataclass(frozen=True)
class Selected:
    """Games to pack: pairs of a store and the numbers of its games, int64, ascending."""

    parts: tuple[tuple[Store, npt.NDArray[np.int64]], ...]

    def __len__(self) -> int:
        return sum(len(games) for _, games in self.parts)


@dataclass(frozen=True)
class Packed:
    """Games packed: name of the store to be, its blocks, number of games, of moves and of labels,
    and the fingerprint (as go-train has it), which knows nothing of labels."""

    name: str
    blocks: list[bytes]
    games: int
    positions: int
    labels: int
    fingerprint: str

    @property
    def size(self) -> int:
        return sum(map(len, self.blocks))

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "name": self.name,
            "games": self.games,
            "positions": self.positions,
            "labels": self.labels,
            "fingerprint": self.fingerprint,
            "blocks": [*map(len, self.blocks)],
        }


def fingerprint(keys: npt.NDArray[np.int64]) -> str:
    """That of `gocnn.policy.data.GameSelection` with these keys."""
    return hashlib.sha256(keys.astype("<i8").tobytes()).hexdigest()[:16]


def pack(
    name: str, selected: Selected, progress: Callable[[int], None] = lambda _games: None
) -> Packed:
    """Pack games; `progress` is told how many were. Raises UserError if a store is damaged."""
    keys: list[npt.NDArray[np.int64]] = []
    blocks: list[bytes] = []
    positions = 0
    with ThreadPoolExecutor(cores()) as pool:
        for data, records, there in pool.map(_pack_block, _blocks(selected)):
            if not np.array_equal(records["key"], there):
                raise UserError(
                    f"{name}: games of the store are not what their keys say (damaged?); import"
                    " them again"
                )
            blocks.append(data)
            keys.append(there)
            positions += int(records["moves"].sum())
            progress(len(records))
    return Packed(
        name,
        blocks,
        len(selected),
        positions,
        sum(_labels(store, games) for store, games in selected.parts),
        fingerprint(np.concatenate(keys) if keys else np.zeros(0, np.int64)),
    )


def _labels(store: Store, games: npt.NDArray[np.int64] | slice) -> int:
    """How many of these games have been labelled, or tried in vain."""
    return int((store.label_kinds()[games] > 0).sum())


def _blocks(
    selected: Selected,
) -> Iterator[tuple[Store, npt.NDArray[np.void], npt.NDArray[np.int64]]]:
    for source, games in selected.parts:
        records = source.records()
        for at in range(0, len(games), GAMES_A_BLOCK):
            chosen = games[at : at + GAMES_A_BLOCK]
            yield source, records[chosen], chosen


def _pack_block(
    block: tuple[Store, npt.NDArray[np.void], npt.NDArray[np.int64]],
) -> tuple[bytes, npt.NDArray[np.void], npt.NDArray[np.int64]]:
    source, records, numbers = block
    lengths = records["setup"].astype(np.int64) + records["moves"]
    starts = np.cumsum(lengths) - lengths
    within = np.arange(int(lengths.sum())) - np.repeat(starts, lengths)
    words = source.words[np.repeat(records["start"].astype(np.int64), lengths) + within]
    texts: dict[str, int] = {"": 0}
    columns = {name: records[name] for name in COLUMNS}
    segments = np.searchsorted(np.cumsum([s.games for s in source.segments]), numbers, "right")
    for key in TEXT_COLUMNS:
        new = np.zeros(len(records), "<u4")
        for segment in np.unique(segments):
            here = segments == segment
            table = source.text_table(int(segment))
            used, inverse = np.unique(records[key][here], return_inverse=True)
            if used[-1] >= len(table):
                raise UserError(
                    f"{source.path} is damaged (a game's name lies outside its table); import the"
                    " games again"
                )
            new[here] = np.array([texts.setdefault(table[i], len(texts)) for i in used], np.uint32)[
                inverse
            ]
        columns[key] = new
    kinds = source.label_kinds()[numbers]
    labelled = np.flatnonzero(kinds)
    packed = source.words[
        source.labels(tried=True)[numbers[labelled], None] + np.arange(LABEL_WORDS)
    ]
    judge, engines = source.judges()
    judges = sorted({engines[k] for k in np.unique(judge[numbers]) if k >= 0})
    head = json.dumps(
        {
            "games": len(records),
            "words": len(words),
            "texts": list(texts),
            "labels": len(labelled),
            "engine": ", ".join(judges),
        }
    ).encode()
    raw = b"".join(
        (
            struct.pack("<I", len(head)),
            head,
            *(columns[name].tobytes() for name in COLUMNS),
            kinds.tobytes(),
            packed.astype("<u2").tobytes(),
            np.packbits(is_white(words) ^ (within & 1 > 0)).tobytes(),
            np.stack(np.divmod(index_of(words).astype(np.uint16), SIZE), 1)
            .astype(np.uint8)
            .tobytes(),
        )
    )
    return (
        lzma.compress(raw, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=FILTERS),
        records,
        _keys(words, records, starts),
    )


def _keys(
    words: npt.NDArray[np.uint16], records: npt.NDArray[np.void], starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    setup, moves = (records[name].astype(np.int64) for name in ("setup", "moves"))
    result = np.empty(len(records), np.int64)
    _fill_keys(np.ascontiguousarray(words), starts, setup, moves, _PERMUTATIONS, result)
    return result


@jit
def _fill_keys(
    words: npt.NDArray[np.uint16],
    starts: npt.NDArray[np.int64],
    setup: npt.NDArray[np.int64],
    moves: npt.NDArray[np.int64],
    permutations: npt.NDArray[np.int16],
    out: npt.NDArray[np.int64],
) -> None:
    """The key of each game, compiled: other threads unpack meanwhile."""
    for i in range(len(starts)):
        out[i] = game_key(
            words[starts[i] : starts[i] + setup[i] + moves[i]], setup[i], moves[i], permutations
        )


def unpack_block(data: bytes) -> Chunk:
    """The games of a block, for a store's writer. Raises ValueError if it is damaged."""
    try:
        raw = memoryview(lzma.decompress(data))
        length = struct.unpack_from("<I", raw)[0]
        head = json.loads(bytes(raw[4 : 4 + length]))
        records = np.zeros(head["games"], RECORD)
        at = 4 + length
        for name in COLUMNS if "labels" in head else OLD_COLUMNS:
            size = records[name].nbytes
            records[name] = np.frombuffer(raw[at : at + size], records[name].dtype)
            at += size
        kinds, packed = np.zeros(len(records), np.uint8), np.zeros((0, LABEL_WORDS), np.uint16)
        if "labels" in head:
            kinds, at = np.frombuffer(raw[at : at + len(records)], np.uint8), at + len(records)
            size = 2 * LABEL_WORDS * int(head["labels"])
            packed, at = (
                np.frombuffer(raw[at : at + size], "<u2").reshape(-1, LABEL_WORDS),
                at + size,
            )
        labelled = np.flatnonzero(kinds)
        if len(labelled) != len(packed):
            raise ValueError("labels do not add up")
        lengths = records["setup"].astype(np.int64) + records["moves"]
        starts = np.cumsum(lengths) - lengths
        count = int(lengths.sum())
        within = np.arange(count) - np.repeat(starts, lengths)
        end = at + (count + 7) // 8
        colours = np.unpackbits(np.frombuffer(raw[at:end], np.uint8), count=count) ^ (
            within & 1
        ).astype(np.uint8)
        points = np.frombuffer(raw[end:], np.uint8).reshape(count, 2).astype(np.uint16)
    except (lzma.LZMAError, struct.error, ValueError, KeyError, TypeError, MemoryError) as error:
        raise ValueError(f"a block of games is damaged ({error})") from error
    words = points[:, 0] * np.uint16(SIZE) + points[:, 1] + colours * np.uint16(WHITE_BIT)
    records["start"] = starts
    records["key"] = _keys(words, records, starts)
    made_by = (
        json.dumps(json.loads(MADE_BY) | {"engine": head["engine"]})
        if head.get("engine")
        else MADE_BY
    )
    return Chunk(
        records,
        words,
        head["texts"],
        labelled=labelled,
        labels=packed,
        made_by=made_by,
        kinds=kinds[labelled],
    )


def facts_of(folder: Path) -> list[dict[str, Any]]:
    """What the manifest tells of the stores in a pack, the first of them for training. Raises
    UserError."""
    stores = travel.read_manifest(folder, KIND)["facts"].get("stores")
    try:
        good = bool(stores) and all(
            isinstance(s["name"] + s["fingerprint"], str) and sum(s["blocks"]) + s["games"] >= 0
            for s in stores
        )
    except (TypeError, KeyError):
        good = False
    if not good:
        raise UserError(
            f"{folder / travel.MANIFEST} does not say which stores are packed, or is damaged; copy"
            " it again"
        )
    return list(stores)


def unpack(folder: Path, out: Path) -> list[Path]:
    """The stores of the pack in `folder`, written into `out` unless they are there already; the
    first is for training, the others to validate on.

    Raises UserError if a part is missing or damaged, or if they cannot be written.
    """
    stores = facts_of(folder)
    paths = [out / Path(facts["name"]).name for facts in stores]
    if all(_same(path, facts) for path, facts in zip(paths, stores, strict=True)):
        return paths
    parcel = travel.receive(folder, KIND)
    make_folder(out)
    with ThreadPoolExecutor(cores()) as pool:
        for path, facts in zip(paths, stores, strict=True):
            packed, blocks, at = parcel.files.get(facts["name"], b""), [], 0
            for size in facts["blocks"]:
                blocks.append(packed[at : at + size])
                at += size
            try:
                store_writer.write(
                    path, _checked(pool.map(unpack_block, blocks), facts["fingerprint"])
                )
            except ValueError as error:
                raise UserError(
                    f"{folder}: {facts['name']} cannot be unpacked, {error}; pack the games again"
                ) from error
    return paths


def _checked(chunks: Iterator[Chunk], wanted: str) -> Iterator[Chunk]:
    keys = [np.zeros(0, np.int64)]
    for chunk in chunks:
        keys.append(chunk.records["key"].astype(np.int64))
        yield chunk
    if fingerprint(np.concatenate(keys)) != wanted:
        raise ValueError("it holds other games than its manifest says")


def _same(path: Path, facts: dict[str, Any]) -> bool:
    """Whether the file is a store of these games, with as many labels (of which packs of before
    tell nothing)."""
    try:
        store = Store(path)
    except UserError:
        return False
    return fingerprint(store.records()["key"].astype(np.int64)) == facts[
        "fingerprint"
    ] and facts.get("labels") in (None, _labels(store, slice(None)))
