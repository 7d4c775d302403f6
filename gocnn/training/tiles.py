"""The transforms of the Winograd convolution F(4x4, 3x3), compiled: from maps to tiles and back,
and the adjoints of both.

Maps are `(N, H, W, C)`, float32 and contiguous; tiles `(36, N * rows * columns, C)`, where `rows`
is H / 4 and `columns` W / 4, rounded up. The first axis is the frequency, down and across. The
samples are shared among the threads that `numba.set_num_threads` allows. Matrices: Lavin and Gray
2015, https://arxiv.org/abs/1509.09308.
"""

import numpy as np
import numpy.typing as npt
from numba import prange

from gocnn._jit import jit, parallel

Array = npt.NDArray[np.float32]


@jit
def _to_six(
    d0: Array,
    d1: Array,
    d2: Array,
    d3: Array,
    d4: Array,
    d5: Array,
    o0: Array,
    o1: Array,
    o2: Array,
    o3: Array,
    o4: Array,
    o5: Array,
) -> None:
    """B^T d, for vectors of equal length."""
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    for c in range(o0.shape[0]):
        a0, a1, a2, a3, a4, a5 = d0[c], d1[c], d2[c], d3[c], d4[c], d5[c]
        e, o = a4 - four * a2, a3 - four * a1
        f, p = a4 - a2, two * (a3 - a1)
        o0[c] = four * a0 - five * a2 + a4
        o1[c] = e + o
        o2[c] = e - o
        o3[c] = f + p
        o4[c] = f - p
        o5[c] = four * a1 - five * a3 + a5


@jit
def _to_four(
    m0: Array,
    m1: Array,
    m2: Array,
    m3: Array,
    m4: Array,
    m5: Array,
    o0: Array,
    o1: Array,
    o2: Array,
    o3: Array,
) -> None:
    """A^T m."""
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    for c in range(o0.shape[0]):
        p, q, u, w = m1[c] + m2[c], m1[c] - m2[c], m3[c] + m4[c], m3[c] - m4[c]
        o0[c] = m0[c] + p + u
        o1[c] = q + two * w
        o2[c] = p + four * u
        o3[c] = q + eight * w + m5[c]


@jit
def _from_four(
    y0: Array,
    y1: Array,
    y2: Array,
    y3: Array,
    o0: Array,
    o1: Array,
    o2: Array,
    o3: Array,
    o4: Array,
    o5: Array,
) -> None:
    """A y."""
    two, four, eight = np.float32(2), np.float32(4), np.float32(8)
    for c in range(o0.shape[0]):
        a0, a1, a2, a3 = y0[c], y1[c], y2[c], y3[c]
        e, o = a0 + a2, a1 + a3
        f, p = a0 + four * a2, two * a1 + eight * a3
        o0[c] = a0
        o1[c] = e + o
        o2[c] = e - o
        o3[c] = f + p
        o4[c] = f - p
        o5[c] = a3


@jit
def _add_six(
    v0: Array,
    v1: Array,
    v2: Array,
    v3: Array,
    v4: Array,
    v5: Array,
    o0: Array,
    o1: Array,
    o2: Array,
    o3: Array,
    o4: Array,
    o5: Array,
) -> None:
    """Add B v."""
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
def _map_to_tiles(x: Array, tiles: Array) -> None:
    height, width, channels = x.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    flat = x.reshape(height, width * channels)
    none = np.zeros(width * channels, np.float32)
    inner = slice(channels, channels + width * channels)
    t = np.zeros((6, (4 * columns + 2) * channels), np.float32)
    for i in range(rows):
        h = 4 * i - 1
        d0 = flat[h] if h >= 0 else none
        d2 = flat[h + 2] if h + 2 < height else none
        d3 = flat[h + 3] if h + 3 < height else none
        d4 = flat[h + 4] if h + 4 < height else none
        d5 = flat[h + 5] if h + 5 < height else none
        _to_six(
            d0,
            flat[h + 1],
            d2,
            d3,
            d4,
            d5,
            t[0, inner],
            t[1, inner],
            t[2, inner],
            t[3, inner],
            t[4, inner],
            t[5, inner],
        )
        for j in range(columns):
            r = i * columns + j
            for k in range(6):
                d = t[k, 4 * j * channels : (4 * j + 6) * channels].reshape(6, channels)
                q = 6 * k
                _to_six(
                    d[0],
                    d[1],
                    d[2],
                    d[3],
                    d[4],
                    d[5],
                    tiles[q, r],
                    tiles[q + 1, r],
                    tiles[q + 2, r],
                    tiles[q + 3, r],
                    tiles[q + 4, r],
                    tiles[q + 5, r],
                )


@jit
def _tiles_to_map(tiles: Array, y: Array) -> None:
    height, width, channels = y.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    flat = y.reshape(height, width * channels)
    length = width * channels
    t = np.empty((6, 4 * columns * channels), np.float32)
    spare = np.empty((3, width * channels), np.float32)
    for i in range(rows):
        for j in range(columns):
            r = i * columns + j
            for k in range(6):
                o = t[k, 4 * j * channels : (4 * j + 4) * channels].reshape(4, channels)
                q = 6 * k
                _to_four(
                    tiles[q, r],
                    tiles[q + 1, r],
                    tiles[q + 2, r],
                    tiles[q + 3, r],
                    tiles[q + 4, r],
                    tiles[q + 5, r],
                    o[0],
                    o[1],
                    o[2],
                    o[3],
                )
        h = 4 * i
        o1 = flat[h + 1] if h + 1 < height else spare[0]
        o2 = flat[h + 2] if h + 2 < height else spare[1]
        o3 = flat[h + 3] if h + 3 < height else spare[2]
        _to_four(
            t[0, :length],
            t[1, :length],
            t[2, :length],
            t[3, :length],
            t[4, :length],
            t[5, :length],
            flat[h],
            o1,
            o2,
            o3,
        )


@jit
def _gradient_to_tiles(dy: Array, tiles: Array) -> None:
    height, width, channels = dy.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    flat = dy.reshape(height, width * channels)
    none = np.zeros(width * channels, np.float32)
    length = width * channels
    t = np.zeros((6, 4 * columns * channels), np.float32)
    for i in range(rows):
        h = 4 * i
        d1 = flat[h + 1] if h + 1 < height else none
        d2 = flat[h + 2] if h + 2 < height else none
        d3 = flat[h + 3] if h + 3 < height else none
        _from_four(
            flat[h],
            d1,
            d2,
            d3,
            t[0, :length],
            t[1, :length],
            t[2, :length],
            t[3, :length],
            t[4, :length],
            t[5, :length],
        )
        for j in range(columns):
            r = i * columns + j
            for k in range(6):
                d = t[k, 4 * j * channels : (4 * j + 4) * channels].reshape(4, channels)
                q = 6 * k
                _from_four(
                    d[0],
                    d[1],
                    d[2],
                    d[3],
                    tiles[q, r],
                    tiles[q + 1, r],
                    tiles[q + 2, r],
                    tiles[q + 3, r],
                    tiles[q + 4, r],
                    tiles[q + 5, r],
                )


@jit
def _tiles_to_gradient(tiles: Array, dx: Array) -> None:
    height, width, channels = dx.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    flat = dx.reshape(height, width * channels)
    inner = slice(channels, channels + width * channels)
    t = np.empty((6, (4 * columns + 2) * channels), np.float32)
    spare = np.zeros((6, width * channels), np.float32)
    flat[:] = 0
    for i in range(rows):
        t[:] = 0
        for j in range(columns):
            r = i * columns + j
            for k in range(6):
                o = t[k, 4 * j * channels : (4 * j + 6) * channels].reshape(6, channels)
                q = 6 * k
                _add_six(
                    tiles[q, r],
                    tiles[q + 1, r],
                    tiles[q + 2, r],
                    tiles[q + 3, r],
                    tiles[q + 4, r],
                    tiles[q + 5, r],
                    o[0],
                    o[1],
                    o[2],
                    o[3],
                    o[4],
                    o[5],
                )
        h = 4 * i - 1
        o0 = flat[h] if h >= 0 else spare[0]
        o2 = flat[h + 2] if h + 2 < height else spare[2]
        o3 = flat[h + 3] if h + 3 < height else spare[3]
        o4 = flat[h + 4] if h + 4 < height else spare[4]
        o5 = flat[h + 5] if h + 5 < height else spare[5]
        _add_six(
            t[0, inner],
            t[1, inner],
            t[2, inner],
            t[3, inner],
            t[4, inner],
            t[5, inner],
            o0,
            flat[h + 1],
            o2,
            o3,
            o4,
            o5,
        )


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
