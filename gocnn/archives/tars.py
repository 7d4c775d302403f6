"""Tar archives, read as a stream, with what Python's tarfile lets pass in silence: a damaged
header, an end without its mark, more after it."""

import tarfile
from typing import IO

NO_MARK = "no mark at its end"
_MOST_LONG_NAME = 1 << 20
_LONG = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _TarInfo(tarfile.TarInfo):
    """A header that says how a tar ended, and refuses impossible sizes."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_TarInfo":
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if isinstance(error, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
                archive.ended = NO_MARK  # type: ignore[attr-defined]
            elif not isinstance(error, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
                archive.ended = str(error)  # type: ignore[attr-defined]
            raise

    @classmethod
    def frombuf(cls, buffer: bytes | bytearray, encoding: str, errors: str) -> "_TarInfo":
        info = super().frombuf(buffer, encoding, errors)
        if info.size < 0 or (info.type in _LONG and info.size > _MOST_LONG_NAME):
            raise tarfile.InvalidHeaderError("impossible size")  # type: ignore[attr-defined]
        return info


def open_stream(stream: IO[bytes]) -> tarfile.TarFile:
    """A tar to go through once."""
    return tarfile.open(fileobj=stream, mode="r|", tarinfo=_TarInfo)


def check_end(archive: tarfile.TarFile, packed: bool) -> None:
    """Call it after the last member: reads to the end of the stream, where packers keep their
    checksum.

    Raises tarfile.ReadError if the tar did not end as it should (but a `packed` one needs no mark:
    the packer says that all is there).
    """
    ended = getattr(archive, "ended", "")
    if ended and not (packed and ended == NO_MARK):
        raise tarfile.ReadError(ended)
    while piece := archive.fileobj.read(1 << 16):
        if piece.strip(b"\0"):
            raise tarfile.ReadError("more follows the end of the tar in it, and was not read")
