"""Faults as data: where, what, how often, from when until when.  Nothing here touches a socket or a plant."""

import fnmatch
import itertools
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from firmware_bridge.emulator.fault_kinds import CERTIFICATES, KINDS, Layer, kinds_of
from firmware_bridge.emulator.fault_kinds import FaultKind as FaultKind  # faults are written with it
from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.wire.located_yaml import convert, parse

REPLY_FAULTS = kinds_of(Layer.REPLY)
PLANT_FAULTS = kinds_of(Layer.PLANT)
UNIT_FAULTS = kinds_of(Layer.UNIT)
VALUE_FAULTS = kinds_of(Layer.VALUE)
LINE_FAULTS = kinds_of(Layer.LINE)
EVENT_FAULTS = kinds_of(Layer.EVENT)
HOST_FAULTS = kinds_of(Layer.HOST)
CONSOLE_FAULTS = kinds_of(Layer.CONSOLE)
BUILDING_FAULTS = kinds_of(Layer.BUILDING)


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault.

    `where` is a glob over places (an endpoint `*/u11/bmc`, a tray `*/u11`, a part `*/u11/leak1`, `*/u06/psu3`, a serial
    line `*/lines/power`); `uri` a glob over request paths, on a serial line over `FUNCTION/ADDRESS` (`3/0x9202`).
    When: `since` and `until` in emulated seconds, `lasts` seconds from `since` on, and with `every` again and again.
    How often: `times` (None: always), and by `probability` from repeatable dice.
    Details, each read by some kinds: `level` of a leak (warning, critical), `seconds`, `status` and `location` of a
    reply, `text`, the `register` as a glob over names, the `code` of a Modbus exception, the
    `ratio` of a port's bit errors, the number of an `xid`, `celsius` and `humidity` (%) of damp air, the `kelvin` by
    which water is warmer than usual.
    """

    what: FaultKind
    where: str = "*"
    uri: str = "*"
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    seed: int = 0
    since: float = msgspec.field(default=0.0, name="from")
    until: float | None = None
    every: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    lasts: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503
    seconds: Annotated[float, msgspec.Meta(ge=0.0, le=3600.0)] = 2.0
    location: str = "https://127.0.0.1:9/elsewhere"
    level: Literal["warning", "critical"] = "critical"
    code: Annotated[int, msgspec.Meta(ge=1, le=11)] = 4
    register: str = "*"
    text: str = "0.0.1-stale"
    ratio: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 1e-9
    xid: Annotated[int, msgspec.Meta(ge=1, le=4095)] = 79
    celsius: Annotated[float, msgspec.Meta(ge=-20.0, le=60.0)] = 35.0
    kelvin: Annotated[float, msgspec.Meta(ge=-20.0, le=20.0)] = 3.0
    humidity: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)] = 78.0

    def __post_init__(self) -> None:
        if self.every is not None and (self.lasts is None or self.lasts > self.every):
            raise ValueError("`every` needs `lasts`, which is no longer than it")

    def applies_to(self, place: str) -> bool:
        """Tell whether `where` names this endpoint, the tray that holds it, or this part."""
        return fnmatch.fnmatchcase(place, self.where) or fnmatch.fnmatchcase(place.rpartition("/")[0], self.where)

    def is_on(self, now: float) -> bool:
        """Tell whether emulated time `now` lies within the fault's span."""
        if not self.since <= now < (math.inf if self.until is None else self.until):
            return False
        if self.lasts is None:
            return True
        since = now - self.since
        return (since if self.every is None else since % self.every) < self.lasts

    def beginnings(self, now: float) -> int:
        """Return how often the fault has begun by emulated time `now`; once, unless it comes `every` so often."""
        if not self.since <= now:
            return 0
        last = now if self.until is None else min(now, self.until)
        return 1 if self.every is None else 1 + int((last - self.since) // self.every)

    def from_now(self, now: float) -> "Fault":
        """Return the same fault with its times counted from `now` on."""
        until = None if self.until is None else self.until + now
        return msgspec.structs.replace(self, since=self.since + now, until=until)


class _FaultFile(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[Fault]


@dataclass(slots=True)
class ArmedFault:
    """A fault in force and how often it has struck."""

    id: str
    fault: Fault
    met: int = 0  # how often a request met it, the dice included
    struck: int = 0
    left: int | None = None


class FaultTable:
    """The faults in force; changeable at run time.  `version` changes with every change."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.version = 0
        self._numbers = itertools.count(1)
        self._armed: list[ArmedFault] = []
        self.set(faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace all faults; counters start anew."""
        self._armed = []
        self.add(faults)

    def add(self, faults: Iterable[Fault]) -> list[str]:
        """Add faults behind those in force and return their ids."""
        fresh = [ArmedFault(f"f{next(self._numbers)}", f, left=f.times) for f in faults]
        self._armed = [*self._armed, *fresh]
        self.version += 1
        return [a.id for a in fresh]

    def remove(self, ids: Collection[str]) -> list[str]:
        """Take faults out by id; return which of the ids there were."""
        gone = [a.id for a in self._armed if a.id in ids]
        self._armed = [a for a in self._armed if a.id not in ids]
        self.version += 1
        return gone

    def armed(self) -> tuple[ArmedFault, ...]:
        """Return the faults in force with their counters."""
        return tuple(self._armed)

    def all(self) -> tuple[Fault, ...]:
        """Return the faults in force, used-up ones included."""
        return tuple(a.fault for a in self._armed)

    def replies_at(self, place: str) -> list["ArmedFault"]:
        """Return the reply faults that concern one endpoint: its door keeps them until `version` changes."""
        return [a for a in self._armed if a.fault.what in REPLY_FAULTS and a.fault.applies_to(place)]

    def on_unit(self, places: tuple[str, ...]) -> list["ArmedFault"]:
        """Return the faults that concern a serial unit known by these places (part, tray's endpoint, line)."""
        return [a for a in self._armed if a.fault.what in UNIT_FAULTS and any(map(a.fault.applies_to, places))]

    def on_values(self, places: tuple[str, ...]) -> list["ArmedFault"]:
        """Return the faults that distort what a serial unit's registers say."""
        return [a for a in self._armed if a.fault.what in VALUE_FAULTS and any(map(a.fault.applies_to, places))]

    def on_line(self, place: str) -> list["ArmedFault"]:
        """Return the faults that concern a whole serial line."""
        return [a for a in self._armed if a.fault.what in LINE_FAULTS and a.fault.applies_to(place)]

    def on_events(self, place: str) -> list["ArmedFault"]:
        """Return the faults of an endpoint's event source."""
        return [a for a in self._armed if a.fault.what in EVENT_FAULTS and a.fault.applies_to(place)]

    def on_host(self, place: str) -> list["ArmedFault"]:
        """Return the faults of a GPU host, or of a GPU in it (`…/u11/gpu2`)."""
        return [a for a in self._armed if a.fault.what in HOST_FAULTS and a.fault.applies_to(place)]

    def of_hosts(self) -> list["ArmedFault"]:
        """Return every fault of a GPU host or a GPU in one."""
        return [a for a in self._armed if a.fault.what in HOST_FAULTS]

    def on_console(self, place: str) -> list["ArmedFault"]:
        """Return the faults of one serial console."""
        return [a for a in self._armed if a.fault.what in CONSOLE_FAULTS and a.fault.applies_to(place)]

    def on_building(self, place: str) -> list["ArmedFault"]:
        """Return the faults of the building at one rack (`…/k01/building`)."""
        return [a for a in self._armed if a.fault.what in BUILDING_FAULTS and a.fault.applies_to(place)]

    def has_certificates(self) -> bool:
        """Tell whether any fault is about certificates."""
        return any(a.fault.what in CERTIFICATES for a in self._armed)

    def certificate_kind(self, place: str, now: float = 0.0) -> str:
        """Return `wrong`, `expired` or nothing: which certificate an endpoint shows now."""
        for armed in self._armed:
            fault = armed.fault
            if fault.what in CERTIFICATES and fault.applies_to(place) and fault.is_on(now):
                return CERTIFICATES[fault.what]
        return ""

    def in_plant(self, now: float) -> tuple[Fault, ...]:
        """Return the plant faults that are on now."""
        return tuple(a.fault for a in self._armed if a.fault.what in PLANT_FAULTS and a.fault.is_on(now))


def pick(armed: list[ArmedFault], uri: str, now: float) -> Fault | None:
    """Return the first fault that strikes this request and count it, None when none does."""
    for entry in armed:
        fault = entry.fault
        pattern = KINDS[fault.what].uri if fault.uri == "*" else fault.uri
        if entry.left == 0 or not fault.is_on(now) or not fnmatch.fnmatchcase(uri, pattern):
            continue
        entry.met += 1
        if dice(fault.seed, entry.met) >= fault.probability:
            continue
        if entry.left is not None:
            entry.left -= 1
        entry.struck += 1
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
