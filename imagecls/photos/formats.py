"""Kinds of files: by their names, what is a picture; by their first bytes, what a file is that
Pillow does not read."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from gocnn.wording import counted, few

PICTURE, UNREAD, OTHER = "picture", "unread", "other"


def _endings(words: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in words.split())


EXTENSIONS = _endings(
    "jpg jpeg jpe jfif jif mpo png apng webp bmp dib gif tif tiff avif avifs heic heif hif"
)
"""Files that are read as pictures (.heic where pillow-heif is installed)."""

UNREAD_EXTENSIONS = _endings(
    "cr2 cr3 crw nef nrw arw srf sr2 dng raf orf rw2 pef srw x3f 3fr iiq erf kdc dcr mrw rwl svg"
    " svgz jxl psd psb xcf jp2 j2k jpx jpf jxr wdp ico icns tga ppm pgm pbm pnm pcx exr hdr dds eps"
    " ai emf wmf qoi ktx dcm fits"
)
"""Pictures in formats that are not read: they are counted and named, never passed over in
silence."""

JUNK = re.compile(
    r"(^|/)(\.|__MACOSX/|@eaDir/|#recycle/|\$RECYCLE\.BIN/|System Volume"
    r" Information/|lost\+found/|(Thumbs\.db|desktop\.ini|Icon\r)$)",
    re.IGNORECASE,
)
"""What systems leave behind: hidden files, thumbnails of macOS, Windows and NAS boxes."""

HEIC_WORDS = "HEIC, which needs one more package: pip install pillow-heif"
AVIF_WORDS = "AVIF, which needs Pillow 11.3 or later: pip install --upgrade pillow"
RAW_WORDS = "a raw file of a camera; develop it to JPEG first"

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"8BPS", "a Photoshop file (PSD)"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"II\xbc", "JPEG XR"),
    (b"FUJIFILMCCD-RAW", RAW_WORDS),
    (b"IIRO", RAW_WORDS),
    (b"IIRS", RAW_WORDS),
    (b"MMOR", RAW_WORDS),
    (b"IIU\x00", RAW_WORDS),
    (b"FOVb", RAW_WORDS),
    (b"\x00MRM", RAW_WORDS),
    (b"II\x1a\x00\x00\x00HEAPCCDR", RAW_WORDS),
    (b"gimp xcf", "a GIMP file (XCF)"),
    (b"\x1aE\xdf\xa3", "a video (WebM or Matroska)"),
    (b"FLV\x01", "a video (FLV)"),
    (b"\x00\x00\x01\xba", "a video (MPEG)"),
    (b"\x00\x00\x01\xb3", "a video (MPEG)"),
    (b"PK\x03\x04", "a zip archive (or an office document)"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a file packed by gzip"),
    (b"\xfd7zXZ", "a file packed by xz"),
    (b"BZh", "a file packed by bzip2"),
    (b"\x00\x00\x01\x00", "an icon (ICO)"),
    (b"icns", "an icon (ICNS)"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"DDS ", "a DirectX texture (DDS)"),
    (b"qoif", "QOI"),
    (b"SIMPLE  =", "FITS"),
    (b"SQLite format 3", "a database"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"ID3", "music (MP3)"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_BRANDS = (
    (("avif", "avis"), AVIF_WORDS),
    (("heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"), HEIC_WORDS),
    (("crx ",), RAW_WORDS),
    (("qt  ",), "a video (QuickTime)"),
    (("",), "a video (MP4)"),
)


def kind_of(name: str) -> str:
    """What a file is by its name: a picture, a picture of a format that is not read, or something
    else."""
    ending = PurePosixPath(name).suffix.lower()
    return PICTURE if ending in EXTENSIONS else UNREAD if ending in UNREAD_EXTENSIONS else OTHER


def described(data: bytes) -> str:
    """What a file is that is no picture we read, in a few words, by its first bytes; empty if they
    say nothing."""
    for beginning, words in _BEGINNINGS:
        if data.startswith(beginning):
            return words
    if data[:4] == b"II*\x00" and data[8:10] == b"CR":
        return RAW_WORDS
    if data[4:8] == b"ftyp":
        brands = [
            data[i : i + 4].decode("latin-1")
            for i in (8, *range(16, min(int.from_bytes(data[:4], "big"), 128, len(data)), 4))
        ]
        return next(
            words
            for known, words in _BRANDS
            if any(brand in known or known == ("",) for brand in brands)
        )
    if data[:4] == b"RIFF":
        return {b"AVI ": "a video (AVI)", b"WAVE": "sound (WAV)"}.get(data[8:12], "")
    if data[128:132] == b"DICM":
        return "DICOM"
    if data[:1] == b"P" and data[1:2] in b"1234567" and data[2:3].isspace():
        return "a Netpbm picture (PPM, PGM, PBM)"
    return _text(data)


def _text(data: bytes) -> str:
    """The same of files that are text."""
    start = data[:2048].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in start:
        return "a drawing (SVG)"
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in start:
        return "a web page (HTML) saved under this name, not the picture itself"
    if start.startswith(b"<?xml"):
        return "XML"
    if start.startswith((b"{", b"[")) and start.rstrip().endswith((b"}", b"]", b",")):
        return "JSON"
    if start and all(byte >= 32 or byte in b"\t\r\n\f" for byte in data[:512]):
        return "text"
    return ""


def camera_raw(tags: dict[int, object]) -> bool:
    """Whether the first directory of a TIFF file (number of each tag: its value) is that of a raw
    file, whose pixels here are a thumbnail or a mosaic: a DNG version, a reduced picture, a colour
    filter array, or the parts of their own that Nikon, Sony and Pentax write."""
    reduced, photometric = tags.get(254), tags.get(262)
    made = str(tags.get(271, "")).upper()
    maker = any(
        word in made
        for word in (
            "NIKON",
            "SONY",
            "PENTAX",
            "RICOH",
            "CANON",
            "SAMSUNG",
            "HASSELBLAD",
            "PHASE ONE",
            "KODAK",
            "EPSON",
        )
    )
    return (
        50706 in tags
        or photometric in (32803, 34892)
        or (isinstance(reduced, int) and reduced & 1 == 1)
        or (330 in tags and maker)
    )


_TOOLS = re.compile(
    r"\.(git|ipynb_checkpoints|cache|thumb|trash|picasa|appledouble|apdisk|spotlight|fsevents|tmp"
    r"|temporaryitems|documentrevisions|vscode|idea|comments|xvpics|@)",
    re.IGNORECASE,
)


def dotted(names: Iterable[str]) -> list[str]:
    """A sentence, if there is cause, about pictures in folders that are passed over since their
    names begin with a dot, but are not those that programs hide things in: `.net` may be a
    class."""
    counts: Counter[str] = Counter()
    for name in names:
        *folders, file = name.split("/")
        hidden = [folder for folder in folders if folder.startswith(".") and folder != "."]
        tools = any(_TOOLS.match(folder) for folder in hidden)
        if hidden and not tools and not file.startswith(".") and kind_of(file) == PICTURE:
            counts[hidden[0]] += 1
    if not counts:
        return []
    return [
        f"passed over: {counted(counts.total(), 'picture')} in folders whose names begin with a dot"
        f" ({few(counts)}); if they are classes, give them other names"
    ]
