"""NVLink ports of a switch out of `/nvue_v1/interface`: state, speed, diagnostics, error ratios and counters.

Names: NVOS user manual (`nv show interface`, `link counters`, `link phy-detail`); that the collection shows
`phy-detail` when it is asked to is an assumption (decision 0020).  A later firmware line nests counters below `link`.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.nvue.values import branch, count, first, ratio, speed_gbps, word
from firmware_bridge.wire.redfish.guard import MOST_MEMBERS, DocumentMalformed, check_size, decoded

INTERFACE = "/nvue_v1/interface"
MOST_PORTS = 512
MOST_NOTES = 64
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,30}")
_STATES = {"up": True, "down": False}
_PHYSICAL = {"linkup": True, "disabled": False, "polling": False, "portconfigurationtraining": False, "sleep": False}
_NO_ISSUE = "0"
_ENTRIES = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Port:
    """One NVLink port.  `up` None: it does not say.  Ratios 0 to 1, counters since the device last cleared them.

    `issues` are diagnostics other than "no issue": code and the device's words.
    """

    name: str
    up: bool | None = None
    physical_state: str = ""
    speed_gbps: float | None = None
    supported_gbps: float | None = None
    ber: float | None = None
    ber_raw: float | None = None
    ber_symbol: float | None = None
    symbol_errors: int | None = None
    recoveries: int | None = None
    downed: int | None = None
    issues: tuple[tuple[str, str], ...] = ()

    @property
    def slow(self) -> bool:
        """Return whether the port is up below the speed that it supports."""
        known = self.speed_gbps is not None and self.supported_gbps is not None
        return bool(self.up) and known and self.speed_gbps < self.supported_gbps  # type: ignore[operator]


def ports_of(document: dict[str, Any]) -> tuple[list[Port], list[Note]]:
    """Return the NVLink ports in the order of their numbers, and notes on what is odd.  Other interfaces are left out.

    Never raises: an entry of the wrong shape is a note and no port; a value of the wrong shape is unknown.
    """
    notes: list[Note] = []
    ports = [port for name, entry in document.items() if (port := _entry(name, entry, notes)) is not None]
    if len(ports) > MOST_PORTS:
        notes.append(Note(INTERFACE, "", f"{len(ports)} ports: only {MOST_PORTS} are read"))
    return _in_order(ports), notes[:MOST_NOTES]


@dataclass(slots=True)
class PortMemory:
    """The ports of one kind of answer, as `ports_of` gives them.  An entry whose bytes come again is the port it was:
    most of a fabric says the same every time, and what has changed is all that is looked into."""

    _digest: bytes = b""
    _ports: list[Port] = field(default_factory=list)
    _entries: dict[str, tuple[bytes, Port | None]] = field(default_factory=dict)

    def ports(self, raw: bytes, most_bytes: int, most_depth: int) -> list[Port]:
        """Return the ports of an answer; the very same list when nothing has changed.

        Raises DocumentTooLarge and DocumentMalformed.
        """
        digest = hashlib.blake2b(raw, digest_size=16).digest()
        if digest == self._digest:
            return self._ports
        check_size(raw, most_bytes, most_depth, MOST_MEMBERS)
        try:
            entries = decoded(raw, _ENTRIES.decode, shaped=True)
        except msgspec.ValidationError:
            raise DocumentMalformed("no JSON object") from None
        self._entries = {name: self._known(name, bytes(entry)) for name, entry in entries.items()}
        ports = [port for _, port in self._entries.values() if port is not None]
        self._ports, self._digest = _in_order(ports), digest
        return self._ports

    def _known(self, name: str, raw: bytes) -> tuple[bytes, Port | None]:
        before = self._entries.get(name)
        if before is not None and before[0] == raw:
            return before
        return raw, _entry(name, decoded(raw, msgspec.json.decode), [])


def _entry(name: str, entry: Any, notes: list[Note]) -> Port | None:
    """Return the port that an entry of the collection is, None for one that is none."""
    if not isinstance(entry, dict):
        notes.append(Note(f"{INTERFACE}/{scrub(name, 64)}", "", "no object: left out"))
        return None
    kind = word(entry.get("type"))
    if kind not in ("nvl", ""):
        return None
    if not _NAME.fullmatch(name):
        notes.append(Note(f"{INTERFACE}/{scrub(name, 64)}", "", "a name that is no place: left out"))
        return None
    return _port(name, entry, notes) if kind or _looks_like_port(entry) else None


def _in_order(ports: Iterable[Port]) -> list[Port]:
    return sorted(ports, key=lambda p: _natural(p.name))[:MOST_PORTS]


def port_summary(ports: Sequence[Port]) -> dict[str, float | int | None]:
    """Return what a tray says in sum: ports, how many are up or slow, worst ratios, counters added up.

    Unknown parts make a sum of counters unknown (half a sum reads like few errors) and are not counted as up.
    """
    return {
        "nvlinks": len(ports),
        "nvlinks_up": sum(p.up is True for p in ports) if any(p.up is not None for p in ports) else None,
        "nvlinks_slow": sum(p.slow for p in ports) if any(p.speed_gbps is not None for p in ports) else None,
        "bit_error_ratio": _worst(p.ber for p in ports),
        "bit_error_ratio_raw": _worst(p.ber_raw for p in ports),
        "bit_error_ratio_symbol": _worst(p.ber_symbol for p in ports),
        "symbol_errors": _total([p.symbol_errors for p in ports]),
        "link_downed": _total([p.downed for p in ports]),
    }


def _looks_like_port(entry: dict[str, Any]) -> bool:
    """An entry without its type counts when it says how its physical layer is: Ethernet ports do not."""
    return bool({"physical-state", "phy-detail", "logical-state"} & branch(entry, "link").keys())


def _port(name: str, entry: dict[str, Any], notes: list[Note]) -> Port:
    uri = f"{INTERFACE}/{name}"
    link = branch(entry, "link")
    counters, phy = branch(link, "counters"), branch(link, "phy-detail") or branch(link, "phy", "health")
    nested = branch(counters, "link")
    physical = word(link.get("physical-state"))

    def read(convert: Callable[[Any], Any], value: Any, what: str) -> Any:
        found = convert(value)
        if found is None and value is not None and value not in ("N/A", ""):
            notes.append(Note(uri, what, f"not readable: {scrub(value, 40) or type(value).__name__}"))
        return found

    return Port(
        name=name,
        up=_up(link, physical, uri, notes),
        physical_state=scrub(physical, 40),
        speed_gbps=speed_gbps(word(link.get("speed"))),
        supported_gbps=speed_gbps(word(link.get("supported-speed"))),
        ber=read(ratio, phy.get("effective-ber"), "effective-ber"),
        ber_raw=read(ratio, phy.get("raw-ber"), "raw-ber"),
        ber_symbol=read(ratio, phy.get("symbol-ber"), "symbol-ber"),
        symbol_errors=read(count, first({**phy, **counters}, "symbol-errors", "in-symbol-errors"), "symbol-errors"),
        recoveries=read(count, _counter(counters, nested, "link-error-recovery", "error-recovery"), "error-recovery"),
        downed=read(count, _counter(counters, nested, "link-downed", "downed"), "link-downed"),
        issues=_issues(branch(link, "diagnostics")),
    )


def _counter(counters: dict[str, Any], nested: dict[str, Any], flat: str, below: str) -> Any:
    return counters[flat] if counters.get(flat) is not None else first(nested, below, flat)


def _up(link: dict[str, Any], physical: str, uri: str, notes: list[Note]) -> bool | None:
    state = word(link.get("state"))
    said, trained = _STATES.get(state.lower()), _PHYSICAL.get(physical.lower())
    if said is None and (state or link.get("state") is not None):
        notes.append(Note(uri, "link/state", f"neither up nor down: {scrub(state, 40) or 'an odd shape'}"))
    if said is not None and trained is not None and said is not trained:
        notes.append(Note(uri, "link/physical-state", f"{scrub(physical, 40)}, while the state is {state}"))
    return trained if said is None else said


def _issues(diagnostics: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = [(code, branch(diagnostics, code).get("status")) for code in diagnostics if code != _NO_ISSUE]
    return tuple((scrub(code, 16), scrub(text, 120)) for code, text in found[:8])


def _worst(values: Any) -> float | None:
    return max((v for v in values if v is not None), default=None)


def _total(values: Sequence[int | None]) -> int | None:
    known = [v for v in values if v is not None]
    return sum(known) if known and len(known) == len(values) else None


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]
