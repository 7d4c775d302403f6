"""What the stations of the lecture are answered, against the library and torch."""

import base64
import inspect
import shutil
import textwrap
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

import gocnn
from gocnn.board.coords import from_gtp
from gocnn.features.planes import DEFAULT_GROUPS
from gocnn.nn import ConvNormAct, PointHead, depth, initialise
from gocnn.policy.inside import Inside
from gocnn.policy.model import default_model, load
from gocnn.policy.shipped import NAMES, file_of
from gocnn.policy.suggestion import planes_of, recent_moves
from gocnn.serve.config import ServeConfig
from gocnn.serve.lesson.code import PLACES
from tests.conftest import ROOT
from tests.serving import Client, serving

MOVES = ["Q16", "D4", "Q3", "D17", "C6", "R5", "O17", "K4", "R14"]
POSITION = {"moves": [["bw"[k % 2], move] for k, move in enumerate(MOVES)]}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    given = tmp_path_factory.mktemp("given") / "given.onnx"
    shutil.copy(ROOT / "gocnn/policy/weights/small.onnx", given)
    with serving(ServeConfig(models=(given,))) as found:
        yield found


@pytest.fixture(scope="module")
def inside() -> Inside:
    return Inside(load(default_model()))


@pytest.fixture(scope="module")
def planes(inside: Inside) -> Any:
    board = gocnn.position(moves=MOVES).board
    return planes_of(board, recent_moves(board), inside.policy.plane_groups)


def asked(client: Client, what: str, **message: Any) -> Any:
    answer = client.post(f"/api/lesson/{what}", {"position": POSITION, "model": "small"} | message)
    assert answer.status == 200, answer.body
    return answer.json()


def test_the_network_is_described(client: Client, inside: Inside) -> None:
    found = client.get("/api/lesson/network?model=small").json()
    assert found["planes"] == inside.plane_names
    assert found["lecture"] == {
        "input": [100, 100, 3],
        "neurons": 1000,
        "weights": 3 * 10**7,
        "shared": 64 * 3 * 3 * 3,
    }
    assert found["dense"] == len(inside.plane_names) * 361 * 1000
    modules = dict(inside.policy.network.named_modules())
    for layer, one in zip(found["layers"], inside.layers, strict=True):
        module = modules[one.convolution.layer.name]
        shape = (layer["outputs"], layer["inputs"], layer["kernel"], layer["kernel"])
        assert shape == tuple(module.weight.shape)
        assert layer["weights"] == module.weight.numel()
        assert layer["fully_connected"] == layer["inputs"] * layer["outputs"] * 361**2
    assert [layer["side"] for layer in found["layers"][:4]] == [5, 7, 9, 11]


def test_maps_are_torchs_and_products_add_up_to_them(
    client: Client, inside: Inside, planes: Any
) -> None:
    """The bytes are the maps to within half a step; the value of a point is the map's, and what is
    shown of it is a sum of products."""
    with torch.no_grad():
        stem = inside.policy.network.stem(torch.from_numpy(planes).float())[0].numpy()
    for number in (0, 2, 13):
        maps = stem if number == 0 else inside.maps(planes, number)
        found = asked(client, "maps", layer=number)
        assert found["count"] == len(maps)
        low, high = (np.array(found[name])[:, None] for name in ("low", "high"))
        values = numbers(found).reshape(len(maps), 361)
        exact = maps.reshape(len(maps), 361)
        assert (np.abs(values - exact) <= (high - low) / 500 + 2e-5).all()
        for vertex, index in (("A1", 3), ("T19", 0), ("Q16", 17), ("K10", len(maps) - 1)):
            told = asked(client, "products", layer=number, map=index, point=vertex)
            expected = float(exact[index, from_gtp(vertex)])
            assert told["value"] == pytest.approx(expected, abs=1e-3)
            total = sum(np.dot(window["window"], window["filter"]) for window in told["windows"])
            assert total == pytest.approx(told["total"], abs=1e-3)
            value = (total + told["bias"]) * told["scale"] + told["shift"]
            value = max(value, 0) if told["relu"] else value
            assert value == pytest.approx(expected, abs=1e-3)
    first = asked(client, "products", layer=0, map=0, point="Q16")["windows"]
    for window in first:
        plane = planes[0, window["input"]]
        assert window["window"] == plane[13:18, 13:18].ravel().tolist()


def numbers(maps: Any) -> Any:
    """Maps as they come, as numbers: `(C, 19, 19)`."""
    coded = np.frombuffer(base64.b64decode(maps["values"]), np.uint8).reshape(-1, 19, 19)
    low, high = (np.array(maps[name])[:, None, None] for name in ("low", "high"))
    return low + coded / 255 * (high - low)


def test_a_stone_changes_the_first_maps_within_its_reach_alone(client: Client) -> None:
    before = asked(client, "maps", layer=0)
    # set up, and the same side plays: what both sides see is what it was, but for this stone
    more = {"moves": POSITION["moves"], "white": ["K15"], "first": "b", "to_play": "w"}
    apart = np.abs(numbers(asked(client, "maps", layer=0, position=more)) - numbers(before))
    row, column = divmod(from_gtp("K15"), 19)
    assert apart[:, row, column].max() > 0.5
    apart[:, row - 2 : row + 3, column - 2 : column + 3] = 0
    assert apart.max() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_every_network_that_ships_can_be_looked_into(client: Client, name: str) -> None:
    found = client.get(f"/api/lesson/network?model={name}").json()
    assert found["model"] == file_of(name, ".safetensors").name
    last = found["layers"][-1]
    assert (last["part"], last["outputs"]) == ("head", 1)
    asked(client, "products", model=name, layer=last["number"] - 2, map=1, point="T1")


def test_the_field_and_what_it_weighs(client: Client, inside: Inside, planes: Any) -> None:
    for number, vertex in ((0, "K10"), (1, "A1"), (5, "Q16")):
        point = from_gtp(vertex)
        found = asked(client, "field", layer=number, point=vertex)
        here = inside.maps(planes, number).reshape(-1, 361)[:, point]
        assert found["map"] == int(np.abs(here).argmax())
        influence = inside.influence(planes, number, found["map"], point)
        told = np.array(found["influence"]).reshape(19, 19)
        assert np.allclose(told, influence, atol=1e-4)
        reach = inside.layers[number].side // 2
        row, column = divmod(point, 19)
        assert found["rows"] == [max(0, row - reach), min(18, row + reach)]
        assert found["columns"] == [max(0, column - reach), min(18, column + reach)]
        mask = np.zeros((19, 19), bool)
        mask[
            slice(found["rows"][0], found["rows"][1] + 1),
            slice(found["columns"][0], found["columns"][1] + 1),
        ] = True
        assert found["outside"] == pytest.approx(influence[~mask].sum() / influence.sum(), abs=1e-3)
        assert (found["outside"] > 0) == inside.layers[number].convolution.layer.sees_all
    one = asked(client, "field", layer=0, point="K10", map=7)
    assert one["map"] == 7


def test_shifted_maps(client: Client) -> None:
    """Stones move; shared filters follow exactly, others do not; layers that see all follow
    nearly."""
    found = asked(client, "shift", layer=0, map=3, right=2, up=-1)
    stones = np.zeros((19, 19), int)
    for colour, vertex in POSITION["moves"]:
        row, column = divmod(from_gtp(vertex), 19)
        if row - 1 >= 0 and column + 2 < 19:
            stones[row - 1, column + 2] = 1 if colour == "b" else -1
    assert found["stones"] == stones.ravel().tolist()
    assert found["shared"]["difference"] < 1e-4
    assert found["own"]["difference"] > 0.2
    assert found["own"]["weights"] == 361 * found["shared"]["weights"]
    compared = np.array(found["shared"]["compared"], bool)
    after, expected = (np.array(found["shared"][name]) for name in ("after", "expected"))
    assert np.abs(after - expected)[compared].max() < 1e-3
    assert compared.sum() == 13 * 14
    assert asked(client, "shift", layer=13, right=1)["shared"]["difference"] is None
    turned = asked(client, "shift", turns=1)["shared"]["difference"]
    assert turned > 0.1


def test_gradients_are_those_of_such_networks(client: Client) -> None:
    """Rebuilt here from the blocks, on the positions before the moves of the game."""
    found = client.post("/api/lesson/gradients", {"position": POSITION, "blocks": 5}).json()
    assert (found["positions"], found["channels"]) == (len(MOVES), 16)
    planes = []
    for k in range(len(MOVES)):
        board = gocnn.position(moves=MOVES[:k]).board
        planes.append(planes_of(board, recent_moves(board), DEFAULT_GROUPS)[0])
    x = torch.from_numpy(np.stack(planes)).float()
    y = torch.tensor([from_gtp(move) for move in MOVES])
    for told, kind in zip(found["networks"], ("none", "identity", "zero"), strict=True):
        assert told["shortcuts"] == kind
        torch.manual_seed(1)
        stem, head = ConvNormAct(x.shape[1], 16, 5), PointHead(16, 361)
        initialise(stem)
        initialise(head)
        trunk = depth.blocks(kind, 5, 16)  # type: ignore[arg-type]
        features = [stem(x)]
        for block in trunk:
            features.append(block(features[-1]))
        for each in features:
            each.retain_grad()
        loss = torch.nn.functional.cross_entropy(head(features[-1]), y)
        loss.backward()
        assert told["loss"] == pytest.approx(loss.item(), abs=1e-3)
        norms = [each.grad.norm().item() for each in features if each.grad is not None]
        assert told["norms"] == pytest.approx(norms, rel=1e-2)
        assert found["parameters"] == sum(p.numel() for p in trunk.parameters())
    bare = client.post("/api/lesson/gradients", {"position": {"moves": []}})
    assert bare.status == 400
    assert "play one" in bare.json()["error"]
    passes = {"moves": [["b", "Q16"], ["w", "pass"], ["w", "D4"]]}
    assert client.post("/api/lesson/gradients", {"position": passes, "blocks": 2}).status == 200


def test_recorded_trainings_are_whole(client: Client) -> None:
    """What ships was made by the benchmark, and says with which budget."""
    found = client.get("/api/lesson/residual").json()
    assert found["budget"]
    assert {one["shortcuts"] for one in found["curves"]} == {"none", "zero"}
    for one in found["curves"]:
        assert len(one["steps"]) == len(one["loss"]) > 5
        assert len(one["tested"]) == len(one["top1"]) >= 4
        assert one["low"] < one["best"] < one["high"]
        assert max(one["top1"]) == one["best"]
        head, stem = PointHead(16, 361), ConvNormAct(21, 16, 5)
        parts = (stem, *depth.blocks("none", one["blocks"], found["channels"]), head)
        assert one["parameters"] == sum(p.numel() for part in parts for p in part.parameters())


def test_code_is_the_codes_own(client: Client) -> None:
    for name, (module, place) in PLACES.items():
        told = client.get(f"/api/lesson/code/{name}").json()
        found: Any = import_module(module)
        for part in place.split("."):
            found = getattr(found, part)
        lines, first = inspect.getsourcelines(found)
        assert told["text"] == textwrap.dedent("".join(lines)).rstrip("\n")
        assert (told["path"], told["line"]) == (f"{module.replace('.', '/')}.py", first)
    for name in ("nothing", "..%2Fx", "field%2F.."):
        answer = client.get(f"/api/lesson/code/{name}")
        assert answer.status == 404


@pytest.mark.parametrize(
    ("what", "message", "said"),
    [
        ("maps", {"layer": 99}, "there is no layer 99"),
        ("products", {"layer": 0, "map": 64, "point": "Q16"}, "has no map 64"),
        ("field", {"layer": 0, "point": "pass"}, "point[0]: a stone stands on a point"),
        ("field", {"layer": 0, "point": "Z99"}, "point"),
        ("field", {"layer": -1, "point": "Q16"}, "layer"),
        ("shift", {"right": 40}, "right"),
        ("maps", {"layer": 0, "model": "none"}, "there is no network 'none'"),
        ("maps", {"layer": 0, "model": "given"}, "given is an ONNX file"),
        ("maps", {"layer": 0, "model": None}, "choose another network"),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(
    client: Client, what: str, message: dict[str, Any], said: str
) -> None:
    answer = client.post(f"/api/lesson/{what}", {"position": POSITION, "model": "small"} | message)
    assert answer.status == 400
    assert said in answer.json()["error"]
