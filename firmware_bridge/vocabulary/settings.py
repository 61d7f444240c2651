"""Settings of an endpoint, and which of its properties say where it stands: as a generation states them, as read."""

from dataclasses import dataclass, field
from enum import StrEnum

from firmware_bridge.vocabulary.identity import Identity
from firmware_bridge.vocabulary.line import LineLook
from firmware_bridge.vocabulary.neighbour import SeenNeighbour

Scalar = str | bool | int | float | None


class SettingKind(StrEnum):
    """How a setting is read: a property, a clock against ours, who else subscribes to the endpoint's events.

    `neighbours` is no setting: a question to whom the endpoint's cables lead.
    """

    PROPERTY = "property"
    CLOCK = "clock"
    SUBSCRIPTIONS = "subscriptions"
    NEIGHBOURS = "neighbours"


class SlotSays(StrEnum):
    """What a number that an endpoint says of its place counts.

    `unit`: the lowest rack unit of its tray.  `index`: trays of its own type, from the floor, from 0.  `ordinal`: trays
    of several types together, from the floor, from 1.
    """

    UNIT = "unit"
    INDEX = "index"
    ORDINAL = "ordinal"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.  `read`: where, as `URI#/Pointer`; `*` in a URI stands for the members of a collection.

    `wanted` are the values that are right; `most_s` is how far a clock may be off, in s.  `required`: the endpoint is
    not ready without it.  `fix`: it may be written, the first of `wanted` (a clock: our time).
    """

    name: str
    title: str
    read: tuple[str, ...]
    kind: SettingKind = SettingKind.PROPERTY
    wanted: tuple[Scalar, ...] = ()
    most_s: float | None = None
    required: bool = True
    fix: bool = False
    source: str = ""
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class PlaceCheck:
    """A property that says where a tray stands: what it counts, plus `offset`; `of`: the types an ordinal counts."""

    name: str
    read: tuple[str, ...]
    says: SlotSays
    offset: int = 0
    of: tuple[str, ...] = ()
    source: str = ""
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What an endpoint is asked for: a name of ours, where to read, and how."""

    name: str
    read: tuple[str, ...]
    kind: SettingKind = SettingKind.PROPERTY


@dataclass(frozen=True, slots=True)
class Found:
    """One property as it was read.  A clock's value is its offset from ours in s (positive: it is ahead)."""

    uri: str
    pointer: str
    value: Scalar
    doubt_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Examination:
    """What an endpoint answered: by question what was found (nothing: it does not say), and which part it is."""

    identity: Identity
    found: dict[str, tuple[Found, ...]] = field(default_factory=dict)
    line: LineLook | None = None  # of an endpoint on a serial line: who answers there
    neighbours: tuple[SeenNeighbour, ...] = ()  # who is heard at its network ports, where that was asked
