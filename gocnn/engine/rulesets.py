"""Rule sets: their names, what each says, and how they are written. Names and fields are KataGo's
(https://lightvector.github.io/KataGo/rules.html), since board programs use them."""

import difflib
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from gocnn.games import text as texts

KO = ("SIMPLE", "POSITIONAL", "SITUATIONAL")
SCORING = ("AREA", "TERRITORY")
TAX = ("NONE", "SEKI", "ALL")
BONUS = ("0", "N-1", "N")


class BadRules(ValueError):
    """Rules that are unknown, or that cannot be followed; the text says which."""


@dataclass(frozen=True)
class Rules:
    """What a game is played by; the defaults are Tromp and Taylor's.

    ko: of `KO`; POSITIONAL forbids every earlier whole-board position, SITUATIONAL only with the
    same side to move. scoring: of `SCORING`. tax: of `TAX`; SEKI: no territory in seki; ALL:
    besides, each living group gives two points. suicide: whether more than one stone may take
    itself off. bonus: of `BONUS`; what white gets for N handicap stones. friendly_pass: dead stones
    need not be taken before the game ends (area scoring).
    """

    ko: str = "POSITIONAL"
    scoring: str = "AREA"
    tax: str = "NONE"
    suicide: bool = True
    bonus: str = "0"
    friendly_pass: bool = False

    @property
    def territory(self) -> bool:
        """Whether territory and prisoners are counted, not area."""
        return self.scoring == "TERRITORY"

    @property
    def superko(self) -> bool:
        """Whether longer repetitions than the simple ko are forbidden."""
        return self.ko != "SIMPLE"

    @property
    def situational(self) -> bool:
        """Whether a repetition needs the same side to move."""
        return self.ko == "SITUATIONAL"

    def white_bonus(self, stones: int) -> int:
        """Points that white gets for so many handicap stones; one stone is none."""
        return 0 if stones < 2 else {"0": 0, "N-1": stones - 1, "N": stones}[self.bonus]

    def to_json(self) -> dict[str, Any]:
        """As KataGo writes them."""
        return {
            "friendlyPassOk": self.friendly_pass,
            "hasButton": False,
            "ko": self.ko,
            "scoring": self.scoring,
            "suicide": self.suicide,
            "tax": self.tax,
            "whiteHandicapBonus": self.bonus,
        }


CHINESE = Rules("SIMPLE", "AREA", "NONE", False, "N", True)
CHINESE_SERVERS = replace(CHINESE, ko="POSITIONAL")
JAPANESE = Rules("SIMPLE", "TERRITORY", "SEKI", False, "0", True)
AGA = Rules("SITUATIONAL", "AREA", "NONE", False, "N-1", True)
TROMP_TAYLOR = Rules()

RULES = {
    "chinese": CHINESE,
    "chinese-kgs": CHINESE_SERVERS,
    "chinese-ogs": CHINESE_SERVERS,
    "japanese": JAPANESE,
    "korean": JAPANESE,
    "aga": AGA,
    "bga": AGA,
    "french": AGA,
    "new-zealand": Rules("SITUATIONAL", "AREA", "NONE", True, "0", True),
    "tromp-taylor": TROMP_TAYLOR,
    "ing": Rules("POSITIONAL", "AREA", "NONE", True, "0", True),
    "stone-scoring": Rules("SIMPLE", "AREA", "ALL", False, "0", True),
    "ancient-area": Rules("SIMPLE", "AREA", "ALL", False, "0", True),
    "ancient-territory": Rules("SIMPLE", "TERRITORY", "ALL", False, "0", True),
}
"""The rule sets by name."""

UNSTATED = "chinese"
"""The rules of a record that names none."""

_OTHER_NAMES = {"nz": "new-zealand", "goe": "ing", "jp": "japanese", "cn": "chinese"}


def _plain(name: str) -> str:
    """A name as it is compared: small letters, without what stands between words."""
    return re.sub(r"[-_ ]", "", name.lower())


_NAMES = {_plain(name): name for name in RULES}
_KEYS = {
    "ko": ("ko", KO),
    "score": ("scoring", SCORING),
    "scoring": ("scoring", SCORING),
    "tax": ("tax", TAX),
    "whiteHandicapBonus": ("bonus", BONUS),
}
_SWITCHES = {"suicide": "suicide", "friendlyPassOk": "friendly_pass"}
_SHORT = re.compile(
    r"(ko|scoring|score|tax|sui|button|whb|fpok)\s*(SIMPLE|POSITIONAL|SITUATIONAL|SPIGHT|AREA|TERRITORY|NONE|SEKI|ALL|N-1|N|0|1)\s*"
)
_KOMI = re.compile(r"komi\s*(-?\d{1,4}(?:\.\d{1,4})?)\s*")
_SHORT_KEYS = {
    "sui": "suicide",
    "button": "hasButton",
    "whb": "whiteHandicapBonus",
    "fpok": "friendlyPassOk",
}


def parse(rules: Any) -> Rules:
    """Rules from a name, in any of KataGo's spellings, or from its JSON object (as text or as a
    dictionary); what an object leaves out is Tromp and Taylor's. Raises BadRules."""
    if isinstance(rules, dict):
        return _from_object(rules)
    if not isinstance(rules, str):
        raise BadRules(f"{json.dumps(rules)[:60]} are no rules: give a name or an object")
    text = rules.strip()
    if text.startswith("{"):
        return _from_object(_object(text))
    plain = _plain(text)
    plain = _plain(_OTHER_NAMES.get(plain, plain))
    if plain in _NAMES:
        return RULES[_NAMES[plain]]
    if plain == "agabutton":
        raise BadRules("aga-button needs the button, which this engine does not know: choose aga")
    parts = _SHORT.findall(text)
    if parts and not _SHORT.sub("", text):
        return _from_object({_SHORT_KEYS.get(key, key): value for key, value in parts})
    near = difflib.get_close_matches(plain[:60], _NAMES, 1, 0.7)
    meant = f"did you mean {_NAMES[near[0]]}? " if near else ""
    raise BadRules(
        f"unknown rules {text[:60]!r}: {meant}choose {', '.join(RULES)}, or give a JSON object"
    )


def parse_with_komi(rules: Any) -> tuple[Rules, float | None]:
    """Rules as `parse` reads them, in which a number `komi` may stand beside the others, as KataGo
    writes and reads it; None if there is none. Raises BadRules."""
    found: Any = rules
    if isinstance(rules, str) and rules.strip().startswith("{"):
        found = _object(rules)
    if isinstance(found, dict) and "komi" in found:
        komi = found["komi"]
        if isinstance(komi, bool) or not isinstance(komi, int | float):
            raise BadRules(f"rule komi is a number, not {json.dumps(komi)[:40]}")
        return parse({key: value for key, value in found.items() if key != "komi"}), float(komi)
    if isinstance(rules, str) and (komi_said := _KOMI.search(rules)):
        return parse(_KOMI.sub("", rules)), float(komi_said[1])
    return parse(rules), None


def of_record(stated: str) -> str | None:
    """The rules that a record's `RU` states, by a name or the short form that `parse` reads; None
    if it states none that are known. Records write them in more ways than programs do
    (`gocnn.games.text.rules`)."""
    try:
        return _NAMES.get(_plain(stated)) or texts.rules(stated) or name_of(parse(stated))
    except BadRules:
        return None


def _object(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRules("the rules begin like a JSON object but are none") from None
    return found


def name_of(rules: Rules) -> str:
    """The first name that these rules have, else KataGo's short form; `parse` reads either."""
    named = next((name for name, known in RULES.items() if known == rules), None)
    return (
        named
        or f"ko{rules.ko}score{rules.scoring}tax{rules.tax}"
        f"sui{rules.suicide:d}whb{rules.bonus}fpok{rules.friendly_pass:d}"
    )


def _from_object(wished: dict[str, Any]) -> Rules:
    rules = TROMP_TAYLOR
    for key, value in wished.items():
        rules = changed(rules, key, value)
    if "tax" not in wished and rules.territory:
        rules = replace(rules, tax="SEKI")
    return rules


def changed(rules: Rules, key: str, value: Any) -> Rules:
    """These rules with one of KataGo's fields set; texts in either case. Raises BadRules."""
    if not isinstance(value, str | bool):
        raise BadRules(f"rule {key[:40]} cannot be {json.dumps(value)[:40]}")
    text = str(value).strip().upper()
    fields: dict[str, Any] = {}
    if key in _KEYS:
        field, allowed = _KEYS[key]
        if text not in allowed:
            raise BadRules(f"rule {key} is one of {', '.join(allowed)}, not {str(value)[:40]!r}")
        fields[field] = text
        return replace(rules, **fields)
    if key in _SWITCHES or key == "hasButton":
        if text not in ("TRUE", "FALSE", "1", "0"):
            raise BadRules(f"rule {key} is true or false, not {str(value)[:40]!r}")
        on = text in ("TRUE", "1")
        if key != "hasButton":
            fields[_SWITCHES[key]] = on
            return replace(rules, **fields)
        if on:
            raise BadRules("rule hasButton: this engine does not know the button")
        return rules
    raise BadRules(f"unknown rule {key[:40]!r}")
