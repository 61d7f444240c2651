"""What a rack is made of now, as its endpoints tell it: the as-found side of a match.  Nothing is guessed."""

from dataclasses import dataclass

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

_LISTED = (ItemKind.DRIVE, ItemKind.NIC, ItemKind.DPU)
"""Kinds of part that no plan names: they stand under the name that their endpoint gives them."""

VISIBLE = frozenset({*KIND_OF_PART.values(), *_LISTED})
"""Kinds of part that an endpoint can tell of; trays come on top."""

_KIND_OF_TRAY = {"compute": "compute_tray", "switch": "switch_tray"}


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a rack: a row per part, the trays that were read in full, and those that were not."""

    parts: pa.Table
    read: frozenset[str]
    unread: tuple[str, ...]
    tray_kinds: frozenset[str]

    @property
    def visible(self) -> frozenset[str]:
        """Kinds of part that can be missing."""
        return VISIBLE | self.tray_kinds


def find_parts(record: RackRecord, stock: StockRoom, now: Seconds) -> Found:
    """Return what is known of a rack now; what is missing is asked for in the background.

    Raises BusUnavailable while nobody has said the rack's layout.
    """
    layout = layout_of(record)
    stock.want(record)
    look = RackLook(record, layout, view_of(record, now), now)
    rows: list[tuple[str, str, str | None, str | None]] = []
    read, unread = set(), []
    for tray in look.trays.values():
        asked = [e.place for e in tray.plan.endpoints if e.enabled and e.protocol not in IN_BAND]
        whole = bool(asked) and all(stock.report(place) is not None for place in asked)
        rows += _parts(tray, stock)
        read.add(tray.plan.place) if whole else unread.append(tray.plan.place)
    names = (PLACE, KIND, PART, SERIAL)
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    table = pa.table({n: pa.array(list(c), pa.string()) for n, c in zip(names, columns, strict=True)})
    kinds = frozenset(kind_of_tray(tray.plan.kind) for tray in look.trays.values())
    return Found(table, frozenset(read), tuple(unread), kinds)


def kind_of_tray(kind: str) -> str:
    """Return what records call a tray of a plan's kind."""
    return _KIND_OF_TRAY.get(kind, kind)


def _parts(tray: TrayLook, stock: StockRoom) -> list[tuple[str, str, str | None, str | None]]:
    place, kind = tray.plan.place, kind_of_tray(tray.plan.kind)
    whole = enclosure_of(stock, tray)
    rows = [] if whole is None else [_row(place, kind, whole)]
    for name, called in KIND_OF_PART.items():
        for part in tray.planned(name):
            item = item_of(stock, tray, part)
            rows += [] if item is None else [_row(f"{place}/{part}", called, item)]
    for name, piece in stocked(stock, tray, *_LISTED).items():
        rows.append(_row(f"{place}/{name}", piece.item.kind, piece.item))
    return rows


def _row(place: str, kind: str, item: StockItem) -> tuple[str, str, str | None, str | None]:
    return place, str(kind), item.part_number, item.serial_number
