"""Files packed by gzip, bzip2, xz or zstd: unpacked as they are read, and counted."""

import bz2
import gzip
import importlib
import importlib.util
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gocnn.archives.entry import DAMAGE
from gocnn.archives.kinds import GZIP, HEAD, PACKED, XZ, ZSTD, kind


def beginning(path: Path) -> bytes:
    """The first bytes (HEAD of them) of what a packed file holds, or of the file itself; none if
    they cannot be read."""
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
            what = kind(head)
            if what not in PACKED or (what == ZSTD and not can_zstd()):
                return head
            stream.seek(0)
            data: bytes = unpacker(what, stream).read(HEAD)
            return data
    except DAMAGE:
        return b""


class Counted:
    """A stream whose first bytes have been looked at; what is read from it counts against the limit
    if it comes out of a packer: `spend` is called with the number of bytes then."""

    def __init__(self, stream: Any, spend: Callable[[int], None] | None) -> None:
        self._stream, self._spend = stream, spend
        self.head = self._take(HEAD)
        self._back = self.head

    def _take(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        if self._spend:
            self._spend(len(data))
        return data

    def read(self, size: int = -1) -> bytes:
        if self._back:
            back, self._back = self._back, b""
            if 0 <= size < len(back):
                self._back = back[size:]
                return back[:size]
            return back + self._take(size - len(back) if size >= 0 else size)
        return self._take(size)

    def read1(self) -> bytes:
        """Some bytes: what came before damage is not lost, as it is when more is asked for."""
        if self._back or not hasattr(self._stream, "read1"):
            return self.read(len(self._back) or 1 << 16)
        data: bytes = self._stream.read1(1 << 16)
        if self._spend:
            self._spend(len(data))
        return data


def can_zstd() -> bool:
    """Whether this Python can unpack zstd."""
    return importlib.util.find_spec("compression") is not None


def unpacker(what: str, source: Any) -> Any:
    """A stream of what is packed in `source`, of one of the kinds PACKED."""
    if what == ZSTD:
        return importlib.import_module("compression.zstd").ZstdFile(source)
    return (
        gzip.GzipFile(fileobj=source)
        if what == GZIP
        else lzma.LZMAFile(source)
        if what == XZ
        else bz2.BZ2File(source)
    )
