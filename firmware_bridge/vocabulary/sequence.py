"""How racks of a generation are switched on and off: stages, checks and acts, as `sequence.yaml` states them.

Holds no order of its own: which kind of tray comes first is the file's to say.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.quantities import Quantity

SEQUENCE_SCHEMA = 1

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_]{0,47}$")]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
_Longer = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=512)]


class Scope(StrEnum):
    """Whose readings a check looks at: every tray of the rack, or only those that the stage switches."""

    RACK = "rack"
    STAGE = "stage"


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One condition over a snapshot.  A reading that is not good does not meet it.

    `over`: kinds of tray; `part`: a component or an endpoint of theirs (empty: the tray itself); `sensors`: instead of
    it, sensors of theirs by the last part of their places, where a device's own sensors say it.  A value meets the
    check when it is the word `is`, at least `least` and at most `most` (in the quantity's unit), at most
    `over_supply_k` above the coolant's supply.  `at_least`: how many must (none: all).  `share_error`: the largest
    distance of one value from the mean, as a share of it, or of `share_from` of a shelf's rating where the mean is
    less: supplies share by droop, and what sets them apart does not shrink with the load.  `per`: a component of which
    each tray's value is compared by how many are well: a shelf with a dead supply gives less and shares all the same.
    `steady_s`: for how long without a break.  `same_version`: instead of a reading, the versions of the trays'
    endpoints of that name are all known and alike.  `dark_when_off`: a part whose tray was seen off needs no reading.
    """

    name: _Name
    title: str
    over: Annotated[list[TrayKind], msgspec.Meta(min_length=1)]
    quantity: Quantity | None = None
    part: str = ""
    sensors: Annotated[list[_Name], msgspec.Meta(max_length=64)] = []
    scope: Scope = Scope.RACK
    wanted: str | None = msgspec.field(default=None, name="is")
    least: float | None = None
    most: float | None = None
    over_supply_k: float | None = None
    at_least: _Count | None = None
    share_error: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    share_from: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    per: str = ""
    steady_s: _Seconds = 0.0
    same_version: str = ""
    dark_when_off: bool = False


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Trays that are switched together.  `of`: which kinds (none: the stage only checks).

    `width`: how many at a time; `gap_s`: between two starts; `settle_s`: after a tray is seen as wanted, before it
    counts; `timeout_s`: how long the checks may take; `inrush_w`: what a tray may draw beyond its rating while it
    settles.  `on_failure`: whether the trays after one that failed are still switched.
    """

    name: _Name
    title: str
    of: list[TrayKind] = []
    before: list[Check] = []
    after: list[Check] = []
    width: _Count = 1
    gap_s: _Seconds = 0.0
    settle_s: _Seconds = 0.0
    timeout_s: _Longer = 120.0
    inrush_w: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    order: Literal["up", "down"] = "up"
    on_failure: Literal["continue", "stop"] = "stop"


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request to a tray, and how long (s) until what it asks for must be seen; then comes the next one."""

    action: PowerAction
    within_s: _Longer


class Acts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What brings one tray there: the first act, then the next one when that was not seen in time."""

    host_on: Annotated[list[Act], msgspec.Meta(min_length=1)]
    host_off: Annotated[list[Act], msgspec.Meta(min_length=1)]
    aux_off: list[Act] = []


class Flashing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a pushed image may take until what it carries runs, and, of that, how long a controller that starts
    anew may be away after its task has ended; in s."""

    within_s: _Longer = 3600.0
    back_s: _Longer = 420.0


class Again(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long a step that may be done twice is tried, and how far apart its tries are; in s."""

    within_s: _Longer = 60.0
    every_s: _Longer = 5.0


LIMITS, LOOKS = Again(), Again(120.0)


class SequenceFact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a number comes from."""

    source: str
    confirmed: bool


class Sequence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`sequence.yaml`.  `request_s`: after it no request of ours can still be on its way to a device.  `limits`,
    `looks`: how a limit that was not taken is asked for again, and an endpoint that was not met looked at again."""

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=SEQUENCE_SCHEMA)]
    request_s: _Longer
    acts: dict[TrayKind, Acts]
    power_on: Annotated[list[Stage], msgspec.Meta(min_length=1)]
    power_off: Annotated[list[Stage], msgspec.Meta(min_length=1)]
    firmware: Flashing = Flashing()
    limits: Again = LIMITS
    looks: Again = LOOKS
    facts: dict[str, SequenceFact] = {}
