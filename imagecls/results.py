"""What a classifier answers to those who import it (`imagecls.api`)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.arguments import Name, path
from gocnn.errors import UserError


@dataclass(frozen=True)
class Prediction:
    """A class by its name, and the probability (0 to 1) that a picture is of it."""

    name: str
    probability: float

    def __repr__(self) -> str:
        return f"Prediction({self.name!r}, probability={self.probability:.2f})"


@dataclass(frozen=True)
class LabelIssue:
    """A picture whose label is likely wrong.

    Attributes:
        file: its name within the photographs, with `/` between folders.
        given: its class.
        likely: the class that it seems to be of.
        probability: of that class, 0 to 1.
        margin: by how much that is greater than the given one's, -1 to 1.
    """

    file: str
    given: str
    likely: str
    probability: float
    margin: float


@dataclass(frozen=True)
class Explanation:
    """What in a picture speaks for a class, by Grad-CAM.

    Attributes:
        name: the class.
        probability: of that class, 0 to 1.
        heat: float32 `(size, size)`, 0 or more, in units of the class's logit; averaged over the
            models. What speaks against the class is 0.
        picture: the pixels that the heat lies over, uint8 `(S, S, 3)`: the same square, at another
            size.
    """

    name: str
    probability: float
    heat: npt.NDArray[np.float32]
    picture: npt.NDArray[np.uint8]

    def __repr__(self) -> str:
        return f"Explanation({self.name!r}, probability={self.probability:.2f})"

    def draw(self, target: Name) -> None:
        """Draw the picture, and beside it the heat with its colour scale, as `img-explain` does
        with `--scale logit`.

        Args:
            target: the file (.png, .jpg, .svg or .pdf).

        Raises:
            UserError: the file cannot be written.
        """
        from gocnn.figures import PICTURES
        from gocnn.wording import either
        from imagecls.classifier.heatpicture import draw_attention

        file = Path(path("target", target))
        if file.suffix.lower() not in PICTURES:
            raise UserError(f"{file} must end in {either(PICTURES)}")
        draw_attention(
            self.picture.transpose(2, 0, 1),
            self.heat[None],
            [self.name],
            [self.probability],
            file,
            scale="logit",
        )
