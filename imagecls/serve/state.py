"""What the routes on photographs share."""

from pathlib import PureWindowsPath
from typing import Any

import msgspec

from gocnn.serve.config import ServeConfig
from gocnn.serve.jobs import Jobs
from gocnn.training.described import part, read_bytes, text
from gocnn.training.names import DESCRIPTION
from imagecls.serve.kept import Pictures
from imagecls.serve.models import Models, Opened
from imagecls.serve.works import Works


class ImageState:
    """The classifiers, the pictures that were sent, and what takes longer."""

    def __init__(self, config: ServeConfig) -> None:
        self.models, self.pictures, self.jobs = Models(config), Pictures(), Jobs()
        self.works = Works(self.jobs)

    def photographs(self, one: Opened) -> str:
        """The name of the folder or archive that a classifier has learnt from; empty if nobody
        knows, or it cannot be read."""
        folder = one.named.path if one.named.path.is_dir() else one.named.path.parent
        try:
            data, _ = read_bytes(folder / DESCRIPTION, 0, 1 << 20)
            found: Any = msgspec.json.decode(data)
        except (OSError, ValueError):
            return ""
        named = part(found, "wishes").get("data") if isinstance(found, dict) else None
        return PureWindowsPath(text(named)).name
