"""Conditioning: what may be known of a game beside its board, as the bits of one number.

Some planes show it (`gocnn.features.planes`): a network that was told where games come from can be
asked for that style. It is hidden from the network half of the time, so that it can be asked
without. Who won is what a network with a value head learns to foresee.
"""

HANDICAP = 1
"""The game began with handicap stones."""

BLACK_WON, WHITE_WON = 2, 4
BLACK_PROFESSIONAL, WHITE_PROFESSIONAL = 8, 16
TYGEM, TOM, FOX = 32, 64, 128

ORIGIN = BLACK_PROFESSIONAL | WHITE_PROFESSIONAL | TYGEM | TOM | FOX

SERVERS = {"tygem": TYGEM, "tom": TOM, "fox": FOX}
"""By the name that a game's place (`PC`) or file begins with."""

STYLES = {"any": 0, **SERVERS, "professional": BLACK_PROFESSIONAL | WHITE_PROFESSIONAL}
"""What a network can be asked to play like."""
