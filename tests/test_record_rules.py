"""The rules, the komi and the handicap of a record: the page, a review, go-suggest and GTP read the
same in it, and say it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import gocnn
from gocnn import api
from gocnn.board import BLACK
from gocnn.commands import main
from gocnn.engine.game import game_at
from gocnn.engine.player import Player
from gocnn.engine.rulesets import RULES, UNSTATED, of_record, parse
from gocnn.games import sgf_tree
from gocnn.games.text import WITH_SUICIDE
from gocnn.review import text as review_text
from gocnn.review.course import terms_of
from gocnn.review.page import content
from gocnn.review.review import review
from gocnn.serve.records import File, sgf
from tests.conversation import talk
from tests.knower import Knower, truth

NAMED = {
    "chinese": "Chinese,chinese,CHINESE,cn,CN,Zhongguo,中国,中國規則,\uff23\uff28\uff29\uff2e,Chinese rules",
    "japanese": "Japanese,jp,日本,日本ルール,Japanese Rules,JAPAN,Nihon",
    "korean": "Korean,korea,KR,한국,韓国",
    "aga": "AGA,aga rules,American",
    "bga": "BGA,British",
    "french": "French,FFG,Français",
    "new-zealand": "NZ,New Zealand,new-zealand,NewZealand",
    "tromp-taylor": "Tromp-Taylor,tromp taylor,TrompTaylor,TT",
    "ing": "Ing,ING,GOE,goe,Ing Goe,应氏规则,應氏",
    "chinese-ogs": "chinese-ogs,Chinese OGS",
    "stone-scoring": "Stone Scoring",
}
"""As records have them, by what they mean."""

UNNAMED = ("", "?", "OGS", "19x19", "a", "chess", "{", "\x00", "ko" * 500)
"""What names none."""

SHORT = "koSIMPLEscoreTERRITORYtaxALLsui1whb0fpok1"
"""As KataGo writes rules that have no name."""


@pytest.mark.parametrize("rules", NAMED)
def test_rules_are_known_by_their_spellings(rules: str) -> None:
    assert rules in RULES
    for text in NAMED[rules].split(","):
        assert of_record(text) == of_record(f"  {text} ") == rules, text


def test_every_name_that_a_program_writes_is_known() -> None:
    assert {name: of_record(name) for name in RULES} == {name: name for name in RULES}
    assert parse(str(of_record(SHORT))) == parse(SHORT) not in RULES.values()
    assert [text for text in UNNAMED if of_record(text) is not None] == []


FOX = "AP[foxwq]"
HANDICAP = "HA[2]AB[dd][pp]"
RECORDS = [
    ("RU[Chinese]KM[375]" + FOX, "chinese", 7.5),
    ("RU[chinese]KM[650]" + FOX, "chinese", 6.5),
    ("RU[Chinese]KM[6.5]", "chinese", 6.5),
    ("RU[中国规则]KM[3.75]", "chinese", 7.5),
    ("RU[Japanese]KM[0]HA[0]" + FOX, "japanese", None),
    ("RU[jp]KM[50]HA[1]" + FOX, "japanese", 0.5),
    ("RU[Japanese]KM[0]" + HANDICAP + FOX, "japanese", 0.0),
    ("RU[日本]KM[6,5]", "japanese", 6.5),
    ("RU[AGA]KM[0.5]" + HANDICAP, "aga", 0.5),
    ("RU[GOE]KM[8]", "ing", 8.0),
    ("RU[GOE]KM[]", "ing", None),
    ("RU[New Zealand]KM[7]", "new-zealand", 7.0),
    ("RU[what]KM[5.5]", None, 5.5),
    (HANDICAP, None, None),
    ("KM[abc]", None, None),
]


@pytest.mark.parametrize(("header", "rules", "komi"), RECORDS)
def test_page_review_suggestion_and_gtp_agree(
    header: str,
    rules: str | None,
    komi: float | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = f"(;GM[1]CA[UTF-8]SZ[19]{header};W[qd];B[dq])".encode()
    file = tmp_path / "game.sgf"
    file.write_bytes(data)
    usual = (0.5 if "HA[2]" in header else 6.5) if komi is None else komi

    (dropped,) = sgf(File("game.sgf"), data).games
    assert (dropped.rules, dropped.komi) == (rules, komi)

    (record,) = sgf_tree.parse(data, "game.sgf")
    terms = terms_of(record)
    assert (terms.rules_name, terms.rules_stated) == (rules or UNSTATED, rules is not None)
    assert (terms.komi, terms.stated) == (usual, komi is not None)
    found = review(record, "game.sgf", Knower())
    shown = content(found)
    assert [shown[name] for name in ("rules_name", "rules_stated", "komi")] == [
        terms.rules_name,
        terms.rules_stated,
        usual,
    ]
    said = "\n".join(review_text.report(found))
    assert f"{terms.rules_name} rules" in said
    assert f"komi {usual:g}" in said

    monkeypatch.setattr("gocnn.policy.runtime.open_evaluator", lambda *_: Knower())
    answer = json.loads(CliRunner().invoke(main, ["go-suggest", str(file), "--json"]).stdout)
    assert found.course is not None
    assert answer["lead"] == pytest.approx(found.course.lead[-1], abs=1e-3)
    assert (answer["komi"], answer["rules_stated"]) == (usual, rules is not None)
    assert rules is None or answer["rules"] == RULES[rules].to_json()
    said = CliRunner().invoke(main, ["go-suggest", str(file)]).output
    assert (f", by {rules} rules (" in said) == (rules is not None)

    set_before = ("kata-set-rules korean", "komi 3")
    _, _, side, told, printed = talk(
        Knower(), *set_before, f"loadsgf {file}", "get_komi", "kata-get-rules"
    )
    assert side == "white"
    assert parse(printed) == RULES[rules or "korean"]
    assert float(told) == (3 if komi is None else komi)
    error = capsys.readouterr().err
    assert f"komi {float(told):g}" in error
    assert f"{rules or 'japanese'} rules" in error  # Korean rules are the Japanese ones


def test_a_chain_takes_itself_off_where_the_rules_let_it(tmp_path, capsys):
    """A store takes no such game; where it is looked at, it goes on."""
    assert set(WITH_SUICIDE) == {name for name, rules in RULES.items() if rules.suicide}
    moves = ";B[aq];W[as];B[br];W[pp];B[bs];W[pd];B[dd];W[ar];B[jj]"
    for named, goes_on in (("NZ", True), ("Tromp-Taylor", True), ("Chinese", False), ("", False)):
        data = f"(;SZ[19]KM[7]RU[{named}]{moves})".encode()
        (record,) = sgf_tree.parse(data, "x")
        assert len(record.steps) == (9 if goes_on else 7)
        assert ("suicide" in record.trouble) != goes_on
        found = review(record, "x", Knower())
        assert found.course is not None
        board = sgf_tree.position_after(record, len(record.steps))
        assert found.course.lead[-1] == pytest.approx(truth(board).sum() - 7, abs=1e-3)
        assert len(content(found)["moves"]) == len(record.steps)
        file = tmp_path / "game.sgf"
        file.write_bytes(data)
        stones = talk(Knower(), f"loadsgf {file} 10", "list_stones white", "list_stones black")
        assert (stones[1:] == ["Q4 Q16", "B1 B2 A3 K10 D16"]) == goes_on
    capsys.readouterr()


@pytest.mark.parametrize(("stones", "bonus"), [("", 0), ("AB[pd][dp]", 2), ("AB[pd][dp][dd]", 3)])
@pytest.mark.parametrize("asked", [None, 3.5])
def test_every_caller_counts_what_white_gets_for_handicap_stones(
    stones, bonus, asked, tmp_path, monkeypatch
):
    """go-suggest, the library and GTP say of a handicap game what the knower says of the board,
    less komi and less a point for each stone (Chinese rules)."""
    monkeypatch.setattr("gocnn.policy.runtime.open_evaluator", lambda *_: Knower())
    handicap = f"HA[{bonus}]" if bonus else ""
    first = "W" if bonus else "B"
    record = tmp_path / "a.sgf"
    record.write_text(f"(;GM[1]SZ[19]KM[0.5]{handicap}{stones};{first}[pp])")
    position = gocnn.position(record)
    komi = 0.5 if asked is None else asked
    lead = pytest.approx(truth(position.board).sum() - komi - bonus, abs=1e-3)

    arguments = ["go-suggest", str(record), *([] if asked is None else ["--komi", str(asked)])]
    answer = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).output)
    assert (answer["lead"], answer["komi"], answer["handicap_bonus"]) == (lead, komi, bonus)
    text = CliRunner().invoke(main, arguments).output
    assert f"with komi {komi:g}{f' and {bonus} for handicap stones' if bonus else ''} (" in text

    game = game_at(position, asked)
    assert Player(Knower()).estimate(game).score_mean == lead
    if asked is None:
        found = api.Network(Knower()).evaluate(position)
        assert found.score is not None
        mine = found.score if position.board.to_play == BLACK else -found.score
        assert mine == lead
