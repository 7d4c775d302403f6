"""Which part (training, validation, test) and which class the pictures of a folder or archive
belong to, by the names of their folders and files alone.

Folders are read as people have them: the homework's of all years (`training/3_117.jpg`;
`training/labeled/03/`, `training/unlabeled/`, `testing/00/`), a folder a class with or without
parts, parts inside class folders, folders around everything (`food-11/`, `seg_train/seg_train/`). A
folder is a part by its name (train, Training, train_images, test1 ...) unless it plainly is one
class among others: bus, car, plane, train.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

TRAIN, VALID, TEST, WHOLE = "train", "valid", "test", "whole"
SPARE, OUTSIDE = "unlabelled", "outside"
"""Pictures in a folder called `unlabeled` or the like; pictures beside the parts, which belong to
none."""

_UNLABELLED = dict.fromkeys(
    ("unlabeled", "unlabelled", "unlabel", "nolabel", "nolabels", "unsup", "unsupervised"), SPARE
)
PARTS = {
    "training": TRAIN,
    "train": TRAIN,
    "validation": VALID,
    "valid": VALID,
    "val": VALID,
    "dev": VALID,
    "evaluation": TEST,
    "eval": TEST,
    "testing": TEST,
    "test": TEST,
} | _UNLABELLED
_FILLING = {
    "",
    "set",
    "sets",
    "data",
    "dataset",
    "image",
    "images",
    "img",
    "imgs",
    "picture",
    "pictures",
    "pic",
    "pics",
    "photo",
    "photos",
    "split",
    "splits",
    "seg",
    "folder",
    "folders",
    "jpg",
    "png",
    "all",
    "food",
    "labeled",
    "labelled",
    "label",
}
"""Words that a folder's name may have beside that of a part."""

LABELLED = {"labeled", "labelled", "label"}
UNKNOWN = {"unknown", "unknowns", "unclassified", "unsorted", "others", "other", "misc", "none"}
"""Folders of a test part that say no class, if they are its only one."""

UNLABELLED_NAMES = {"unknown", "unknowns", "unclassified", "unsorted"}
"""No classes where all the others are the homework's or numbers. (`other` and `none` are: whoever
names a folder so beside class folders means what is none of the others.)"""

_NAMED = re.compile(r"(\d{1,3})_\d+$")  # three digits: phones name photographs 20260131_120000


def named_class(name: str) -> str | None:
    """The class that a file's name says, as the homework's do: `3_117.jpg` is of class 3."""
    found = _NAMED.match(PurePosixPath(name).stem)
    return found.group(1) if found else None


def part_called(folder: str) -> str | None:
    """The part that a folder's name says, if it says one: `train`, `Training Set`, `seg_train`,
    `test1`, `train_images` do, `train_station` not."""
    words = [re.sub(r"\d+$", "", word) for word in re.split(r"[\W_]+", folder.casefold())]
    said = {PARTS[word] for word in words if word in PARTS}
    if not said or any(word not in PARTS and word not in _FILLING for word in words):
        return None
    return SPARE if SPARE in said else said.pop() if len(said) == 1 else None


@dataclass
class _Folder:
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    pictures: int = 0
    named: bool = False

    def add(self, name: str) -> None:
        """Count a picture by its path from here on."""
        here = self
        *steps, file = name.split("/")
        for step in steps:
            here = here.folders.setdefault(step, _Folder())
        here.pictures += 1
        here.named = here.named or named_class(file) is not None

    @property
    def flat(self) -> bool:
        """Whether pictures lie in it directly, without anything that says classes."""
        return self.pictures > 0 and not self.folders and not self.named


class Layout:
    """The layout of a folder or archive, found from the names of its pictures (with `/` between
    folders): in which part each is, and of which class."""

    def __init__(self, names: Iterable[str]) -> None:
        self._parts: dict[str, str] = {}
        self._through: set[str] = set()
        self.notes: list[str] = []
        root = _Folder()
        for name in names:
            root.add(name)
        self._survey(root, "")

    @property
    def parts(self) -> set[str]:
        """The parts that have folders of their own."""
        return set(self._parts.values())

    def locate(self, name: str) -> tuple[str, str | None]:
        """The part of a picture, and its class as it is written (None: it has none)."""
        part, kinds = self._steps(name)
        if part == WHOLE and TRAIN in self.parts:
            return OUTSIDE, None
        return part, kinds[0] if kinds else named_class(name)

    def inside(self, name: str) -> tuple[str, str]:
        """The class folder of a picture and the folder in it where the picture lies; empty where
        there is none."""
        _, kinds = self._steps(name)
        return (kinds[0], "/".join(kinds[1:])) if kinds else ("", "")

    def around(self, name: str) -> str | None:
        """The folder in which the class folder of a picture lies, with `/` at its end; None if it
        is in none."""
        _, kinds = self._steps(name)
        *steps, _ = name.split("/")
        return "".join(f"{step}/" for step in steps[: -len(kinds)]) if kinds else None

    def folder(self, name: str) -> str | None:
        """The class folder of a picture, with `/` at its end; None if it is in none."""
        path = ""
        for step in name.split("/")[:-1]:
            path = f"{path}{step}/"
            if path not in self._parts and path not in self._through:
                return path
        return None

    def _steps(self, name: str) -> tuple[str, list[str]]:
        part, path, kinds = WHOLE, "", []
        for step in name.split("/")[:-1]:
            path = f"{path}{step}/"
            if path in self._parts:
                part = self._parts[path]
            elif path not in self._through:
                kinds.append(step)
        return part, kinds

    def _survey(self, folder: _Folder, path: str) -> None:
        """Find the parts in a folder that holds everything, looking through folders around it
        all."""
        parts = self._parts_in(folder, path)
        if len(parts) == len(folder.folders) == 1 and not folder.pictures:
            ((name, child),) = folder.folders.items()
            within = set(self._parts_in(child, f"{path}{name}/", quiet=True).values())
            if TRAIN in within and len(within) > 1:  # train_data/train, train_data/valid
                self._through.add(f"{path}{name}/")
                self._survey(child, f"{path}{name}/")
                return
        if parts:
            for name, part in parts.items():
                self._parts[f"{path}{name}/"] = part
            for name in parts:
                self._look_into(folder.folders[name], f"{path}{name}/")
            self._see_through(folder, path, set(parts))
            return
        if len(folder.folders) == 1:
            ((name, child),) = folder.folders.items()
            around = bool(child.folders) or child.named or name.casefold() in LABELLED
            if around and (
                folder.pictures == 0 or self._parts_in(child, f"{path}{name}/", quiet=True)
            ):
                self._through.add(f"{path}{name}/")
                self._survey(child, f"{path}{name}/")
                return
        self._see_through(folder, path, set())
        for name, child in folder.folders.items():
            if len(child.folders) > 1 and child.folders.keys() == folder.folders.keys() - {name}:
                # everything once more, as in some archives: flowers/flowers/daisy beside
                # flowers/daisy
                self._parts[f"{path}{name}/"] = OUTSIDE
        # Parts inside of class folders: cat/train, cat/test, dog/train, dog/test.
        inner = {name: child for name, child in folder.folders.items() if child.folders}
        if len(inner) > 1 and inner.keys() == folder.folders.keys():
            said = {
                f"{path}{name}/{step}/": part_called(step)
                for name, child in inner.items()
                for step in child.folders
            }
            if all(said.values()) and not any(child.pictures for child in inner.values()):
                self._parts |= {key: part for key, part in said.items() if part}

    def _parts_in(self, folder: _Folder, path: str, quiet: bool = False) -> dict[str, str]:
        """The folders that are parts, by name."""
        called = {name: part_called(name) for name in folder.folders}
        parts = {name: part for name, part in called.items() if part}
        others = sorted(set(called) - set(parts))
        whole_split = {TRAIN, TEST} <= set(parts.values()) and len(others) < 2
        if others and not whole_split and all(folder.folders[name].flat for name in parts):
            for name, part in sorted(parts.items()):
                one_of_two = len(others) == 1 and (part == TEST or others[0].casefold() in LABELLED)
                if part in (TRAIN, VALID) or one_of_two:
                    del parts[name]
                    self._note(
                        quiet,
                        f"{path}{name}/ is taken for a class, because it lies beside others"
                        f" ({', '.join(others[:3])})",
                    )
                elif part == TEST:
                    self._note(quiet, f"{path}{name}/ is taken for the test part, not for a class")
        return parts

    def _note(self, quiet: bool, text: str) -> None:
        if not quiet and text not in self.notes:
            self.notes.append(text)

    def _look_into(self, folder: _Folder, path: str) -> None:
        """Inside a part: pictures without labels, and folders around all of its classes."""
        children = folder.folders
        spare = {name for name in children if part_called(name) == SPARE}
        rest = [name for name in children if name not in spare]
        if (
            spare
            and all(child.flat for child in children.values())
            and [name.casefold() for name in rest] in ([word] for word in LABELLED)
        ):
            return  # labelled and unlabelled are the two classes
        self._parts |= {f"{path}{name}/": SPARE for name in spare}
        self._see_through(folder, path, spare)
        if len(rest) == 1 and folder.pictures == 0 and f"{path}{rest[0]}/" not in self._through:
            child = children[rest[0]]
            words = re.split(r"[\W_]+", rest[0].casefold())
            if (
                (child.pictures == 0 and child.folders)
                or child.named
                or part_called(rest[0])
                or all(word in _FILLING for word in words)
            ):
                self._through.add(f"{path}{rest[0]}/")
                self._look_into(child, f"{path}{rest[0]}/")

    def _see_through(self, folder: _Folder, path: str, parts: set[str]) -> None:
        """A folder called `labeled` that has classes of its own is none."""
        for name, child in folder.folders.items():
            if name not in parts and name.casefold() in LABELLED and not child.flat:
                self._through.add(f"{path}{name}/")


def sets_in(names: Sequence[str], layout: Layout) -> list[str]:
    """The folders that hold whole sets of photographs, with a training part and several classes of
    their own, where the names of `layout` are taken for one set."""
    inside: dict[str, list[str]] = {}
    for name in names:
        folder = layout.folder(name)
        if folder is None or "/" not in name[len(folder) :]:
            continue
        if layout.locate(name)[0] != OUTSIDE:
            inside.setdefault(folder, []).append(name)
    alone = {name.rpartition("/")[0] for name in names}
    found = []
    for folder, members in inside.items():
        if folder.rstrip("/") in alone:  # with pictures of its own it is a class
            continue
        within = [name[len(folder) :] for name in members]
        own = Layout(within)
        deeper = sets_in(within, own)
        placed = [own.locate(name) for name in within] if TRAIN in own.parts else []
        if deeper:
            found += [folder + each for each in deeper]
        elif len({kind for part, kind in placed if part in (TRAIN, VALID) and kind}) > 1:
            found.append(folder.rstrip("/"))
    return found


def blank(kinds: Iterable[str]) -> bool:
    """Whether the folders of a test part say no classes: the only one is often called 00, unknown
    or images."""
    here = set(kinds)
    return len(here) == 1 and all(
        (kind.isdecimal() and int(kind) == 0) or kind.casefold() in UNKNOWN for kind in here
    )


def without_unknown(kinds: Iterable[str], course: Sequence[str]) -> set[str]:
    """The kinds that are classes: `unknown` and the like are none where all the others are numbers
    or names in `course`."""
    plain = {kind for kind in kinds if kind.casefold() not in UNLABELLED_NAMES}
    return (
        plain
        if plain and all(kind.isdecimal() or kind.casefold() in course for kind in plain)
        else set(kinds)
    )
