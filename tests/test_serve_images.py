"""What the page is answered on photographs, against the library, the commands and torch."""

import base64
import io
import json
import shutil
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import imagecls
from gocnn.commands import main
from gocnn.serve.config import PICTURE_BYTES, ServeConfig
from gocnn.serve.jobs import ABANDONED, Job, Jobs
from imagecls.classifier import explain, shipped
from imagecls.classifier.model import load
from imagecls.photos.decode import decode
from imagecls.serve import kept
from imagecls.serve.works import Works
from tests.conftest import ROOT
from tests.photographs import colourful, encoded
from tests.serving import Client, serving
from tests.serving_photographs import asked, client, pixels_of

__all__ = ["client"]

PIZZA = ROOT / "data" / "images" / "validation" / "pizza" / "003.jpg"


def sent(client: Client, data: bytes, name: str = "a.jpg") -> Any:
    answer = client.post(f"/api/images/pictures?name={name}", data)
    assert answer.status == 200, answer.body
    return answer.json()


def finished(client: Client, what: str, **message: Any) -> Any:
    """The same where a job comes first."""
    found = asked(client, what, **message)
    if found["job"]:
        events = list(client.events(f"/api/images/jobs/{found['job']}/events"))
        assert events[-1][0] == "done", events
        found = asked(client, what, **message)
    return found


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(colourful(3), "JPEG", exif=exif)


def animated() -> bytes:
    return encoded(colourful(4), "GIF", save_all=True, append_images=[colourful(5)])


def deep() -> bytes:
    values = np.linspace(0, 65535, 60 * 40).reshape(40, 60).astype(np.uint16)
    return encoded(Image.fromarray(values), "PNG")


FILES = {
    "turned": turned,
    "transparent": lambda: encoded(
        Image.merge("RGBA", [*colourful(1).split(), colourful(2).getchannel("R")])
    ),
    "cmyk": lambda: encoded(colourful(6).convert("CMYK"), "JPEG"),
    "deep": deep,
    "first": animated,
    "grey": lambda: encoded(colourful(7).convert("L"), "PNG"),
}


@pytest.mark.parametrize("kind", ["", *FILES])
def test_answers_are_those_of_the_library(
    client: Client, tiny_classifiers: Path, tmp_path: Path, kind: str
) -> None:
    data = FILES[kind]() if kind else PIZZA.read_bytes()
    file = tmp_path / "picture"
    file.write_bytes(data)
    found = sent(client, data)
    assert found["treated"] == ([kind] if kind else [])
    assert [found["width"], found["height"]] == (
        [40, 60] if kind == "turned" else [60, 40] if kind else [96, 96]
    )
    for name in ("cnn", "resnet"):
        for views in (1, 3):
            told = asked(client, "predict", picture=found["picture"], model=name, views=views)
            expected = imagecls.load(tiny_classifiers / name).predict(file, None, tta=views)
            assert [one["name"] for one in told["answers"]] == [one.name for one in expected]
            shares = [one["probability"] for one in told["answers"]]
            assert shares == pytest.approx([one.probability for one in expected], abs=2e-6)
    shown = client.get(f"/api/images/pictures/{found['picture']}")
    assert shown.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(shown.body)).size == (found["width"], found["height"])


def test_the_heat_is_img_explains(client: Client, tiny_classifiers: Path) -> None:
    picture = sent(client, PIZZA.read_bytes())["picture"]
    predictor = load(tiny_classifiers / "cnn")
    pixels = decode(PIZZA.read_bytes(), predictor.config.store_size)
    for label, layer in ((None, None), ("sushi", None), ("soup", "stages.0"), (None, "stages.1")):
        told = asked(client, "explain", picture=picture, label=label, layer=layer)
        index = None if label is None else predictor.config.classes.index(label)
        heat, row = explain.grad_cam(predictor, pixels, index, layer=layer)
        coded = np.frombuffer(base64.b64decode(told["heat"]), np.uint8).reshape(heat.shape)
        assert np.abs(coded / 255 - heat).max() <= 0.5 / 255 + 1e-5
        chosen = label or predictor.config.classes[int(row.argmax())]
        both = [predictor.config.classes.index(chosen), int(row.argmax())]
        heats = (
            predictor.attention(pixels, both)
            if layer is None
            else explain.attention_at(predictor, pixels, both, layer)
        )
        peak, most = heats.max((1, 2)) * row[both]
        assert told["peak"] == pytest.approx(peak / max(peak, most), abs=1e-4)
        assert told["peak"] == 1 or label is not None
        assert told["label"] == chosen
        assert told["probability"] == pytest.approx(
            float(row[predictor.config.classes.index(chosen)]), abs=1e-5
        )
        assert pixels_of(told["seen"]).shape == pixels.transpose(1, 2, 0).shape


def test_a_classifier_is_described(client: Client) -> None:
    listed = client.get("/api/images/models").json()["models"]
    assert [(one["name"], one["found"], one["shipped"]) for one in listed] == [
        ("cnn", False, False),
        ("food", False, True),
        ("drawn", False, True),
        ("resnet", True, False),
    ]
    found = client.get("/api/images/model?model=cnn").json()
    assert (found["kind"], found["size"], found["fit"]) == ("cnn", 32, "squash")
    assert found["photographs"] == "few"
    told = client.get("/api/images/layers?model=cnn").json()["layers"]
    assert [(one["name"], one["channels"], one["height"]) for one in told] == [
        ("stages.0", 8, 32),
        ("stages.1", 8, 16),
        ("stages.2", 16, 16),
        ("stages.3", 16, 8),
    ]
    ships = client.get("/api/images/model?model=food").json()
    assert (ships["shipped"], ships["photographs"]) == (True, "")
    assert tuple(ships["classes"]) == imagecls.load().classes


def test_what_ships_answers_and_its_layers_are_torchs(client: Client, tmp_path: Path) -> None:
    """The answer is the library's; the last layer's heat by torch is the one without torch."""
    data = PIZZA.read_bytes()
    picture = sent(client, data)["picture"]
    told = asked(client, "predict", picture=picture, model="food")["answers"]
    expected = imagecls.load().predict(PIZZA, None)
    assert [one["name"] for one in told] == [one.name for one in expected]
    assert [one["probability"] for one in told] == pytest.approx(
        [one.probability for one in expected], abs=1e-5
    )
    last = client.get("/api/images/layers?model=food").json()["layers"][-1]["name"]
    plain, by_torch = (
        asked(client, "explain", picture=picture, model="food", layer=layer)
        for layer in (None, last)
    )
    heats = [
        np.frombuffer(base64.b64decode(one["heat"]), np.uint8).astype(int)
        for one in (plain, by_torch)
    ]
    assert np.abs(heats[0] - heats[1]).max() <= 6
    assert plain["label"] == by_torch["label"] == expected[0].name


def test_neighbours_are_the_nearest(client: Client, tiny_classifiers: Path) -> None:
    """Of a picture that was learnt from, itself; and the order is that of all cosines, by torch."""
    folder = tiny_classifiers.parent / "few" / "training"
    file = folder / "soup" / "003.jpg"
    picture = sent(client, file.read_bytes())["picture"]
    found = finished(client, "neighbours", picture=picture, model="resnet", count=60)
    assert (found["of"], found["source"], found["changed"]) == (48, "few", False)
    first = found["neighbours"][0]
    assert (first["name"], first["label"]) == ("003.jpg", "soup")
    assert first["alike"] == pytest.approx(1, abs=1e-4)
    predictor = load(tiny_classifiers / "resnet")
    size = predictor.config.store_size

    def feature(path: Path) -> torch.Tensor:
        with torch.no_grad():
            maps = predictor.network.features(predictor.view(decode(path.read_bytes(), size)[None]))
        return maps.mean((2, 3))[0]

    expected = sorted(
        (
            -float(torch.cosine_similarity(feature(path), feature(file), dim=0)),
            path.parent.name,
            path.name,
        )
        for path in folder.rglob("*.jpg")
    )
    got = [-one["alike"] for one in found["neighbours"]]
    assert got == pytest.approx([one[0] for one in expected], abs=1e-4)
    assert {(one["label"], one["name"]) for one in found["neighbours"]} == {
        one[1:] for one in expected
    }
    assert pixels_of(first["picture"]).shape == (size, size, 3)


def test_the_evaluation_is_img_evals(client: Client, tiny_classifiers: Path) -> None:
    found = finished(client, "evaluation", model="cnn")
    words = ["img-eval", str(tiny_classifiers.parent / "few"), "--model"]
    result = CliRunner().invoke(main, [*words, str(tiny_classifiers / "cnn"), "--json"])
    expected = json.loads(result.output)
    figures = found["figures"]
    assert found["learnt_from"] == expected["learnt_from"] == 0
    for key in ("pictures", "accuracy", "top3", "confusion"):
        assert figures[key] == expected[key]
    for key in ("loss", "calibration_error"):
        assert figures[key] == pytest.approx(expected[key], abs=1e-5)
    names = [one["name"] for one in figures["classes"]]
    library = imagecls.load(tiny_classifiers / "cnn")
    for i, label in enumerate(names):
        for j, answer in enumerate(names):
            cell = client.get(
                f"/api/images/evaluation/cell?model=cnn&label={label}&answer={answer}"
            ).json()
            assert cell["count"] == figures["confusion"][i][j] == len(cell["pictures"])
            for one in cell["pictures"]:
                file = tiny_classifiers.parent / "few" / "validation" / label / one["name"]
                told = library.predict(file)
                assert [each["name"] for each in one["answers"]] == [each.name for each in told]


def test_asking_again_keeps_a_job_alive() -> None:
    """A client that listens to no events, but asks whether there is an answer now."""
    go, one = threading.Event(), SimpleNamespace(named=SimpleNamespace(name="x"), stamp=0)
    jobs = Jobs()
    works = Works(jobs)

    def work(job: Job) -> str:
        go.wait(60)
        job.check()
        return "found"

    found, name = works.get("long", cast(Any, one), work)
    assert found is None
    assert name is not None
    job = jobs.get(name)
    try:
        job.used -= 10 * ABANDONED
        assert works.get("long", cast(Any, one), work) == (None, name)
    finally:
        go.set()
    for _ in range(6000):
        if job.over:
            break
        time.sleep(0.01)
    assert job.state == "done"
    assert works.get("long", cast(Any, one), work) == ("found", None)


def test_an_exported_file_beside_its_run_is_evaluated_as_img_eval_does(
    tiny_classifiers: Path, tmp_path: Path
) -> None:
    """At the size that the file sees, for which pictures are decoded otherwise than for the run."""
    run = tmp_path / "resnet"
    shutil.copytree(tiny_classifiers / "resnet", run)
    words = ["img-export", str(run), "--onnx", str(run / "large.onnx"), "--eval-size", "64"]
    assert CliRunner().invoke(main, words).exit_code == 0
    words = ["img-eval", str(tiny_classifiers.parent / "few"), "--model", str(run / "large.onnx")]
    expected = json.loads(CliRunner().invoke(main, [*words, "--json"]).output)
    with serving(ServeConfig(image_models=(run / "large.onnx",))) as client:
        figures = finished(client, "evaluation", model="large")["figures"]
    assert figures["loss"] == pytest.approx(expected["loss"], abs=1e-5)
    assert figures["confusion"] == expected["confusion"]


def test_photographs_that_are_gone_are_said_so(tiny_classifiers: Path, tmp_path: Path) -> None:
    """Moved away, and others in their place; a file without its run."""
    shutil.copytree(tiny_classifiers / "cnn", tmp_path / "runs" / "moved")
    shutil.copy(tiny_classifiers / "cnn" / "best.safetensors", tmp_path / "lone.safetensors")
    gone = tmp_path / "secret" / "gone"
    run = tmp_path / "runs" / "moved" / "run.json"
    run.write_text(run.read_text().replace(str(tiny_classifiers.parent / "few"), str(gone)))
    config = ServeConfig(image_models=(tmp_path / "lone.safetensors",), runs=tmp_path / "runs")
    with serving(config) as client:
        for name, said in (
            ("moved", "the photographs that moved has learnt from (gone) are not where they were"),
            ("lone", "lone.safetensors is a file without its run"),
        ):
            job = asked(client, "evaluation", model=name)["job"]
            (event, told) = list(client.events(f"/api/images/jobs/{job}/events"))[-1]
            assert event == "error"
            assert said in told["error"]
            assert "secret" not in told["error"]
        shutil.copytree(tiny_classifiers.parent / "few", gone)
        (gone / "training" / "soup" / "000.jpg").unlink()
        assert finished(client, "evaluation", model="moved")["changed"]


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        (b"", 400, "empty"),
        (b"hello, I am no picture", 400, "not a picture that can be read"),
        (PIZZA.read_bytes()[:700], 400, "cut short"),
        (b"\0" * 5000, 400, "nothing but zeros"),
        (b"\xff\xd8\xff\xe0" + b"x" * 500, 400, "a.jpg: "),
        (b"\0\0\0\x20ftypheic" + b"\0" * 300, 400, "HEIC"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\2\0\0\0" + b"\0" * 100, 400, "a.jpg"),
        (b"x" * (PICTURE_BYTES + 1), 413, "larger than 40 MB"),
    ],
)
def test_what_is_no_picture_is_a_sentence(
    client: Client, data: bytes, status: int, said: str
) -> None:
    answer = client.post("/api/images/pictures?name=..%2Fa.jpg", data)
    assert answer.status == status
    assert said in answer.json()["error"]
    assert "/" not in answer.json()["error"].replace("I/O", "")


def test_memory_for_pictures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their pixels as well as by their files, and by how many there are."""
    monkeypatch.setattr(kept, "LEAST", 1000)
    monkeypatch.setattr(kept, "MOST_BYTES", 50_000)
    data = encoded(colourful(1).resize((16, 16)), "PNG")
    pictures = kept.Pictures()
    keys = [pictures.keep("a.png", data) for _ in range(100)]
    assert [key for key in keys if key in pictures._kept] == keys[-50:]
    for key in keys[-3:]:
        pictures.get(key).pixels(64)  # 12,288 bytes of pixels
    pictures.get(keys[-1])
    assert list(pictures._kept)[-3:] == keys[-3:]
    assert 3 * 12_288 < sum(one.bytes for one in pictures._kept.values()) <= 50_000


def test_a_bomb_is_refused_from_its_header(client: Client) -> None:
    small = bytearray(encoded(Image.new("1", (16, 16)), "PNG"))
    small[16:24] = struct.pack(">II", 20_000, 20_000)
    small[29:33] = struct.pack(">I", zlib.crc32(small[12:29]))
    answer = client.post("/api/images/pictures?name=bomb.png", bytes(small))
    assert answer.status == 400
    assert answer.json()["error"] == "bomb.png: more than 100 million pixels; give another picture"


@pytest.mark.parametrize(
    ("message", "status", "said"),
    [
        ({"picture": "nothing"}, 404, "send it again"),
        ({"picture": "sample:../../__init__"}, 404, "send it again"),
        ({"label": "unicorn"}, 400, "there is no class 'unicorn'"),
        ({"layer": "head"}, 400, "there is no layer head"),
        (
            {"model": "none"},
            400,
            "there is no classifier 'none'; there are cnn, food, drawn, resnet",
        ),
    ],
)
def test_what_cannot_be_asked(client: Client, message: Any, status: int, said: str) -> None:
    answer = client.post("/api/images/explain", {"picture": "sample:soup-000"} | message)
    assert answer.status == status
    assert said in answer.json()["error"]


def test_runs_appear_and_other_kinds_do_not(
    tmp_path: Path, tiny_classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)  # an installation without what ships
    old = ROOT / "tests" / "cases" / "old"
    shutil.copytree(old / "go-run", tmp_path / "runs" / "go")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.json").write_text("{")
    with serving(ServeConfig(runs=tmp_path / "runs")) as client:
        assert client.get("/api/images/models").json() == {"models": []}
        assert client.get("/api/images/lesson/beginning").json() == {"model": None}
        answer = client.post("/api/images/predict", {"picture": "sample:soup-000"})
        assert answer.status == 404
        assert "train one with img-train" in answer.json()["error"]
        # without a classifier the pictures themselves are shown
        told = asked(client, "lesson/shrinking", picture="sample:soup-000", way="mean")
        assert [one["side"] for one in told["pictures"]] == [128, 64, 32, 16, 8, 4]
    shutil.copytree(tiny_classifiers / "resnet", tmp_path / "runs" / "mine")
    with serving(ServeConfig(runs=tmp_path / "runs")) as client:
        assert [one["name"] for one in client.get("/api/images/models").json()["models"]] == [
            "mine"
        ]
        assert client.get("/api/images/lesson/beginning").json() == {"model": "mine"}
        asked(client, "predict", picture="sample:soup-000")


def test_photographs_need_no_torch(tiny_classifiers: Path) -> None:
    """What ships answers and says where it looks; what needs torch says so where it is missing."""
    code = f"""
import sys
from pathlib import Path
sys.modules["torch"] = None
from gocnn.serve.config import ServeConfig
from tests.serving import serving
with serving(ServeConfig(image_models=(Path({str(tiny_classifiers / "cnn")!r}),))) as client:
    assert len(client.get("/api/images/models").json()["models"]) == 3
    data = Path({str(PIZZA)!r}).read_bytes()
    picture = client.post("/api/images/pictures", data).json()["picture"]
    client.post("/api/images/lesson/shrinking", {{"picture": picture}}).json()["pictures"]
    asked = {{"picture": picture, "model": "food"}}
    print(len(client.post("/api/images/predict", asked).json()["answers"]))
    print(client.post("/api/images/explain", asked).json()["side"])
    for path, more in (("predict", {{"model": "cnn"}}), ("explain", {{"layer": "stem"}}), ("lesson/augment", {{}})):
        message = {{**asked, **more}}
        if path == "lesson/augment":
            del message["model"]
        answer = client.post("/api/images/" + path, message)
        print(answer.status, all(word in answer.json()["error"] for word in ("torch", "images")))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    words = done.stdout.split()
    assert words[0] == "10", done.stderr
    assert words[2:] == ["503", "True"] * 3, done.stdout
