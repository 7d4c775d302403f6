"""Standard input, output and error, as they are on any system: missing, in an old encoding, with
names in what is printed that it lacks."""

import io
import os
import sys


def prepare_streams() -> None:
    """Make the three streams be there, and standard output never fail for a character that its
    encoding lacks: such a one is printed as an escape.

    (Standard error does that by itself.) A stream is missing where the program that started this
    one has closed it, or where there is no console.
    """
    # In this order the new files get the descriptors that are free: those of the streams.
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors in (
        "strict",
        "surrogateescape",
    ):
        sys.stdout.reconfigure(errors="backslashreplace")


def speak_protocol() -> None:
    """Standard output in UTF-8 with lines that end in LF alone, on every system."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


def encodable(text: str) -> bool:
    """Whether standard output has all characters of `text`."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
        return True
    except UnicodeEncodeError:
        return False


def abandon() -> None:
    """Send what Python would still write to standard output nowhere: its reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_broken_pipe(error: OSError) -> bool:
    """Whether the reader of standard output has gone; Windows calls that an invalid argument."""
    return isinstance(error, BrokenPipeError) or (
        sys.platform == "win32" and error.errno == 22 and error.filename is None
    )
