"""Game records in formats of servers: Tygem's GIB, CyberOro's (WBaduk's) NGF, Pandanet's UGF. Each
becomes SGF, and is read as such.

Which format a file has is told by what is in it, not by its name. None of the formats has a
published specification; what is known of them is collected at https://senseis.xmp.net/?GIB,
https://homepages.cwi.nl/~aeb/go/misc/ugf.html and https://senseis.xmp.net/?UGI.
"""

import re
from collections.abc import Callable

from gocnn.games import encoding, gib, ngf, results, ugf
from gocnn.games.kifu import BadRecord, Kifu

SUFFIXES = (".gib", ".ngf", ".ugf", ".ugi")
"""By which such records are found in folders and archives."""

FORMATS = tuple((each.SIGNATURE, each.DECLARED, each.read) for each in (gib, ugf, ngf))

_COUNTRIES = {
    "korea": "euc-kr",
    "china": "gb18030",
    "japan": "shift_jis",
    "taiwan": "big5",
    "global": "",
}
"""What Tygem's clients of a country write, where it is not UTF-8."""

_CODECS = ("euc-kr", "gb18030", "shift_jis", "big5")

_LHA = re.compile(rb"(?:PP)?.{2}-lh[0-9]-", re.DOTALL)
_HEAD = 4096


def as_sgf(data: bytes) -> bytes:
    """The same game as SGF (UTF-8) if the file is in one of the formats; any other file as it is.
    Raises BadRecord, which says which format it is and what is wrong."""
    head = data[:_HEAD].lstrip(b"\xef\xbb\xbf\x00\t\r\n ")
    if head[:1] in (b"(", b""):
        return data
    as_it_is = data
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    if wide:
        data = data.decode("utf-16", "replace").encode()
        head = data[:_HEAD].lstrip()
    for signature, declared, read in FORMATS:
        if signature.search(head):
            return _read(data, declared, read).sgf()
    if _LHA.match(head):
        raise BadRecord("an UGZ record or another LHA archive; unpack it first")
    return as_it_is


def _read(
    data: bytes, declared: re.Pattern[bytes] | None, read: Callable[[list[str]], Kifu]
) -> Kifu:
    """The record in the encoding that it declares or looks like; or, if its result makes no sense
    so, in one in which it does."""
    found = declared.search(data[:_HEAD]) if declared else None
    stated = found[1].decode("ascii", "replace") if found else ""
    guess = encoding.best_encoding(data, _COUNTRIES.get(stated.casefold(), stated) or None)
    first: Kifu | None = None
    for codec in dict.fromkeys((guess, *_CODECS)):
        kifu = read([line.strip() for line in data.decode(codec, "replace").splitlines()])
        first = first or kifu
        if (
            kifu.texts.get("RE", "").isascii()
            or results.outcome(kifu.texts["RE"])[0] != results.UNKNOWN
        ):
            return kifu
    assert first is not None
    return first
