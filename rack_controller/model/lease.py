"""Who may act on one facet of an endpoint now.  Values only; who wins is decided in `decide/leases.py`."""

from enum import IntEnum, StrEnum

import msgspec


class Facet(StrEnum):
    """What of an endpoint is acted on."""

    POWER_STATE = "power_state"
    POWER_LIMIT = "power_limit"
    COOLING = "cooling"
    FIRMWARE = "firmware"
    CONFIG = "config"


class LeaseClass(IntEnum):
    """On whose behalf; the higher one wins."""

    INVENTORY = 0
    FIRMWARE = 1
    OPERATOR = 2
    POWER = 3
    THERMAL = 4
    INTERLOCK = 5


class Direction(StrEnum):
    """Where an act leads: anyone with the role may go toward safe, always."""

    SAFE = "safe"
    ENERGISED = "energised"
    NEUTRAL = "neutral"


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants to hold: `holder` is an operation or an interlock, `actor` the person behind it."""

    endpoint: str
    facet: Facet
    rank: LeaseClass
    holder: str
    direction: Direction
    actor: str = ""


class Lease(msgspec.Struct, frozen=True):
    """A granted wish.  `token` grows with every grant; `until` is monotonic, in s."""

    wish: Wish
    token: int
    until: float
