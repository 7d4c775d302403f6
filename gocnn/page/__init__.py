"""The page as the browser gets it: files that `make page` builds from `web/` (and that a wheel
brings with it)."""

import re
from importlib import resources

from gocnn.errors import UserError

BUILT = resources.files("gocnn.page").joinpath("built")

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}")


def built() -> bool:
    """Whether the page was built."""
    return BUILT.joinpath("index.html").is_file()


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
