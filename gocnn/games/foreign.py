"""Game records in formats of servers: Tygem's GIB, CyberOro's (WBaduk's) NGF, Pandanet's UGF. Each becomes SGF, and is read as such.

Which format a file has is told by what is in it, not by its name. None of the formats has a published specification; what is known of them is
collected at https://senseis.xmp.net/?GIB, https://homepages.cwi.nl/~aeb/go/misc/ugf.html and https://senseis.xmp.net/?UGI.
"""

import re
from collections.abc import Iterator

from gocnn.games import encoding, gib, ngf, ugf
from gocnn.games.kifu import BadRecord, Kifu

SUFFIXES = (".gib", ".ngf", ".ugf", ".ugi")
"""By which such records are found in folders and archives."""

FORMATS = tuple((each.SIGNATURE, each.DECLARED, each.read) for each in (gib, ugf, ngf))

_LHA = re.compile(rb"(?:PP)?.{2}-lh[0-9]-", re.DOTALL)
_HEAD = 4096


def as_sgf(data: bytes) -> bytes:
    """The same game as SGF (UTF-8) if the file is in one of the formats; any other file as it is. Raises BadRecord, which says which format it is and
    what is wrong."""  # fmt: skip
    head = data[:_HEAD].lstrip(b"\xef\xbb\xbf\x00\t\r\n ")
    if head[:1] in (b"(", b""):
        return data
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    if wide:
        data = data.decode("utf-16", "replace").encode()
        head = data[:_HEAD].lstrip()
    for signature, declared, read in FORMATS:
        if signature.search(head):
            kifu: Kifu = read(list(_lines(data, declared)))
            return kifu.sgf()
    if _LHA.match(head):
        raise BadRecord("an UGZ record or another LHA archive; unpack it first")
    return data


def _lines(data: bytes, declared: re.Pattern[bytes] | None) -> Iterator[str]:
    stated = declared.search(data[:_HEAD]) if declared else None
    codec = encoding.best_encoding(data, stated[1].decode("ascii", "replace") if stated else None)
    for line in data.decode(codec, "replace").splitlines():
        yield line.strip()
