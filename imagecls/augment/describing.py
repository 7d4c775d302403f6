"""What augmentation did to each picture of a batch, in words."""

from torch import Tensor

from imagecls.augment import auto, mixing
from imagecls.augment.pipeline import Draws, Recipe

UNCHANGED = "unchanged"


def described(draws: Draws, recipe: Recipe, size: int) -> list[list[str]]:
    """For each picture what was done to it, in the order in which it is seen, each in a few words
    such as `rotate 12°` (counter-clockwise); `unchanged` where nothing was. `size`: pixels a side
    of what is seen. What is less than half of what a word shows is left out."""
    some = next((t for t in (draws.moves, draws.erasing) if t is not None), None)
    words: list[list[str]] = [[] for _ in range(0 if some is None else len(some))]
    for i, said in enumerate(words):
        if draws.crops is not None and recipe.crop < 1:
            area = float(draws.crops[i, 0, 0] * draws.crops[i, 1, 1])
            said += [f"crop to {area:.0%} of it"] if area < 0.995 else []
        if draws.moves is not None:
            said += _moves(draws.moves[i].tolist(), recipe)
        if draws.others is not None:
            said += _others(draws.others[i].tolist(), recipe)
        if draws.operations is not None:
            said += _geometric(draws.operations, i)
        if draws.factors is not None:
            said += _jitter(draws.factors[i].tolist())
        if draws.operations is not None:
            said += _colours(draws.operations, i)
    if draws.erasing is not None:
        shares = mixing.erased(draws.erasing, recipe.erase, size).float().mean((1, 2, 3))
        for said, share in zip(words, shares.tolist(), strict=True):
            said += [f"erase {share:.0%}"] if share > 0 else []
    return [said or [UNCHANGED] for said in words]


def _moves(u: list[float], recipe: Recipe) -> list[str]:
    """The recipe's own mirroring, rotation, shear and second rotation."""
    said = ["mirror"] if u[0] * 0.5 + 0.5 < recipe.flip else []
    return said + [
        f"{word} {share * most:.0f}°"
        for word, share, most in (
            ("rotate", u[1], recipe.rotate),
            ("shear", u[3], recipe.shear),
            ("rotate", u[2], recipe.affine_rotate),
        )
        if abs(share * most) >= 0.5
    ]


def _others(u: list[float], recipe: Recipe) -> list[str]:
    """The recipe's own scale and shift."""
    size = 1 + u[2] * recipe.scale
    said = [f"scale x{size:.2f}"] if abs(size - 1) >= 0.005 else []
    for way, share in (("across", u[0] * recipe.shift), ("down", u[1] * recipe.shift)):
        said += [f"shift {way} {share:.0%}"] if abs(share) >= 0.005 else []
    return said


def _jitter(factors: list[float]) -> list[str]:
    names = ("brightness", "contrast", "saturation")
    said = [
        f"{name} x{factor:.2f}"
        for name, factor in zip(names, factors[:3], strict=True)
        if abs(factor - 1) >= 0.005
    ]
    turn = 360 * factors[3]
    return said + ([f"hue {turn:+.0f}°"] if abs(turn) >= 0.5 else [])


def _each(drawn: auto.Drawn, i: int) -> list[tuple[str, float, float]]:
    """The operations of a picture: name, what it was drawn with (signed), colour's parameter."""

    def row(values: Tensor) -> list[float]:
        result: list[float] = values[i].tolist()
        return result

    names = [auto.NAMES[int(k)] for k in row(drawn.chosen)]
    return list(zip(names, row(drawn.amount), row(drawn.strength), strict=True))


def _geometric(drawn: auto.Drawn, i: int) -> list[str]:
    said = []
    for name, amount, _ in _each(drawn, i):
        word, _, axis = name.partition("_")
        way = {"x": "across", "y": "down"}.get(axis, "")
        if name == "rotate" and abs(amount) >= 0.5:
            said.append(f"rotate {amount:.0f}°")
        elif word == "shear" and abs(amount) >= 0.005:
            said.append(f"shear {way} {amount:.2f}")
        elif word == "translate" and abs(amount) >= 0.005:
            said.append(f"shift {way} {amount:.0%}")
    return said


def _colours(drawn: auto.Drawn, i: int) -> list[str]:
    said = []
    for name, _, strength in _each(drawn, i):
        if name in ("autocontrast", "equalize"):
            said.append(name)
        elif name == "posterize" and strength < 8:
            said.append(f"posterize to {strength:.0f} bits")
        elif name == "solarize" and strength < 1:
            said.append(f"solarize above {strength:.0%}")
        elif name in ("brightness", "contrast", "saturation", "sharpness"):
            said += [f"{name} x{strength:.2f}"] if abs(strength - 1) >= 0.005 else []
    return said
