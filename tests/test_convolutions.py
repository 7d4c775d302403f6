"""A network convolution by convolution, against torch's own operators: sums of products, fields,
maps that move along, merged boards."""

import itertools
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gocnn.board import Board, symmetry
from gocnn.board.coords import SIZE
from gocnn.features.planes import DEFAULT_GROUPS, plane_count
from gocnn.nn import LocallyConnected, pooling
from gocnn.nn.convolutions import Convolutions
from gocnn.nn.variants import Block
from gocnn.policy import explain
from gocnn.policy.inside import Inside
from gocnn.policy.merging import MERGINGS, merged, together
from gocnn.policy.model import Policy, default_model, load
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.shifting import Movement, OwnFilters, followed_inside
from gocnn.policy.suggestion import planes_of, recent_moves
from tests.conftest import play_randomly

CHANNELS = plane_count(DEFAULT_GROUPS)


def random_network(block: str = "residual", context: str = "none", **more: Any) -> PolicyNetwork:
    """A small network none of whose parts does nothing: its normalisations have seen something, and
    no weight is zero."""
    torch.manual_seed(1)
    config = PolicyConfig(
        blocks=2,
        channels=8,
        head=4,
        block=block,  # type: ignore[arg-type]
        context=context,  # type: ignore[arg-type]
        **more,
    )
    network = PolicyNetwork(config)
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.normal_(part.weight, std=0.3)
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias)
            assert part.running_mean is not None
            assert part.running_var is not None
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
    return network.eval()


def hooked(network: nn.Module, x: torch.Tensor) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """What each convolution reads and sums up, by its name, as torch itself says it."""
    found: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    handles = [
        part.register_forward_hook(
            lambda _m, inputs, output, name=name: found.__setitem__(
                name, (inputs[0].clone(), output.clone())
            )
        )
        for name, part in network.named_modules()
        if isinstance(part, nn.Conv2d)
    ]
    with torch.no_grad():
        network(x)
    for handle in handles:
        handle.remove()
    return found


def after(sums: torch.Tensor, norm: nn.BatchNorm2d | None, act: bool) -> torch.Tensor:
    """Normalisation and ReLU, by torch."""
    if norm is not None:
        sums = functional.batch_norm(
            sums, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
    return torch.relu(sums) if act else sums


@pytest.mark.parametrize("block", get_args(Block))
@pytest.mark.parametrize("context", ["none", "se", "bias"])
def test_products_add_up_to_the_map(block: str, context: str) -> None:
    """At corners, edges and inside, of every kind of block: the windows are what the convolution
    read (0 beyond the edge), and the value is the map's."""
    network = random_network(block, context)
    x = torch.randn(1, CHANNELS, SIZE, SIZE)
    convolutions = Convolutions(network, (CHANNELS, SIZE, SIZE))
    told = hooked(network, x)
    names = [one.layer.name for one in convolutions.all]
    assert names == [name for name in told if ".context." not in name and ".squeeze" not in name]
    passed = convolutions.run(x)
    rng = np.random.default_rng(1)
    with torch.no_grad():
        for one in convolutions.all:
            read, sums = told[one.layer.name]
            values = after(sums, one.norm, one.act)
            assert torch.allclose(passed.maps[one.number], values[0], atol=1e-5)
            for row, column in ((0, 0), (0, 18), (18, 7), *rng.integers(0, 19, (4, 2)).tolist()):
                k = int(rng.integers(one.module.out_channels))
                found = convolutions.products(passed, one.number, k, row, column)
                assert found.value == pytest.approx(float(values[0, k, row, column]), abs=2e-4)
                products = found.windows.astype(np.float64) * found.filters
                total = products.sum() + found.bias
                assert total == pytest.approx(float(sums[0, k, row, column]), abs=2e-4)
                assert np.allclose(products.sum((1, 2)), found.sums, atol=1e-4)
                centre = one.module.kernel_size[0] // 2
                inputs = read[0, :, row, column].numpy()
                assert set(found.windows[:, centre, centre]) <= set(inputs)


@pytest.mark.parametrize("block", get_args(Block))
def test_the_field_is_where_the_gradient_may_be(block: str) -> None:
    """Without means over the board: for each layer the gradients of many neurons together reach
    every side of the field, and never beyond it."""
    inside = Inside(policy_of(random_network(block)))
    for layer in inside.layers:
        for point in (9 * SIZE + 9, 0, 18 * SIZE + 4):
            field = layer.field(point)
            seen = np.zeros((SIZE, SIZE), bool)
            for seed in range(6):
                rng = np.random.default_rng(seed)
                planes = rng.integers(0, 2, (1, CHANNELS, SIZE, SIZE)).astype(np.uint8)
                index = seed % layer.convolution.module.out_channels
                seen |= inside.influence(planes, layer.number, index, point) > 0
            rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
            assert (rows[0], rows[-1]) == (field.top, field.bottom), layer
            assert (columns[0], columns[-1]) == (field.left, field.right), layer


def test_context_sees_beyond_the_field() -> None:
    """With squeeze-and-excite it is not so, and the layer says so."""
    inside = Inside(policy_of(random_network("preact", "se")))
    planes = np.random.default_rng(1).integers(0, 2, (1, CHANNELS, SIZE, SIZE)).astype(np.uint8)
    for layer in inside.layers:
        influence = inside.influence(planes, layer.number, 0, 0)
        field = layer.field(0)
        beyond = influence.copy()
        beyond[: field.bottom + 1, : field.right + 1] = 0
        assert (beyond.max() > 0) == layer.convolution.layer.sees_all, layer


def policy_of(network: PolicyNetwork) -> Policy:
    return Policy(network, network.config, {}, Path("random"), torch.device("cpu"))


@pytest.fixture(scope="module")
def shipped() -> Inside:
    return Inside(load(default_model()))


@pytest.fixture(scope="module")
def board() -> Board:
    return played(3, 70)


def played(seed: int, moves: int) -> Board:
    board = Board()
    for index, colour in play_randomly(seed, moves):
        board.play(index, colour)
    return board


def planes_for(inside: Inside, board: Board) -> Any:
    return planes_of(board, recent_moves(board), inside.policy.plane_groups)


def test_the_shipped_network_layer_by_layer(shipped: Inside, board: Board) -> None:
    """First the stem, then two convolutions a block, then the head; maps are those that go-show
    draws, and the last one is the logits less each point's own bias."""
    planes = planes_for(shipped, board)
    parts = [(one.part, one.block, one.place) for one in shipped.layers]
    blocks = shipped.policy.config.blocks
    pairs = itertools.product(range(1, blocks + 1), (1, 2))
    assert parts == [
        ("stem", 0, 1),
        *(("block", *pair) for pair in pairs),
        ("head", 0, 1),
        ("head", 0, 2),
    ]
    assert [one.side for one in shipped.layers] == [*range(5, 5 + 2 * 2 * blocks + 1, 2), 29, 29]
    assert len(shipped.plane_names) == planes.shape[1] == len(set(shipped.plane_names))
    stem = explain.feature_maps(shipped.policy, planes, 0)
    assert np.allclose(shipped.maps(planes, 0), stem, atol=1e-4)
    logits = shipped.policy.logits(planes)[0, :361]
    bias = shipped.policy.network.head.bias.detach().numpy()
    last = shipped.maps(planes, len(shipped.layers) - 1)[0].ravel()
    assert np.allclose(last + bias, logits, atol=1e-3)
    # each layer alone is what it is among the others
    for one in shipped.layers:
        fresh = Inside(shipped.policy).maps(planes, one.number)
        assert np.array_equal(fresh, shipped.maps(planes, one.number))
    # asked again, and after others, the same
    for seed in range(8):
        shipped.maps(planes_for(shipped, played(seed, 10)), 0)
    assert np.allclose(shipped.maps(planes, 0), stem, atol=1e-4)


@pytest.mark.parametrize(("right", "up"), [(0, 0), (3, 0), (0, -4), (-2, 5), (18, 0), (0, -18)])
def test_what_is_shifted_moves_along(shipped: Inside, board: Board, right: int, up: int) -> None:
    """Away from the edges exactly, where filters are shared; where each point has its own, not."""
    planes = planes_for(shipped, board)
    movement = Movement(right, up)
    undisturbed = movement.undisturbed(5)
    for row, column in itertools.product(range(SIZE), repeat=2):
        window = [
            (row + r, column + c, row + r - up, column + c - right)
            for r in range(-2, 3)
            for c in range(-2, 3)
        ]
        assert undisturbed[row, column] == all(0 <= each < SIZE for w in window for each in w)
    numbers = np.arange(361).reshape(19, 19)
    moved = movement.moved(numbers, -1)
    for row, column in itertools.product(range(SIZE), repeat=2):
        from_row, from_column = row - up, column - right
        there = 0 <= from_row < SIZE and 0 <= from_column < SIZE
        assert moved[row, column] == (numbers[from_row, from_column] if there else -1)
    shared = followed_inside(shipped, planes, movement, 0, 5)
    own = OwnFilters(shipped).followed(planes, movement, 5)
    if not undisturbed.any():
        assert shared.difference is None
        return
    assert shared.difference is not None
    assert shared.difference < 1e-5 * shared.largest
    assert own.difference is not None
    assert (own.difference > 0.3 * own.largest) == ((right, up) != (0, 0))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_planes_are_those_of_the_turned_board(
    shipped: Inside, board: Board, turns: int
) -> None:
    """As the library turns boards; a quarter turn brings the upper left corner to the upper right
    one; the maps of the first layer do not turn along."""
    planes = planes_for(shipped, board)
    movement = Movement(turns=turns)
    turned = movement.moved_planes(planes, shipped.policy.plane_groups)
    groups = shipped.policy.plane_groups
    every = planes_of(board, recent_moves(board), groups, symmetries=range(symmetry.SYMMETRIES))
    assert sum(bool((turned[0] == each).all()) for each in every) == 1
    corner = np.zeros((SIZE, SIZE))
    corner[18, 0] = 1
    there = [(18, 0), (18, 18), (0, 18), (0, 0)][turns]
    assert movement.moved(corner)[there] == 1
    found = followed_inside(shipped, planes, movement, 0, 0)
    assert found.difference is not None
    assert found.difference > 0.05 * found.largest


def test_a_layer_of_own_filters_is_a_convolution_where_they_are_equal() -> None:
    """With the same filters everywhere it is torch's convolution; with others at one point, only
    that point differs."""
    torch.manual_seed(2)
    layer = LocallyConnected(3, 4, 7, kernel=3).eval()
    filters = torch.randn(4, 3, 3, 3)
    with torch.no_grad():
        layer.weight.copy_(filters.reshape(4, -1).T.expand(49, -1, -1))
        x = torch.randn(2, 3, 7, 7)
        expected = torch.relu(functional.conv2d(x, filters, padding=1) / (1 + 1e-5) ** 0.5)
        assert torch.allclose(layer(x), expected, atol=1e-5)
        layer.weight[10] += 1
        apart = (layer(x) - expected).abs().amax((0, 1)).ravel() > 1e-4
    assert apart.nonzero().ravel().tolist() == [10]


def test_merged_boards_are_those_of_the_poolings() -> None:
    """Of every way of merging, by torch's own layers; a point's square is what it is merged with."""
    maps = torch.randn(2, 3, SIZE, SIZE)
    pad = nn.ReplicationPad2d((0, 1, 0, 1))
    for merging in MERGINGS:
        if merging == "none":
            expected = maps
        elif merging == "every-second":
            expected = maps[:, :, ::2, ::2]
        else:
            expected = pooling(merging)(pad(maps))
        assert np.allclose(merged(maps.numpy(), merging), expected.numpy(), atol=1e-6)
    with pytest.raises(ValueError, match="median"):
        merged(maps.numpy(), "median")  # type: ignore[arg-type]
    alone = merged(np.eye(361).reshape(361, SIZE, SIZE), "max").reshape(361, -1)
    for point in range(361):
        same = np.flatnonzero((alone == alone[point]).all(1)).tolist()
        assert together(point) == same
