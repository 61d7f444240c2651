"""One XID, one event: what agent, console and the tray's BMC tell of the same XID is put together.  Pure.

Each source knows something else: the agent which GPU it is, the console what stands behind the number.  What one of
two sources tells is held for a moment, until the other one has told it too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.vocabulary.xid import ToldXid
from firmware_bridge.wire.nvml.nvlink5 import parse_fault
from firmware_bridge.wire.nvml.xids import XidCatalogue
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity

KIND = "gpu.xid"
CONSOLE = "console"
HOLD = Seconds(3.0)
"""An agent speaks every second, a console at once: so long the other source may take."""
LATE = Seconds(30.0)
"""So long the other source's word on an XID that was told already is known to be about the same one."""
_BY = {"hardware": "a fault of the hardware", "software": "a fault of the software", "firmware": "a fault of firmware"}
_BY |= {"either": "a fault of hardware or software"}


@dataclass(frozen=True, slots=True)
class Heard:
    """An XID that was heard of: by which sources, since when (monotonic s), and whether people have heard of it."""

    finding: Finding
    sources: frozenset[str]
    at: Seconds
    told: bool = False


def merge_xids(
    heard: tuple[Heard, ...], findings: Iterable[Finding], now: Seconds, both: frozenset[Place], catalogue: XidCatalogue
) -> tuple[tuple[Heard, ...], list[Finding]]:
    """Return what is remembered, and what is to be told now, in the order it came; other kinds pass at once.

    `both` are the trays that have an agent and a console: only there something is waited for.  An agent that tells an
    XID again tells of another one; a console says one in several lines.
    """
    held, told = [h for h in heard if now - h.at < LATE or not h.told], list[Finding]()
    for finding in findings:
        if finding.kind != KIND or not isinstance(finding.details.get("xid"), int):
            told.append(finding)
            continue
        source = str(finding.details.get("source", ""))
        at = next((n for n, h in enumerate(held) if _fits(h, source, now) and _same(h.finding, finding)), None)
        if at is None:
            waits = tray_of(finding.place) in both
            held.append(Heard(finding, frozenset((source,)), now, told=not waits))
            if not waits:
                told.append(explain(finding, catalogue))
            continue
        known = held[at]
        sources = known.sources | {source}
        held[at] = replace(
            known, finding=_joined(known.finding, finding), sources=sources, told=known.told or len(sources) > 1
        )
        if _says_more(finding, catalogue) if known.told else held[at].told:
            told.append(explain(held[at].finding, catalogue))
    for n, one in enumerate(held):
        if not one.told and now - one.at >= HOLD:
            held[n] = replace(one, told=True)
            told.append(explain(one.finding, catalogue))
    return tuple(held), told


def tell_xid(told: ToldXid) -> Finding:
    """Return what a tray's controller told of, in words; `explain` says what it means."""
    details: dict[str, str | float | int | None] = {"source": "redfish", "xid": told.number, "text": told.text}
    if told.pci:
        details["pci"] = told.pci
    if told.told_at:
        details["device_time"] = told.told_at
    tray = tray_of(told.place)
    name = leaf_of(tray) if told.place == tray else f"{leaf_of(tray)} {leaf_of(told.place)}"
    text = f"{name} XID {told.number}: not in the catalogue" + (f" ({told.text})" if told.text else "")
    return Finding(told.place, KIND, Severity.WARNING, text, details)


def explain(finding: Finding, catalogue: XidCatalogue) -> Finding:
    """Return an XID's finding with what the catalogue makes of the driver's line: meaning, gravity and what to do."""
    details = finding.details
    number, text = details.get("xid"), details.get("text")
    entry = catalogue.about(number) if isinstance(number, int) else None
    if entry is None or not isinstance(number, int) or not isinstance(text, str):
        return finding
    name = _name(finding)
    fault = parse_fault(text)
    found = catalogue.about_fault(number, fault) if fault is not None else None
    if fault is None or found is None:
        advice = catalogue.advice(entry)
        message = f"{name} XID {number}: {entry.means}" + (f": {advice}" if advice else "")
        message += f" ({text})" if text else ""
        details = {**details, "name": entry.name, "now": entry.now, "then": entry.then}
        return replace(finding, message=message, severity=Severity(entry.severity), details=details)
    unit, rule = found
    where = "" if fault.link is None else f" link {fault.link}"
    cause = ", ".join(part for part in (f"unit {fault.unit}", _BY.get(rule.by, "")) if part)
    message = f"{name}{where} XID {number}: {unit.means or entry.means} ({cause}): {catalogue.advice(rule)}"
    details = {**details, "name": entry.name, "now": rule.now, "then": rule.then, "by": rule.by, "unit": fault.unit}
    details |= {"link": fault.link, "sub_code": fault.sub_code, "status": fault.status}
    return replace(finding, message=message, severity=Severity(rule.severity), details=details)


def at_gpus(findings: Iterable[Finding], addresses: Mapping[Place, Mapping[str, Place]]) -> list[Finding]:
    """Return the findings with those that name a GPU by its PCI address put at that GPU, where the tray's are known."""
    placed = []
    for finding in findings:
        pci = finding.details.get("pci")
        if finding.kind == KIND and isinstance(pci, str):
            gpu = addresses.get(tray_of(finding.place), {}).get(pci_of(pci))
            finding = finding if gpu is None else replace(finding, place=gpu)
        placed.append(finding)
    return placed


def pci_of(text: str) -> str:
    """Return a PCI address as `domain:bus:device` in one spelling: NVML's has eight digits of domain and a function."""
    parts = text.lower().partition(".")[0].split(":")
    try:
        domain, bus, device = (int(part, 16) for part in (parts if len(parts) == 3 else ["0", *parts]))
    except ValueError:
        return ""
    return f"{domain:04x}:{bus:02x}:{device:02x}"


def _fits(known: Heard, source: str, now: Seconds) -> bool:
    """Return whether a source may still tell of a known XID.  Lines of a console that repeat themselves never come."""
    return source not in known.sources or (source == CONSOLE and now - known.at < HOLD)


def _same(known: Finding, new: Finding) -> bool:
    """Return whether two sources speak of one GPU, as far as both say which, and of one number."""
    if known.details["xid"] != new.details["xid"] or tray_of(known.place) != tray_of(new.place):
        return False
    tray = tray_of(new.place)
    return known.place == new.place or tray in (known.place, new.place)


def _joined(known: Finding, new: Finding) -> Finding:
    """Return one finding out of two: the place that is a GPU, the details of both, the graver word."""
    first, second = (known, new) if known.place != tray_of(known.place) else (new, known)
    sources = ", ".join(sorted({s for f in (known, new) for s in str(f.details.get("source", "")).split(", ")}))
    grave = max((known, new), key=lambda f: list(Severity).index(f.severity))
    details = {**second.details, **first.details, "source": sources}
    return Finding(first.place, KIND, grave.severity, first.message, details)


def _says_more(new: Finding, catalogue: XidCatalogue) -> bool:
    """Return whether a line that came late narrows down what people have heard of."""
    number, text = new.details.get("xid"), new.details.get("text")
    fault = parse_fault(text) if isinstance(text, str) else None
    return isinstance(number, int) and fault is not None and catalogue.about_fault(number, fault) is not None


def _name(finding: Finding) -> str:
    tray = tray_of(finding.place)
    if finding.place != tray:
        return f"{leaf_of(tray)} {leaf_of(finding.place)}"
    pci = finding.details.get("pci")
    return f"{leaf_of(tray)} GPU at {pci}" if pci else leaf_of(tray)
