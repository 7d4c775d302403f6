"""Archives of games and of photographs, read in place: zip, tar, both packed by gzip, xz, bzip2 (or
zstd where Python has it), single packed files, and archives inside archives. What a file is says
its content, not its name.

Nothing is unpacked to disk (only a large zip inside another archive lies in an unnamed temporary
file while it is read), so names with `../` are only names; links and devices are passed over, and
so is what macOS adds. What an archive may unpack to is limited, because a few kilobytes can hold
gigabytes. This package knows nothing of games, photographs or networks.
"""

from gocnn.archives.entry import UNPACKED, Entry, Limits, Unreadable
from gocnn.archives.kinds import HEAD, is_archive_name, is_junk, kind, kind_of, without_suffix
from gocnn.archives.names import readable
from gocnn.archives.packers import beginning
from gocnn.archives.walk import entries

__all__ = [
    "HEAD",
    "UNPACKED",
    "Entry",
    "Limits",
    "Unreadable",
    "beginning",
    "entries",
    "is_archive_name",
    "is_junk",
    "kind",
    "kind_of",
    "readable",
    "without_suffix",
]
