"""CSV as this program writes it: what any reader of RFC 4180 reads back to the same cells."""

import csv
import io
from collections.abc import Iterable, Sequence

from gocnn.wording import few

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that spreadsheets take for a formula (CWE-1236)."""

MISSING = {
    *("NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "nan", "NaN", "-nan", "-NaN"),
    *("None", "null", "NULL", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
}
"""Cells that pandas.read_csv takes for missing values (`na_values` in its documents)."""


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The lines of a table, each with LF at its end; cells with a comma, a quote or a line break of
    any kind are quoted.

    A cell is never changed. Putting an apostrophe before what a spreadsheet takes for a formula, as
    some do, would name another file: see `cautions`.
    """
    lines = []
    for row in rows:
        # the writer quotes only those line breaks that its own line ends with
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerow(row)
        lines.append(text.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


def cautions(target: object, names: Iterable[str]) -> list[str]:
    """What to know of a table with these names, a sentence each: which of them a spreadsheet would
    take for formulas, and pandas for missing values."""
    here = sorted(set(names))
    found = {
        "a spreadsheet takes for formulas": [name for name in here if name.startswith(FORMULA)],
        "pandas takes for missing values": [name for name in here if name in MISSING],
    }
    advice = ("import their columns as text", "read it with keep_default_na=False")
    return [
        f"{target} has names that {takes} ({few(some)}): they are written as they are, so {what}"
        for (takes, some), what in zip(found.items(), advice, strict=True)
        if some
    ]
