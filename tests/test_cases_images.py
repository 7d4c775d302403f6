"""Pictures of strangers that once failed: each test is a tree of `tests/cases/images.zip`, a
command, and what it must give."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imagecls.photos.classes import HW03_CLASSES
from tests.conftest import ROOT
from tests.typed import cli, good, refused

FAST = [
    "--model",
    "cnn",
    "--size",
    "16",
    "--widths",
    "4,8",
    "--hidden",
    "8",
    "--steps",
    "1",
    "--batch",
    "8",
    "--precision",
    "fp32",
    "--validations",
    "1",
    "--quiet",
]


@pytest.fixture(scope="module")
def subset(tmp_path_factory: pytest.TempPathFactory, case_pictures: Path) -> Path:
    """A classifier that has never seen class 3 of the eleven."""
    out = tmp_path_factory.mktemp("subset") / "r"
    good("img-train", case_pictures / "l_subset", "--out", out, *FAST)
    return out


def classes_of(run: Path) -> list[str]:
    from imagecls.classifier.model import load

    return list(load(run, "cpu").config.classes)


@pytest.fixture(scope="module")
def eleven(tmp_path_factory: pytest.TempPathFactory, case_pictures: Path) -> Path:
    """A classifier of all eleven classes; its test pictures lie in a folder called `unknown`."""
    out = tmp_path_factory.mktemp("eleven") / "r"
    good("img-train", case_pictures / "l_tunk", "--out", out, *FAST)
    return out


def submission(path: Path) -> dict[str, int]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["Id"]: int(row["Category"]) for row in csv.DictReader(stream)}


@pytest.mark.parametrize(
    ("tree", "classes"),
    [
        ("l_circled", ["①", "②", "③"]),
        ("l_vehicles", ["bus", "car", "plane", "train"]),
        ("l_zero", 11),
        ("l2021", 11),
    ],
)
def test_classes_of_a_tree(case_pictures, tmp_path, tree, classes):
    good("img-train", case_pictures / tree, "--out", tmp_path / "r", *FAST)
    found = classes_of(tmp_path / "r")
    assert found == classes if isinstance(classes, list) else len(found) == classes


def test_a_folder_of_unknown_pictures_is_no_class(eleven):
    assert len(classes_of(eleven)) == 11


def test_classes_that_differ_in_case_keep_their_order(case_pictures):
    """The order must not depend on the hashes of strings, which differ from process to process."""
    if len({p.name for p in (case_pictures / "l_case").iterdir()}) < 3:
        pytest.skip("this file system does not tell Cat from cat")
    code = (
        "from imagecls.photos.collection import open_collection;"
        f" print(open_collection({str(case_pictures / 'l_case')!r}).classes)"
    )
    orders = set()
    for seed in ("1", "2", "3", "4"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        orders.add(done.stdout)
    assert len(orders) == 1


def test_a_submission_has_the_classes_own_numbers(case_pictures, subset, tmp_path):
    """Trained on ten of the eleven classes: what is printed and what is written are the same
    class."""
    shown = good(
        "img-predict",
        case_pictures / "l_subset",
        "--model",
        subset,
        "--csv",
        tmp_path / "s.csv",
        "--top",
        1,
    )
    rows = submission(tmp_path / "s.csv")
    assert list(rows) == [f"{i:04}" for i in range(11)]
    names = {
        line.split("/")[-1].split(".")[0]: re.sub(r" [\d.]+%$", "", line.split(": ")[1])
        for line in shown.splitlines()
        if ".jpg: " in line
    }
    assert len(names) == 11
    assert {key: HW03_CLASSES[number] for key, number in rows.items()} == {
        key: HW03_CLASSES[int(name)] if name.isdecimal() else name for key, name in names.items()
    }
    assert 3 not in rows.values()


def test_a_part_of_the_classes_is_judged(case_pictures, eleven, subset, tmp_path):
    """Also of a model that knows ten classes; pictures of a class that it does not know are
    refused."""
    assert "accuracy" in good("img-eval", case_pictures / "e_missing", "--model", eleven)
    assert "3" in refused(1, "img-eval", case_pictures / "e_missing", "--model", subset)
    for path in [
        *(case_pictures / "e_missing").glob("4_*.jpg"),
        *(case_pictures / "e_missing").glob("8_*.jpg"),
    ]:
        (tmp_path / "part").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "part")
    told = json.loads(cli("img-eval", tmp_path / "part", "--model", subset, "--json").stdout)
    assert {row["class"]: row["pictures"] for row in told["classes"] if row["pictures"]} == {
        "4": 3,
        "8": 3,
    }
    good(
        "img-train",
        case_pictures / "l_tunk",
        "--valid",
        case_pictures / "e_missing",
        "--out",
        tmp_path / "r",
        *FAST,
    )


def test_a_submission_has_a_row_for_each_picture(case_pictures, eleven, tmp_path):
    """TIFF, AVIF and HEIC are pictures; the last one here is cut short, is named, and has its row
    all the same."""
    result = cli(
        "img-predict", case_pictures / "mix", "--model", eleven, "--csv", tmp_path / "s.csv"
    )
    assert list(submission(tmp_path / "s.csv")) == [f"{i:04}" for i in range(6)]
    assert result.exit_code == 1
    assert re.findall(r"Error: .*/(\S+): ", result.output) == ["0005.heic"]


def test_a_stray_picture_shifts_no_id(case_pictures, eleven, tmp_path):
    assert "sample_submission.png" in refused(
        1, "img-predict", case_pictures / "t_stray", "--model", eleven, "--csv", tmp_path / "s.csv"
    )
    assert not (tmp_path / "s.csv").exists()
    tidy = shutil.copytree(
        case_pictures / "t_stray", tmp_path / "tidy", ignore=shutil.ignore_patterns("*.png")
    )
    good("img-predict", tidy, "--model", eleven, "--csv", tmp_path / "s.csv")
    assert list(submission(tmp_path / "s.csv")) == [f"{i:04}" for i in range(1, 12)]


def test_reasons_are_there_when_no_picture_can_be_read(case_pictures, tmp_path):
    result = cli("img-train", case_pictures / "broken", "--out", tmp_path / "r", *FAST)
    assert result.exit_code == 1
    assert "0.jpg" in result.output
    assert "Traceback" not in result.output


def test_pictures_to_learn_from_are_no_submission(case_pictures, eleven, tmp_path):
    """An empty test folder beside them must not make a submission of the training pictures."""
    shutil.copytree(case_pictures / "l_tunk" / "training", tmp_path / "data" / "training")
    (tmp_path / "data" / "test").mkdir()
    assert "no test pictures" in refused(
        1, "img-predict", tmp_path / "data", "--model", eleven, "--csv", tmp_path / "s.csv"
    )
    assert not (tmp_path / "s.csv").exists()
    told = cli("img-predict", tmp_path / "data", "--model", eleven)
    assert told.exit_code == 0
    assert "note: " in told.output


def test_a_submission_never_replaces_a_picture(case_pictures, eleven, tmp_path):
    shutil.copytree(case_pictures / "l_tunk" / "test", tmp_path / "test")
    target = tmp_path / "test" / "unknown" / "0001.jpg"
    before = target.read_bytes()
    assert "is the name of a picture" in refused(
        2, "img-predict", tmp_path / "test", "--model", eleven, "--csv", target
    )
    assert target.read_bytes() == before


def test_a_submission_by_place_in_the_list_says_so(case_pictures, eleven, tmp_path):
    good("img-train", case_pictures / "l_vehicles", "--out", tmp_path / "r", *FAST)
    pictures = case_pictures / "l_tunk" / "test"
    assert (
        "0 bus, 1 car, 2 plane, 3 train"
        in cli(
            "img-predict", pictures, "--model", tmp_path / "r", "--csv", tmp_path / "s.csv"
        ).output
    )
    assert (
        "in order"
        not in cli("img-predict", pictures, "--model", eleven, "--csv", tmp_path / "t.csv").output
    )
