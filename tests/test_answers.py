"""What a classifier answers: views, ensembles, figures, heat maps, submissions."""

import numpy as np
import pytest
import torch
from torch import nn

from gocnn.errors import UserError
from imagecls.classifier import explain, submission
from imagecls.classifier.evaluation import Predictions, confusion, figures, worst
from imagecls.classifier.model import VIEWS, Ensemble, softmax
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.task import class_weights
from imagecls.photos.collection import Photo
from imagecls.photos.decode import Fit
from imagecls.photos.store import Pixels
from tests.classifiers import CLASSES, predictor


def test_views_of_test_time_augmentation():
    p = predictor(
        ClassifierConfig("resnet", CLASSES, size=32, store_size=40, widths=(8, 16), hidden=())
    )
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 40, 40), dtype=np.uint8)
    logits = p.logits(pixels, len(VIEWS))
    assert len(VIEWS) == 12
    assert np.allclose(logits[1], p.logits(pixels[..., ::-1].copy(), 1)[0], atol=1e-4)
    assert len({part.tobytes() for part in logits}) == 12
    assert np.allclose(
        p.probabilities(pixels, 4), np.mean([softmax(part) for part in logits[:4]], 0), atol=1e-6
    )
    assert np.allclose(p.probabilities(pixels, 12).sum(1), 1, atol=1e-5)


def test_ensembles_average_and_must_agree_on_classes(tmp_path):
    a = predictor(
        ClassifierConfig("resnet", CLASSES, size=32, store_size=40, widths=(8, 16), hidden=()), 0
    )
    b = predictor(
        ClassifierConfig("cnn", CLASSES, size=16, store_size=16, widths=(8,), hidden=(4,)), 1
    )
    both = Ensemble([a, b])
    assert both.formats == ((40, "squash"), (16, "squash"))
    rng = np.random.default_rng(0)
    pixels: dict[tuple[int, Fit], Pixels] = {
        key: rng.integers(0, 256, (3, 3, key[0], key[0]), dtype=np.uint8) for key in both.formats
    }
    mean = (a.probabilities(pixels[40, "squash"]) + b.probabilities(pixels[16, "squash"])) / 2
    assert np.allclose(both.probabilities(pixels), mean, atol=1e-6)
    with pytest.raises(UserError, match="different classes"):
        Ensemble(
            [
                a,
                predictor(
                    ClassifierConfig(
                        "cnn", ("x", "y"), size=16, store_size=16, widths=(8,), hidden=(4,)
                    )
                ),
            ]
        )


def test_figures_against_counting_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2])
    answers = np.array([0, 1, 0, 1, 2, 0])
    probabilities = np.full((6, 4), 0.1, np.float32)
    probabilities[np.arange(6), answers] = [0.7, 0.9, 0.7, 0.7, 0.8, 0.7]
    judged = Predictions(probabilities, labels)
    found = figures(judged, ("a", "b", "c", "d"))
    assert confusion(judged, 4).tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert found["accuracy"] == 0.5
    rows = {row["class"]: row for row in found["classes"]}
    assert (rows["a"]["precision"], rows["a"]["recall"]) == (2 / 3, 2 / 3)
    assert (rows["b"]["precision"], rows["b"]["recall"]) == (0.5, 0.5)
    assert (rows["c"]["precision"], rows["c"]["recall"]) == (0.0, 0.0)
    assert (rows["d"]["precision"], rows["d"]["recall"], rows["d"]["f1"]) == (None, None, None)
    assert worst(judged, 2).tolist() == [1, 4]


def test_grad_cam_of_a_linear_head_is_the_class_activation_map():
    """With global average pooling and one linear layer, the gradient is the layer's weight:
    Grad-CAM is CAM (Zhou et al. 2015)."""
    p = predictor(
        ClassifierConfig("resnet", CLASSES, size=48, store_size=48, widths=(8, 16, 24), hidden=())
    )
    pixels = np.random.default_rng(1).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    heat, probabilities = explain.grad_cam(p, pixels, 2)
    with torch.no_grad():
        maps = p.network.features(p.view(pixels[None]))
        weight = p.network.get_parameter("head.2.weight")[2]
        cam = torch.relu((weight[None, :, None, None] * maps).sum(1, keepdim=True))
        cam = nn.functional.interpolate(cam, (48, 48), mode="bilinear", align_corners=False)[0, 0]
    assert heat.shape == (48, 48)
    assert np.allclose(heat, (cam / cam.max()).numpy(), atol=1e-4)
    assert np.allclose(probabilities, p.probabilities(pixels[None])[0], atol=1e-5)


@pytest.mark.parametrize("layer", ["stages.0", "stages.0.0", "stages.0.1", "stages.1", "stages.3"])
def test_grad_cam_of_any_layer(layer: str) -> None:
    """The gradient by torch itself, of the rest of the network alone."""
    p = predictor(
        ClassifierConfig("cnn", CLASSES, size=32, store_size=32, widths=(8, 16), hidden=(4,))
    )
    pixels = np.random.default_rng(1).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    heat, probabilities = explain.grad_cam(p, pixels, 1, layer=layer)
    x = p.view(pixels[None])
    parts = [
        part
        for number, stage in p.network.get_submodule("stages").named_children()
        for part in (
            [(f"stages.{number}.{k}", one) for k, one in stage.named_children()]
            or [(f"stages.{number}", stage)]
        )
    ]
    ends = {"stages.0": "stages.0.2"}.get(layer, layer)
    maps: torch.Tensor | None = None
    for name, part in parts:
        x = torch.relu(x) if isinstance(part, nn.ReLU) else part(x)
        if name == ends:
            maps = x = x.detach().requires_grad_()
    assert maps is not None
    logit = p.network.classify(x)[0, 1]
    (gradient,) = torch.autograd.grad(logit, maps)
    cam = torch.relu((gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)).detach()
    cam = nn.functional.interpolate(cam, (32, 32), mode="bilinear", align_corners=False)[0, 0]
    assert np.allclose(heat, (cam / cam.max().clamp(min=1e-12)).numpy(), atol=1e-4)
    assert np.allclose(probabilities, p.probabilities(pixels[None])[0], atol=1e-5)
    with pytest.raises(UserError, match="there is no layer nothing"):
        explain.grad_cam(p, pixels, 1, layer="nothing")


class Holder(Classifier):
    """A network that holds another one, as those of timm are held."""

    def __init__(self, net: Classifier) -> None:
        super().__init__()
        self.net = net

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.net.features(x)

    def classify(self, maps: torch.Tensor) -> torch.Tensor:
        return self.net.classify(maps)


def test_the_stages_of_a_network() -> None:
    """In the order in which a picture passes them; of one that holds another the other's."""
    of = {"size": 32, "store_size": 32, "widths": (8, 16)}
    p = predictor(ClassifierConfig("cnn", CLASSES, hidden=(4,), **of))  # type: ignore[arg-type]
    assert explain.stages(p) == ["stages.0", "stages.1", "stages.2", "stages.3"]
    p = predictor(ClassifierConfig("resnet", CLASSES, hidden=(), **of))  # type: ignore[arg-type]
    assert explain.stages(p) == ["stem", "stages.0"]
    p.network = Holder(p.network)
    assert explain.stages(p) == ["net.stem", "net.stages.0"]
    p = predictor(
        ClassifierConfig("resnet101", CLASSES, size=64, store_size=64, depths=(1, 1), base=4)
    )
    assert explain.stages(p) == ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2"]


def test_filters_and_feature_maps():
    p = predictor(
        ClassifierConfig("cnn", CLASSES, size=32, store_size=32, widths=(8, 16), hidden=(4,))
    )
    pixels = np.random.default_rng(1).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    name, drawn = explain.filters(p)
    assert name == "stages.0.0"
    assert np.array_equal(drawn, p.network.get_parameter(f"{name}.weight").detach().numpy())
    with torch.no_grad():
        expected = p.network.get_submodule("stages.1")(
            p.network.get_submodule("stages.0")(p.view(pixels[None]))
        )[0]
    assert np.allclose(explain.feature_maps(p, pixels, "stages.1"), expected.numpy(), atol=1e-5)
    assert explain.layers(p)[:3] == ["stages.0.0", "stages.0.1", "stages.0.2"]
    with pytest.raises(UserError, match="there is no layer nothing"):
        explain.feature_maps(p, pixels, "nothing")


def test_submission(tmp_path):
    def photos(*names: str) -> list[Photo]:
        return [Photo("test", name, -1) for name in names]

    one = np.array([0.1, 0.9], np.float32)
    zero = np.array([0.8, 0.2], np.float32)
    keys = submission.ids(photos("0001.jpg", "0002.jpg", "0003.jpg", "0004.jpg"))
    submission.write(tmp_path / "out.csv", keys, [one, zero, "cut short", one], ["3", "7"])
    assert (tmp_path / "out.csv").read_text() == "Id,Category\n0001,7\n0002,3\n0003,7\n0004,7\n"
    assert submission.ids(photos("1.jpg", "23.jpg")) == ["0001", "0023"]
    assert submission.ids(photos("cat.jpg", "dog.jpg")) == ["cat", "dog"]
    with pytest.raises(UserError, match=r"2 of them are numbers, 1 not \(test/cat.jpg\)"):
        submission.ids(photos("1.jpg", "2.jpg", "cat.jpg"))
    with pytest.raises(UserError, match="both have the id 0001"):
        submission.ids(photos("1.jpg", "01.jpg"))
    with pytest.raises(UserError, match="no picture can be read, of 1"):
        submission.write(tmp_path / "none.csv", ["0001"], ["broken"], ["a", "b"])
    assert not (tmp_path / "none.csv").exists()


def test_class_weights_are_one_on_average():
    labels = np.array([0] * 6 + [1] * 2 + [3])
    weight = class_weights(labels, 4)
    assert weight[2] == 0
    assert weight[labels].mean() == pytest.approx(1.0)
    assert weight[3] / weight[0] == pytest.approx(6.0)
