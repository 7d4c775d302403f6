"""The page as the browser gets it: files that `make page` builds from `web/` (and that a wheel
brings with it)."""

import hashlib
import json
import re
from importlib import resources
from pathlib import Path

from gocnn.errors import UserError

BUILT = resources.files("gocnn.page").joinpath("built")

SOURCES = Path(__file__).parents[2] / "web"
"""Where a checkout has what the page is built from; an installation has nothing there."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}")


def built() -> bool:
    """Whether the page was built."""
    return BUILT.joinpath("index.html").is_file()


def is_stale() -> bool:
    """Whether the page was built from other sources than the checkout has now, by the hashes that
    the build has kept. Of an installation, which has no sources, it is not."""
    if not SOURCES.joinpath("build.mjs").is_file():
        return False
    try:
        kept = json.loads(BUILT.joinpath("sources.json").read_bytes())
        return any(
            hashlib.sha256(SOURCES.joinpath(path).read_bytes()).hexdigest() != digest
            for path, digest in kept.items()
        )
    except (OSError, ValueError, AttributeError):
        return True


def asset(name: str) -> bytes:
    """A built file by its name, which must be a plain one (`index.html`, `main-4F2K.js`).

    Raises UserError if the page is not built, FileNotFoundError if it has no such file.
    """
    if not built():
        raise UserError("the page is not built; run `make page` in the checkout")
    if _PLAIN.fullmatch(name) is None:
        raise FileNotFoundError(name)
    return BUILT.joinpath(name).read_bytes()


def packed(name: str) -> bytes | None:
    """The same file as the build has packed it by gzip; None where that saves nothing. Raises as
    `asset` does."""
    try:
        return asset(f"{name}.gz")
    except FileNotFoundError:
        return None
