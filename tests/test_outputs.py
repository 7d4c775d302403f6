"""Files that commands write: what cannot be written is refused before any work, nothing is left
half-written, pictures are what their names say."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from gocnn import figures
from gocnn.commands import main
from gocnn.console.heads import commands
from gocnn.console.outputs import OutFile, OutFolder, Picture
from gocnn.errors import UserError
from gocnn.files import check_folder, check_writable, make_folder, replacing, write_bytes
from imagecls.classifier import charts, layerpictures, pictures
from tests.conftest import ROOT, play_randomly, sgf_text
from tests.typed import good, refused

WRITES = {
    "--out",
    "--picture",
    "--html",
    "--csv",
    "--mistakes",
    "--filters",
    "--field",
    "--maps",
    "--onnx",
}


@pytest.fixture
def game(tmp_path: Path) -> Path:
    path = tmp_path / "game.sgf"
    path.write_bytes(sgf_text(play_randomly(3, 30), "PB[李世石 $5]PW[Park $x_1$ 이세돌]"))
    return path


def test_every_option_that_writes_is_checked_beforehand():
    context = click.Context(main)
    seen = set()
    for name in commands():
        command = main.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            option = parameter.opts[0]
            # a file or a folder: it depends on the games
            if option in WRITES and (name, option) != ("go-review", "--out"):
                assert isinstance(parameter.type, OutFile | OutFolder), (name, option)
                if option in ("--picture", "--mistakes", "--filters", "--field", "--maps"):
                    assert isinstance(parameter.type, Picture), (name, option)
                seen.add(option)
    assert seen == WRITES


@pytest.mark.parametrize(
    ("command", "option", "ending"),
    [
        ("go-suggest", "--picture", ".png"),
        ("go-review", "--picture", ".pdf"),
        ("go-review", "--html", ".html"),
        ("go-review", "--out", ".sgf"),
    ],
)
def test_places_that_cannot_be_written(game, tmp_path, command, option, ending):
    (tmp_path / "file").write_text("kept")
    (tmp_path / f"folder{ending}").mkdir()
    before = sorted(path.name for path in tmp_path.rglob("*"))
    places = [
        tmp_path / "none" / f"x{ending}",
        tmp_path / "file" / f"x{ending}",
        tmp_path / f"{'l' * 300}{ending}",
    ]
    if option != "--out":
        places.append(tmp_path / f"folder{ending}")
    if os.path.isdir("/proc/self"):
        places.append(Path(f"/proc/x{ending}"))
    for place in places:
        assert str(place) in refused(1, command, game, option, place), place
    if option != "--out":
        assert ending in refused(2, command, game, option, tmp_path / "x.docx")
        refused(2, command, game, option, tmp_path / "noending")
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    if option == "--out" and os.path.exists("/dev/full"):
        assert "No space left" in refused(1, command, game, option, "/dev/full")
        assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_review_of_several_files_that_cannot_be_written_is_no_success(game, tmp_path):
    (tmp_path / "two.sgf").write_bytes(sgf_text(play_randomly(4, 30)))
    (tmp_path / "file").write_text("kept")
    refused(2, "go-review", game, tmp_path / "two.sgf", "--out", tmp_path / "file")
    assert "a folder is needed" in refused(
        1, "go-review", game, tmp_path / "two.sgf", "--out", tmp_path / "file" / "deep"
    )
    assert (tmp_path / "file").read_text() == "kept"
    good("go-review", game, tmp_path / "two.sgf", "--out", tmp_path / "new" / "deep")
    assert len(list((tmp_path / "new" / "deep").iterdir())) == 2


def test_a_review_that_cannot_be_shown_is_not_written(game, tmp_path):
    """Two outputs in one place; a file of two games, of which a picture shows one."""
    (tmp_path / "both.sgf").write_bytes(sgf_text(play_randomly(4, 8)) + game.read_bytes())
    picture, out = tmp_path / "a.svg", tmp_path / "a.sgf"
    same = refused(2, "go-review", game, "--picture", picture, "--out", picture)
    assert "is what --out writes too" in same
    two = refused(2, "go-review", tmp_path / "both.sgf", "--picture", picture, "--out", out)
    assert "both.sgf holds 2; split it" in two
    assert not picture.exists()
    assert not out.exists()


def test_an_input_is_never_written_over(game, tmp_path):
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (20, 20), "red").save(photo)
    whole = photo.read_bytes()
    assert "the file that is read" in refused(2, "img-augment", photo, "--picture", photo)
    assert "the file that is read" in refused(
        2, "img-predict", photo, "--model", "x", "--csv", photo
    )
    assert photo.read_bytes() == whole


# --- the files themselves
# ------------------------------------------------------------------------------------------------------------


def test_replace_is_for_stores(game, tmp_path):
    """--replace in go-import: a record, or whatever else has that name, stays as it is."""
    before = game.read_bytes()
    said = refused(2, "go-import", game, "--out", game, "--replace")
    assert f"{game} is no store" in said
    assert game.read_bytes() == before
    new = tmp_path / "new.games"
    new.touch()  # as mktemp does
    good("go-import", game, "--out", new, "--replace", "--jobs", 1)
    before = new.read_bytes()
    assert "the file that is read" in refused(2, "go-label", new, "--disagreed", new)
    assert new.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("go-show", "small", "--layer", "1"), "--layer means something with --picture only"),
        (("go-show", "small", "--point", "D4"), "--point means something with --field only"),
        (("go-suggest", "--numbers", "3"), "--numbers means something with --picture only"),
        (
            ("go-show", "small", "--picture", "a.png", "--field", "./a.png"),
            "is what --picture writes too",
        ),
    ],
)
def test_no_option_is_passed_over(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in refused(2, *words)
    assert not list(tmp_path.iterdir())


def test_links_stay_and_devices_are_written_to(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    if os.path.exists("/dev/null"):
        write_bytes(Path("/dev/null"), b"x")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    long = tmp_path / ("l" * 251 + ".png")
    check_writable(long)
    write_bytes(long, b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["real", "link", long.name])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no /dev/stdout")
def test_standard_output_keeps_what_was_in_it(tmp_path):
    code = (
        "from gocnn.files import write_text; from pathlib import Path;"
        " write_text(Path('/dev/stdout'), 'more')"
    )
    with (tmp_path / "log").open("w") as log:
        log.write("before ")
        log.flush()
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True, cwd=ROOT)
    assert (tmp_path / "log").read_text() == "before more"


def test_nothing_is_left_of_a_failure(tmp_path):
    (tmp_path / "x").write_text("old")

    def half(target: Path) -> None:
        with replacing(target) as stream:
            stream.write(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="still the one written before"):
        half(tmp_path / "x")
    with pytest.raises(UserError, match="No space left"):
        half(tmp_path / "y")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_folders(tmp_path):
    (tmp_path / "file").write_text("")
    check_folder(tmp_path / "a" / "b")
    for name in ("x", "run"):  # whatever the folders in it are called
        (tmp_path / "full" / name).mkdir(parents=True)
    check_folder(tmp_path / "full")
    check_folder(tmp_path / "full" / "new")
    assert not (tmp_path / "a").exists()
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    for folder in (tmp_path / "file", tmp_path / "file" / "deep"):
        with pytest.raises(UserError, match=r"file|cannot make"):
            check_folder(folder)
        with pytest.raises(UserError, match=r"file|cannot make"):
            make_folder(folder)


# --- pictures
# ------------------------------------------------------------------------------------------------------------------------

BEGINNINGS = {
    ".png": b"\x89PNG",
    ".jpg": b"\xff\xd8\xff",
    ".jpeg": b"\xff\xd8\xff",
    ".pdf": b"%PDF-",
    ".svg": b"<",
}


@pytest.mark.parametrize("ending", sorted(BEGINNINGS))
def test_pictures_are_what_their_names_say(tmp_path, ending):
    targets = [tmp_path / f"{name}{ending}" for name in ("evaluation", "sheet", "tiles", "LOUD")]
    charts.draw_evaluation(FIGURES, targets[0])
    pictures.sheet([np.zeros((3, 8, 8), np.uint8)], ["a\nb"], 1, targets[1])
    layerpictures.draw_filters(np.zeros((2, 3, 4, 4), np.float32), "stem", targets[2])
    loud = targets[3].with_suffix(ending.upper())
    layerpictures.draw_filters(np.zeros((2, 3, 4, 4), np.float32), "stem", loud)
    for target in tmp_path.iterdir():
        assert target.read_bytes().startswith(BEGINNINGS[ending]), target
        if ending == ".svg":
            assert b"<svg" in target.read_bytes()
    with pytest.raises(ValueError, match="must end in"):
        pictures.sheet([np.zeros((3, 8, 8), np.uint8)], ["a"], 1, tmp_path / "x.gif")


NAMES = ("$5 & $x_1^2$ rice", "a_b^c\\frac{", "tab\tand\x07bell")
FIGURES = {
    "classes": [{"class": name} for name in NAMES],
    "confusion": np.eye(3).tolist(),
    "accuracy": 0.5,
    "accuracy_interval": [0.4, 0.6],
    "pictures": 9,
    "calibration": [{"confidence": 0.5, "accuracy": 0.4, "samples": 9}],
    "calibration_error": 0.1,
}


def drawn(text: str, tmp_path: Path) -> tuple[list[str], list[bool]]:
    """The families and the use of mathematics of a title and a tick label with that text, as they
    were drawn."""
    figure, axis = figures.pyplot().subplots()
    axis.set_title(text)
    axis.set_xticks([0], [text])
    figures.save_figure(figure, tmp_path / "x.svg")
    texts = [axis.title, axis.get_xticklabels()[0]]
    assert all(each.get_text() == text for each in texts)
    return texts[0].get_fontfamily(), [each.get_parse_math() for each in texts]


def test_dollars_are_no_mathematics(tmp_path):
    assert drawn("$5 & $x_1^2$", tmp_path)[1] == [False, False]
    charts.draw_evaluation(FIGURES, tmp_path / "y.png")  # \frac{ would be an error


def test_names_in_other_scripts_get_a_font_that_has_them(tmp_path, capfd, monkeypatch):
    """With a font of the system where there is one; else a line says what to install."""
    text = "李世石 デザート 이세돌"
    wanted = {ord(c) for c in text if not c.isspace()}
    files = figures.fonts_for([text])
    said = capfd.readouterr().err
    have = set().union(*(figures.characters(path) for path in files))
    assert wanted <= have or "Noto Sans CJK" in said
    if wanted <= have:
        assert len(drawn(text, tmp_path)[0]) > 1
        pictures.sheet([np.zeros((3, 8, 8), np.uint8)], [text], 1, tmp_path / "s.png")
        assert capfd.readouterr().err == ""
        with_font = np.asarray(Image.open(tmp_path / "s.png"))
        monkeypatch.setattr(figures, "_installed", lambda: ())
        pictures.sheet([np.zeros((3, 8, 8), np.uint8)], [text], 1, tmp_path / "t.png")
        assert not np.array_equal(np.asarray(Image.open(tmp_path / "t.png")), with_font)
    monkeypatch.setattr(figures, "_installed", lambda: ())
    figures.fonts_for(["新しい文字"])
    assert "no installed font has the characters" in capfd.readouterr().err
    assert figures.fonts_for(["plain é ж"]) == []


def test_pictures_of_games_show_names_as_they_are(game, tmp_path):
    good("go-suggest", game, "--picture", tmp_path / "board.pdf")
    good("go-review", game, "--picture", tmp_path / "strip.jpg", "--quiet")
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "strip.jpg").read_bytes().startswith(b"\xff\xd8")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["--version"], ["--help"], ["go-suggest", "--help"]])
def test_a_full_disk_is_a_sentence_for_help_too(words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "cli.py", *words],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No space left on device; ")
    assert len(done.stderr.splitlines()) == 1
