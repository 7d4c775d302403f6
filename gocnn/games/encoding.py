"""The encoding of SGF text, and text as people read it.

A file may declare its encoding in `CA`, and may lie. The choice is made on all text bytes of the game at once: an encoding scores by how many
of the characters it yields are ordinary ones for it, and loses by what cannot be decoded or is rare. UTF-8 wins at a tie, since
other text hardly ever happens to be valid UTF-8; then what `CA` says.
"""

import contextlib
import re

ENCODINGS = ("utf-8", "gb18030", "shift_jis", "euc_kr", "latin-1")
_ALIASES = {"gbk": "gb18030", "gb2312": "gb18030", "cp932": "shift_jis", "sjis": "shift_jis", "cp949": "euc_kr", "ks_c_5601-1987": "euc_kr"}


def best_encoding(data: bytes, declared: str | None = None) -> str:
    """The most plausible of ENCODINGS for `data`; `declared` (what `CA` says) breaks near ties."""
    if data.isascii():
        return "utf-8"
    with contextlib.suppress(UnicodeDecodeError):
        data.decode("utf-8")
        return "utf-8"  # other encodings are hardly ever valid UTF-8 by chance
    if declared:
        declared = _ALIASES.get(declared.strip().lower(), declared.strip().lower().replace("iso-8859-1", "latin-1"))
    return max(ENCODINGS, key=lambda name: _plausibility(data, name) + (0.3 if name == declared else 0.0))


def _plausibility(data: bytes, encoding: str) -> float:
    """Weight of ordinary characters less that of odd ones, over the bytes above ASCII."""
    text = data.decode(encoding, "replace")
    high = sum(byte >= 128 for byte in data)
    good = 0.0
    for character in text:
        if character >= "\x80":
            good += _weight(character, encoding)
    return good / high + (0.1 if encoding == "utf-8" else 0.0)


def _weight(character: str, encoding: str) -> float:
    """Bytes that this character explains (1 each), or a penalty. Common means: in the first level of the encoding's own national table."""
    code = ord(character)
    if character == "\ufffd":
        return -1.0
    if encoding == "utf-8":
        return float(len(character.encode()))
    if encoding == "latin-1":
        return 0.6 if character.isalpha() else -0.5
    if encoding == "euc_kr":
        return 2.0 if 0xAC00 <= code <= 0xD7A3 else 0.5
    if encoding == "shift_jis":
        if 0x3040 <= code <= 0x30FF:
            return 2.2
        if 0xFF61 <= code <= 0xFF9F:
            return -0.5
        return 1.9 if b"\x88\x9f" <= character.encode("shift_jis", "replace") <= b"\x98\x72" else 0.8
    raw = character.encode("gb18030")
    if len(raw) != 2 or raw[1] < 0x80:
        return -1.0  # a lone accented letter before an ASCII one would look like this
    return 1.8 if 0xB0 <= raw[0] <= 0xD7 and raw[1] >= 0xA1 else 0.7


_ESCAPE = re.compile(r"\\(\r\n|\n\r|\n|\r|.)", re.DOTALL)


def simple_text(raw: bytes, encoding: str) -> str:
    """An SGF SimpleText value: escapes undone, line breaks and white space made single blanks."""
    text = raw.decode(encoding, "replace")
    if "\\" in text:
        text = _ESCAPE.sub(lambda m: "" if m[1][0] in "\r\n" else m[1], text)
    return " ".join(text.replace("\x00", " ").split())
