"""What people must hear of a rack's GPUs: XIDs with what to do, and two sources that contradict each other.  Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place, join_place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import CODES, SPECS, Quantity
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.message import HostEvent
from firmware_bridge.wire.nvml.xids import XidCatalogue
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import Snapshot

# Which in-band quantity is held against which one of the BMC.
PAIRS = {
    "power": (Quantity.POWER_AVERAGE, Quantity.POWER),
    "temperature": (Quantity.TEMPERATURE_CORE, Quantity.TEMPERATURE),
    "power_limit": (Quantity.POWER_LIMIT_ENFORCED, Quantity.POWER_LIMIT),
    "nvlinks": (Quantity.NVLINKS_UP, Quantity.NVLINK_PORTS_UP),
    "presence": (Quantity.GPU_ACCESS, Quantity.POWER),  # 1 there, 0 lost: to the BMC what has a power is there
}
PRESENCE, LIMIT = "presence", "power_limit"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two sources may lie apart: `within` in the quantity's unit plus `share` of the larger one, for `lasting`.

    A value that moves is read at two moments; only what stays apart for that long is a contradiction.
    """

    within: float
    share: float
    lasting: Seconds


@dataclass(frozen=True, slots=True)
class Apart:
    """Two sources that contradict each other since `since`; `told` once people have heard of it."""

    since: Seconds
    told: bool = False


Contradictions = Mapping[tuple[Place, str], Apart]


def tell_host_event(host: Place, event: HostEvent, catalogue: XidCatalogue) -> Finding:
    """Return an agent's event in words: place, number, meaning, what to do."""
    tray = tray_of(host)
    place = tray if event.gpu is None else join_place(tray, f"gpu{event.gpu}")
    name = leaf_of(tray) if event.gpu is None else f"{leaf_of(tray)} gpu{event.gpu}"
    details: dict[str, str | float | int | None] = {"source": "nvml", "agent_unix_ns": event.unix_ns}
    if event.kind == "recovery_action":
        action = CODES[Quantity.RECOVERY_ACTION].get(event.number, f"number {event.number}").replace("_", " ")
        severity = Severity.WARNING if event.number else Severity.OK
        return Finding(place, "gpu.recovery_action", severity, f"{name} asks for: {action}", details)
    if event.kind != "xid":
        text = f"{name}: the driver reports {event.kind.replace('_', ' ')}"
        return Finding(place, f"gpu.{event.kind}", Severity.CRITICAL, text, details)
    details["xid"] = event.number
    entry = catalogue.about(event.number)
    if entry is None:
        text = f"{name} XID {event.number}: not in the catalogue; see the kernel's log on the host"
        return Finding(place, "gpu.xid", Severity.WARNING, text, details)
    advice = catalogue.advice(entry)
    details |= {"name": entry.name, "now": entry.now, "then": entry.then}
    also = "; the status word in the kernel's log says more" if entry.log_rules else ""
    text = f"{name} XID {event.number}: {entry.means}" + (f": {advice}" if advice else "") + also
    return Finding(place, "gpu.xid", Severity(entry.severity), text, details)


def notice_contradictions(
    known: Contradictions, now: Snapshot, gpus: Iterable[Place], tolerances: Mapping[str, Tolerance]
) -> tuple[dict[tuple[Place, str], Apart], list[Finding]]:
    """Hold driver and BMC of each GPU against each other; `known` is the answer of the snapshot before.

    Only good values on both sides are compared.  A pair that cannot be compared any more is forgotten, not settled.
    """
    still: dict[tuple[Place, str], Apart] = {}
    findings: list[Finding] = []
    for place in gpus:
        for what, tolerance in tolerances.items():
            values = _both(now, place, what)
            if values is None:
                continue
            apart = known.get((place, what))
            if _agree(*values, tolerance):
                if apart is not None and apart.told:
                    findings.append(_settled(place, what, values))
                continue
            apart = apart or Apart(now.now)
            if not apart.told and now.now - apart.since >= tolerance.lasting:
                apart = Apart(apart.since, told=True)
                findings.append(_contradiction(place, what, values, tolerance))
            still[place, what] = apart
    return still, findings


def _both(now: Snapshot, place: Place, what: str) -> tuple[float, float] | None:
    found = []
    for quantity in PAIRS[what]:
        value = now.good(place, quantity)
        if value is None:
            return None
        found.append(value)
    if what == PRESENCE:
        return float(found[0] != 0), float(found[1] > 0)
    own = now.good(place, Quantity.POWER_LIMIT_SET) if what == LIMIT else None
    return found[0], found[1] if own is None else min(found[1], own)  # what was set in band may be lower


def _agree(inside: float, outside: float, tolerance: Tolerance) -> bool:
    return abs(inside - outside) <= tolerance.within + tolerance.share * max(abs(inside), abs(outside))


def _said(what: str, values: tuple[float, float]) -> tuple[str, dict[str, str | float | int | None]]:
    if what == PRESENCE:
        words = ["is there" if value else "is not there" for value in values]
        return f"driver: {words[0]}, BMC: {words[1]}", {"what": what, "driver": words[0], "bmc": words[1]}
    unit = SPECS[PAIRS[what][0]].unit
    shown = "up" if unit == "1" else unit
    text = f"driver {values[0]:.0f} {shown}, BMC {values[1]:.0f} {shown}"
    return text, {"what": what, "driver": values[0], "bmc": values[1], "unit": unit}


def _contradiction(place: Place, what: str, values: tuple[float, float], tolerance: Tolerance) -> Finding:
    said, details = _said(what, values)
    text = f"{_name(place)} {what.replace('_', ' ')}: {said}, for {tolerance.lasting:.0f} s"
    return Finding(place, "gpu.disagreement", Severity.WARNING, text, details)


def _settled(place: Place, what: str, values: tuple[float, float]) -> Finding:
    said, details = _said(what, values)
    return Finding(
        place, "gpu.agreement", Severity.OK, f"{_name(place)} {what.replace('_', ' ')}: {said} again", details
    )


def tell_serials(place: Place, driver: str, bmc: str) -> Finding:
    """Return that driver and BMC name different parts at one place: swapped, or counted in another order."""
    text = f"{_name(place)} serial number: driver {driver}, BMC {bmc}; the order of the host's GPUs may be another"
    details: dict[str, str | float | int | None] = {"what": "serial_number", "driver": driver, "bmc": bmc}
    return Finding(place, "gpu.disagreement", Severity.WARNING, text, details)


def _name(place: Place) -> str:
    return f"{leaf_of(tray_of(place))} {leaf_of(place)}"
