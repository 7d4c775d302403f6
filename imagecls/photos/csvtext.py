"""CSV as this program writes it: what any reader of RFC 4180 reads back to the same cells."""

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that spreadsheets take for a formula (CWE-1236)."""


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The lines of a table, each with LF at its end; cells with a comma, a quote or a line break of
    any kind are quoted.

    A cell is never changed. Putting an apostrophe before what a spreadsheet takes for a formula, as
    some do, would name another file: see `formulas`.
    """
    lines = []
    for row in rows:
        # the writer quotes only those line breaks that its own line ends with
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerow(row)
        lines.append(text.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


def formulas(target: object, names: Iterable[str]) -> str:
    """What to know of a table whose names a spreadsheet would take for formulas; nothing if there
    are none."""
    found = sorted({name for name in names if name.startswith(FORMULA)})
    if not found:
        return ""
    some = ", ".join(found[:3]) + (" ..." if len(found) > 3 else "")
    return (
        f"{target} has names that a spreadsheet takes for formulas ({some}): they are written as"
        " they are, so import their columns as text"
    )
