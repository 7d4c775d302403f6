"""What may be known of a game beside its board, as the bits of one number; some planes show it (`gocnn.board.planes`).

A network that was told who won while it learned can be asked how the winner would play; one that was told where a game comes from can be asked
for that style. Both are also hidden from it half of the time, so that it can be asked without.
"""

HANDICAP = 1
"""The game began with handicap stones."""

BLACK_WON, WHITE_WON = 2, 4
BLACK_PROFESSIONAL, WHITE_PROFESSIONAL = 8, 16
TYGEM, TOM, FOX = 32, 64, 128

OUTCOME = BLACK_WON | WHITE_WON
ORIGIN = BLACK_PROFESSIONAL | WHITE_PROFESSIONAL | TYGEM | TOM | FOX

SERVERS = {"tygem": TYGEM, "tom": TOM, "fox": FOX}
"""By the name that a game's place (`PC`) or file begins with."""

STYLES = {"any": 0, **SERVERS, "professional": BLACK_PROFESSIONAL | WHITE_PROFESSIONAL}
"""What a network can be asked to play like."""


def won_by(colour: int) -> int:
    """The fact that `colour` (1 black, 2 white) won."""
    return BLACK_WON << (colour - 1)
