"""Commands do not write over what they read, nor pass over what they cannot read."""

import os
import shutil
from pathlib import Path

import pytest

from gocnn.errors import UserError
from imagecls.photos import files
from tests.conftest import ROOT
from tests.typed import refused

DRAWN = ROOT / "data" / "images" / "validation"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes of two drawn pictures each."""
    for folder in sorted(DRAWN.iterdir())[:2]:
        (tmp_path / "photos" / folder.name).mkdir(parents=True)
        for path in sorted(folder.iterdir())[:2]:
            shutil.copy(path, tmp_path / "photos" / folder.name)
    return tmp_path / "photos"


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def a_photo(data: Path) -> Path:
    return next(path for path in sorted(data.rglob("*")) if path.is_file())


def test_outputs_are_not_what_is_read(data: Path, tiny_classifiers: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_classifiers / "cnn", run)
    archive = Path(shutil.make_archive(str(tmp_path / "photos"), "zip", data))
    before, photo = contents(tmp_path), a_photo(data)
    for said, command in (
        ("is the file that is read", ("img-clean", archive, "--model", run, "--csv", archive)),
        (
            "is the file that is read",
            (
                "img-clean",
                data,
                "--model",
                run / "best.safetensors",
                "--csv",
                run / "best.safetensors",
            ),
        ),
        (
            "is the file that is read",
            ("img-predict", photo, "--model", run, "--csv", run / "metrics.jsonl"),
        ),
        (
            "is the file that is read",
            ("img-predict", data, "--model", run, "--csv", run / "best.safetensors"),
        ),
        ("name of a picture", ("img-predict", photo, "--model", run, "--csv", tmp_path / "x.jpg")),
        ("photograph the next time", ("img-eval", data, "--model", run, "--mistakes", photo)),
        (
            "photograph the next time",
            ("img-eval", data, "--model", run, "--picture", data / "new.png"),
        ),
        ("photograph the next time", ("img-clean", data, "--model", run, "--sheet", photo)),
        ("photograph the next time", ("img-features", data, "--model", run, "--picture", photo)),
        ("is the file that is read", ("img-explain", photo, "--model", run, "--picture", photo)),
    ):
        assert said in refused(2, *command), command
        assert contents(tmp_path) == before, command


def test_outputs_are_not_one_file(data: Path, tmp_path: Path) -> None:
    one = tmp_path / "one.png"
    for command in (
        ("img-explain", a_photo(data), "--picture", one, "--filters", one),
        ("img-eval", data, "--picture", one, "--mistakes", tmp_path / "." / "one.png"),
        ("img-features", data, "--picture", one, "--neighbours", a_photo(data), "--sheet", one),
    ):
        assert "writes too" in refused(2, *command)
        assert not one.exists()


@pytest.mark.parametrize("inside", [".", "run", "class/run"])
def test_a_run_is_not_among_the_photographs(data: Path, inside: str) -> None:
    before = contents(data)
    said = refused(2, "img-train", data, "--out", data / inside, "--steps", "1")
    assert "would be taken for photographs" in said
    assert contents(data) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_not_waited_for(data: Path) -> None:
    names = sorted(files.names_in(data))
    os.mkfifo(data / "pipe.jpg")
    (data / "dangling.jpg").symlink_to(data / "nowhere.jpg")
    assert sorted(files.names_in(data)) == sorted([*names, "dangling.jpg"])


NEW = ("--out", "RUN", "--steps", "1", "--size", "32", "--quiet")
OF_PIPES = [
    ("img-predict", "DATA", "--model", "PIPE"),
    ("img-predict", "DATA", "--model", "PIPE.safetensors"),
    ("img-eval", "DATA", "--model", "PIPE.onnx"),
    ("img-eval", "DATA", "--labels", "PIPE.csv"),
    ("img-export", "PIPE.safetensors", "--onnx", "x.onnx"),
    ("img-train", "DATA", *NEW, "--labels", "PIPE"),
    ("img-train", "DATA", *NEW, "--relabel", "PIPE.csv"),
    ("img-train", "DATA", *NEW, "--teacher", "PIPE"),
    ("img-train", "DATA", *NEW, "--model", "resnet101", "--weights", "PIPE"),
    ("img-train", "DATA", *NEW, "--model", "resnet101", "--weights", "PIPE.pth"),
    ("img-train", "DATA", *NEW, "--model", "resnet101", "--weights", "PIPE.safetensors"),
    ("describe", "PIPE.onnx"),
    ("describe", "PIPE.safetensors"),
    ("go-suggest", "--model", "PIPE"),
    ("go-train", ROOT / "data" / "games", "--out", "RUN", "--steps", "1", "--from", "PIPE"),
]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("call", OF_PIPES, ids=[" ".join(map(str, call)) for call in OF_PIPES])
def test_models_and_tables_are_no_pipes(
    call: tuple[object, ...], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read more than once, and nobody may ever write into one."""
    monkeypatch.chdir(tmp_path)
    pipe = next(str(word) for word in call if str(word).startswith("PIPE"))
    os.mkfifo(pipe)
    said = refused(1, *({"DATA": data}.get(str(word), word) for word in call))
    assert f"{pipe} is a pipe or a device and cannot be read as a file" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([pipe, "photos"])


def test_names_end_where_they_differ() -> None:
    assert files.told_apart(["a/1.jpg", "a/2.jpg"]) == ["1.jpg", "2.jpg"]
    assert files.told_apart(["cat/a/1.jpg", "cat/b/1.jpg", "dog/a/1.jpg", "dog/2.jpg"]) == [
        "cat/a/1.jpg",
        "b/1.jpg",
        "dog/a/1.jpg",
        "2.jpg",
    ]
    # nothing tells these apart, and a name may be the end of another
    assert files.told_apart(["x.jpg", "x.jpg"]) == ["x.jpg", "x.jpg"]
    assert files.told_apart(["x.jpg", "a/x.jpg"]) == ["x.jpg", "a/x.jpg"]
    assert files.told_apart([]) == []


def test_a_folder_that_cannot_be_listed_is_not_empty(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = sorted(data.iterdir())[0]
    listed = os.scandir

    def scandir(path: str) -> object:
        if Path(path) == shut:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UserError, match=f"cannot read .*{shut.name}: Permission denied"):
        list(files.names_in(data))


def test_a_list_does_not_contradict_itself(data: Path, tmp_path: Path) -> None:
    one, other = (folder.name for folder in sorted(data.iterdir()))
    photos = [path.relative_to(data).as_posix() for path in sorted((data / one).iterdir())]
    table, second = tmp_path / "list.csv", tmp_path / "second.csv"
    # one of the two is held back for validation, which lists do not change
    first, again = ("".join(f"{photo},{one},{kind}\n" for photo in photos) for kind in (other, one))
    table.write_text(f"file,given,likely\n{first}{again}")
    short = ("--steps", "1", "--out", tmp_path / "run")
    assert "keep one of the two lines" in refused(1, "img-train", data, "--relabel", table, *short)
    for file in (table, second):
        file.write_text(f"file,given,likely\n{first}")
    said = refused(1, "img-train", data, "--relabel", table, "--drop-listed", second, *short)
    assert "keep one of the two lines" in said
    assert "list.csv, line " in said


def test_python_says_what_is_wrong_too(data: Path, tiny_classifiers: Path) -> None:
    import imagecls

    classifier = imagecls.load(tiny_classifiers / "cnn")
    assert classifier.features([]).shape == (0, classifier.features([a_photo(data)]).shape[1])
    with pytest.raises(UserError, match="--device None is not a device"):
        imagecls.load(tiny_classifiers / "cnn", device=None)  # type: ignore[arg-type]
    for wrong in ({"minutes": 0}, {"epochs": -1}, {"minutes": 1, "epochs": 1}):
        with pytest.raises(UserError):
            imagecls.label_issues(data, folds=2, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="leave them out"):
        imagecls.label_issues(data, tiny_classifiers / "cnn", minutes=1)
