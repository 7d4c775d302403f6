"""Labels: who owns each point at the end of a game, two bits a point; and how a store keeps them.

A label is 46 words: point `i` (flat index) stands in word `i >> 3` at bit `2 * (i & 7)`. Its score
is black's points less white's (area, without komi). A store keeps labels in segments of their own,
behind the games that they belong to:

    head      64 bytes: magic, labels, words, bytes of text, CRC-32 of the body, CRC-32 of the head
    games     uint32 each: the number of the game in the store; padded to 8 bytes, as the rest
    kinds     uint8 each
    words     46 x uint16 each
    text      UTF-8: JSON of what made the labels

Where a game is labelled twice, the later label counts.
"""

import json
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn._jit import inlined
from gocnn.board.coords import POINTS

LABEL_WORDS = 46

NEUTRAL, BLACK_OWNS, WHITE_OWNS, UNKNOWN = 0, 1, 2, 3
"""What the two bits of a point say: nobody's (dame, and empty points of a seki), black's, white's,
not known."""

COUNTED, PLAYED_ON, SELF_PLAY, TRIED, JUDGED = 1, 2, 3, 4, 5
"""Kinds of label: the game was counted, and its label gives the recorded result; a network played
it on; a network played it against itself; a network played it on, or another engine judged it, and
did not find the recorded winner: that is no label (`Store.labels` leaves it out), but need not be
tried again; another engine judged its last position, and found the recorded winner (of a game that
a network played there is none to be found)."""

KINDS = {
    COUNTED: "counted, equal to the record",
    PLAYED_ON: "played on by a network",
    SELF_PLAY: "a network against itself",
    TRIED: "tried, without a label (another winner, or not settled)",
    JUDGED: "judged by another engine",
}

LABEL_MAGIC = b"GoCNNlb\x00"
HEAD = struct.Struct("<8sQQQI24xI")
"""Head of a segment, of games as of labels."""

_SHIFTS = np.arange(0, 16, 2, dtype=np.uint16)


def pack(owner: npt.NDArray[np.int8]) -> npt.NDArray[np.uint16]:
    """uint16 `(..., 46)`: the label of `owner`, int8 `(..., 361)` with 0 neutral, 1 black, 2 white,
    3 unknown. Raises ValueError for other values."""
    owner = np.asarray(owner)
    if owner.shape[-1] != POINTS or (owner.size and not 0 <= owner.min() <= owner.max() <= UNKNOWN):
        raise ValueError(f"an owner is {POINTS} numbers 0 to 3, not {owner.shape}")
    whole = np.zeros((*owner.shape[:-1], 8 * LABEL_WORDS), np.uint16)
    whole[..., :POINTS] = owner
    packed: npt.NDArray[np.uint16] = (
        whole.reshape(*owner.shape[:-1], LABEL_WORDS, 8) << _SHIFTS
    ).sum(-1, dtype=np.uint16)
    return packed


def unpack(words: npt.NDArray[np.uint16]) -> npt.NDArray[np.int8]:
    """int8 `(..., 361)`, as `pack` takes it, of uint16 `(..., 46)`."""
    points = (np.asarray(words, np.uint16)[..., None] >> _SHIFTS) & np.uint16(3)
    return points.reshape(*points.shape[:-2], 8 * LABEL_WORDS)[..., :POINTS].astype(np.int8)


@inlined
def owner_of(words: npt.NDArray[np.uint16], first: int, point: int) -> int:
    """Whose the point is (NEUTRAL to UNKNOWN) in the label whose first word is `words[first]`."""
    return (int(words[first + (point >> 3)]) >> (2 * (point & 7))) & 3


def engine_of(text: str) -> str | None:
    """The name of the engine that judged the games of a segment, by the text of what made its
    labels: such as `katago 1.17.2 with b10c384.bin.gz`. None if it was none."""
    try:
        made = json.loads(text)
    except ValueError:
        return None
    if not isinstance(made, dict) or not made.get("engine"):
        return None
    return " ".join(str(part) for part in (made["engine"], made.get("version")) if part) + (
        f" with {made['model']}" if made.get("model") else ""
    )


def padded(size: int) -> int:
    """The next multiple of eight bytes."""
    return (size + 7) // 8 * 8


@dataclass(frozen=True)
class LabelSegment:
    """Where one segment of labels lies: offsets in bytes from the start of the file, and its
    CRC-32."""

    labels: int
    text_bytes: int
    body: int
    crc: int

    @property
    def kinds_at(self) -> int:
        return self.body + padded(4 * self.labels)

    @property
    def words_at(self) -> int:
        return self.kinds_at + padded(self.labels)

    @property
    def text_at(self) -> int:
        return self.words_at + padded(2 * LABEL_WORDS * self.labels)

    @property
    def end(self) -> int:
        return self.text_at + padded(self.text_bytes)


def segment(
    games: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.uint8],
    packed: npt.NDArray[np.uint16],
    text: str,
) -> bytes:
    """A whole segment, head and body: int64 `(n,)`, uint8 `(n,)`, uint16 `(n, 46)` and what made
    them."""
    written = text.encode("utf-8", "replace")
    parts = (
        games.astype("<u4").tobytes(),
        kinds.astype(np.uint8).tobytes(),
        packed.astype("<u2").tobytes(),
        written,
    )
    body = b"".join(part.ljust(padded(len(part)), b"\0") for part in parts)
    head = HEAD.pack(
        LABEL_MAGIC, len(games), LABEL_WORDS * len(games), len(written), zlib.crc32(body), 0
    )[:-4]
    return head + struct.pack("<I", zlib.crc32(head)) + body
