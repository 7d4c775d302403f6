"""Zip files as they are met: names in old encodings, backslashes, passwords, methods that cannot be
read, and no list of contents.

A zip ends with the list of its files. One that was cut short has none, but each file has a header
of its own before it, so those that are whole can still be read in turn.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from gocnn.archives import names as filenames

ENCRYPTED = "encrypted: unpack it with its password, and give what comes out"
METHODS = {
    1: "Shrink",
    6: "Implode",
    9: "Deflate64",
    93: "Zstandard",
    95: "XZ",
    96: "JPEG",
    98: "PPMd",
}
"""Ways of packing that cannot be read, by number."""

_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_LOCAL = struct.Struct("<4sHHHIIIIHH")
_UTF8, _ENCRYPTED, _DESCRIPTOR, _STRONG, _AES = 0x800, 0x1, 0x8, 0x40, 99
_WRONG = "damaged (its checksum is wrong)"
SIGNATURE = b"PK\x03\x04"


@dataclass(frozen=True)
class Listed:
    """One file in a zip's list: its name, with forward slashes, and why it cannot be read (empty if
    it can)."""

    name: str
    info: zipfile.ZipInfo
    trouble: str


def listing(archive: zipfile.ZipFile) -> list[Listed]:
    """The files of a zip; folders and links are left out."""
    infos = archive.infolist()
    old = [
        i
        for i, info in enumerate(infos)
        if not info.flag_bits & _UTF8 and not info.orig_filename.isascii()
    ]
    names = [info.orig_filename.partition("\0")[0] for info in infos]
    for i, name in zip(
        old,
        filenames.decode([infos[i].orig_filename.encode("cp437") for i in old], filenames.PC),
        strict=True,
    ):
        names[i] = name
    files = []
    for name, info in zip(names, infos, strict=True):
        name = name.replace("\\", "/")
        is_link = info.external_attr >> 28 == 0xA
        if not name.endswith("/") and not is_link:
            files.append(
                Listed(filenames.readable(name), info, _trouble(info.flag_bits, info.compress_type))
            )
    return files


def _trouble(flags: int, method: int) -> str:
    if flags & (_ENCRYPTED | _STRONG) or method == _AES:
        return ENCRYPTED
    if method not in _READ:
        return (
            f"packed by {METHODS.get(method, f'method {method}')}, which cannot be read here:"
            " unpack the archive, and give what comes out"
        )
    return ""


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """A member to read. The name before it may differ from that in the list, as some packers write
    it with backslashes or in another encoding."""
    try:
        return archive.open(info)
    except (zipfile.BadZipFile, UnicodeDecodeError):
        stream = archive.fp
        if stream is None:
            raise
        stream.seek(info.header_offset)
        head = stream.read(_LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != SIGNATURE:
            raise
        flags, length = head[6] | head[7] << 8, head[26] | head[27] << 8
        info.orig_filename = stream.read(length).decode("utf-8" if flags & _UTF8 else "cp437")
        return archive.open(info)


@dataclass(frozen=True)
class Salvaged:
    """One whole file of a zip without its list: its name, and its bytes or why there are none."""

    name: str
    data: bytes
    trouble: str = ""


def salvage(stream: IO[bytes], most: int) -> Iterator[Salvaged]:
    """The whole files of a zip that has lost its list, in turn, until one is cut short or damaged.
    `most` is the bytes one may have."""
    stream.seek(0)
    while len(head := stream.read(_LOCAL.size)) == _LOCAL.size and head[:4] == SIGNATURE:
        _, _, flags, method, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(head)
        raw, extra = stream.read(name_length), stream.read(extra_length)
        if len(extra) < extra_length:
            return
        name = filenames.decode([raw], filenames.PC)[0].replace("\\", "/")
        if 0xFFFFFFFF in (packed, size) and extra[:2] == b"\x01\x00" and len(extra) >= 20:
            size, packed = struct.unpack_from("<QQ", extra, 4)
        trouble = _trouble(flags, method)
        if flags & _DESCRIPTOR:
            # Sizes come after the data: only deflated data says where it ends.
            if trouble or method != zipfile.ZIP_DEFLATED:
                return
            data = _inflate(stream, most)
            if data is None:
                return
            if _descriptor(stream) not in (None, zlib.crc32(data)):
                trouble = _WRONG
        else:
            start = stream.tell()
            data = b"" if trouble or size > most else _unpack(stream.read(packed), method, most)
            if start + packed > stream.seek(0, io.SEEK_END):
                return
            stream.seek(start + packed)
            if size > most:
                trouble = trouble or f"larger than {most >> 20} MB unpacked ({size >> 20} MB)"
            elif not trouble and (data is None or zlib.crc32(data) != crc):
                trouble = _WRONG
        if not name.endswith("/"):
            yield Salvaged(filenames.readable(name), b"" if trouble else data or b"", trouble)


def _unpack(packed: bytes, method: int, most: int) -> bytes | None:
    if method == zipfile.ZIP_STORED:
        return packed
    return _inflate(io.BytesIO(packed), most) if method == zipfile.ZIP_DEFLATED else None


def _inflate(stream: IO[bytes], most: int) -> bytes | None:
    """Deflated data up to its own end, where the stream then stands; None if it has none, or is
    larger than `most`."""
    engine, parts, size = zlib.decompressobj(-15), [], 0
    while not engine.eof:
        piece = engine.unconsumed_tail or stream.read(1 << 16)
        if not piece or size > most:
            return None
        try:
            parts.append(engine.decompress(piece, 1 << 20))
        except zlib.error:
            return None
        size += len(parts[-1])
    stream.seek(-len(engine.unused_data), io.SEEK_CUR)
    return b"".join(parts)


def _descriptor(stream: IO[bytes]) -> int | None:
    """The checksum in what stands between two files: perhaps a signature, the checksum, two sizes
    of four or eight bytes. None if it is cut short."""
    start = stream.tell()
    between = stream.read(28)
    found = between.find(SIGNATURE)
    stream.seek(start + max(found, 0))
    at = 4 if between[:4] == b"PK\x07\x08" else 0
    return int.from_bytes(between[at : at + 4], "little") if len(between) >= at + 4 else None
