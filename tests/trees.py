"""Trees of empty pictures, and what is found in them."""

from pathlib import Path

from imagecls.photos.collection import open_collection
from imagecls.photos.labelling import Labelling


def tree(folder: Path, text: str) -> Path:
    """Empty files of those names; `{a,b}` stands for each of them."""
    for line in text.split():
        names = [line]
        while any("{" in name for name in names):
            names = [
                name.replace(name[name.index("{") : name.index("}") + 1], each, 1)
                for name in names
                for each in name[name.index("{") + 1 : name.index("}")].split(",")
            ]
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
    return folder


def counts(folder: Path) -> dict[str, dict[str, int]]:
    """How many pictures of each class each part has; those without a class as ''."""
    found = open_collection(folder)
    return {
        part: {
            name: n
            for name in ("", *found.classes)
            if (n := sum(name == ("" if p.label < 0 else found.classes[p.label]) for p in photos))
        }
        for part, photos in found.parts.items()
    }


def by(folder: Path, labelling: Labelling) -> dict[str, dict[str, str]]:
    """The class of each picture by its name, of each part ('' without one)."""
    found = open_collection(folder, labelling)
    return {
        part: {p.name: "" if p.label < 0 else found.classes[p.label] for p in photos}
        for part, photos in found.parts.items()
    }
