"""`--labels FILE.csv` and `--label-pattern REGEX` by the commands: trained, judged and asked by a
table whose classes the photographs are known to have."""

import csv
import shutil
from pathlib import Path

import pytest

from imagecls.photos.layout import SPARE, VALID
from tests.img_runs import FAST, IMAGES
from tests.typed import cli, good, refused


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train/ and test1/ of files `<class>.<number>.jpg`, and tables of them."""
    root = tmp_path_factory.mktemp("pets")
    for part, count, start in (("train", 8, 0), ("test1", 3, 20)):
        (root / "data" / part).mkdir(parents=True)
        for kind in ("pizza", "sushi", "soup"):
            files = sorted((IMAGES / "training" / kind).iterdir())[start : start + count]
            for i, path in enumerate(files):
                shutil.copy(path, root / "data" / part / f"{kind}.{i}.jpg")
    for part in ("train", "test1"):
        with (root / f"{part}.csv").open("w", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["file", "class"])
            for path in sorted((root / "data" / part).iterdir()):
                kind = {"pizza": "pizza al taglio", "sushi": "寿司", "soup": "soup"}[
                    path.name.split(".")[0]
                ]
                rows.writerow([f"data\\{part}\\{path.name}", kind])
    return root


@pytest.fixture(scope="module")
def by_table(pets: Path) -> Path:
    good(
        "img-train",
        pets / "data",
        "--labels",
        pets / "train.csv",
        "--out",
        pets / "r",
        "--steps",
        3,
        *FAST,
    )
    return pets / "r"


def test_a_classifier_by_a_table(pets, by_table, tmp_path):
    """Trained, resumed, judged, and asked: its answers are a table that it can be judged by."""
    text = good("img-eval", pets / "data", "--labels", pets / "test1.csv", "--model", by_table)
    assert "(test part), 9 pictures" in text
    assert "pizza al taglio" in text
    assert "寿司" in text
    target = tmp_path / "answers.csv"
    good(
        "img-predict",
        pets / "data",
        "--model",
        by_table,
        "--csv",
        target,
        "--csv-format",
        "names",
        "--quiet",
    )
    with target.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["file"] for row in rows] == [
        f"test1/{k}.{i}.jpg" for k in ("pizza", "soup", "sushi") for i in range(3)
    ]
    classes = ["pizza al taglio", "soup", "寿司"]
    for row in rows:
        shares = [float(row[name]) for name in classes]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert row["class"] == classes[shares.index(max(shares))]
        assert float(row["probability"]) == max(shares)
    text = good("img-eval", pets / "data", "--labels", target, "--model", by_table)
    assert "accuracy 100.00%" in text
    moved = shutil.copy(pets / "train.csv", tmp_path / "elsewhere.csv")
    good("img-train", "--out", by_table, "--resume", "--steps", 4, "--labels", moved, "--quiet")


def test_a_classifier_by_a_pattern(pets, tmp_path):
    pattern = r"^(\w+)\."
    good(
        "img-train",
        pets / "data",
        "--label-pattern",
        pattern,
        "--out",
        tmp_path / "r",
        "--steps",
        2,
        *FAST,
    )
    text = good("img-eval", pets / "data", "--label-pattern", pattern, "--model", tmp_path / "r")
    assert "(test part), 9 pictures" in text
    good("img-train", "--out", tmp_path / "r", "--resume", "--steps", 3, "--quiet")


def test_bad_labels_are_one_sentence(pets, by_table, tmp_path):
    data, out = pets / "data", tmp_path / "x"
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("test1/pizza.0.jpg,lasagne\ntest1/soup.0.jpg,soup\n")
    text = refused(1, "img-eval", data, "--labels", wrong, "--model", by_table)
    assert "wrong.csv has classes that are not among the 3 known here (lasagne)" in text
    wrong.write_text("test1/pizza.77.jpg,soup\ntest1/soup.0.jpg,soup\n")
    assert "line 1: test1/pizza.77.jpg is not in" in refused(
        1, "img-eval", data, "--labels", wrong, "--model", by_table
    )
    assert "is not in" in refused(1, "img-train", data, "--labels", wrong, "--out", out)
    assert "matches none of the 33 pictures" in refused(
        1, "img-train", data, "--label-pattern", r"^(\d{9})", "--out", out
    )
    for pattern, words in (
        ("(", "no regular expression"),
        ("cat", "no groups"),
        ("(a)(b)", "2 groups"),
    ):
        assert words in refused(2, "img-train", data, "--label-pattern", pattern, "--out", out)
    assert "not both" in refused(
        2, "img-train", data, "--label-pattern", "(a)", "--labels", wrong, "--out", out
    )
    only = tmp_path / "only.csv"
    only.write_text("train/soup.0.jpg,soup\ntrain/soup.1.jpg,soup\n")
    assert "one class only" in refused(1, "img-train", data, "--labels", only, "--out", out)
    assert not out.exists()
    # without labels the same folder has none, and says what would help
    assert "--label-pattern" in refused(1, "img-train", data, "--out", out)


def test_unreadable_pictures_have_empty_cells(by_table, tmp_path):
    (tmp_path / "t").mkdir()
    shutil.copy(IMAGES / "validation" / "soup" / "000.jpg", tmp_path / "t" / "a b.jpg")
    (tmp_path / "t" / "broken.jpg").write_text("no")
    target = tmp_path / "n.csv"
    result = cli(
        "img-predict", tmp_path / "t", "--model", by_table, "--csv", target, "--csv-format", "names"
    )
    assert result.exit_code == 1
    rows = list(csv.reader(target.open(newline="", encoding="utf-8")))
    assert rows[1][0] == "a b.jpg"
    assert rows[2] == ["broken.jpg", "", "", "", "", ""]


def test_validation_elsewhere_by_the_same_tables(pets, tmp_path):
    """A table may name what is in DATA and what is in --valid; parts not asked for stay out."""
    both = tmp_path / "both.csv"
    both.write_text(
        (pets / "train.csv").read_text() + (pets / "test1.csv").read_text().split("\n", 1)[1]
    )
    text = good(
        "img-train",
        pets / "data" / "train",
        "--valid",
        pets / "data" / "test1",
        "--labels",
        both,
        "--out",
        tmp_path / "r",
        "--steps",
        2,
        *[word for word in FAST if word != "--quiet"],
    )
    assert "all                    24           9" in text
    assert SPARE not in text
    assert VALID not in {p.name for p in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (("0", "1"), "if they are numbers of these, write apple_pie in place of 0 and so on"),
        (("2", "10"), "leave the other pictures out"),  # there is no eleventh
        (("0", "soup"), "leave the other pictures out"),
    ],
)
def test_numbers_for_names_are_told_what_they_may_mean(
    tmp_path: Path, names: tuple[str, str], advice: str
) -> None:
    for name in names:
        (tmp_path / "photos" / name).mkdir(parents=True)
        shutil.copy(
            IMAGES / "validation" / "soup" / "000.jpg", tmp_path / "photos" / name / "x.jpg"
        )
    assert refused(1, "img-eval", tmp_path / "photos").endswith(advice)
