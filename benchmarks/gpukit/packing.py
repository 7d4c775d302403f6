"""A set of photographs made small enough to travel: every picture at the size that the classifiers
decode to, in one zip that img-train reads."""

import io
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, features

from gocnn.cores import cores
from gocnn.errors import UserError
from gocnn.files import write_bytes
from imagecls.photos.collection import open_collection
from imagecls.photos.data import bad_notes
from imagecls.photos.decode import Fit
from imagecls.photos.layout import TRAIN, VALID, WHOLE
from imagecls.photos.store import ImageStore

FOLDERS = {TRAIN: "training/", VALID: "validation/", WHOLE: ""}
BEST, WORST = 95, 40
"""Qualities of JPEG and WebP between which the one is sought that fits."""

SAMPLE = 300
"""So many pictures say how large all will be."""

ENTRY = 150
"""Bytes that a member's headers take in a zip, at most, beside its name twice."""

CHUNK = 256


@dataclass(frozen=True)
class Packed:
    """What was packed: pictures by part, classes, the quality that fitted, bytes, and sentences
    about what was left out."""

    pictures: dict[str, int]
    classes: int
    quality: int
    size: int
    notes: tuple[str, ...]


def pack(
    source: str,
    target: Path,
    megabytes: float,
    pixels: int = 160,
    fit: Fit = "squash",
    kind: str = "jpeg",
) -> Packed:
    """Write the photographs of `source`, shrunk to `pixels` a side, as a zip of at most `megabytes`
    (a million bytes each).

    The pixels are those that the classifiers would decode, but for the quality. Photographs without
    a label and broken ones are left out. Raises UserError if there are none, if they do not fit at
    a quality that is worth having, or if the file cannot be written.
    """
    if kind == "webp" and not features.check("webp"):
        raise UserError("--format webp: Pillow has no WebP here; leave the option out")
    collection = open_collection(source)
    photos = [
        (part, photo)
        for part in FOLDERS
        for photo in collection.parts.get(part, ())
        if photo.label >= 0
    ]
    if not photos:
        raise UserError(
            f"{source} has no photographs with labels; name a folder with training and validation"
            " parts, or a folder for each class"
        )
    with tempfile.TemporaryDirectory(prefix="gpu-photographs-") as cache:
        store = ImageStore(pixels, fit, Path(cache))
        added = store.add([photo for _, photo in photos])
        good = np.flatnonzero(added.rows >= 0)
        if not len(good):
            raise UserError(f"{source}: no photograph can be read ({'; '.join(bad_notes(added))})")
        names = _names(
            [(photos[i][0], collection.classes[photos[i][1].label]) for i in good.tolist()], kind
        )
        rows = added.rows[good]
        quality = _quality(
            store,
            rows,
            megabytes * 1e6 - sum(ENTRY + 2 * len(name.encode()) for name in names),
            kind,
        )
        data = _fitting(store, rows, names, quality, megabytes * 1e6, kind)
    try:
        write_bytes(target, data[1])
    except OSError as error:
        raise UserError(
            f"{target} cannot be written ({error.strerror}); free some space or give another --out"
        ) from error
    again = open_collection(str(target))
    counts = {part: len(again.parts[part]) for part in FOLDERS if again.parts.get(part)}
    if sum(counts.values()) != len(names) or len(again.classes) != len(
        {photos[i][1].label for i in good.tolist()}
    ):
        raise UserError(
            f"{source}: its classes cannot be told by their names when packed"
            f" ({', '.join(collection.classes[:8])}); rename the folders"
        )
    return Packed(counts, len(again.classes), data[0], len(data[1]), tuple(bad_notes(added)))


def _names(labelled: list[tuple[str, str]], kind: str) -> list[str]:
    end = "jpg" if kind == "jpeg" else kind
    return [
        f"{FOLDERS[part]}{name.replace('/', '-')}/p{number:06}.{end}"
        for number, (part, name) in enumerate(labelled)
    ]


def _encode(pixels: npt.NDArray[np.uint8], quality: int, kind: str) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    image.save(
        stream,
        kind.upper(),
        quality=quality,
        **({"optimize": True} if kind == "jpeg" else {"method": 4}),
    )
    return stream.getvalue()


def _encoded(
    store: ImageStore, rows: npt.NDArray[np.int64], quality: int, kind: str
) -> list[bytes]:
    result: list[bytes] = []
    with ThreadPoolExecutor(cores()) as pool:
        for i in range(0, len(rows), CHUNK):
            result += pool.map(
                lambda p: _encode(p, quality, kind), store.pixels(rows[i : i + CHUNK])
            )
    return result


def _quality(store: ImageStore, rows: npt.NDArray[np.int64], room: float, kind: str) -> int:
    """The best quality at which a sample says that all will fit."""
    sample = rows[:: -(-len(rows) // SAMPLE)]
    low, high = WORST, BEST
    while low < high:
        middle = (low + high + 1) // 2
        size = np.mean([len(data) for data in _encoded(store, sample, middle, kind)]) * len(rows)
        low, high = (middle, high) if size <= room else (low, middle - 1)
    return low


def _fitting(
    store: ImageStore,
    rows: npt.NDArray[np.int64],
    names: list[str],
    quality: int,
    size: float,
    kind: str,
) -> tuple[int, bytes]:
    """The zip, and the quality at which it fits: that one, or a lower one. Raises UserError."""
    while True:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for name, data in zip(names, _encoded(store, rows, quality, kind), strict=True):
                archive.writestr(zipfile.ZipInfo(name), data)
        if len(stream.getvalue()) <= size:
            return quality, stream.getvalue()
        if quality <= WORST:
            raise UserError(
                f"{len(rows)} photographs take {len(stream.getvalue()) / 1e6:.1f} MB at quality"
                f" {WORST}; give a larger --size, fewer --pixels, or fewer photographs"
            )
        quality = max(WORST, quality - 2)
