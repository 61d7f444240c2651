"""What a rack and its building tell each other, as data: points, who says them, and when a value can be believed."""

from dataclasses import dataclass, field
from enum import StrEnum

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity


class Speaker(StrEnum):
    """Who says a point's value."""

    BUILDING = "building"
    US = "us"


class ObjectKind(StrEnum):
    """What a point is of."""

    RACK = "rack"
    SYSTEM = "system"


class Meaning(StrEnum):
    """What a point stands for where we act on it; a point without one is only a reading."""

    LEAK = "leak"
    LEAK_SENSOR_FAULT = "leak_sensor_fault"
    LIQUID_ISOLATED = "liquid_isolated"
    ELECTRICALLY_ISOLATED = "electrically_isolated"
    TRAY_LEAKS = "tray_leaks"
    LIQUID_WANTED = "liquid_isolation_wanted"
    ELECTRICAL_WANTED = "electrical_isolation_wanted"
    HEARTBEAT = "heartbeat"
    ECHO = "echo"
    OUR_HEARTBEAT = "our_heartbeat"
    OUR_ECHO = "our_echo"


@dataclass(frozen=True, slots=True)
class BuildingPoint:
    """One point.  `leaf` and `quantity`: where its value is a reading; `factor`: what a value is multiplied with to be
    in our unit; `least` and `most` bound it as it comes; `states`: the only numbers that it may be."""

    name: str
    of: ObjectKind
    by: Speaker
    means: Meaning | None = None
    leaf: str = ""
    quantity: Quantity | None = None
    unit: str = ""
    factor: float = 1.0
    least: float = float("-inf")
    most: float = float("inf")
    states: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildingContract:
    """All points, and how the two sides talk.  Times are in seconds."""

    root: str
    publisher: str
    good: int
    republish_s: float
    heartbeat_s: float
    heartbeat_lost_s: float
    stale_s: float
    ahead_s: float
    late_s: float
    points: dict[str, BuildingPoint]

    def meaning(self, means: Meaning) -> BuildingPoint | None:
        """Return the point that stands for something, None where there is none."""
        return next((p for p in self.points.values() if p.means is means), None)


@dataclass(frozen=True, slots=True)
class BuildingSide:
    """What was agreed with one site's building: our name as an integration, and what it calls each rack."""

    integration: str
    racks: dict[Place, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildingMessage:
    """One message as it came.  `kept`: the broker had kept it; `size` in bytes, of which `payload` may be the head."""

    topic: str
    payload: bytes
    kept: bool
    size: int

    @property
    def whole(self) -> bool:
        """Return whether all of it was held."""
        return self.size == len(self.payload)


@dataclass(slots=True)
class LinkCounts:
    """What became of messages since the start."""

    connections: int = 0
    published: int = 0
    taken: int = 0
    republished: int = 0
    received: int = 0
