"""What a rack is made of now, as its endpoints tell it: the as-found side of a match.  Nothing is guessed."""

import pyarrow as pa

from datacenter_api.fleet.places import layout_of
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.view import view_of
from datacenter_api.redfish.made_of import KIND_OF_PART, enclosure_of, item_of, stocked
from datacenter_api.redfish.stock import StockItem, StockRoom
from datacenter_api.redfish.world import RackLook, TrayLook
from firmware_bridge.vocabulary.inventory import ItemKind
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import IN_BAND
from rack_controller.prove.fields import KIND, PART, PLACE, SERIAL
from rack_controller.prove.match import Found

_LISTED = (ItemKind.DRIVE, ItemKind.NIC, ItemKind.DPU)
"""Kinds of part that no plan names: they stand under the name that their endpoint gives them."""

_Row = tuple[str, str, str | None, str | None]
_KIND_OF_TRAY = {"compute": "compute_tray", "switch": "switch_tray"}


def find_parts(record: RackRecord, stock: StockRoom, now: Seconds) -> Found:
    """Return what is known of a rack now; what is missing is asked for in the background.

    Raises BusUnavailable while nobody has said the rack's layout.
    """
    layout = layout_of(record)
    stock.want(record)
    look = RackLook(record, layout, view_of(record, now), now)
    rows: list[_Row] = []
    told, unread = set(), []
    for tray in look.trays.values():
        place = tray.plan.place
        asked = [e.place for e in tray.plan.endpoints if e.enabled and e.protocol not in IN_BAND]
        reports = [stock.report(endpoint) for endpoint in asked]
        known = [report for report in reports if report is not None]
        if known:
            rows += _parts(tray, stock)
        if asked and len(known) == len(asked):
            told |= {(place, str(item.kind)) for report in known for item in report.inventory}
        else:
            unread.append(place)
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    names = (PLACE, KIND, PART, SERIAL)
    table = pa.table({n: pa.array(list(c), pa.string()) for n, c in zip(names, columns, strict=True)})
    return Found(table, frozenset(told), tuple(unread))


def kind_of_tray(kind: str) -> str:
    """Return what records call a tray of a plan's kind."""
    return _KIND_OF_TRAY.get(kind, kind)


def _parts(tray: TrayLook, stock: StockRoom) -> list[_Row]:
    """Return what a tray that answers is made of: itself, also where it tells no serial number, and what it lists."""
    place, kind = tray.plan.place, kind_of_tray(tray.plan.kind)
    whole = enclosure_of(stock, tray)
    rows: list[_Row] = [(place, kind, None, None) if whole is None else _row(place, kind, whole)]
    for name, called in KIND_OF_PART.items():
        for part in tray.planned(name):
            item = item_of(stock, tray, part)
            rows += [] if item is None else [_row(f"{place}/{part}", called, item)]
    for name, piece in stocked(stock, tray, *_LISTED).items():
        rows.append(_row(f"{place}/{name}", piece.item.kind, piece.item))
    return rows


def _row(place: str, kind: str, item: StockItem) -> _Row:
    return place, str(kind), item.part_number, item.serial_number
