"""Augmentation against Pillow, operation by operation, for the same parameters."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from imagecls.augment import RECIPES, Augmenter, Recipe, auto, changed, colour, geometry, mixing

SIZE = 64


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """Smooth areas, edges and every kind of colour."""
    rng = np.random.default_rng(5)
    noise = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize(
        (SIZE, SIZE), Image.Resampling.BICUBIC
    )
    pixels = np.asarray(noise).copy()
    pixels[10:20, 10:40] = (250, 20, 90)
    pixels[40:60, 30:44] = (128, 128, 128)
    pixels[40:44, 50:60] = 255
    pixels[44:48, 50:60] = 0
    return Image.fromarray(pixels)


def tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())[None].float() / 255


def difference(ours: torch.Tensor, theirs: Image.Image, border: int = 0) -> np.ndarray:
    """Absolute differences in steps of a byte, without the outermost pixels."""
    a = (ours[0].numpy().transpose(1, 2, 0) * 255).round()
    d = np.abs(a - np.asarray(theirs).astype(float))
    return d[border : SIZE - border, border : SIZE - border] if border else d


FACTORS = (0.0, 0.3, 0.8, 1.0, 1.2, 1.9)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (colour.brightness, ImageEnhance.Brightness),
        (colour.contrast, ImageEnhance.Contrast),
        (colour.saturation, ImageEnhance.Color),
        (colour.sharpness, ImageEnhance.Sharpness),
    ],
)
def test_enhancement(photo, ours, theirs, factor):
    # Pillow rounds the mean, the grey or the smoothed picture to bytes before it blends, and cuts
    # fractions off after.
    assert (
        difference(ours(tensor(photo), torch.tensor([factor])), theirs(photo).enhance(factor)).max()
        <= 2
    )


@pytest.mark.parametrize("turn", [-0.5, -0.2, -0.05, 0.0, 0.1, 0.35])
def test_hue(photo, turn):
    h, s, v = photo.convert("HSV").split()
    shifted = Image.fromarray(
        (np.asarray(h).astype(int) + round(turn * 256)).astype(np.uint8) if turn else np.asarray(h)
    )
    theirs = Image.merge("HSV", (shifted, s, v)).convert("RGB")
    d = difference(colour.hue(tensor(photo), torch.tensor([round(turn * 256) / 256])), theirs)
    # Pillow keeps hue and saturation in bytes: 1/256 of the circle is up to 6 steps of a channel,
    # 1/256 of saturation one more, and twice so.
    assert d.max() <= 10
    assert d.mean() < 1.6


@pytest.mark.parametrize("bits", [1, 2, 4, 7, 8])
def test_posterize(photo, bits):
    assert (
        difference(
            colour.posterize(tensor(photo), torch.tensor([float(bits)])),
            ImageOps.posterize(photo, bits),
        ).max()
        == 0
    )


@pytest.mark.parametrize("threshold", [0, 1, 100, 128, 255])
def test_solarize(photo, threshold):
    assert (
        difference(
            colour.solarize(tensor(photo), torch.tensor([threshold / 255])),
            ImageOps.solarize(photo, threshold),
        ).max()
        == 0
    )


def test_autocontrast_and_equalize(photo):
    assert difference(colour.autocontrast(tensor(photo)), ImageOps.autocontrast(photo)).max() <= 1
    assert difference(colour.equalize(tensor(photo)), ImageOps.equalize(photo)).max() == 0
    flat = Image.new("RGB", (SIZE, SIZE), (7, 200, 90))
    assert difference(colour.autocontrast(tensor(flat)), flat).max() == 0
    assert difference(colour.equalize(tensor(flat)), ImageOps.equalize(flat)).max() == 0


def pillow_affine(image: Image.Image, maps: torch.Tensor) -> Image.Image:
    """The same map as Pillow's AFFINE transform wants it: from output pixels to input pixels."""
    (a, b, c), (d, e, f) = maps[0].tolist()
    half = SIZE / 2
    return image.transform(
        image.size,
        Image.Transform.AFFINE,
        (a, b, half * (1 + c - a - b), d, e, half * (1 + f - d - e)),
        Image.Resampling.BILINEAR,
    )


def test_flip_and_rotation(photo):
    flipped = geometry.resample(tensor(photo), geometry.flip(torch.tensor([True])), SIZE)
    assert difference(flipped, ImageOps.mirror(photo)).max() == 0
    for degrees in (-90.0, -33.0, 10.0, 45.0, 180.0):
        ours = geometry.resample(tensor(photo), geometry.rotation(torch.tensor([degrees])), SIZE)
        theirs = photo.rotate(degrees, Image.Resampling.BILINEAR)
        inside = inner_disc()
        assert difference(ours, theirs)[inside].max() <= 1


def inner_disc() -> np.ndarray:
    """Pixels that no rotation brings near the border, where Pillow and torch treat what lies
    outside differently."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return np.hypot(x, y) < SIZE / 2 - 2


@pytest.mark.parametrize("seed", range(8))
def test_composed_maps_equal_pillows_affine_transform(photo, seed):
    torch.manual_seed(seed)
    u = 2 * torch.rand(1, 6) - 1
    maps = geometry.compose(
        geometry.random_crops(1, 0.5, 1.0),
        geometry.flip(u[:, 0] > 0),
        geometry.rotation(u[:, 1] * 25),
        geometry.shear(u[:, 2] * 10, u[:, 3] * 10),
    )
    ours, theirs = geometry.resample(tensor(photo), maps, SIZE), pillow_affine(photo, maps)
    x, y = np.meshgrid(*2 * [(np.arange(SIZE) + 0.5) / SIZE * 2 - 1])
    source = np.einsum("ij,jhw->ihw", maps[0].numpy(), np.stack([x, y, np.ones_like(x)]))
    # the outermost pixels are blended with black by torch and not by Pillow
    inside = (np.abs(source) < 1 - 2 / SIZE).all(0)
    assert difference(ours, theirs)[inside].max() <= 1
    assert inside.mean() > 0.5


@pytest.mark.parametrize(("angle", "slant"), [(7.0, 9.0), (-10.0, 4.0), (3.0, -10.0)])
def test_lectures_affine_is_torchvisions(angle, slant):
    """`torchvision.transforms.functional.affine` maps by RSS of its documentation (with y shear 0),
    which it inverts for sampling."""
    rot, sx = math.radians(angle), math.radians(slant)
    forward = np.array(
        [
            [math.cos(rot), -math.cos(rot) * math.tan(sx) - math.sin(rot)],
            [math.sin(rot), -math.sin(rot) * math.tan(sx) + math.cos(rot)],
        ]
    )
    # torchvision turns clockwise.
    ours = geometry.compose(
        geometry.shear(torch.tensor([slant]), torch.zeros(1)),
        geometry.rotation(torch.tensor([-angle])),
    )[0, :, :2]
    assert np.allclose(np.linalg.inv(forward), ours.numpy(), atol=1e-6)


def test_shift_and_crop(photo):
    ours = geometry.resample(
        tensor(photo), geometry.shift(torch.tensor([8 / SIZE]), torch.tensor([-4 / SIZE])), SIZE
    )
    assert torch.allclose(ours[:, :, :-4, 8:], tensor(photo)[:, :, 4:, :-8], atol=1e-5)
    ours = geometry.resample(
        tensor(photo),
        geometry.crop(*(torch.tensor([v]) for v in (0.25, -0.25, 0.5, 0.5))),
        SIZE // 2,
    )
    assert torch.allclose(ours, tensor(photo)[:, :, 8:40, 24:56], atol=1e-5)
    for m in geometry.random_crops(500, 0.2, 0.9):
        assert 0.19 < m[0, 0] * m[1, 1] <= 0.91
        assert abs(m[0, 2]) + m[0, 0] <= 1.0001
        assert abs(m[1, 2]) + m[1, 1] <= 1.0001


def test_each_picture_has_its_own_parameters(photo):
    pixels = (
        torch.from_numpy(np.asarray(photo).transpose(2, 0, 1).copy())[None]
        .expand(24, -1, -1, -1)
        .contiguous()
    )
    for name in ("lecture", "strong"):
        torch.manual_seed(3)
        recipe = changed(RECIPES[name], mixup=0.0, cutmix=0.0)
        seen = Augmenter(recipe, 48, (0.5,) * 3, (0.25,) * 3)(pixels, torch.arange(24)).pictures
        assert seen.shape == (24, 3, 48, 48)
        assert len({part.numpy().tobytes() for part in seen}) == 24
        torch.manual_seed(3)
        assert torch.equal(
            seen, Augmenter(recipe, 48, (0.5,) * 3, (0.25,) * 3)(pixels, torch.arange(24)).pictures
        )


def test_a_batch_equals_its_pictures_one_by_one(photo):
    """Operations must not leak between pictures: a batch of random operations equals each picture
    with its own."""
    torch.manual_seed(0)
    n = 40
    pixels = (torch.rand(n, 3, 32, 32) * 255).round() / 255
    for kind in ("trivial", "rand"):
        drawn = auto.sample(kind, n, torch.tensor(auto.largest(kind)))
        together = auto.apply(pixels.clone(), drawn)
        alone = torch.cat(
            [auto.apply(pixels[i : i + 1].clone(), drawn[i : i + 1]) for i in range(n)]
        )
        assert torch.allclose(together, alone, atol=1e-6)
        assert len(drawn.chosen.unique()) > 8


def test_erasing_and_mixing():
    torch.manual_seed(1)
    n, size = 300, 40
    x = torch.ones(n, 3, size, size)
    erased = (mixing.erase(x, torch.rand(n, 5), 0.5) == 0).float().mean((1, 2, 3))
    assert 0.35 < (erased > 0).float().mean() < 0.6
    assert erased.max() < 0.3
    pictures = torch.arange(n).float()[:, None, None, None].expand(n, 3, size, size)
    partner = torch.randperm(n)
    share, cut = mixing.shares(n, 0.4, 1.0)
    assert 0.4 < cut.float().mean() < 0.6
    mixed, seen = mixing.mix(pictures, partner, share, cut, torch.rand(n, 2))
    # The mean of a mix of flat pictures tells the share that each has in it.
    expected = seen * torch.arange(n) + (1 - seen) * partner
    assert torch.allclose(mixed.mean((1, 2, 3)), expected, atol=1e-2)
    values = [
        set(part.unique().tolist()) <= {float(i), float(partner[i])}
        for i, part in enumerate(mixed)
        if cut[i]
    ]
    assert all(values)


def test_plain_view_is_pillows_resize(photo):
    big = photo.resize((80, 80), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.asarray(big).transpose(2, 0, 1).copy())[None]
    ours = Augmenter(Recipe(), SIZE, (0.0,) * 3, (1.0,) * 3).plain(pixels)
    assert difference(ours, big.resize((SIZE, SIZE), Image.Resampling.BILINEAR)).max() <= 1


def test_shift_and_scale_stay_within_their_range() -> None:
    """Two dots: where their middle goes is the shift, how far apart they are the scale."""
    side, count = 96, 200
    pixels = torch.zeros(count, 3, side, side, dtype=torch.uint8)
    pixels[:, 0, 46:50, 30:34] = 255
    pixels[:, 1, 46:50, 62:66] = 255
    ours = Augmenter(
        Recipe(0, 0, 0, 0, 1, (0, 0, 0, 0), shift=0.1, scale=0.3), side, (0, 0, 0), (1, 1, 1)
    )
    torch.manual_seed(3)
    views = ours.views(pixels)
    places = torch.arange(side) + 0.5

    def centres(channel: int) -> tuple[torch.Tensor, torch.Tensor]:
        mass = views[:, channel]
        total = mass.sum((1, 2))
        return (mass.sum(1) @ places) / total, (mass.sum(2) @ places) / total

    (x, y), (x2, _) = centres(0), centres(1)
    scale, shift_x, shift_y = (x2 - x) / 32, ((x + x2) / 2 - 48) / side, (y - 48) / side
    for found, most in ((scale - 1, 0.3), (shift_x, 0.1), (shift_y, 0.1)):
        assert found.abs().max() <= most + 0.01
        assert found.min() < -0.8 * most
        assert found.max() > 0.8 * most
    assert abs(float(torch.corrcoef(torch.stack([scale, shift_x]))[0, 1])) < 0.3


def test_recipes_without_them_draw_what_they_drew(photo: Image.Image) -> None:
    """A run that is resumed goes on with the same numbers."""
    pixels = (tensor(photo) * 255).round().to(torch.uint8).repeat(3, 1, 1, 1)
    ours = Augmenter(RECIPES["lecture"], SIZE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    torch.manual_seed(5)
    ours.views(pixels)
    after = torch.rand(1)
    torch.manual_seed(5)
    torch.rand(3, 8)
    assert torch.equal(after, torch.rand(1))
