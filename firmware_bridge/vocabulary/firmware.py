"""Firmware of an endpoint in our own words: which parts it has, what runs on them, and how far an update is."""

from dataclasses import dataclass
from enum import StrEnum

from firmware_bridge.vocabulary.units import Seconds


@dataclass(frozen=True, slots=True)
class FirmwarePart:
    """One member of an endpoint's firmware inventory.

    `uri` names it to the device; `software_id` tells which components of a package are for it, empty where it does not
    say; `updateable` false: the device says that it cannot be written.
    """

    id: str
    uri: str
    version: str
    software_id: str = ""
    updateable: bool = True


@dataclass(frozen=True, slots=True)
class FirmwareSight:
    """One look at an endpoint's firmware.  `taken_at`: when it was asked, monotonic s.

    `offers`: whether it takes an image that is pushed to it, of `most_bytes` at most (0: it does not say).
    `remembers`: whether it keeps a list of its tasks; `tasks`: the updates in it, ended or not, the newest last;
    `running`: those that are under way.
    `controller_marker` differs after the controller has started anew, empty where it does not tell.
    """

    taken_at: Seconds
    parts: tuple[FirmwarePart, ...]
    offers: bool
    most_bytes: int = 0
    tasks: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    controller_marker: str = ""
    remembers: bool = False

    def part(self, uri: str) -> FirmwarePart | None:
        """Return the part at `uri`, None when it is not there."""
        return next((p for p in self.parts if p.uri == uri), None)


class UpdatePhase(StrEnum):
    """How far an update is, as its task says: `gone` when the device does not know the task any more."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class UpdateSight:
    """One look at an update's task.  `percent` None where it does not say; `said`: its newest message."""

    phase: UpdatePhase
    percent: int | None = None
    said: str = ""
