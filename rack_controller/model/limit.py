"""Set-points that were asked for: what is wanted where, by whom, and how far that has come."""

from enum import StrEnum

import msgspec

from firmware_bridge.vocabulary.quantities import Quantity

COOLANT_WORDS = {
    "flow": Quantity.FLOW,
    "supply": Quantity.TEMPERATURE_SUPPLY,
    "pressure": Quantity.PRESSURE_DELTA,
    "pump_speed": Quantity.PUMP_SPEED,
}
"""What people call what can be set of a coolant unit; which of it a unit has is its register map's to say."""


class LimitState(StrEnum):
    """`requested`: written down, not confirmed.  `applied`: it reads back as wanted.  `unread`: the device took it, and
    does not say what it keeps.  `refused`: the device said no."""

    REQUESTED = "requested"
    APPLIED = "applied"
    UNREAD = "unread"
    REFUSED = "refused"


class SetPoint(msgspec.Struct, frozen=True):
    """One value that is wanted, in its quantity's unit.  `by`: a person, or `interlock CAUSE`; `read_back`: what the
    device kept when it was asked last; `detail` says what the device said, or why it was not asked.  `follows`: it goes
    up and down with what an interlock sees; `before`: what was there, and is wanted again afterwards by `before_by`;
    `took`: whose following caps it lies upon, none of which may be passed before it is over.
    """

    place: str
    endpoint: str
    value: float
    by: str
    wanted_unix_ns: int
    state: LimitState = LimitState.REQUESTED
    read_back: float | None = None
    detail: str = ""
    quantity: Quantity = Quantity.POWER_LIMIT
    follows: bool = False
    before: float | None = None
    before_by: str = ""
    took: list[str] = []

    @property
    def by_interlock(self) -> bool:
        """Return whether no person asked for it."""
        return self.by.startswith("interlock ")


def decode_set_point(document: str) -> SetPoint:
    """Return a set-point as a journal keeps it; one of before other quantities could be set has its value as `watts`.

    Raises msgspec.MsgspecError for what is none.
    """
    kept = msgspec.json.decode(document, type=dict[str, object])
    if "watts" in kept:
        kept["value"] = kept.pop("watts")
    return msgspec.convert(kept, SetPoint)


class LimitRow(msgspec.Struct, frozen=True):
    """One place where a value can be set: what the device allows (None where it does not say), what it shows now, and
    what is wanted; `held`: why that is not raised now (of a coolant unit: not turned down), empty when it may be."""

    place: str
    endpoint: str
    least: float | None
    most: float | None
    default: float | None
    shows: float | None
    wanted: SetPoint | None = None
    held: str = ""
    quantity: Quantity = Quantity.POWER_LIMIT
