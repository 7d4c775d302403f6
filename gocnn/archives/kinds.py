"""What a file is, by its first bytes; and how archives are named."""

import tarfile
import zipfile
from pathlib import Path

SUFFIXES = (
    ".zip",
    ".tar",
    ".gz",
    ".tgz",
    ".xz",
    ".txz",
    ".bz2",
    ".tbz2",
    ".tbz",
    ".lzma",
    ".tlz",
    ".zst",
    ".tzst",
    ".7z",
    ".rar",
    ".lzh",
    ".lha",
    ".z",
    ".cab",
    ".lz",
    ".lz4",
    ".arj",
)
"""How names of archives end. In a folder or an archive only such files are looked into: a text
document is a zip, too."""

ZIP, TAR, GZIP, XZ, BZIP2, ZSTD = "zip", "tar", "gzip", "xz", "bzip2", "zstd"
PACKED = (GZIP, XZ, BZIP2, ZSTD)
HEAD = 512
"""Bytes by which a kind is known."""

_MAGIC = {
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,
    b"PK\x07\x08": ZIP,
    b"\x1f\x8b": GZIP,
    b"\xfd7zXZ\x00": XZ,
    b"BZh": BZIP2,
    b"\x28\xb5\x2f\xfd": ZSTD,
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"MSCF": "CAB",
    b"LZIP": "lzip",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x1f\x9d": "compress (.Z)",
    b"\x60\xea": "ARJ",
    b"xar!": "xar",
}
_LZH = (b"-lh0-", b"-lh1-", b"-lh4-", b"-lh5-", b"-lh6-", b"-lh7-", b"-lzs-", b"-lz5-")
_TAR_NAMES = (".tar", ".tgz", ".txz", ".tbz2", ".tbz", ".tlz", ".tzst")


def kind(head: bytes) -> str:
    """What a file that begins with these bytes (HEAD of them, or all) is: one of ZIP, TAR and
    PACKED, the name of another kind of archive (which cannot be read), or nothing."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head[:3] == b"]\x00\x00" and (head[5:13] == b"\xff" * 8 or head[10:13] == bytes(3)):
        return XZ  # its older form, .lzma
    if head[2:7] in _LZH:
        return "LZH"
    return TAR if _is_tar(head) else ""


def _is_tar(head: bytes) -> bool:
    """By the checksum of its first header; the oldest tars have no other mark."""
    try:
        return bool(tarfile.TarInfo.frombuf(head[:HEAD], "utf-8", "surrogateescape"))
    except (tarfile.TarError, ValueError):
        return False


def kind_of(path: Path) -> str:
    """`kind` of a file; a zip with something before it (a program that unpacks itself) is known by
    its end. Raises OSError."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
        if head[:2] == b"(;":  # most files by far: a game record
            return ""
        found = kind(head)
        if (
            not found
            and (head[:2] == b"MZ" or path.name.lower().endswith(".zip"))
            and zipfile.is_zipfile(stream)
        ):
            return ZIP
    return found


def is_archive_name(name: str) -> bool:
    """Whether a file is named as archives are."""
    return name.lower().endswith(SUFFIXES)


def promises_tar(name: str) -> bool:
    """Whether the name of a packed file says that a tar is in it."""
    return name.lower().endswith(_TAR_NAMES) or ".tar." in name.lower()


def without_suffix(name: str) -> str:
    """`a.sgf` of `a.sgf.gz`, `b` of `b.tar.xz`."""
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)].removesuffix(".tar")
    return name


def is_junk(name: str) -> bool:
    """Whether it is the half of a file that macOS puts beside it."""
    return "__MACOSX/" in name or name.rpartition("/")[2].startswith("._")
