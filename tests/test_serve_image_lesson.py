"""What the lesson shows of photographs: poolings, stages and views, against torch's own layers and
the recipe."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gocnn.serve.config import ServeConfig
from imagecls.classifier import shipped
from imagecls.classifier.model import load
from imagecls.photos.decode import decode
from imagecls.photos.shrinking import WAYS, enlarged, halved
from imagecls.serve.kept import sample_names
from tests.conftest import ROOT
from tests.serving import Client, serving
from tests.serving_photographs import asked, client, pixels_of

__all__ = ["client"]


def test_the_lectures_own_classifier() -> None:
    """A little `cnn` begins station 5 where nobody has another. It knows the drawn dishes, whole and
    after two poolings in any way; torch says the same as onnxruntime."""
    names = [name for name in sample_names() if name.endswith("-000")]
    with serving(ServeConfig()) as client:
        assert client.get("/api/images/lesson/beginning").json() == {"model": "drawn"}
        assert client.get("/api/images/model?model=drawn").json()["kind"] == "cnn"
        for way in WAYS[1:]:
            right = 0
            for name in names:
                told = asked(
                    client, "lesson/shrinking", picture=f"sample:{name}", way=way, model="drawn"
                )
                answers = [each["answers"][0]["name"] for each in told["pictures"][:3]]
                right += answers == [name.partition("-")[0]] * 3
            assert right >= 5, way
        told = asked(client, "lesson/stages", picture=f"sample:{names[0]}", model="drawn")
        assert [each["pools"] for each in told["stages"]] == [False, True] * 4
        said = asked(client, "predict", picture=f"sample:{names[0]}", model="drawn")["answers"]
        for one, other in zip(told["answers"], said, strict=False):
            assert one["name"] == other["name"]
            assert one["probability"] == pytest.approx(other["probability"], abs=1e-3)
    for suffix in (".onnx", ".safetensors"):
        assert (shipped.WEIGHTS / f"drawn{suffix}").stat().st_size <= 300_000


@pytest.mark.parametrize("way", WAYS)
def test_pictures_are_pooled_as_torch_pools(way: Any) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3, 14, 11), dtype=np.uint8)
    x = torch.from_numpy(pixels).double()
    padded = torch.nn.functional.pad(x[None], (0, 1, 0, 0), mode="replicate")[0]
    expected = {
        "none": x,
        "max": torch.nn.functional.max_pool2d(padded, 2),
        "min": -torch.nn.functional.max_pool2d(-padded, 2),
        "mean": (torch.nn.functional.avg_pool2d(padded, 2) + 0.5).floor(),
        "every-second": x[:, ::2, ::2],
    }[way]
    assert torch.equal(torch.from_numpy(halved(pixels, way)).double(), expected)


def test_a_shrunken_picture_is_answered_as_it_is(client: Client, tiny_classifiers: Path) -> None:
    told = asked(client, "lesson/shrinking", picture="sample:pizza-001", way="min", model="resnet")
    predictor = load(tiny_classifiers / "resnet")
    size = predictor.config.store_size
    data = (ROOT / "data" / "images" / "validation" / "pizza" / "001.jpg").read_bytes()
    left = decode(data, size)
    assert [one["side"] for one in told["pictures"]] == [40, 20, 10, 5, 3, 2]
    for one in told["pictures"]:
        assert np.array_equal(pixels_of(one["picture"]), left.transpose(1, 2, 0))
        row = predictor.probabilities(enlarged(left, size)[None])[0]
        best = int(row.argmax())
        assert one["answers"][0]["name"] == predictor.config.classes[best]
        assert one["answers"][0]["probability"] == pytest.approx(float(row[best]), abs=1e-5)
        left = halved(left, "min")


def test_stages_are_the_networks(client: Client, tiny_classifiers: Path) -> None:
    """By torch, layer by layer; with another pooling the network is one that has that pooling."""
    predictor = load(tiny_classifiers / "cnn")
    data = (ROOT / "data" / "images" / "validation" / "pizza" / "001.jpg").read_bytes()
    x = predictor.view(decode(data, predictor.config.store_size)[None])
    for way, down in (
        (None, torch.nn.MaxPool2d(2)),
        ("mean", torch.nn.AvgPool2d(2)),
        ("none", torch.nn.Identity()),
    ):
        told = asked(client, "lesson/stages", picture="sample:pizza-001", model="cnn", way=way)
        assert told["pool"] == "max"
        maps = x
        network: Any = predictor.network
        with torch.no_grad():
            for number, stage in enumerate(told["stages"]):
                maps = down(maps) if stage["pools"] else network.stages[number](maps)
                assert (stage["channels"], stage["side"]) == (maps.shape[1], maps.shape[2])
                shown = maps[0, stage["numbers"]].numpy()
                low, high = (np.array(stage[key])[:, None, None] for key in ("low", "high"))
                coded = np.frombuffer(base64.b64decode(stage["values"]), np.uint8)
                values = low + coded.reshape(shown.shape) / 255 * (high - low)
                assert np.abs(values - shown).max() <= (high - low).max() / 255 + 1e-4
            if way == "none":
                assert told["answers"] == []
                continue
            row = network.classify(maps).softmax(1)[0].numpy()
        assert told["answers"][0]["probability"] == pytest.approx(float(row.max()), abs=1e-5)


def test_views_are_the_recipes(client: Client) -> None:
    """Without anything drawn, the picture itself; otherwise by the seed, in any size."""
    still = dict.fromkeys(
        ("flip", "rotate", "affine_rotate", "shear", "brightness", "contrast", "saturation", "hue"),
        0.0,
    )
    same = asked(client, "lesson/augment", picture="sample:sushi-000", count=3, size=64, **still)
    assert len(set(same["views"])) == 1
    data = (ROOT / "data" / "images" / "validation" / "sushi" / "000.jpg").read_bytes()
    plain = decode(data, 64).transpose(1, 2, 0).astype(int)
    assert np.abs(pixels_of(same["views"][0]).astype(int) - plain).mean() < 6
    moved = [
        asked(client, "lesson/augment", picture="sample:sushi-000", count=4, seed=seed)["views"]
        for seed in (1, 1, 2)
    ]
    assert moved[0] == moved[1] != moved[2]
    assert len(set(moved[0])) == 4
