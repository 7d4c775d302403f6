"""Characters of two bytes whose second byte looks like a bracket or a backslash, hidden from
whoever reads SGF byte by byte.

In Big5, GBK and Shift-JIS the second byte of a character may be `\\` or `]`, and programs of their
time wrote such text into SGF as it was. Read as bytes, a `\\` at the end of a value swallows the
bracket and with it a move, and a `]` ends the value in the middle. The shield is the same text with
those bytes replaced, of the same length, so that places found in it hold for the text itself.

Programs that know bytes only have escaped such bytes, and damaged text can end in half a character.
So each doubtful byte is judged by what follows: a bracket that closes a value is followed by
another value, a property, a node or the end of a game. Of the ways to read a game the one that
leaves the least outside of values, and then finds the most of them, is taken.
"""

import re
from bisect import bisect_right

from gocnn.games import encoding

_TRAILING = {
    "gb18030": re.compile(
        rb"[\x81-\xfe](?:[\x30-\x39][\x81-\xfe][\x30-\x39]|[\x40-\x7e\x80-\xfe])"
    ),
    "big5hkscs": re.compile(rb"[\x81-\xfe][\x40-\x7e\xa1-\xfe]"),
    "cp932": re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc]"),
}
_SHIFTED = {
    "iso2022": re.compile(rb"\x1b\$[^\x1b\r\n]*+(?=\x1b)|\x0e[^\x0e\x0f\r\n]*+(?=\x0f)"),
    "hz": re.compile(rb"~\{[^\r\n]{0,200}?~\}"),
}

_DOUBTFUL = re.compile(
    rb"(?<![\x80-\xff])(?:[\x80-\xff]{2})*+[\x80-\xff][\\\]]|[\x81-\x9f][\x80-\xff]{0,64}[\\\]]"
)
"""A run of an odd number of bytes above ASCII before a bracket or backslash; or a run with a byte
that Shift-JIS has and GB 2312 has not. Elsewhere no character can end in one."""

_CLOSED = re.compile(rb"[\x00-\x20]{0,64}(?:[\[;()]|[A-Za-z]{1,12}[\x00-\x20]{0,64}\[|\Z)")
_VALUE = re.compile(rb"\[[^\\\]]*+(?:\\.[^\\\]]*+)*+(\])?", re.DOTALL)
_STRAY = re.compile(rb"[^A-Za-z;()\x00-\x20]")
_CA = re.compile(rb"CA[\x00-\x20]*\[([^\]]{1,40})\]")
BEGINNING = re.compile(rb"\([\x00-\x20]*+(?:;[\x00-\x20]*+)?(?:GM|FF|SZ|CA|AP|PB|GN|EV)\[")
"""How a game tree plainly begins: with a property that only the first node has."""

_HIDDEN = bytes.maketrans(b"\\]", b"\x7f\x7f")


class SgfText:
    """A file ready to be read. `raw`: its bytes (in UTF-8 if it was in UTF-16; `wide` is then its
    codec); `data`: what to read byte by byte, as long as `raw`."""

    def __init__(self, file: bytes) -> None:
        raw, self.wide = encoding.narrow(file)
        self.raw = self.data = raw
        self._starts: list[int] = []
        self._codecs: list[str] = []
        if _plain(raw):
            return
        parts: list[bytes] = []
        starts = [0, *(match.start() for match in BEGINNING.finditer(raw) if match.start())]
        for start, stop in zip(starts, [*starts[1:], len(raw)], strict=True):
            part = raw[start:stop]
            hidden, codec = (part, "") if _plain(part) else _shield(part)
            parts.append(hidden)
            if codec:
                self._starts += [start, stop]
                self._codecs += [codec, ""]
        if self._codecs:
            self.data = b"".join(parts)

    def codec(self, offset: int) -> str:
        """The codec of the game that begins at that offset, if something of it was hidden; else
        empty."""
        number = bisect_right(self._starts, offset)
        # A game may begin where another ended: the later entry counts.
        return self._codecs[number - 1] if number else ""


def _plain(raw: bytes) -> bool:
    """Whether nothing can be hidden: ASCII without shifts, UTF-8, or no byte in doubt."""
    if raw.isascii():
        return b"\x1b$" not in raw and b"~{" not in raw
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return b"\x1b$" not in raw and not _DOUBTFUL.search(raw)
    return b"\x1b$" not in raw


def _shield(raw: bytes) -> tuple[bytes, str]:
    """One game shielded, and its codec; or the game itself and nothing."""
    declared = _CA.search(raw)
    codec = encoding.best_encoding(
        raw, declared[1].decode("ascii", "replace") if declared else None
    )
    shifted = _SHIFTED.get("hz" if codec == "hz" else codec.partition("_")[0])
    if shifted:
        ways = [shifted.sub(lambda m: m[0].translate(_HIDDEN), raw), raw]
    elif codec in _TRAILING:
        ways = [
            _TRAILING[codec].sub(lambda m: _judge(raw, m), raw),
            raw,
            _TRAILING[codec].sub(lambda m: m[0].translate(_HIDDEN), raw),
        ]
    else:
        return raw, ""
    if ways[0] == raw == ways[-1]:
        return raw, ""
    # Shifts say plainly what is inside them, so a value more is no sign against them.
    return min(ways, key=lambda way: _disorder(way)[: 1 if shifted else 2]), codec


def _judge(raw: bytes, match: re.Match[bytes]) -> bytes:
    """The character, its second byte hidden if what follows tells that it neither closes nor
    escapes."""
    end, character = match.end(), match[0]
    if character[-1] == 0x5D:
        return character if _CLOSED.match(raw, end) else character.translate(_HIDDEN)
    if character[-1] == 0x5C:
        escaped = raw[end : end + 1] == b"]" and not _CLOSED.match(raw, end + 1)
        doubled = raw[end : end + 2] == b"\\]" and _CLOSED.match(raw, end + 2)
        return character if escaped or doubled else character.translate(_HIDDEN)
    return character


def _disorder(data: bytes) -> tuple[int, int]:
    """How much stands outside of values, and less how many values there are."""
    rest, values = _VALUE.subn(lambda m: b"" if m[1] else b"[", data)
    return len(_STRAY.findall(rest)), -values
