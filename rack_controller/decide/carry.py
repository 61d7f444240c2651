"""What a look at an endpoint missed and an earlier look had read: facts outlive a missed reply, states do not.  Pure.

A look that reached everything stands alone: what it does not have is gone.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from firmware_bridge.vocabulary.facts import PASSING, Aspect, FactValue
from firmware_bridge.vocabulary.inventory import EndpointReport, FirmwareItem, Item, LeakDetectorItem, Note

_ROOT = "/redfish/v1"
_STATED = ("enclosure", "system", "controller", "vendor", "product", "firmware")
Key = tuple[str, ...]
Entry = TypeVar("Entry", Item, FirmwareItem, LeakDetectorItem, Aspect)


def keys_of(report: EndpointReport) -> set[Key]:
    """Return what a report lists, each by a name of its own."""
    lists = (report.inventory, report.firmware, report.leak_detectors, report.aspects)
    return {_key(entry) for entries in lists for entry in entries}


def carry_over(report: EndpointReport, before: EndpointReport, lately: Collection[Key]) -> EndpointReport:
    """Return `report` with what it could not read as the look before had it, as far as that was read `lately`.

    Nothing is carried where a serial number differs: another part stands there now.  States, health and counters are
    of their moment and stay behind; a leak detector that was not read is unknown.
    """
    if not report.unread or _is_another(report, before):
        return report

    def join(now: tuple[Entry, ...], then: tuple[Entry, ...], fill: Callable[[Entry, Entry], Entry]) -> list[Entry]:
        return list(_joined(now, (e for e in then if _key(e) in lately and _missed(e, report.unread)), fill))

    about = {n: before.endpoint[n] for n in _STATED if report.endpoint.get(n) is None and before.endpoint.get(n)}
    missing = len(report.unread)
    said = f"{missing} resources could not be read: what they say is of an earlier look, where there was one"
    return replace(
        report,
        endpoint={**report.endpoint, **about},
        inventory=tuple(join(report.inventory, before.inventory, _fill_item)),
        firmware=tuple(join(report.firmware, before.firmware, _fill_firmware)),
        aspects=tuple(join(report.aspects, before.aspects, _fill_aspect)),
        leak_detectors=tuple(join(report.leak_detectors, before.leak_detectors, _fill_detector)),
        notes=(*report.notes, Note("", "", said)),
    )


def _joined(now: tuple[Entry, ...], missed: Iterable[Entry], fill: Callable[[Entry, Entry], Entry]) -> Iterator[Entry]:
    """Yield what was read now, filled in, and then what was not; of two entries of one name nobody knows which is."""
    then = list(missed)
    once, count = Counter(map(_key, then)), Counter(map(_key, now))
    old = {_key(entry): entry for entry in then if once[_key(entry)] == 1}
    for entry in now:
        same = old.pop(_key(entry), None)
        yield entry if same is None or count[_key(entry)] > 1 else fill(entry, same)
    for entry in old.values():
        yield fill(_blank(entry), entry)


def _fill_item(now: Item, then: Item) -> Item:
    return replace(
        now,
        name=now.name or then.name,
        part_number=now.part_number or then.part_number,
        serial_number=now.serial_number or then.serial_number,
        firmware=now.firmware or then.firmware,
        facts={**_lasting(then.facts), **now.facts},
    )


def _fill_firmware(now: FirmwareItem, then: FirmwareItem) -> FirmwareItem:
    return replace(now, version=now.version or then.version, facts={**_lasting(then.facts), **now.facts})


def _fill_aspect(now: Aspect, then: Aspect) -> Aspect:
    return replace(now, facts={**_lasting(then.facts), **now.facts})


def _fill_detector(now: LeakDetectorItem, then: LeakDetectorItem) -> LeakDetectorItem:
    return replace(now, facts={**_lasting(then.facts), **now.facts})


def _blank(entry: Entry) -> Entry:
    """Return an entry as if nothing but its name and place had been read."""
    match entry:
        case Item():
            return Item(entry.kind, entry.id, uris=entry.uris)
        case FirmwareItem():
            return FirmwareItem(entry.id, None, entry.uri)
        case LeakDetectorItem():
            return LeakDetectorItem(entry.id, "unknown", entry.uri)
        case Aspect():
            return Aspect(entry.kind, entry.id, entry.of, entry.rank)


def _lasting(facts: dict[str, FactValue]) -> dict[str, FactValue]:
    return {name: value for name, value in facts.items() if name not in PASSING}


def _key(entry: Item | FirmwareItem | LeakDetectorItem | Aspect) -> Key:
    match entry:
        case Item():
            return ("item", entry.kind, entry.id)
        case Aspect():
            return ("aspect", entry.kind, entry.of, entry.id, str(entry.rank))
        case FirmwareItem():
            return ("firmware", entry.id)
        case LeakDetectorItem():
            return ("leak", entry.id)


def _missed(entry: Item | FirmwareItem | LeakDetectorItem | Aspect, unread: Collection[str]) -> bool:
    """Tell whether an entry is what could not be read, or lies below; of an aspect its owner may also lie above."""
    if isinstance(entry, Aspect):
        owner = f"{_ROOT}/{entry.of}".rstrip("/")
        return any(_below(owner, uri) or _below(uri, owner) for uri in unread)
    uris = entry.uris if isinstance(entry, Item) else (entry.uri,)
    return any(_below(at, uri) for at in uris for uri in unread)


def _below(uri: str, top: str) -> bool:
    return uri == top or uri.startswith(f"{top}/")


def _is_another(report: EndpointReport, before: EndpointReport) -> bool:
    now, then = _serials(report), _serials(before)
    return any(now[key].isdisjoint(then[key]) for key in now.keys() & then.keys())


def _serials(report: EndpointReport) -> dict[Key, set[str]]:
    found: dict[Key, set[str]] = {}
    for item in report.inventory:
        if item.serial_number:
            found.setdefault(_key(item), set()).add(item.serial_number)
    return found
