"""A network that foresees the winner, and looking ahead with it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gocnn.board import BLACK, WHITE, Board
from gocnn.board.coords import PASS, from_gtp
from gocnn.play.candidates import Analysis
from gocnn.play.game import Game
from gocnn.play.outlook import useful
from gocnn.play.player import Player
from gocnn.play.search import EXPLORATION, LEAST_PRIOR, UNSEEN, Search
from gocnn.policy.answers import Answers, answers
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.samples import UNDECIDED
from gocnn.policy.suggestion import foresee
from gocnn.policy.task import VALUE_WEIGHT, PolicyTask
from tests.conftest import ROOT, play_randomly
from tests.conversation import talk
from tests.test_cli import good
from tests.test_go_train import TRAIN


class Judge:
    """An evaluator by rule: `value(own, opponent)`, sets of flat indices, is the probability that the side to play wins; it prefers `liked`."""

    name, groups, foresees, scores = "judge", ("stones",), True, False

    def __init__(self, value, liked=()) -> None:
        self.value, self.liked = value, list(liked)

    def outputs(self, batch: np.ndarray) -> Answers:
        logits = np.zeros((len(batch), 362), np.float32)
        for index, bonus in self.liked:
            logits[:, index] = bonus
        sides = [[set(np.flatnonzero(plane).tolist()) for plane in planes.reshape(2, 361)] for planes in batch]
        return answers(logits)._replace(win=np.array([self.value(*pair) for pair in sides], np.float32))

    def logits(self, batch: np.ndarray) -> np.ndarray:
        return self.outputs(batch)[0]


@pytest.mark.parametrize("colour", [BLACK, WHITE])
def test_it_finds_the_capture_that_decides(colour: int) -> None:
    """Thirty stones with one liberty left, of either colour; nothing tells the network of it but counting stones."""
    inside = [divmod(i, 19) for i in range(361) if 5 <= i // 19 < 8 and 4 <= i % 19 < 14]
    around = {(r + a, c + b) for r, c in inside for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0))} - set(inside)
    last = (4, 9)
    prey, hunter = [r * 19 + c for r, c in inside], [r * 19 + c for r, c in around - {last}]
    board = Board()
    board.set_up(*((hunter, prey) if colour == BLACK else (prey, hunter)), colour)
    others = np.random.default_rng(0).choice(np.flatnonzero(useful(board, colour)), 12, replace=False)
    judge = Judge(lambda own, other: 0.9 if len(own) > len(other) else 0.1, [(int(i), 5.0) for i in (*others, last[0] * 19 + last[1])])
    search = Search(judge, board, 6.5, useful(board, colour))
    search.run(400)
    assert int(search.visits.argmax()) == last[0] * 19 + last[1]
    assert search.visits.sum() == 400
    assert search.visits.max() > 200


@pytest.mark.parametrize("colour", [BLACK, WHITE])
def test_it_sees_the_refutation(colour: int) -> None:
    """The network likes one move by far; the answer to it, which it likes less, loses the game."""
    tempting, answer, sound = (from_gtp(v) for v in ("K10", "C3", "Q4"))

    def value(own: set[int], other: set[int]) -> float:
        """After the tempting move and its answer, whoever made the answer wins; else all is even."""
        for mine, theirs, wins in ((own, other, 0.02), (other, own, 0.98)):
            if tempting in mine and answer in theirs:
                return wins
        return 0.5

    judge = Judge(value, [(tempting, 8.0), (answer, 4.0), (sound, 5.0)])
    game = Game()
    assert Player(judge).decide(game, colour).index == tempting
    player = Player(judge, visits=300)
    assert player.decide(game, colour).index != tempting
    assert player.decide(game, colour).index != tempting
    analysis = Analysis(Player(judge), game, colour)
    assert analysis.moves()[0].index == tempting
    analysis.advance(60.0, lambda: False, visits=300)
    infos = {move.index: move for move in analysis.moves()}
    assert sum(move.visits for move in infos.values()) == analysis.visits == 300
    assert [move.visits for move in infos.values()] == sorted((move.visits for move in infos.values()), reverse=True)
    assert infos[tempting].winrate < 0.3
    assert list(infos[tempting].variation[:2]) == [tempting, answer]
    assert infos[tempting].prior > 0.8
    assert next(iter(infos)) != tempting
    assert len(analysis.outlooks()) == len(infos)
    chosen = analysis.choice(np.ones(362, bool))
    assert np.flatnonzero(chosen).tolist() == [next(iter(infos)), PASS]
    assert Player(judge).decide(game, colour, keep=chosen).index == next(iter(infos))


def test_a_search_keeps_its_books() -> None:
    rng = np.random.default_rng(1)
    judge = Judge(lambda own, other: float(rng.random()))
    board = Board()
    search = Search(judge, board, 6.5, useful(board, BLACK))
    search.run(200)
    found = 0

    def look(node) -> int:
        """Every node's visits are those of its children, and one for itself; wins lie between none and all."""
        below = 0
        for place, child in node.children.items():
            visits = look(child)
            assert node.visits[place] == visits
            assert 0 <= node.wins[place] <= node.visits[place]
            below += visits
        assert node.visits.sum() == below
        return below + 1

    found = look(search.root)
    assert found == 201


class Twin:
    """The same search written plainly: a dictionary per position, sums over lists."""

    def __init__(self, judge, board: Board, keep: np.ndarray) -> None:
        self.judge = judge
        self.root = self.look(board, keep)
        self.board = board

    def look(self, board: Board, keep: np.ndarray) -> dict:
        said = foresee(self.judge, board)
        p, win = said.probabilities, said.win
        moves = [int(i) for i in np.flatnonzero(keep)]
        prior = [max(float(p[i]), LEAST_PRIOR) for i in moves]
        return {"win": win, "moves": moves, "prior": [x / sum(prior) for x in prior], "seen": {}, "below": {}}

    def visit(self, node: dict, board: Board) -> float:
        """One visit below a position; the probability that its side to play wins, as the new position has it."""
        total = sum(len(wins) for wins in node["seen"].values())
        tried = sum(p for move, p in zip(node["moves"], node["prior"], strict=True) if move in node["seen"])

        def promise(move: int, prior: float) -> float:
            wins = node["seen"].get(move, [])
            value = sum(wins) / len(wins) if wins else node["win"] - UNSEEN * tried**0.5
            return value + EXPLORATION * prior * (total + 1) ** 0.5 / (1 + len(wins))

        best = max(zip(node["moves"], node["prior"], strict=True), key=lambda pair: promise(*pair))[0]
        board.play(best)
        if best in node["below"]:
            win = 1 - self.visit(node["below"][best], board)
        else:
            keep = useful(board, board.to_play)
            keep[PASS] = not keep[:PASS].any()
            node["below"][best] = self.look(board, keep)
            win = 1 - node["below"][best]["win"]
        node["seen"].setdefault(best, []).append(win)
        return win


def test_it_visits_what_a_plain_search_visits(evaluator) -> None:
    """On several positions; and so does an analysis that is asked for nothing else."""
    for seed, moves in ((1, 0), (2, 8), (3, 60)):
        game = Game()
        for index, colour in play_randomly(seed, moves):
            game.play(index, colour)
        keep = useful(game.board, game.board.to_play)
        search, twin = Search(evaluator, game.board, 6.5, keep), Twin(evaluator, game.board, keep)
        search.run(60)
        for _ in range(60):
            twin.visit(twin.root, game.board.copy())
        assert {move: len(wins) for move, wins in twin.root["seen"].items()} == {int(i): int(search.visits[i]) for i in np.flatnonzero(search.visits)}
        analysis = Analysis(Player(evaluator), game, game.board.to_play)
        among = Search(evaluator, game.board, 6.5, np.isin(np.arange(362), analysis.candidates))
        analysis.advance(1e6, lambda: False, visits=60)
        among.run(60)
        for info in analysis.moves():
            assert (info.visits, info.winrate) == among.told(info.index)[:2]


def test_positions_without_visits_below_share_their_books(evaluator) -> None:
    """Most positions of a search are leaves: nothing is kept for their moves but the prior."""
    search = Search(evaluator, Board(), 6.5, useful(Board(), BLACK))
    search.run(50)
    nodes, leaves = [search.root], 0
    while nodes:
        node = nodes.pop()
        nodes += node.children.values()
        if not node.children:
            leaves += 1
            assert node.visits.base is not None
            assert not node.visits.any()
    assert leaves > 20


def test_a_search_goes_on_with_the_game() -> None:
    """What was seen of the position that came about is kept, and nothing else; another position begins anew."""
    judge = Judge(lambda own, other: 0.5, [(from_gtp(v), 5.0) for v in ("Q16", "D4", "Q4", "D16")])
    game = Game()
    search = Search(judge, game.board.copy(), 6.5, useful(game.board, BLACK))
    search.run(300)
    line, before = [move for move, _ in search.told(int(search.visits.argmax()))[2]], search.root
    node = before.children[int(before.visits.argmax())]
    node = node.children[int(node.visits.argmax())]
    kept, total = dict(zip(node.moves.tolist(), node.visits.tolist(), strict=True)), int(node.visits.sum())
    for index in line[:2]:
        game.play(index, game.board.to_play)
    for other in (Game(komi=0.5), game.copy()):
        other.board.play(line[2] if other.komi == 6.5 else line[0])
        other.board.play(from_gtp("A1"))
        assert not search.follow(other.board, other.komi, useful(other.board, other.board.to_play))
    assert not search.follow(game.board, 7.5, useful(game.board, BLACK))
    assert search.root is before
    keep = useful(game.board, BLACK)
    best = max(kept, key=lambda index: kept[index])
    keep[best] = False
    assert total > 10
    assert search.follow(game.board, 6.5, keep)
    assert search.count == total - kept[best]
    assert all(search.visits[index] == visits for index, visits in kept.items() if index != best)
    search.run(20)
    assert search.count == total - kept[best] + 20
    assert not search.visits[best]


def test_two_passes_end_the_game() -> None:
    """Where nobody has a useful move, the search passes, and counts."""
    board = Board()
    wall = {c: [r * 19 + col for r in range(19) for col in range(19) if (col < 9) == (c == BLACK) and (r + col) % 2] for c in (BLACK, WHITE)}
    board.set_up(wall[BLACK], wall[WHITE], BLACK)
    search = Search(Judge(lambda own, other: 0.5), board, 6.5, useful(board, BLACK) | (np.arange(362) == PASS))
    search.run(50)
    assert search.visits.sum() == 50
    board.play(PASS)
    board.play(PASS)
    ended = search._look(board)
    assert not len(ended.moves)
    assert ended.win == float(board.score(6.5) > 0)


def test_value_is_learned_where_the_result_is_known() -> None:
    torch.manual_seed(0)
    network = PolicyNetwork(PolicyConfig(blocks=1, channels=8, groups=("stones",), value=True)).eval()
    planes, moves = (torch.rand(6, 2, 19, 19) > 0.7).to(torch.uint8), torch.arange(6)
    won = torch.tensor([1, 0, UNDECIDED, 1, 1, UNDECIDED], dtype=torch.int8)
    task = PolicyTask()
    logits, value = network(planes.float())
    assert value.shape == (6,)
    plain = torch.nn.functional.cross_entropy(logits, moves)
    known = won >= 0
    value = value.detach()
    wanted = -torch.log(torch.where(won[known] == 1, value[known].sigmoid(), 1 - value[known].sigmoid())).sum()
    loss, _ = task.loss(network, (planes, moves, won))
    assert torch.allclose(loss, plain + VALUE_WEIGHT * wanted / 6)
    figures = task.summary({key: total.item() for key, total in task.judge(network, (planes, moves, won)).items()})
    assert figures["value_loss"] == pytest.approx(float(wanted) / 4)
    assert figures["value"] == float(((value[known] > 0) == (won[known] == 1)).float().mean())
    assert "value" not in task.summary({key: total.item() for key, total in task.judge(network, (planes, moves)).items()})


def test_from_games_to_a_player_that_looks_ahead(tmp_path: Path, sample_store: Path) -> None:
    run, plain = tmp_path / "run", tmp_path / "plain"
    good("go-train", sample_store, "--out", plain, *TRAIN)
    good("go-train", sample_store, "--out", run, "--from", plain, "--value", *TRAIN[: TRAIN.index("--blocks")], "--batch", "64")
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert 0 <= last["value"] <= 1
    assert 0 < last["value_loss"] < 5
    out = good("go-export", run, "--onnx", tmp_path / "m.onnx")
    assert float(out.split()[-1]) < 1e-4
    for model in (run, tmp_path / "m.onnx"):
        command = [sys.executable, "cli.py", "go-gtp", "--model", str(model), "--visits", "20"]
        talk = subprocess.run(command, cwd=ROOT, input="genmove b\ngenmove w\nquit\n", capture_output=True, text=True, check=True)
        assert talk.stdout.count("= ") == 3


def test_the_raw_network_says_who_wins_by_its_value_not_by_playouts() -> None:
    judge = Judge(lambda own, other: 0.75 if len(own) > len(other) else 0.25)
    one, two = talk(judge, "play b D4", "kata-raw-nn 0", "play w Q16", "play w C3", "kata-raw-nn 3")[1::3]
    assert "whiteWin 0.250000\nwhiteLoss 0.750000" in one  # white to play, behind
    assert "whiteWin 0.750000\nwhiteLoss 0.250000" in two  # black to play, behind
