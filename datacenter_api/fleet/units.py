"""The units on a tray's serial line as the API shows them: each with the management its driver says.  Pure."""

from collections.abc import Mapping

import msgspec

from datacenter_api.fleet.trays import Axes
from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, name_of
from firmware_bridge.vocabulary.reading import Quality
from rack_controller.model.layout import EndpointView


class UnitRow(msgspec.Struct, frozen=True):
    """One unit: its place, address on the line, register maps it may speak, and whether it answers."""

    place: str
    address: int
    maps: list[str]
    management: str


def unit_rows(endpoint: EndpointView, view: RackView | None, axes: Mapping[str, Axes]) -> list[UnitRow]:
    """Return the units of an endpoint; one that speaks for the endpoint itself shares its management."""
    own = axes.get(endpoint.place)
    shared = "unknown" if own is None else own.management
    return [UnitRow(u.place, u.address, u.maps, _management(u.place, view, shared)) for u in endpoint.units]


def _management(place: str, view: RackView | None, shared: str) -> str:
    line = None if view is None else view.columns.index.get((Place(place), Quantity.MANAGEMENT))
    if view is None or line is None:
        return shared
    return name_of(Quantity.MANAGEMENT, view.value(line)) if view.quality[line] == Quality.GOOD else "unknown"
