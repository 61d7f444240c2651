"""Set-points over Redfish (`SetPoint` of a control excerpt): found while planning, set where they stand, read back.

Power limits of EnvironmentMetrics, and targets of a coolant unit's connectors.  The mode of a control is never changed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from firmware_bridge.drivers.redfish.link import URGENT, RedfishLink
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.vocabulary.errors import DeviceError, ResourceMissing
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.wire.redfish.guard import Document, parse
from firmware_bridge.wire.redfish.numbers import number
from firmware_bridge.wire.redfish.plan import Plan

SET_POINT = "SetPoint"
_SAID = ("AllowableMin", "AllowableMax", "DefaultSetPoint")
_ONLY_WITHIN = frozenset({Quantity.FLOW, Quantity.TEMPERATURE_SUPPLY, Quantity.PRESSURE_DELTA})
"""Quantities that are set only where the device states a range for them: a coolant unit is never stopped by one."""


@dataclass(frozen=True, slots=True)
class PointAt:
    """One set-point, the resource that holds it, and the property there."""

    point: Settable
    uri: str
    name: str


def points_in(tree: Tree, plan: Plan) -> dict[Place, PointAt]:
    """Return the set-points among what is read of an endpoint, out of documents that were read already."""
    found: dict[Place, PointAt] = {}
    for fetch in (fetch for fetches in plan.fetches.values() for fetch in fetches):
        for extract in fetch.extracts:
            uri = extract.member or fetch.uri
            control = tree.documents.get(uri, {}).get(extract.field)
            if extract.part == SET_POINT and isinstance(control, dict) and SET_POINT in control:
                place, quantity = extract.series.place, extract.series.quantity
                least, most, default = (number(control.get(name)) for name in _SAID)
                bounded = least is not None and most is not None and 0 < least <= most
                if quantity not in _ONLY_WITHIN or (bounded and control.get("ControlMode") != "Disabled"):
                    found[place] = PointAt(Settable(place, least, most, default, quantity), uri, extract.field)
    return found


class SetPoints:
    """Adds the port SetPointed to a source with `link` and `state.points`."""

    __slots__ = ()

    @property
    def settable(self: Any) -> Mapping[Place, Settable]:
        """Return where a value can be set (see the port)."""
        points: Mapping[Place, PointAt] = self.state.points
        return {place: at.point for place, at in points.items()}

    async def ask_values(self: Any, values: Mapping[Place, float]) -> Mapping[Place, DeviceError | None]:
        """Ask for values, all over one connection (see the port)."""
        link: RedfishLink = self.link
        found = {place: _at(self, place) for place in values}
        changes = [(at.uri, {at.name: {SET_POINT: values[place]}}) for place, at in found.items()]
        ends = await link.set_points(changes)
        return dict(zip(values, ends, strict=True))

    async def read_values(self: Any, places: Collection[Place]) -> Mapping[Place, float | None]:
        """Read values back (see the port)."""
        found = {place: _at(self, place) for place in places}
        bodies = {uri: await _read(self.link, uri) for uri in dict.fromkeys(at.uri for at in found.values())}
        return {place: _set_point(bodies[at.uri], at.name) for place, at in found.items()}


def _at(source: Any, place: Place) -> PointAt:
    found: PointAt | None = source.state.points.get(place)
    if found is None:
        raise ResourceMissing(source.link.endpoint, "set", f"{place} is nothing that can be set")
    return found


def _set_point(document: Document, name: str) -> float | None:
    control = document.get(name)
    return number(control.get(SET_POINT)) if isinstance(control, dict) else None


async def _read(link: RedfishLink, uri: str) -> Document:
    limits = link.limits
    return await link.get_decoded(
        uri, partial(parse, most_bytes=limits.most_bytes, most_depth=limits.most_depth), URGENT
    )
