"""A tray's host power and boot source in our own words: what can be asked, and what is seen."""

from dataclasses import dataclass
from enum import StrEnum

from firmware_bridge.vocabulary.units import Seconds


class PowerAction(StrEnum):
    """What can be asked of a tray's power.  Which of them a device offers is its own saying."""

    ON = "on"
    GRACEFUL_OFF = "graceful_off"
    FORCE_OFF = "force_off"
    GRACEFUL_RESTART = "graceful_restart"
    FORCE_RESTART = "force_restart"
    AUX_OFF = "aux_off"
    AUX_CYCLE = "aux_cycle"


ENERGISES = frozenset((PowerAction.ON, PowerAction.GRACEFUL_RESTART, PowerAction.FORCE_RESTART, PowerAction.AUX_CYCLE))
"""What may end with a host that draws power; everything else only goes toward off."""


class ControllerRestart(StrEnum):
    """How a tray's management controller can be restarted.  Its host goes on; nobody sees the tray meanwhile."""

    GRACEFUL = "graceful"
    FORCE = "force"


class PowerState(StrEnum):
    """What a controller says of its host.  Silence and words that we do not know are `unknown`, never off."""

    ON = "on"
    OFF = "off"
    POWERING_ON = "powering_on"
    POWERING_OFF = "powering_off"
    UNKNOWN = "unknown"


class PowerDepth(StrEnum):
    """How deeply a tray is off: host off (standby rails live), auxiliary power off, isolated; `none` while it is not.

    A controller that answers has auxiliary power: the two deeper ones are never read from it.
    """

    NONE = "none"
    HOST_OFF = "host_off"
    AUX_OFF = "aux_off"
    ISOLATED = "isolated"


COUNTED = "~"
"""Begins a start marker that is a number of seconds read from counters: known to within `COUNTED_WITHIN`."""
COUNTED_WITHIN = 2


def started_anew(before: str, after: str) -> bool:
    """Return whether two start markers are those of two starts."""
    if before.startswith(COUNTED) and after.startswith(COUNTED):
        return abs(int(before[1:]) - int(after[1:])) > COUNTED_WITHIN
    return before != after


@dataclass(frozen=True, slots=True)
class PowerSight:
    """One look at a tray's power.  `taken_at`: when it was asked, monotonic s.

    `boot_marker` differs after the host has started anew and `controller_marker` after its controller has; empty where
    the device does not tell.  `allowed`: what the device offers at all, whatever the state is.
    """

    state: PowerState
    depth: PowerDepth
    taken_at: Seconds
    boot_marker: str
    allowed: frozenset[PowerAction]
    controller_marker: str = ""


@dataclass(frozen=True, slots=True)
class PowerAnswer:
    """What a device said to a power action.  `task`: where its own task is watched, empty when it made none."""

    accepted: bool
    status: int
    task: str
    detail: str


@dataclass(frozen=True, slots=True)
class PowerProof:
    """What showed that a power action could be asked for, without asking: where the request would go, the word for it,
    and the values that the device says it takes there (none: it does not say)."""

    target: str
    word: str
    allowed: tuple[str, ...] = ()


class BootFor(StrEnum):
    """How long a boot source override holds."""

    ONCE = "once"
    CONTINUOUS = "continuous"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class BootSight:
    """A host's boot source override.  Targets and modes in Redfish's spelling (BootSource, e.g. `Pxe`; `UEFI`).

    `targets`, `spans` and `modes` are what the device says it takes; empty where it does not say.
    """

    target: str
    span: BootFor
    mode: str
    targets: tuple[str, ...] = ()
    spans: tuple[BootFor, ...] = ()
    modes: tuple[str, ...] = ()
