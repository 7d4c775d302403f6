"""One file of an archive, what it may unpack to, and why it cannot be read."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from gocnn.archives.names import readable

UNPACKED = 4 << 30
"""Bytes one archive may unpack to, unless the caller says otherwise."""

DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    ArithmeticError,
    IndexError,
    KeyError,
    TypeError,
)
"""What the standard library raises on damaged archives."""


class Unreadable(Exception):
    """Why a file of an archive cannot be read; `partial` is what could be read before the
    damage."""

    def __init__(self, reason: str, partial: bytes = b"") -> None:
        super().__init__(reason)
        self.partial = partial


class TooMuch(Exception):
    """The archive unpacks to more than it may."""


@dataclass(frozen=True)
class Limits:
    """Bytes that all files together may unpack to, bytes that one may have, and what to do about
    the first (the end of a sentence)."""

    total: int = UNPACKED
    one: int = 256 << 20
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive: its path with forward slashes (as if archives inside were unpacked
    into folders of their names), and its bytes on disk.

    With `trouble` it cannot be read. `archive` marks the trouble of an archive rather than of one
    file: of the outermost if `name` is empty.
    """

    name: str
    size: int = 0
    trouble: str = ""
    archive: bool = False
    data: Callable[[], bytes] | None = None

    def read(self) -> bytes:
        """The bytes, once, before the next entry is asked for. Raises Unreadable."""
        if self.data is None:
            raise Unreadable(self.trouble)
        try:
            return self.data()
        except TooMuch:
            raise Unreadable("the archive unpacks to more than it may") from None
        except DAMAGE as error:
            raise Unreadable(f"damaged or cut short ({plain(error)})") from error


def plain(error: BaseException) -> str:
    """What the exception says, as one line that can be shown."""
    return readable(" ".join(str(error).split())[:200]) or type(error).__name__
