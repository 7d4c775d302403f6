"""What the stations ask that look into a network: its layers, their fields, maps and products, and
what becomes of maps when the picture is moved."""

import base64
from functools import partial
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta, Struct
from starlette.routing import BaseRoute

from gocnn.board.coords import SIZE
from gocnn.errors import UserError
from gocnn.serve.endpoints import get, post
from gocnn.serve.lesson.networks import Networks, planes_in
from gocnn.serve.messages import Position, Vertex, game_of, points, rounded
from gocnn.serve.threads import importing

if TYPE_CHECKING:
    from gocnn.policy.inside import Inside, InsideLayer
    from gocnn.policy.shifting import Followed

Number = Annotated[int, Meta(ge=0, le=1 << 20)]
Steps = Annotated[int, Meta(ge=-18, le=18)]


class WhichNetwork(Struct):
    """A network that is meant. model: its name; left out: the first one."""

    model: str | None = None


class LayerInside(Struct):
    """A convolution. part: `stem`, `block` or `head`; block: its number, from 1, or 0; place: which
    convolution of its part, from 1. kernel, dilation, inputs, outputs: its shape; side: of its
    receptive field, in points; sees_all: whether a mean over the whole board reaches it besides.
    weights: how many it has; fully_connected: how many a layer would have where each of its numbers
    hangs on every number of the one before. normalised, relu: what follows its sum."""

    number: int
    part: str
    block: int
    place: int
    kernel: int
    dilation: int
    inputs: int
    outputs: int
    side: int
    sees_all: bool
    weights: int
    fully_connected: int
    normalised: bool
    relu: bool


class LectureCount(Struct):
    """The lecture's count. input: width, height and channels of its picture; neurons: of a fully
    connected layer on it; weights: how many that takes; shared: how many a layer of 64 3x3 filters
    takes."""

    input: tuple[int, int, int]
    neurons: int
    weights: int
    shared: int


class NetworkInside(Struct):
    """A network from within. planes: what it is shown, a name for each input; layers: its
    convolutions, the first one first; dense: weights of 1000 fully connected neurons on its
    input."""

    model: str
    planes: list[str]
    layers: list[LayerInside]
    dense: int
    lecture: LectureCount


class AskedField(Struct):
    """Which neuron's receptive field to show. layer: the number of its convolution; point: where it
    sits; map: in which of the layer's maps (left out: the one that is strongest there)."""

    position: Position
    layer: Number
    point: Vertex
    map: Number | None = None
    model: str | None = None


class SeenField(Struct):
    """What a neuron sees. map: which of the layer's maps it belongs to; value: what it says; rows,
    columns: the first and the last of its receptive field, from 0 at A1; influence: 361 numbers,
    how much its sum changes with each point (the gradient's size), the largest 1; outside: the
    share of all influence that comes from beyond the field, through means over the board."""

    map: int
    value: float
    rows: tuple[int, int]
    columns: tuple[int, int]
    influence: list[float]
    outside: float


class AskedMaps(Struct):
    """Which layer's feature maps to show. layer: the number of its convolution."""

    position: Position
    layer: Number
    model: str | None = None


class LayerMaps(Struct):
    """The maps of a layer. low, high: the least and the largest value of each map; values: a byte
    for each point of each map, 0 for the least value and 255 for the largest, in base64."""

    count: int
    low: list[float]
    high: list[float]
    values: str


class AskedProducts(Struct):
    """Which value to work out step by step. layer: the number of its convolution; map: one of its
    maps; point: a point of that."""

    position: Position
    layer: Number
    map: Number
    point: Vertex
    model: str | None = None


class Window(Struct):
    """What a filter lies on. input: the number of the plane or map; window, filter: kernel x kernel
    numbers, row by row, the lowest row first; sum: of their products."""

    input: int
    window: list[float]
    filter: list[float]
    sum: float


class PointProducts(Struct):
    """How a value comes about: `(total + bias) * scale + shift`, where total is the sum of all sums
    of windows; a negative one becomes 0 if relu."""

    windows: list[Window]
    total: float
    bias: float
    scale: float
    shift: float
    relu: bool
    value: float


class AskedShift(Struct):
    """The position is turned by so many quarters, clockwise, and shifted by so many points to the
    right and up; layer, map: what is looked at."""

    position: Position
    layer: Number = 0
    map: Number = 0
    right: Steps = 0
    up: Steps = 0
    turns: Annotated[int, Meta(ge=0, le=3)] = 0
    model: str | None = None


class MovedMap(Struct):
    """A feature map before and after a movement of the stones, 361 numbers each. map: its number;
    expected: the map before, moved along with the stones; compared: 361 numbers, 1 for points whose
    receptive field was moved as a whole. difference: the largest between after and expected at
    those points, in all maps of the layer, null where there are none; overall: the largest among
    all points that a moved point came to; largest: the largest value. weights: how many such a
    layer has."""

    map: int
    before: list[float]
    expected: list[float]
    after: list[float]
    compared: list[int]
    difference: float | None
    overall: float
    largest: float
    weights: int


class Moved(Struct):
    """What a movement of the stones changes. stones: 361 signs after it, 1 for black, -1 for white,
    0 for none; shared: the maps of the network's own layer, whose filters all points share; own:
    those of a first layer whose filters are each point's own."""

    stones: list[int]
    shared: MovedMap
    own: MovedMap


def network(networks: Networks, asked: WhichNetwork) -> NetworkInside:
    """A network's convolutions one by one, and what fully connected layers would take instead."""
    with importing:
        from gocnn.nn import ConvNormAct
        from gocnn.nn.describe import FULLY_CONNECTED_NEURONS, describe

    inside = networks.inside(asked.model)
    described = describe("lecture", ConvNormAct(3, 64, 3), (3, 100, 100))
    planes = inside.plane_names
    return NetworkInside(
        inside.policy.name,
        planes,
        [_layer(one) for one in inside.layers],
        len(planes) * SIZE * SIZE * FULLY_CONNECTED_NEURONS,
        LectureCount(
            (100, 100, 3),
            FULLY_CONNECTED_NEURONS,
            described.dense_first_layer,
            described.layers[0].parameters,
        ),
    )


def field(networks: Networks, asked: AskedField) -> SeenField:
    """What one neuron of a layer sees of a position: its receptive field, and how much each point
    matters to it."""
    inside = networks.inside(asked.model)
    layer, point = _layer_of(inside, asked.layer), _point(asked.point)
    planes = planes_in(inside, asked.position)
    with networks.computing():
        here = inside.maps(planes, layer.number).reshape(-1, SIZE * SIZE)[:, point]
        index = int(np.abs(here).argmax()) if asked.map is None else _map_of(layer, asked.map)
        influence = inside.influence(planes, layer.number, index, point)
    seen = layer.field(point)
    within = influence[seen.top : seen.bottom + 1, seen.left : seen.right + 1].sum()
    total = max(float(influence.sum()), 1e-30)
    return SeenField(
        index,
        round(float(here[index]), 4),
        (seen.top, seen.bottom),
        (seen.left, seen.right),
        rounded(influence.ravel()),
        round(max(0.0, 1 - float(within) / total), 4),
    )


def maps(networks: Networks, asked: AskedMaps) -> LayerMaps:
    """All maps that a layer makes of a position."""
    inside = networks.inside(asked.model)
    layer = _layer_of(inside, asked.layer)
    planes = planes_in(inside, asked.position)
    with networks.computing():
        found = inside.maps(planes, layer.number).reshape(-1, SIZE * SIZE)
    low, high = found.min(1), found.max(1)
    span = np.maximum(high - low, 1e-12)[:, None]
    values = np.rint((found - low[:, None]) / span * 255).astype(np.uint8)
    coded = base64.b64encode(values.tobytes()).decode()
    return LayerMaps(len(found), rounded(low, 5), rounded(high, 5), coded)


def products(networks: Networks, asked: AskedProducts) -> PointProducts:
    """How one value of a map comes about: window times filter, summed, normalised, cut at 0."""
    inside = networks.inside(asked.model)
    layer, point = _layer_of(inside, asked.layer), _point(asked.point)
    index = _map_of(layer, asked.map)
    planes = planes_in(inside, asked.position)
    with networks.computing():
        found = inside.products(planes, layer.number, index, point)
    module = layer.convolution.module
    first = index // (module.out_channels // module.groups) * len(found.sums)
    windows = [
        Window(
            first + k,
            rounded(found.windows[k].ravel(), 6),
            rounded(found.filters[k].ravel(), 6),
            round(float(found.sums[k]), 6),
        )
        for k in range(len(found.sums))
    ]
    total = float(found.sums.astype(np.float64).sum())
    return PointProducts(
        windows,
        round(total, 6),
        round(found.bias, 6),
        round(found.scale, 6),
        round(found.shift, 6),
        found.act,
        round(found.value, 6),
    )


def shift(networks: Networks, asked: AskedShift) -> Moved:
    """What becomes of a layer's maps when the position is shifted or turned, and of those of a
    layer whose filters are each point's own."""
    inside, own = networks.inside(asked.model), networks.own_filters(asked.model)
    with importing:
        from gocnn.policy.shifting import OWN_MAPS, Movement, followed_inside

    layer = _layer_of(inside, asked.layer)
    index = _map_of(layer, asked.map)
    planes = planes_in(inside, asked.position)
    movement = Movement(asked.right, asked.up, asked.turns)
    with networks.computing():
        shared = followed_inside(inside, planes, movement, layer.number, index)
        separate = own.followed(planes, movement, index % OWN_MAPS)
    stones = game_of(asked.position).board.stones()
    signs = (stones == 1).astype(np.int64) - (stones == 2)
    return Moved(
        movement.moved(signs).ravel().tolist(),
        _moved(shared, index, layer.convolution.module.weight.numel()),
        _moved(separate, index % OWN_MAPS, own.weights),
    )


def routes(networks: Networks) -> list[BaseRoute]:
    """The routes of stations 1 to 3."""
    return [
        get("/api/lesson/network", partial(network, networks)),
        post("/api/lesson/field", partial(field, networks)),
        post("/api/lesson/maps", partial(maps, networks)),
        post("/api/lesson/products", partial(products, networks)),
        post("/api/lesson/shift", partial(shift, networks)),
    ]


def _layer(one: "InsideLayer") -> LayerInside:
    module, layer = one.convolution.module, one.convolution.layer
    return LayerInside(
        one.number,
        one.part,
        one.block,
        one.place,
        module.kernel_size[0],
        module.dilation[0],
        module.in_channels // module.groups,
        module.out_channels,
        one.side,
        layer.sees_all,
        module.weight.numel(),
        layer.fully_connected or 0,
        one.convolution.norm is not None,
        one.convolution.act,
    )


def _layer_of(inside: "Inside", number: int) -> "InsideLayer":
    if number >= len(inside.layers):
        raise UserError(
            f"layer: there is no layer {number}; {inside.policy.name} has 0 to"
            f" {len(inside.layers) - 1}"
        )
    return inside.layers[number]


def _map_of(layer: "InsideLayer", index: int) -> int:
    count = layer.convolution.module.out_channels
    if index >= count:
        raise UserError(f"map: layer {layer.number} has no map {index}; it has 0 to {count - 1}")
    return index


def _point(vertex: str) -> int:
    return points([vertex], "point")[0]


def _moved(found: "Followed", index: int, weights: int) -> MovedMap:
    return MovedMap(
        index,
        rounded(found.before.ravel()),
        rounded(found.expected.ravel()),
        rounded(found.after.ravel()),
        found.compared.ravel().astype(int).tolist(),
        None if found.difference is None else round(found.difference, 6),
        round(found.overall, 6),
        round(found.largest, 6),
        weights,
    )
