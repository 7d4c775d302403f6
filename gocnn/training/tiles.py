"""The transforms of the Winograd convolution F(4x4, 3x3), compiled: from maps to tiles and back,
and the adjoints of both.

Maps are `(N, H, W, C)`, float32 and contiguous; tiles `(36, N * rows * columns, C)`, where `rows`
is H / 4 and `columns` W / 4, rounded up. The first axis is the frequency, down and across. The
samples are shared among the threads that `numba.set_num_threads` allows.

Each transform is made once down and once across. Both times it combines whole rows of numbers that
lie side by side (channels, or a strip of the map), which compilers turn into vector instructions;
so the matrices below take and give tuples of rows, float32 `(n,)`.
Matrices: Lavin and Gray 2015, https://arxiv.org/abs/1509.09308.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import prange

from gocnn._jit import jit, parallel

Array: TypeAlias = npt.NDArray[np.float32]
Four: TypeAlias = tuple[Array, Array, Array, Array]
Six: TypeAlias = tuple[Array, Array, Array, Array, Array, Array]


@jit
def _to_six(d: Six, o: Six) -> None:
    """B^T d."""
    d0, d1, d2, d3, d4, d5 = d
    o0, o1, o2, o3, o4, o5 = o
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    for c in range(o0.shape[0]):
        a0, a1, a2, a3, a4, a5 = d0[c], d1[c], d2[c], d3[c], d4[c], d5[c]
        e, f = a4 - four * a2, a3 - four * a1
        g, h = a4 - a2, two * (a3 - a1)
        o0[c] = four * a0 - five * a2 + a4
        o1[c] = e + f
        o2[c] = e - f
        o3[c] = g + h
        o4[c] = g - h
        o5[c] = four * a1 - five * a3 + a5


@jit
def _to_four(m: Six, o: Four) -> None:
    """A^T m."""
    m0, m1, m2, m3, m4, m5 = m
    o0, o1, o2, o3 = o
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    for c in range(o0.shape[0]):
        p, q, u, w = m1[c] + m2[c], m1[c] - m2[c], m3[c] + m4[c], m3[c] - m4[c]
        o0[c] = m0[c] + p + u
        o1[c] = q + two * w
        o2[c] = p + four * u
        o3[c] = q + eight * w + m5[c]


@jit
def _from_four(y: Four, o: Six) -> None:
    """A y."""
    y0, y1, y2, y3 = y
    o0, o1, o2, o3, o4, o5 = o
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    for c in range(o0.shape[0]):
        a0, a1, a2, a3 = y0[c], y1[c], y2[c], y3[c]
        e, f = a0 + a2, a1 + a3
        g, h = a0 + four * a2, two * a1 + eight * a3
        o0[c] = a0
        o1[c] = e + f
        o2[c] = e - f
        o3[c] = g + h
        o4[c] = g - h
        o5[c] = a3


@jit
def _add_six(v: Six, o: Six) -> None:
    """Add B v."""
    v0, v1, v2, v3, v4, v5 = v
    o0, o1, o2, o3, o4, o5 = o
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    for c in range(o0.shape[0]):
        s, d, t, u = v1[c] + v2[c], v1[c] - v2[c], v3[c] + v4[c], v3[c] - v4[c]
        o0[c] += four * v0[c]
        o1[c] += four * v5[c] - four * d - two * u
        o2[c] += -five * v0[c] - four * s - t
        o3[c] += d + two * u - five * v5[c]
        o4[c] += v0[c] + s + t
        o5[c] += v5[c]


@jit
def _four(a: Array) -> Four:
    """The rows of `(4, n)`."""
    return a[0], a[1], a[2], a[3]


@jit
def _six(a: Array) -> Six:
    """The rows of `(6, n)`."""
    return a[0], a[1], a[2], a[3], a[4], a[5]


@jit
def _cut(a: Array, first: int, last: int) -> Six:
    """From `first` to before `last` of the rows of `(6, n)`."""
    return (
        a[0, first:last],
        a[1, first:last],
        a[2, first:last],
        a[3, first:last],
        a[4, first:last],
        a[5, first:last],
    )


@jit
def _tile(tiles: Array, k: int, r: int) -> Six:
    """The six frequencies across of tile `r`, of frequency `k` down."""
    q = 6 * k
    return (
        tiles[q, r],
        tiles[q + 1, r],
        tiles[q + 2, r],
        tiles[q + 3, r],
        tiles[q + 4, r],
        tiles[q + 5, r],
    )


@jit
def _row(flat: Array, h: int, beyond: Array) -> Array:
    """Row `h` of the map, or `beyond` where it has none."""
    return flat[h] if 0 <= h < flat.shape[0] else beyond


@jit
def _four_rows(flat: Array, h: int, beyond: Array) -> Four:
    """The rows of the map from `h` on."""
    return (
        _row(flat, h, beyond[0]),
        _row(flat, h + 1, beyond[1]),
        _row(flat, h + 2, beyond[2]),
        _row(flat, h + 3, beyond[3]),
    )


@jit
def _six_rows(flat: Array, h: int, beyond: Array) -> Six:
    """The rows of the map from `h` on."""
    return (
        _row(flat, h, beyond[0]),
        _row(flat, h + 1, beyond[1]),
        _row(flat, h + 2, beyond[2]),
        _row(flat, h + 3, beyond[3]),
        _row(flat, h + 4, beyond[4]),
        _row(flat, h + 5, beyond[5]),
    )


@jit
def _map_to_tiles(x: Array, tiles: Array) -> None:
    height, width, channels = x.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    flat = x.reshape(height, width * channels)
    zeros = np.zeros((6, width * channels), np.float32)
    t = np.zeros((6, (4 * columns + 2) * channels), np.float32)
    for i in range(rows):
        _to_six(_six_rows(flat, 4 * i - 1, zeros), _cut(t, channels, channels + width * channels))
        for j in range(columns):
            for k in range(6):
                d = t[k, 4 * j * channels : (4 * j + 6) * channels].reshape(6, channels)
                _to_six(_six(d), _tile(tiles, k, i * columns + j))


@jit
def _tiles_to_map(tiles: Array, y: Array) -> None:
    height, width, channels = y.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    flat = y.reshape(height, width * channels)
    t = np.empty((6, 4 * columns * channels), np.float32)
    unused = np.empty((4, width * channels), np.float32)
    for i in range(rows):
        for j in range(columns):
            for k in range(6):
                o = t[k, 4 * j * channels : (4 * j + 4) * channels].reshape(4, channels)
                _to_four(_tile(tiles, k, i * columns + j), _four(o))
        _to_four(_cut(t, 0, width * channels), _four_rows(flat, 4 * i, unused))


@jit
def _gradient_to_tiles(dy: Array, tiles: Array) -> None:
    height, width, channels = dy.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    flat = dy.reshape(height, width * channels)
    zeros = np.zeros((4, width * channels), np.float32)
    t = np.zeros((6, 4 * columns * channels), np.float32)
    for i in range(rows):
        _from_four(_four_rows(flat, 4 * i, zeros), _cut(t, 0, width * channels))
        for j in range(columns):
            for k in range(6):
                d = t[k, 4 * j * channels : (4 * j + 4) * channels].reshape(4, channels)
                _from_four(_four(d), _tile(tiles, k, i * columns + j))


@jit
def _tiles_to_gradient(tiles: Array, dx: Array) -> None:
    height, width, channels = dx.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    flat = dx.reshape(height, width * channels)
    t = np.empty((6, (4 * columns + 2) * channels), np.float32)
    unused = np.zeros((6, width * channels), np.float32)
    flat[:] = 0
    for i in range(rows):
        t[:] = 0
        for j in range(columns):
            for k in range(6):
                o = t[k, 4 * j * channels : (4 * j + 6) * channels].reshape(6, channels)
                _add_six(_tile(tiles, k, i * columns + j), _six(o))
        _add_six(_cut(t, channels, channels + width * channels), _six_rows(flat, 4 * i - 1, unused))


@parallel
def maps_to_tiles(x: Array, tiles: Array) -> None:
    """B^T d B of the 6x6 squares that overlap by two, with zeros around the map."""
    each = tiles.shape[1] // max(x.shape[0], 1)
    for n in prange(x.shape[0]):
        _map_to_tiles(x[n], tiles[:, n * each : n * each + each])


@parallel
def tiles_to_maps(tiles: Array, y: Array) -> None:
    """A^T m A, the 4x4 squares side by side."""
    each = tiles.shape[1] // max(y.shape[0], 1)
    for n in prange(y.shape[0]):
        _tiles_to_map(tiles[:, n * each : n * each + each], y[n])


@parallel
def gradient_to_tiles(dy: Array, tiles: Array) -> None:
    """A g A^T: the adjoint of `tiles_to_maps`."""
    each = tiles.shape[1] // max(dy.shape[0], 1)
    for n in prange(dy.shape[0]):
        _gradient_to_tiles(dy[n], tiles[:, n * each : n * each + each])


@parallel
def tiles_to_gradient(tiles: Array, dx: Array) -> None:
    """B v B^T, the overlapping squares added: the adjoint of `maps_to_tiles`. `dx` is
    overwritten."""
    each = tiles.shape[1] // max(dx.shape[0], 1)
    for n in prange(dx.shape[0]):
        _tiles_to_gradient(tiles[:, n * each : n * each + each], dx[n])
