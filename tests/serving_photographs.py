"""A server with little classifiers, and what the page on photographs asks it."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gocnn.serve.config import ServeConfig
from tests.serving import Client, serving


@pytest.fixture(scope="module")
def client(tiny_classifiers: Path) -> Iterator[Client]:
    config = ServeConfig(image_models=(tiny_classifiers / "cnn",), runs=tiny_classifiers)
    with serving(config) as found:
        yield found


def asked(client: Client, what: str, **message: Any) -> Any:
    answer = client.post(f"/api/images/{what}", message)
    assert answer.status == 200, answer.body
    return answer.json()


def pixels_of(address: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))
