"""Networks that ship with the package: which files they are, and which is taken where nobody names
one. Nothing here needs torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gocnn import program
from gocnn.errors import UserError
from gocnn.wording import either


@dataclass(frozen=True)
class Shelf:
    """The networks of one kind that ship, each as `.onnx`, which runs without torch, and as
    `.safetensors` (or as another's, see weights).

    folder: where they lie; names: the first is the default; variable: the environment variable that
    names the network to take where none is given; train: the command that makes others; alias: the
    first of them, in short, if it has such a name; weights: of a name that has no `.safetensors` of
    its own, the name whose weights it has.
    """

    folder: Path
    names: tuple[str, ...]
    variable: str
    train: str
    alias: str | None = None
    weights: Mapping[str, str] = field(default_factory=dict)

    def default_name(self) -> str:
        """What `--model` is where nobody gives it: what the environment variable says, or the first
        of those that ship."""
        return os.environ.get(self.variable, "").strip() or self.names[0]

    def there(self) -> list[str]:
        """The names of those that this installation has."""
        return [name for name in self.names if (self.folder / f"{name}.onnx").exists()]

    def file_of(self, name: str, suffix: str = ".onnx") -> Path:
        """The file of a network that ships, `.onnx` or `.safetensors`. Raises UserError if it is
        not there."""
        name = self.names[0] if name == self.alias else name
        if suffix == ".safetensors":
            name = self.weights.get(name, name)
        file = self.folder / f"{name}{suffix}"
        if not file.exists():
            raise UserError(
                f"{file.name} does not come with this installation; train a network with:"
                f" {program.name()} {self.train} --out RUN, and give it with --model RUN"
            )
        return file

    def find(self, model: str | Path | None = None, suffix: str = ".onnx") -> Path:
        """The file or folder that `model` names: itself where it exists, else the network of that
        name that ships (see `file_of`); None: the default, which no file of that name hides. Raises
        UserError if a network that ships is missing, or if what the environment variable names
        is."""
        name = self.default_name() if model is None else str(model)
        if not name.strip():
            raise UserError(
                "the name of a model is empty; give a model file, the folder of a training run,"
                f" {self._choices()}"
            )
        if (name in self.names or name == self.alias) and (
            model is None or not Path(name).exists()
        ):
            return self.file_of(name, suffix)
        if model is None and not Path(name).exists():
            raise UserError(
                f"the environment variable {self.variable} names {name}, which does not exist; set"
                f" it to a model file, the folder of a training run, {self._choices()}"
            )
        return Path(name)

    def existing(self, model: str | Path, suffix: str = ".onnx") -> Path:
        """What `find` gives, which must be there. Raises UserError."""
        found = self.find(model, suffix)
        if not found.exists():
            raise self.missing(model)
        return found

    def missing(self, model: str | Path) -> UserError:
        """The sentence for a model, named by a person, that is not there."""
        return UserError(
            f"{model} does not exist; give a model file, the folder of a training run,"
            f" {self._choices()}"
        )

    def _choices(self) -> str:
        return either(self.names) if len(self.names) > 1 else f"or {self.names[0]}"

    def has(self, path: Path) -> bool:
        """Whether the file came with the package."""
        return path.parent == self.folder
