"""Faults as data: where, what, how often, from when until when.  Nothing here touches a socket or a plant."""

import fnmatch
import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec

from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.wire.located_yaml import convert, parse


class FaultKind(StrEnum):
    """Every way an emulated device can misbehave."""

    HANG = "hang"
    RESET = "reset"
    HALF_BODY = "half_body"
    NESTED = "nested"
    NAN = "nan"
    HUGE = "huge"
    REDIRECT = "redirect"
    STATUS = "status"
    SLOW = "slow"
    HMC_ABSENT = "hmc_absent"
    WRONG_CERTIFICATE = "wrong_certificate"
    EXPIRED_CERTIFICATE = "expired_certificate"
    LEAK = "leak"
    PSU_FAIL = "psu_fail"
    TRAY_OFF = "tray_off"
    PUMP_FAIL = "pump_fail"
    BBU_FAIL = "bbu_fail"
    CRC_STORM = "crc_storm"
    WRONG_UNIT = "wrong_unit"
    LATE_REPLY = "late_reply"
    REPLY_GAP = "reply_gap"
    DUPLICATE_ADDRESS = "duplicate_address"
    EXCEPTION = "exception"
    SILENCE = "silence"
    REMOVED = "removed"
    BUS_STUCK = "bus_stuck"
    BABBLE = "babble"


REPLY_FAULTS = frozenset(
    (
        FaultKind.HANG,
        FaultKind.RESET,
        FaultKind.HALF_BODY,
        FaultKind.NESTED,
        FaultKind.NAN,
        FaultKind.HUGE,
        FaultKind.REDIRECT,
        FaultKind.STATUS,
        FaultKind.SLOW,
        FaultKind.HMC_ABSENT,
    )
)
CERTIFICATE_FAULTS = {FaultKind.WRONG_CERTIFICATE: "wrong", FaultKind.EXPIRED_CERTIFICATE: "expired"}
PLANT_FAULTS = frozenset(
    (
        FaultKind.LEAK,
        FaultKind.PSU_FAIL,
        FaultKind.TRAY_OFF,
        FaultKind.PUMP_FAIL,
        FaultKind.BBU_FAIL,
        FaultKind.REMOVED,  # a part that is pulled neither answers nor works
    )
)
UNIT_FAULTS = frozenset(
    (
        FaultKind.CRC_STORM,
        FaultKind.WRONG_UNIT,
        FaultKind.LATE_REPLY,
        FaultKind.REPLY_GAP,
        FaultKind.DUPLICATE_ADDRESS,
        FaultKind.EXCEPTION,
        FaultKind.SILENCE,
        FaultKind.REMOVED,
    )
)
LINE_FAULTS = frozenset((FaultKind.BUS_STUCK, FaultKind.BABBLE))
HMC_URIS = "*/HGX_*"


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault.

    `where` is a glob over places (an endpoint `*/u11/bmc`, a tray `*/u11`, a part `*/u11/leak1`, `*/u06/psu3`, a serial
    line `*/lines/power`); `uri` a glob over request paths, on a serial line over `FUNCTION/ADDRESS` (`3/0x9202`);
    `times` how often (None: always); `since` and `until` in emulated seconds; `level` of a leak: warning or critical;
    `seconds` of slowness; `status` and `location` of the reply; `code` of a Modbus exception.
    """

    what: FaultKind
    where: str = "*"
    uri: str = "*"
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    seed: int = 0
    since: float = msgspec.field(default=0.0, name="from")
    until: float | None = None
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503
    seconds: Annotated[float, msgspec.Meta(ge=0.0, le=3600.0)] = 2.0
    location: str = "https://127.0.0.1:9/elsewhere"
    level: str = "critical"
    code: Annotated[int, msgspec.Meta(ge=1, le=11)] = 4

    def applies_to(self, place: str) -> bool:
        """Tell whether `where` names this endpoint, the tray that holds it, or this part."""
        return fnmatch.fnmatchcase(place, self.where) or fnmatch.fnmatchcase(place.rpartition("/")[0], self.where)

    def is_on(self, now: float) -> bool:
        """Tell whether emulated time `now` lies within the fault's span."""
        return self.since <= now < (math.inf if self.until is None else self.until)


class _FaultFile(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[Fault]


@dataclass(slots=True)
class ArmedFault:
    """A fault in force and how often it has struck."""

    fault: Fault
    met: int = 0  # how often a request met it, the dice included
    left: int | None = None


class FaultTable:
    """The faults in force; changeable at run time.  `version` changes with every change."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.version = 0
        self._armed: list[ArmedFault] = []
        self.set(faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace all faults; counters start anew."""
        self._armed = [ArmedFault(f, left=f.times) for f in faults]
        self.version += 1

    def all(self) -> tuple[Fault, ...]:
        """Return the faults in force, used-up ones included."""
        return tuple(a.fault for a in self._armed)

    def replies_at(self, place: str) -> list["ArmedFault"]:
        """Return the reply faults that concern one endpoint: its door keeps them until `version` changes."""
        return [a for a in self._armed if a.fault.what in REPLY_FAULTS and a.fault.applies_to(place)]

    def on_unit(self, places: tuple[str, ...]) -> list["ArmedFault"]:
        """Return the faults that concern a serial unit known by these places (part, tray's endpoint, line)."""
        return [a for a in self._armed if a.fault.what in UNIT_FAULTS and any(map(a.fault.applies_to, places))]

    def on_line(self, place: str) -> list["ArmedFault"]:
        """Return the faults that concern a whole serial line."""
        return [a for a in self._armed if a.fault.what in LINE_FAULTS and a.fault.applies_to(place)]

    def certificate_kind(self, place: str) -> str:
        """Return `wrong`, `expired` or nothing: which certificate an endpoint starts with."""
        for armed in self._armed:
            if armed.fault.what in CERTIFICATE_FAULTS and armed.fault.applies_to(place):
                return CERTIFICATE_FAULTS[armed.fault.what]
        return ""

    def in_plant(self, now: float) -> tuple[Fault, ...]:
        """Return the plant faults that are on now."""
        return tuple(a.fault for a in self._armed if a.fault.what in PLANT_FAULTS and a.fault.is_on(now))


def pick(armed: list[ArmedFault], uri: str, now: float) -> Fault | None:
    """Return the first fault that strikes this request and count it, None when none does."""
    for entry in armed:
        fault = entry.fault
        pattern = HMC_URIS if fault.what is FaultKind.HMC_ABSENT and fault.uri == "*" else fault.uri
        if entry.left == 0 or not fault.is_on(now) or not fnmatch.fnmatchcase(uri, pattern):
            continue
        entry.met += 1
        if dice(fault.seed, entry.met) >= fault.probability:
            continue
        if entry.left is not None:
            entry.left -= 1
        return fault
    return None


def dice(seed: int, throw: int) -> float:
    """Return a number in [0, 1) that only depends on its arguments (splitmix64)."""
    z = (seed * 0x9E3779B97F4A7C15 + throw * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return ((z ^ (z >> 31)) >> 11) / float(1 << 53)


def faults_of(values: Any) -> tuple[Fault, ...]:
    """Convert plain values (JSON) into faults.  Raises ValueError that names the field."""
    try:
        return tuple(msgspec.convert(values, list[Fault]))
    except msgspec.ValidationError as err:
        raise ValueError(str(err)) from err


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Read a fault file: `faults:` a list.  Raises FileInvalid (file, line, field, expected)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise FileInvalid(str(path), 1, "file", f"expected a readable fault file ({err})") from err
    return tuple(convert(parse(text, str(path)), "", _FaultFile).faults)
