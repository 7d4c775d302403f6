"""Configurations from JSON: what was written is read, what is not known is named."""

import json

import pytest

from gocnn.features.planes import DEFAULT_GROUPS
from gocnn.policy.network import PRESETS, PolicyConfig
from gocnn.structs import from_json, to_json
from gocnn.training import TrainConfig
from imagecls.augment import RECIPES, Recipe
from imagecls.classifier.models import ClassifierConfig

TRAIN = """{"steps": null, "epochs": 3, "minutes": null, "batch": 64, "optimiser": "adamw",
 "learning_rate": 0.001, "clip": 2, "precision": "bf16", "compile": false, "seed": 7,
 "rate_factors": [["layer4", 0.1], ["layer3", 0]]}"""
POLICY = """{"blocks": 6, "channels": 64, "stem_kernel": 5, "context": "se", "head": 32,
 "groups": ["board", "legal"], "size": 19}"""
CLASSIFIER = """{"model": "cnn", "classes": ["a", "b"], "size": 64, "store_size": 80,
 "widths": [8, 16], "hidden": [], "dropout": 0}"""


def test_json_of_earlier_versions_is_read() -> None:
    """Whole numbers for others, lists, and fewer settings than there are today."""
    assert from_json(json.loads(TRAIN), TrainConfig) == TrainConfig(
        epochs=3.0,
        batch=64,
        optimiser="adamw",
        learning_rate=0.001,
        precision="bf16",
        seed=7,
        rate_factors=(("layer4", 0.1), ("layer3", 0.0)),
    )
    policy = from_json(json.loads(POLICY), PolicyConfig)
    assert (policy.plane_groups, policy.block, policy.value) == (
        ("board", "legal"),
        "residual",
        False,
    )
    assert from_json({}, PolicyConfig).plane_groups == DEFAULT_GROUPS
    assert to_json(policy)["groups"] == ("board", "legal")  # the name in files, for ever
    classifier = ClassifierConfig.from_json(json.loads(CLASSIFIER))
    assert (classifier.widths, classifier.hidden, classifier.dropout) == ((8, 16), (), 0.0)


@pytest.mark.parametrize(
    "config", [TrainConfig(minutes=5), *PRESETS.values(), *RECIPES.values()], ids=str
)
def test_what_is_written_comes_back(config: TrainConfig | PolicyConfig | Recipe) -> None:
    assert from_json(json.loads(json.dumps(to_json(config))), type(config)) == config


@pytest.mark.parametrize(
    ("values", "of", "words"),
    [
        ({"steps": 1, "colour": 2}, TrainConfig, "colour is not known"),
        ({"steps": "1"}, TrainConfig, "steps"),
        ({"steps": True}, TrainConfig, "steps"),
        ({"steps": 1, "precision": "fp8"}, TrainConfig, "precision"),
        ({"steps": 1, "batch": 64.5}, TrainConfig, "batch"),
        ({"steps": 1, "rate_factors": [["a"]]}, TrainConfig, "rate_factors"),
        ({}, TrainConfig, "exactly one budget"),
        ({"blocks": 0}, PolicyConfig, "at least one block"),
        ({"groups": ["round"]}, PolicyConfig, "round"),
        ([], TrainConfig, r"TrainConfig is \[\], not an object"),
        (None, PolicyConfig, "None, not an object"),
    ],
)
def test_what_does_not_fit_is_named(values: object, of: type, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_json(values, of)


def test_a_classifier_has_classes() -> None:
    with pytest.raises(ValueError, match="classes are missing"):
        ClassifierConfig.from_json({"model": "cnn", "classes": []})
    with pytest.raises(ValueError, match="classes"):
        ClassifierConfig.from_json({"model": "cnn"})
