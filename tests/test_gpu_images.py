"""The kit's photographs, rehearsed on the CPU: packed ones beside the originals, and networks
beside torchvision's."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gocnn.errors import UserError
from gpukit import images, packing, report
from tests.kit import called, refused, threads

__all__ = ["threads"]


def pictures(folder: Path, count: int = 6, side: int = 200) -> Path:
    rng = np.random.default_rng(0)
    for part in ("training", "validation"):
        for number, name in enumerate(("apple pie", "soup")):
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
                Image.fromarray(small).resize((side, side + 20 * number)).save(
                    folder / part / name / f"{i}.jpg", quality=95
                )
    return folder


def test_packed_photographs_fit_and_are_what_they_were(tmp_path: Path) -> None:
    from imagecls.photos.collection import open_collection
    from imagecls.photos.decode import decode

    place = pictures(tmp_path / "photos")
    (place / "training" / "soup" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    sizes = {}
    for megabytes in (0.2, 0.05):
        packed = packing.pack(str(place), tmp_path / "x.zip", megabytes)
        assert packed.size == (tmp_path / "x.zip").stat().st_size <= megabytes * 1e6
        assert packed.pictures == {"train": 12, "valid": 12}
        assert "broken.jpg" in packed.notes[0]
        sizes[megabytes] = packed.quality
    assert sizes[0.2] == packing.BEST > sizes[0.05]
    assert open_collection(str(tmp_path / "x.zip")).classes == open_collection(str(place)).classes
    packing.pack(str(place), tmp_path / "x.zip", 1.0)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        name = next(n for n in archive.namelist() if n.startswith("training/apple pie/"))
        got = decode(archive.read(name), 160)
    originals = [
        decode(p.read_bytes(), 160)
        for p in sorted((place / "training" / "apple pie").glob("*.jpg"))
    ]
    assert min(float(np.abs(got.astype(int) - o.astype(int)).mean()) for o in originals) < 4


def test_photographs_that_cannot_be_packed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = pictures(tmp_path / "photos", 2, 64)
    assert "MB at quality 40" in refused(
        capsys, 1, "images", "--pack", place, "--out", tmp_path / "x.zip", "--size", "0.002"
    )
    assert not (tmp_path / "x.zip").exists()
    assert "is a folder" in refused(capsys, 1, "images", "--pack", place, "--out", tmp_path)
    refused(capsys, 1, "images", "--pack", tmp_path / "nothing", "--out", tmp_path / "x.zip")
    refused(capsys, 2, "images", "--pack", place)
    refused(capsys, 2, "images", "--pack", place, "--out", tmp_path / "x.zip", "--size", "-1")
    refused(capsys, 2, "images", "--pack", place, "--out", tmp_path / "x.zip", "--pixels", "4")


def test_images_measures_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(
        capsys, "images", "--tiny", "--minutes", "0", "--device", "cpu", "--out", tmp_path
    )
    assert code == 0, out + err
    figures = json.loads((tmp_path / "images.json").read_text())
    assert figures["augmentation"].keys() == {"none", "lecture", "strong"}
    assert figures["resnet101"]["ours_training"] > 0
    text, missing = report.report(tmp_path, [])
    assert "this project's resnet101" in text
    assert missing == ["check.json", "speed.json", "a run of train (name it with --run)"]


def test_resnets_that_do_not_agree_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    from imagecls.classifier.models.resnet101 import ResNet101

    class Other(ResNet101):
        def classify(self, maps: torch.Tensor) -> torch.Tensor:
            return super().classify(maps) * 1.01

    monkeypatch.setattr(images, "_torchvision", lambda depths, base: ResNet101(1000, depths, base))
    assert images.against_torchvision(torch.device("cpu"), True)["difference"] < 1e-5
    monkeypatch.setattr(images, "_torchvision", lambda depths, base: Other(1000, depths, base))
    with pytest.raises(UserError, match="do not agree"):
        images.against_torchvision(torch.device("cpu"), True)
