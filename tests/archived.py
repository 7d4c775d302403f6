"""Archives made for tests, and what the program reads from them."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from gocnn.games import sources
from gocnn.games.sources import Blob
from tests.conftest import play_randomly, sgf_text

GAMES = [sgf_text(play_randomly(seed, 12), f"PB[{seed}]") + b")" for seed in range(6)]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            # the same bytes at any time of the day
            info = zipfile.ZipInfo(name, (2020, 2, 20, 20, 20, 20))
            info.compress_type = method
            archive.writestr(info, data)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], kind: str = "", **options: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{kind}", **options) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def renamed(archive: bytes, old: str, new: bytes) -> bytes:
    """A zip whose member `old` has the raw name `new` of the same length."""
    assert len(old) == len(new)
    assert archive.count(old.encode()) == 2
    return archive.replace(old.encode(), new)


def blobs(path: Path, data: bytes | None = None, limit: int = sources.ARCHIVE_LIMIT) -> list[Blob]:
    if data is not None:
        path.write_bytes(data)
    return [blob for unit in sources.find_units([str(path)]) for blob in sources.read(unit, limit)]


def good(found: list[Blob]) -> list[bytes]:
    return [blob.data for blob in found if not blob.trouble]


def troubles(found: list[Blob]) -> list[str]:
    return [f"{blob.name}: {blob.trouble}" for blob in found if blob.trouble]


TWO = {"a/0.sgf": GAMES[0], "a/1.SGF": GAMES[1]}
KINDS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: zipped(TWO),
    "stored zip": lambda: zipped(TWO, zipfile.ZIP_STORED),
    "bzip2 zip": lambda: zipped(TWO, zipfile.ZIP_BZIP2),
    "lzma zip": lambda: zipped(TWO, zipfile.ZIP_LZMA),
    "a program before the zip": lambda: b"MZ" + bytes(5000) + zipped(TWO),
    "tar": lambda: tarred(TWO),
    "old tar": lambda: tarred(TWO, format=tarfile.USTAR_FORMAT).replace(b"ustar\x0000", bytes(8)),
    "tar.gz": lambda: tarred(TWO, "gz"),
    "tar.xz": lambda: tarred(TWO, "xz"),
    "tar.bz2": lambda: tarred(TWO, "bz2"),
    "tar.lzma": lambda: lzma.compress(tarred(TWO), lzma.FORMAT_ALONE),
    "zip in zip": lambda: zipped({"in.zip": zipped(TWO), "readme.txt": b"x"}),
    "tar.xz in zip": lambda: zipped({"in.tar.xz": tarred(TWO, "xz")}),
    "zip in tar": lambda: tarred({"x/in.zip": zipped(TWO)}),
    "zip in gz": lambda: gzip.compress(zipped(TWO)),
    "gz in zip": lambda: zipped(
        {"0.sgf.gz": gzip.compress(GAMES[0]), "1.sgf.bz2": bz2.compress(GAMES[1])}
    ),
    "xz in tar.gz": lambda: tarred({"0.sgf.xz": lzma.compress(GAMES[0]), "1.sgfs": GAMES[1]}, "gz"),
    "zip in zip in zip": lambda: zipped({"b.zip": zipped({"a.zip": zipped(TWO)})}),
}
