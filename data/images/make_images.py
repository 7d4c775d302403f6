"""Draw the sample pictures of this folder: six kinds of food, each picture different.

    python data/images/make_images.py --out data/images --train 48 --valid 12

Everything is drawn by this script with Pillow at four times the size and shrunk: a table, a plate
or none, the food with its own colours, size, place and angle, light, and a little noise. The same
seed draws the same pictures.
"""

import argparse
import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

SIDE, OVER = 96, 4
CANVAS = SIDE * OVER
Colour = tuple[int, int, int]


def near(rng: random.Random, colour: Colour, by: int = 25) -> Colour:
    """A colour like this one."""
    r, g, b = (max(0, min(255, c + rng.randint(-by, by))) for c in colour)
    return r, g, b


def blob(
    rng: random.Random, x: float, y: float, radius: float, rough: float = 0.15, points: int = 40
) -> list[tuple[float, float]]:
    """An uneven disc."""
    waves = [(rng.uniform(0, rough / n), rng.uniform(0, 2 * math.pi), n) for n in range(2, 6)]
    outline = []
    for i in range(points):
        angle = 2 * math.pi * i / points
        r = radius * (1 + sum(a * math.sin(n * angle + p) for a, p, n in waves))
        outline.append((x + r * math.cos(angle), y + r * math.sin(angle)))
    return outline


def disc(
    draw: ImageDraw.ImageDraw,
    x: float,
    y: float,
    r: float,
    fill: Colour,
    outline: Colour | None = None,
    width: int = 1,
) -> None:
    draw.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=outline, width=width)


def around(x: float, y: float, r: float, angle: float) -> tuple[float, float]:
    return x + r * math.cos(angle), y + r * math.sin(angle)


def table(rng: random.Random) -> Image.Image:
    """Wood, cloth or stone, with a plate most of the time."""
    base = near(
        rng,
        rng.choice(
            [
                (150, 105, 65),
                (205, 195, 180),
                (70, 75, 85),
                (120, 140, 160),
                (190, 120, 100),
                (225, 225, 220),
            ]
        ),
    )
    image = Image.new("RGB", (CANVAS, CANVAS), base)
    draw = ImageDraw.Draw(image)
    style = rng.choice(["wood", "checks", "plain"])
    if style == "wood":
        for y in range(0, CANVAS, rng.randint(10, 40)):
            draw.line(
                (0, y, CANVAS, y + rng.randint(-10, 10)), near(rng, base, 18), rng.randint(3, 14)
            )
    elif style == "checks":
        step = rng.randint(20, 60)
        for x in range(0, CANVAS, 2 * step):
            draw.rectangle((x, 0, x + step, CANVAS), near(rng, base, 30))
    if rng.random() < 0.75:
        colour = near(
            rng,
            rng.choice(
                [(240, 240, 238), (235, 225, 205), (95, 115, 140), (60, 60, 65), (200, 90, 80)]
            ),
        )
        x, y = (CANVAS / 2 + rng.randint(-25, 25) for _ in range(2))
        r = CANVAS * rng.uniform(0.4, 0.52)
        disc(draw, x, y, r, colour, near(rng, colour, 40), 5)
        disc(draw, x, y, r * 0.78, near(rng, colour, 8))
    return image


def fried_egg(rng: random.Random, draw: ImageDraw.ImageDraw, x: float, y: float, r: float) -> None:
    for _ in range(rng.choice([1, 1, 2])):
        draw.polygon(
            blob(rng, x, y, r, 0.35), near(rng, (245, 242, 235), 10), near(rng, (190, 140, 80)), 5
        )
        a, b = around(x, y, r * rng.uniform(0, 0.3), rng.uniform(0, 6.3))
        disc(
            draw,
            a,
            b,
            r * rng.uniform(0.3, 0.45),
            near(rng, (245, 180, 40)),
            near(rng, (230, 150, 30)),
            4,
        )
        disc(draw, a - r * 0.1, b - r * 0.12, r * 0.08, (255, 240, 200))
        x, y, r = x + rng.randint(-90, 90), y + rng.randint(-90, 90), r * 0.8


def pizza(rng: random.Random, draw: ImageDraw.ImageDraw, x: float, y: float, r: float) -> None:
    draw.polygon(
        blob(rng, x, y, r * 1.15, 0.06), near(rng, (200, 150, 85)), near(rng, (150, 100, 50)), 5
    )
    draw.polygon(blob(rng, x, y, r * 0.97, 0.08), near(rng, (235, 190, 90)))
    for _ in range(rng.randint(6, 13)):
        a, b = around(x, y, r * 0.8 * math.sqrt(rng.random()), rng.uniform(0, 6.3))
        kind = rng.random()
        if kind < 0.6:
            disc(
                draw,
                a,
                b,
                r * rng.uniform(0.1, 0.16),
                near(rng, (190, 60, 45)),
                near(rng, (140, 40, 30)),
                3,
            )
        elif kind < 0.8:
            draw.polygon(blob(rng, a, b, r * 0.1, 0.5), near(rng, (80, 130, 50)))
        else:
            disc(draw, a, b, r * 0.08, near(rng, (50, 45, 45)))
    for i in range(rng.choice([0, 4, 6, 8])):
        draw.line(
            (x, y, *around(x, y, r * 1.1, i * math.pi / 4 + 0.2)), near(rng, (150, 100, 50)), 3
        )


def doughnut(rng: random.Random, draw: ImageDraw.ImageDraw, x: float, y: float, r: float) -> None:
    hole = draw._image.copy()  # what is seen through the hole
    draw.polygon(blob(rng, x, y, r, 0.05), near(rng, (195, 140, 80)), near(rng, (150, 100, 55)), 4)
    icing = near(
        rng,
        rng.choice(
            [(230, 140, 170), (100, 60, 40), (245, 240, 230), (240, 200, 80), (130, 190, 200)]
        ),
    )
    draw.polygon(blob(rng, x, y, r * 0.86, 0.1), icing)
    for _ in range(rng.choice([0, 20, 45])):
        a, b = around(x, y, r * rng.uniform(0.42, 0.78), rng.uniform(0, 6.3))
        draw.line(
            (a, b, *around(a, b, r * 0.09, rng.uniform(0, 6.3))),
            near(rng, rng.choice([(255, 80, 80), (80, 160, 255), (255, 255, 120)]), 40),
            6,
        )
    ring = r * rng.uniform(0.24, 0.34)
    disc(draw, x, y, ring + 7, near(rng, (185, 130, 75)))
    mask = Image.new("L", hole.size, 0)
    disc(ImageDraw.Draw(mask), x, y, ring, 255)  # type: ignore[arg-type]
    draw._image.paste(hole, (0, 0), mask)


def sushi(rng: random.Random, draw: ImageDraw.ImageDraw, x: float, y: float, r: float) -> None:
    turn, count = rng.uniform(0, 6.3), rng.randint(3, 6)
    for i in range(count):
        a, b = (
            (x, y)
            if i == 0 and count > 4
            else around(x, y, r * 0.75, turn + 2 * math.pi * i / max(1, count - (count > 4)))
        )
        s = r * rng.uniform(0.36, 0.44)
        disc(draw, a, b, s, near(rng, (35, 45, 40), 12))
        draw.polygon(blob(rng, a, b, s * 0.84, 0.06), near(rng, (240, 240, 232), 8))
        for _ in range(14):
            c, d = around(a, b, s * 0.65 * math.sqrt(rng.random()), rng.uniform(0, 6.3))
            disc(draw, c, d, s * 0.08, near(rng, (250, 250, 245), 6), (215, 215, 205), 1)
        filling = rng.choice([(240, 130, 90), (200, 60, 70), (120, 180, 80), (245, 215, 90)])
        draw.polygon(blob(rng, a, b, s * rng.uniform(0.3, 0.45), 0.3), near(rng, filling))


def soup(rng: random.Random, draw: ImageDraw.ImageDraw, x: float, y: float, r: float) -> None:
    bowl = near(rng, rng.choice([(60, 70, 100), (225, 220, 210), (160, 60, 50), (90, 120, 90)]))
    r *= 1.12
    disc(draw, x, y, r, bowl, near(rng, bowl, 45), 8)
    liquid = rng.choice(
        [(215, 130, 50), (185, 60, 40), (120, 150, 60), (190, 165, 110), (140, 90, 55)]
    )
    disc(draw, x, y, r * 0.84, near(rng, liquid), near(rng, liquid, 30), 6)
    for _ in range(rng.choice([0, 0, 7])):
        a, b = around(x, y, r * 0.45 * rng.random(), rng.uniform(0, 6.3))
        box = (a - r * 0.3, b - r * 0.3, a + r * 0.3, b + r * 0.3)
        draw.arc(box, rng.randint(0, 180), rng.randint(200, 360), near(rng, (240, 215, 140)), 8)
    for _ in range(rng.randint(3, 14)):
        a, b = around(x, y, r * 0.68 * math.sqrt(rng.random()), rng.uniform(0, 6.3))
        draw.polygon(
            blob(rng, a, b, r * rng.uniform(0.04, 0.12), 0.5),
            near(rng, rng.choice([(230, 120, 40), (70, 130, 50), (240, 235, 210)])),
        )
    if rng.random() < 0.4:
        draw.line((*around(x, y, r * 0.2, 5.5), *around(x, y, r * 1.5, 5.5)), (190, 190, 195), 16)


def watermelon(rng: random.Random, draw: ImageDraw.ImageDraw, x: float, y: float, r: float) -> None:
    for _ in range(rng.choice([1, 1, 2, 3])):
        start = rng.uniform(0, 360)
        width = rng.choice([60, 90, 180])
        middle = math.radians(start + width / 2)
        a, b = (x - r * 0.5 * math.cos(middle), y - r * 0.5 * math.sin(middle))
        size = r * (1.2 if width == 180 else 1.5)
        for share, colour in ((1.0, (50, 120, 50)), (0.93, (215, 235, 190)), (0.86, (225, 70, 80))):
            s = size * share
            draw.pieslice((a - s, b - s, a + s, b + s), start, start + width, near(rng, colour, 15))
        for _ in range(width // 9):
            c, d = around(
                a,
                b,
                size * rng.uniform(0.3, 0.75),
                math.radians(start + width * rng.uniform(0.12, 0.88)),
            )
            disc(draw, c, d, 6, (40, 25, 20))
        x, y = x + rng.randint(-80, 80), y + rng.randint(-80, 80)


KINDS: dict[str, Callable[[random.Random, ImageDraw.ImageDraw, float, float, float], None]] = {
    "doughnut": doughnut,
    "fried_egg": fried_egg,
    "pizza": pizza,
    "soup": soup,
    "sushi": sushi,
    "watermelon": watermelon,
}


def picture(kind: str, seed: str) -> Image.Image:
    """One picture of a kind."""
    rng = random.Random(f"{kind} {seed}")
    image = table(rng)
    x, y = (CANVAS / 2 + rng.randint(-45, 45) for _ in range(2))
    KINDS[kind](rng, ImageDraw.Draw(image), x, y, CANVAS * rng.uniform(0.2, 0.36))
    image = image.rotate(
        rng.uniform(-180, 180), Image.Resampling.BICUBIC, fillcolor=image.getpixel((3, 3))
    )
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 4))).resize(
        (SIDE, SIDE), Image.Resampling.LANCZOS
    )
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.6, 1.25))
    image = ImageEnhance.Color(image).enhance(rng.uniform(0.5, 1.4))
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(1, 9), (SIDE, SIDE, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--train", type=int, default=48, help="pictures a kind for training")
    parser.add_argument("--valid", type=int, default=12, help="pictures a kind for validation")
    wishes = parser.parse_args()
    for part, count in (("training", wishes.train), ("validation", wishes.valid)):
        for kind in KINDS:
            folder = wishes.out / part / kind
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                picture(kind, f"{part} {i}").save(folder / f"{i:03d}.jpg", quality=82)


if __name__ == "__main__":
    main()
