"""What an interlock leaves behind: a latch refuses power-on everywhere until a person clears it, restarts included."""

import msgspec

from firmware_bridge.vocabulary.place import Place


class Evidence(msgspec.Struct, frozen=True):
    """What was seen, where and when: `place` is the sensor's or the tray's, `text` in operator's words."""

    place: Place
    text: str
    unix_ns: int = 0


class Inspection(msgspec.Struct, frozen=True):
    """What a person wrote down before a latch was cleared.  Dry is not fixed: `done` says what was repaired."""

    found: str = ""
    done: str = ""
    pressure_check: str = ""

    def missing(self, wanted: list[str]) -> list[str]:
        """Return which of the `wanted` fields are empty."""
        return [name for name in wanted if not str(getattr(self, name, "")).strip()]


class Latch(msgspec.Struct, frozen=True):
    """One tripped row at one place.  Open until `cleared_ns`; `signed` are those who cleared it, in order.

    `wet`: the trays that its water may have reached.  They stay off with it.
    """

    id: str
    cause: str
    place: Place
    title: str
    tripped_ns: int
    evidence: list[Evidence]
    blocks: bool = True
    shadow: bool = False
    signed: list[str] = []
    inspection: Inspection | None = None
    cleared_ns: int | None = None
    refused_on: int = 0
    wet: list[Place] = []

    @property
    def open(self) -> bool:
        """Return whether it still stands."""
        return self.cleared_ns is None
