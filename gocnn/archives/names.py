"""Names of files as people read them, whatever encoding they were written in.

A name that is not UTF-8 reaches Python with its bytes hidden in surrogates, which can be neither printed nor stored. Names inside old archives
carry no encoding at all: it is guessed from all of them together, by how many of the characters it yields are ordinary ones for it.
"""

import re
import unicodedata
from collections.abc import Sequence

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

WIDE = ("gb18030", "cp932", "big5", "cp949", "euc_jp")
PC, UNIX = ("cp437", "cp866", "cp1252", "cp1251"), ("cp1252", "cp1251")
"""Encodings of one byte a character: those that old packers on PCs wrote, and what else is met; the first is taken when nothing fits."""


def readable(name: str) -> str:
    """A name from the file system or a tar archive, fit to be printed and stored: bytes that are not UTF-8 decoded by a guess, control characters
    (line breaks too) replaced. A plain name comes back as it is."""  # fmt: skip
    if name.isascii() and name.isprintable():
        return name
    try:
        name.encode()
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape") if _escaped(name) else name.encode("utf-8", "replace")
        name = decode([raw])[0]
    return _CONTROLS.sub("\ufffd", name)


def _escaped(name: str) -> bool:
    return all(not 0xD800 <= ord(c) <= 0xDFFF or 0xDC80 <= ord(c) <= 0xDCFF for c in name)


def decode(names: Sequence[bytes], single: tuple[str, ...] = UNIX) -> list[str]:
    """The names of one archive, all in the same encoding: UTF-8 if all of them are, else the most plausible of WIDE and `single`."""
    high = b"\n".join(name for name in names if not name.isascii())
    encoding = "utf-8" if _fits(high, "utf-8") else _best(high[:20_000].rpartition(b"\n")[0] or high[:20_000], single)
    return [name.decode(encoding, "replace") for name in names]


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _best(data: bytes, single: tuple[str, ...]) -> str:
    candidates = [*(name for name in WIDE if _fits(data, name)), *single]
    return max(candidates, key=lambda name: sum(_weight(c, name) for c in data.decode(name, "replace") if c >= "\x80"))


def _weight(character: str, encoding: str) -> float:
    """How many bytes this character explains, less a little for one that is rare in its encoding, or a penalty."""
    if character == "\ufffd":
        return -1.0
    if encoding.startswith("cp") and encoding not in ("cp932", "cp949"):
        script = "CYRILLIC" if encoding in ("cp866", "cp1251") else "LATIN"
        return 0.7 if character.isalpha() and unicodedata.name(character, "").startswith(script) else -0.5
    raw = character.encode(encoding, "replace")
    if len(raw) != 2:
        return -0.5
    kana = 0x3041 <= ord(character) <= 0x30FF
    if encoding == "gb18030":
        return -1.0 if raw[1] < 0x80 else 1.8 if 0xB0 <= raw[0] <= 0xD7 and raw[1] >= 0xA1 else 0.7
    if encoding == "big5":
        return 1.8 if 0xA4 <= raw[0] <= 0xC6 else 0.7
    if encoding == "cp949":
        return 2.0 if 0xB0 <= raw[0] <= 0xC8 and raw[1] >= 0xA1 else 0.5
    if encoding == "euc_jp":
        return 2.1 if kana else 1.7 if 0xB0 <= raw[0] <= 0xCF else 0.5
    return 2.2 if kana else 1.9 if b"\x88\x9f" <= raw <= b"\x98\x72" else 0.5
