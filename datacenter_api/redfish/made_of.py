"""Identity of trays and parts, out of what their endpoints report.  Ambiguous is unknown: nothing is guessed."""

from datacenter_api.redfish.shapes import Body, told
from datacenter_api.redfish.stock import StockItem, StockReport, StockRoom
from datacenter_api.redfish.world import TrayLook
from firmware_bridge.vocabulary.inventory import ItemKind

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


def identity_of(stock: StockRoom, tray: TrayLook) -> Body:
    """Return Manufacturer, Model, SerialNumber and PartNumber of a tray, as far as its endpoints agree on one."""
    reports = reports_of(stock, tray)
    chassis = [i for r in reports for i in r.inventory if i.kind == ItemKind.CHASSIS]
    whole = chassis[0] if len(chassis) == 1 else None
    return told(
        Manufacturer=_only([r.endpoint.get("vendor") for r in reports]),
        Model=_only([r.endpoint.get("product") for r in reports]),
        SerialNumber=whole.serial_number if whole else None,
        PartNumber=whole.part_number if whole else None,
    )


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
    kind = KIND_OF_PART.get(part.rstrip("0123456789"))
    names = {part, tray.label(part)}
    found = [
        i for r in reports_of(stock, tray) for i in r.inventory if i.kind == kind and (i.id in names or i.name in names)
    ]
    serials = {item.serial_number for item in found if item.serial_number is not None}
    return max(found, key=lambda item: item.serial_number is not None, default=None) if len(serials) <= 1 else None


def _only(words: list[str | int | None]) -> str | None:
    known = {str(word) for word in words if word}
    return known.pop() if len(known) == 1 else None
