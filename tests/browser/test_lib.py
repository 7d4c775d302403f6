"""What the page's script knows of the game, against the library and sgfmill."""

import random
from typing import Any

import numpy as np
import pytest
from sgfmill import sgf

from gocnn.board import Board
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.engine.rulesets import RULES
from gocnn.games.handicap import PLACES

from .bundled import lib  # noqa: F401 - a fixture

KINDS = {
    "chinese": Board(),
    "tromp-taylor": Board(superko=True, suicide=True),
    "new-zealand": Board(superko=True, situational=True, suicide=True),
    "aga": Board(superko=True, situational=True),
}

REPLAY = """([walls, moves, rules, probes]) => {
  const { tree, go } = lib;
  const game = new tree.Tree();
  walls.forEach((points, k) => game.set(game.root, k ? "AW" : "AB", points.map(lib.coords.toSgf)));
  const found = [];
  moves.forEach(([colour, point], k) => {
    game.add({ [colour === 1 ? "B" : "W"]: [lib.coords.toSgf(point)] });
    if (!probes.includes(k)) return;
    const position = go.positionOf(game.at);
    const side = colour === 1 ? -1 : 1;
    const illegal = [];
    for (let at = 0; at < 361; at++) {
      const why = go.illegal(position, { colour: side, point: at }, go.RULE_SETS[rules]);
      if (why) illegal.push([at, why]);
    }
    const { black, white } = position.captures;
    found.push({ stones: [...position.stones], illegal, captures: [black, white] });
  });
  return found;
}"""


Moves = list[tuple[int, int]]
Stones = tuple[list[int], list[int]]


def crowded(rules: str, seed: int, moves: int = 600) -> tuple[Stones, Moves, list[Board]]:
    """A random game, in whose later part captures, kos and suicides are many."""
    rng = random.Random(seed)
    board = KINDS[rules].copy()
    played: Moves = []
    boards = []
    for _ in range(moves):
        colour = board.to_play
        legal = np.flatnonzero(board.legal()[:-1])
        point = int(rng.choice(legal)) if len(legal) else 361
        board.play(point, colour)
        played.append((1 if colour == 1 else -1, point))
        boards.append(board.copy())
    return ([], []), played, boards


def three_kos(rules: str, seed: int, moves: int = 60) -> tuple[Stones, Moves, list[Board]]:
    """Three kos, taken and taken back at random: positions come again."""
    rng = random.Random(seed)
    board = KINDS[rules].copy()
    black, white, kos = [], [], []
    for row, column in ((3, 3), (9, 9), (15, 13)):
        p, q = row * 19 + column, row * 19 + column + 1
        black += [p - 1, p + 19, p - 19]
        white += [q + 1, q + 19, q - 19, p]
        kos.append((p, q))
    board.set_up(black, white)
    played: Moves = []
    boards = []
    for _ in range(moves):
        colour, stones, legal = board.to_play, board.stones().ravel(), board.legal()
        takes = [at for ko in kos for at, other in (ko, ko[::-1]) if stones[other] == 3 - colour]
        point = rng.choice([at for at in takes if legal[at]] or [361])
        board.play(point, colour)
        played.append((1 if colour == 1 else -1, point))
        boards.append(board.copy())
    return (black, white), played, boards


@pytest.mark.slow
@pytest.mark.parametrize("rules", KINDS)
def test_rules(lib: Any, rules: str) -> None:  # noqa: F811
    """Stones, prisoners and what is illegal are those of `gocnn.board`."""
    reasons = set()
    for game, seed, first in ((crowded, 1, 440), (crowded, 2, 440), (three_kos, 3, 0)):
        walls, moves, boards = game(rules, seed)
        probes = list(range(first, len(moves), 2))
        answers = lib.evaluate(REPLAY, [walls, moves, rules, probes])
        for k, told in zip(probes, answers, strict=True):
            board = boards[k]
            stones = board.stones().ravel().astype(int)
            assert told["stones"] == np.where(stones == 2, -1, stones).tolist()
            assert tuple(told["captures"]) == board.captured()
            illegal = np.flatnonzero(~board.legal()[:-1]).tolist()
            assert [point for point, _ in told["illegal"]] == illegal, (seed, k)
            reasons |= {why for _, why in told["illegal"]}
    wanted = {"occupied", "ko", "suicide"} | ({"superko"} if rules != "chinese" else set())
    assert reasons == wanted


def test_rule_sets(lib: Any) -> None:  # noqa: F811
    """The table of rule sets is the engine's."""
    told = lib.evaluate("lib.go.RULE_SETS")
    assert told == {
        name: {"ko": rules.ko.lower(), "suicide": rules.suicide} for name, rules in RULES.items()
    }


def test_handicap(lib: Any) -> None:  # noqa: F811
    """Stones stand where servers put them."""
    for stones in range(2, 10):
        points = lib.evaluate(f"lib.go.handicapPoints({stones})")
        assert sorted(points) == sorted(PLACES[stones])


def test_coordinates(lib: Any) -> None:  # noqa: F811
    """All points to vertices and SGF and back."""
    told = lib.evaluate(
        """[...Array(362).keys()].map((k) => {
          const { toVertex, fromVertex, toSgf, fromSgf } = lib.coords;
          return [toVertex(k), fromVertex(toVertex(k)), fromSgf(toSgf(k))];
        })"""
    )
    assert told == [[to_gtp(k), k, k] for k in range(362)]
    assert from_gtp(told[0][0]) == 0


def random_tree(seed: int, nodes: int) -> list[dict[str, Any]]:
    """A flat list as the server gives it: lines with branches, comments with hostile signs."""
    rng = random.Random(seed)
    signs = ["]", "\\", "\\]", ":", "(;", "\n", "中文", "<b>", "é", " "]
    flat: list[dict[str, Any]] = [{"parent": -1, "props": {"GM": ["1"], "SZ": ["19"], "PB": ["]"]}}]
    for k in range(1, nodes):
        parent = k - 1 if rng.random() < 0.93 else rng.randrange(k)
        point = chr(97 + rng.randrange(19)) + chr(97 + rng.randrange(19))
        props = {rng.choice("BW"): [point]}
        if rng.random() < 0.2:
            props["C"] = ["x" + "".join(rng.choices(signs, k=6)) + "x"]
        if rng.random() < 0.1:
            props["LB"] = [f"{point}:{rng.choice('ABC')}"]
        flat.append({"parent": parent, "props": props})
    return flat


def test_written_sgf(lib: Any) -> None:  # noqa: F811
    """sgfmill reads from what is written the same tree, node for node."""
    flat = random_tree(1, 400)
    text = lib.evaluate("(flat) => lib.tree.writeSgf(lib.tree.Tree.from(flat))", flat)
    game = sgf.Sgf_game.from_bytes(text.encode())
    children: dict[int, list[int]] = {}
    for k, node in enumerate(flat):
        children.setdefault(node["parent"], []).append(k)
    open_: list[tuple[int, Any]] = [(0, game.get_root())]
    seen = 0
    while open_:
        k, node = open_.pop()
        seen += 1
        props = flat[k]["props"]
        for name in ("C", "PB"):
            assert (node.get(name) if node.has_property(name) else None) == props.get(name, [None])[
                0
            ]
        for name in ("B", "W", "LB"):
            raw = node.get_raw_list(name) if node.has_property(name) else []
            assert [value.decode() for value in raw] == props.get(name, [])
        assert len(node) == len(children.get(k, []))
        open_ += zip(children.get(k, []), node, strict=True)
    assert seen == len(flat)
    assert game.get_root().get("FF") == 4
    assert game.get_charset() == "UTF-8"


def test_deep_tree(lib: Any) -> None:  # noqa: F811
    """A line of 20,000 nodes and a variation at each of 2,000 are written and laid out."""
    told = lib.evaluate(
        """() => {
          const flat = [{ parent: -1, props: {} }];
          for (let k = 1; k < 20000; k++) flat.push({ parent: k - 1, props: { B: ["aa"] } });
          for (let k = 0; k < 2000; k++) flat.push({ parent: k * 9, props: { W: ["bb"] } });
          const game = lib.tree.Tree.from(flat);
          return [game.size, lib.tree.writeSgf(game).split(";").length - 1, lib.treeLayout.layOut(game.root).places.size];
        }"""
    )
    assert told == [22_000, 22_000, 22_000]


@pytest.mark.parametrize(
    ("flat", "begins"),
    [
        ([{}, {"AB": ["dd"]}, {"W": ["aa"]}], 1),  # as Fox has handicap stones
        ([{"AB": ["dd"]}, {"AB": ["pp"]}, {"W": ["aa"]}], 0),
        ([{}, {"B": ["dd"]}, {"AB": ["pp"]}], 0),
        ([{}, {"AB": ["dd"], "W": ["aa"]}], 0),
        ([{}], 0),
    ],
)
def test_a_game_begins_with_its_stones_on(lib: Any, flat: list[dict], begins: int) -> None:  # noqa: F811
    nodes = [{"parent": k - 1, "props": props} for k, props in enumerate(flat)]
    assert lib.evaluate("(flat) => Number(lib.tree.Tree.from(flat).path)", nodes) == begins


def test_layout(lib: Any) -> None:  # noqa: F811
    """No two nodes on one spot; a node stands in the column after its parent's, in its row if it
    is the first continuation and below it otherwise; no line crosses a node."""
    for seed in range(5):
        flat = random_tree(seed, 600)
        places = lib.evaluate(
            """(flat) => {
              const { root } = lib.tree.Tree.from(flat);
              const { places } = lib.treeLayout.layOut(root);
              const found = [];
              const open = [root];
              // in the order of the flat list: ids count up
              for (let node = open.pop(); node; node = open.pop()) { found.push([node.id, ...places.get(node)]); open.push(...node.children); }
              return found.sort((a, b) => a[0] - b[0]).map(([, column, row]) => [column, row]);
            }""",
            flat,
        )
        taken = {tuple(place) for place in places}
        assert len(taken) == len(flat)
        first: set[int] = set()
        for k, node in enumerate(flat[1:], 1):
            parent = node["parent"]
            assert places[k][0] == places[parent][0] + 1
            if parent in first:
                assert places[k][1] > places[parent][1]
                down = range(places[parent][1] + 1, places[k][1])
                assert not any((places[parent][0], row) in taken for row in down)
            else:
                assert places[k][1] == places[parent][1]
            first.add(parent)


def test_link(lib: Any) -> None:  # noqa: F811
    """A game goes into a link and comes out as it was, with the place; what is none is refused."""
    flat = random_tree(3, 300)
    told = lib.evaluate(
        """async (flat) => {
          const game = lib.tree.Tree.from(flat);
          game.follow("12"); game.step(3); game.sibling(1);
          const hash = await lib.link.hashOf(game);
          const back = await lib.link.fromHash(hash);
          return [hash, back.sgf === lib.tree.writeSgf(game), back.at === game.path];
        }""",
        flat,
    )
    assert told[1:] == [True, True]
    assert all(sign.isalnum() or sign in "#=&_-." for sign in told[0])
    for bad in ("#sgf=AAAA", "#sgf=%%%", "#sgf=_w"):
        refused = "(hash) => lib.link.fromHash(hash).then(() => false, () => true)"
        assert lib.evaluate(refused, bad)
    assert lib.evaluate("lib.link.fromHash('#other')") is None
