"""What people and tools see of a rack's building: the link, its heartbeat, its points, and what was asked of it.

Travels on `state`, in short with the rack's endpoints.
"""

from enum import StrEnum

import msgspec


class Isolation(StrEnum):
    """How one kind of isolation stands.  Asked, requested and confirmed are three things."""

    NONE = "none"  # not asked for, and the building says that it is not so
    UNKNOWN = "unknown"  # not asked for, and nobody knows whether it is so
    ASKED = "asked"  # wanted by an interlock; the building's broker does not have it (yet)
    REQUESTED = "requested"  # the broker has it; the building's status does not say that it is so (yet)
    CONFIRMED = "confirmed"  # asked for, and the building says that it is so
    BY_BUILDING = "by_building"  # not asked for by us, and the building says that it is so


class IsolationView(msgspec.Struct, frozen=True):
    """One kind of isolation: `liquid` or `electrical`.  Ages in s, None for what did not happen.  `status`: what the
    building's own point says now (set, clear, unknown); `deadline_s`: how long a confirmation may still take, below
    zero where it is overdue; `why`: why it could not be said."""

    kind: str
    state: Isolation
    status: str
    requested_s: float | None = None
    taken_s: float | None = None
    confirmed_s: float | None = None
    deadline_s: float | None = None
    overdue: bool = False
    why: str = ""
    topics: list[str] = []


class BuildingLinkView(msgspec.Struct, frozen=True):
    """The connection to the broker.  `connected_s`: for so long now; `error`: why it is not there.  Counters run since
    the controller's start: `published` and `taken` count messages of ours, `republished` those said again after the
    broker was away, `waiting` those that it has not taken yet, `received` what came, `refused` what could not be
    believed, `elsewhere` what is of other racks."""

    broker: str
    integration: str
    connected: bool
    connected_s: float | None
    error: str
    connections: int
    published: int
    taken: int
    republished: int
    waiting: int
    received: int
    refused: int
    elsewhere: int


class BuildingPointView(msgspec.Struct, frozen=True):
    """One point: `value` in `unit` (None: unknown), `quality` as of every reading, `why` it is not good; `said_by`:
    building or us; `age_s`: since it was said; `told_at_ms`: by the sender's own clock; `place` is empty for what is no
    reading."""

    point: str
    said_by: str
    place: str
    topic: str
    value: float | None
    unit: str
    state: str
    quality: str
    why: str
    age_s: float | None
    told_at_ms: int | None


class RefusedView(msgspec.Struct, frozen=True):
    """One topic whose messages could not be believed: why the last one could not, how many there were, how long ago."""

    topic: str
    why: str
    count: int
    age_s: float


class BuildingState(msgspec.Struct, frozen=True):
    """Everything of one rack and its building.  `agreed` false: the site names no building for this rack, and nothing
    else is filled.  `identity`: what the building calls the rack; `heartbeat_age_s`: since the building was heard,
    `echo_age_s`: since it said our heartbeat again; `silent`: why nobody hears it, empty when it is heard."""

    rack: str
    agreed: bool
    armed: bool = False
    identity: str = ""
    link: BuildingLinkView | None = None
    heartbeat_age_s: float | None = None
    echo_age_s: float | None = None
    silent: str = ""
    sensor_fault: str = ""
    leak: bool | None = None
    isolation: list[IsolationView] = []
    points: list[BuildingPointView] = []
    refused: list[RefusedView] = []


class BuildingGlance(msgspec.Struct, frozen=True):
    """A rack's building in short, without ages: it is told when it changes.  `silent` is empty when it is heard; how
    both isolations stand; how many of its points are not good, and how many messages could not be believed."""

    connected: bool
    silent: str
    leak: bool | None
    liquid: Isolation
    electrical: Isolation
    overdue: bool
    points: int
    points_not_good: int
    refused: int
