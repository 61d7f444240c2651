"""Identity and facts of trays and parts, out of what endpoints report.  Ambiguous is unknown: nothing is guessed."""

from collections.abc import Iterator
from dataclasses import dataclass

from datacenter_api.redfish.shapes import Body, told
from datacenter_api.redfish.shown import HEALTHS, STATES, Facts
from datacenter_api.redfish.status import UNSEEN
from datacenter_api.redfish.stock import StockItem, StockReport, StockRoom
from datacenter_api.redfish.world import TrayLook
from firmware_bridge.vocabulary.facts import AspectKind, Fact, FactValue
from firmware_bridge.vocabulary.inventory import ItemKind
from firmware_bridge.vocabulary.place import slug

# Which kind of stock item the parts of a plan are; `gpu0` is a part called `gpu`.
KIND_OF_PART: dict[str, str] = {
    "gpu": ItemKind.GPU,
    "cpu": ItemKind.CPU,
    "psu": ItemKind.PSU,
    "bbu": ItemKind.BATTERY,
    "pump": ItemKind.PUMP,
    "nvswitch": ItemKind.NVSWITCH,
}


def reports_of(stock: StockRoom, tray: TrayLook) -> list[StockReport]:
    """Return what is known of the tray's endpoints."""
    reports = (stock.report(endpoint.place) for endpoint in tray.plan.endpoints)
    return [report for report in reports if report is not None]


def enclosure_of(stock: StockRoom, tray: TrayLook) -> StockItem | None:
    """Return the stock item that is the tray itself.

    What an endpoint says is its enclosure; where none says so, the only chassis that is reported.  None where endpoints
    disagree on its serial number.
    """
    reports = reports_of(stock, tray)
    stated = [i for r in reports for i in r.inventory if i.id == r.named("enclosure") and i.kind != ItemKind.BMC]
    whole = stated or [i for r in reports for i in r.inventory if i.kind == ItemKind.CHASSIS]
    serials = {i.serial_number for i in whole if i.serial_number is not None}
    if len(whole) > 1 and (not stated or len(serials) > 1):
        return None
    return max(whole, key=lambda i: i.serial_number is not None, default=None)


def identity_of(stock: StockRoom, tray: TrayLook) -> Body:
    """Return Manufacturer, Model, SerialNumber and PartNumber of a tray: its enclosure's own, else its endpoints'."""
    reports, whole = reports_of(stock, tray), enclosure_of(stock, tray)
    facts: Facts = whole.facts if whole else {}
    return told(
        Manufacturer=facts.get(Fact.MANUFACTURER) or _only([r.endpoint.get("vendor") for r in reports]),
        Model=facts.get(Fact.MODEL) or _only([r.endpoint.get("product") for r in reports]),
        SerialNumber=whole.serial_number if whole else None,
        PartNumber=whole.part_number if whole else None,
    )


def system_facts(stock: StockRoom, tray: TrayLook) -> dict[str, FactValue]:
    """Return what the tray's controllers say of the machine in it: the one that can be reset, then views of it.

    A fact that two views state differently is the machine's own; a view only fills in what that leaves out.
    """
    found: dict[str, FactValue] = {}
    for report in reports_of(stock, tray):
        systems, own = report.aspects_of(AspectKind.SYSTEM), report.named("system")
        if own is None:
            continue
        for aspect in sorted(systems, key=lambda a: a.id != own):
            for name, value in aspect.facts.items():
                found.setdefault(name, value)
    return found


def part_identity(stock: StockRoom, tray: TrayLook, part: str) -> Body:
    """Return serial and part number of one part (`gpu0`), nothing while it is not known."""
    item = item_of(stock, tray, part)
    if item is None:
        return {}
    return told(SerialNumber=item.serial_number, PartNumber=item.part_number)


def item_of(stock: StockRoom, tray: TrayLook, part: str) -> StockItem | None:
    """Return the stock item of a part: the one of its kind that the device calls as the part's readings say.

    Several endpoints may report the same part; they count as one as long as they agree on its serial number.
    """
    found = [item for _, item in _views(stock, tray, part)]
    return max(found, key=lambda item: item.serial_number is not None, default=None)


def facts_of_part(stock: StockRoom, tray: TrayLook, part: str) -> dict[str, FactValue]:
    """Return what all endpoints that report a part say of it; the first one that states a fact counts."""
    found: dict[str, FactValue] = {}
    for _, item in _views(stock, tray, part):
        for name, value in item.facts.items():
            found.setdefault(name, value)
    return found


def names_of(stock: StockRoom, tray: TrayLook, part: str) -> set[str]:
    """Return the ids that endpoints give a part."""
    return {item.id for _, item in _views(stock, tray, part)}


def part_health(stock: StockRoom, tray: TrayLook, part: str) -> str | None:
    """Return the health that a part's endpoint stated lately, None when nobody did."""
    for report, item in _views(stock, tray, part):
        health = item.facts.get(Fact.HEALTH)
        if health in HEALTHS and stock.is_fresh(report.place):
            return str(health)
    return None


@dataclass(frozen=True, slots=True)
class Stocked:
    """A part that only stock reports know: which report lists it, and the item."""

    report: StockReport
    item: StockItem


def stocked(stock: StockRoom, tray: TrayLook, *kinds: str) -> dict[str, Stocked]:
    """Return the parts of some kinds by an id that is fit for a URI; one that two of them would have is left out."""
    found: dict[str, list[Stocked]] = {}
    for report in reports_of(stock, tray):
        for item in report.inventory:
            if item.kind in kinds:
                found.setdefault(slug(item.id), []).append(Stocked(report, item))
    return {name: parts[0] for name, parts in sorted(found.items()) if len(parts) == 1}


def stated_status(stock: StockRoom, tray: TrayLook, report: StockReport, facts: Facts) -> Body:
    """Return the Status of what only a stock report knows: of the look, while that is not too old to be shown."""
    state, health = facts.get(Fact.STATE), facts.get(Fact.HEALTH)
    axes = tray.rack.axes.get(report.place)
    if axes is None or axes.management not in ("reachable", "degraded") or not stock.is_fresh(report.place):
        return {"State": UNSEEN}
    return told(State=state if state in STATES else None, Health=health if health in HEALTHS else None)


def _views(stock: StockRoom, tray: TrayLook, part: str) -> Iterator[tuple[StockReport, StockItem]]:
    """Yield every item that is this part; none where they differ in serial number."""
    kind = KIND_OF_PART.get(part.rstrip("0123456789"))
    names = {part, *tray.labels(part)}
    found = [
        (r, i)
        for r in reports_of(stock, tray)
        for i in r.inventory
        if i.kind == kind and (i.id in names or i.name in names)
    ]
    serials = {item.serial_number for _, item in found if item.serial_number is not None}
    if len(serials) <= 1:
        yield from found


def _only(words: list[str | int | None]) -> str | None:
    known = {str(word) for word in words if word}
    return known.pop() if len(known) == 1 else None
