"""Power limits over Redfish (`PowerLimitWatts` of EnvironmentMetrics): found while planning, set and read back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from firmware_bridge.drivers.redfish.link import URGENT, RedfishLink
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.vocabulary.errors import DeviceError, ResourceMissing
from firmware_bridge.vocabulary.limits import LimitPoint
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Watts
from firmware_bridge.wire.redfish.guard import Document, parse
from firmware_bridge.wire.redfish.numbers import number
from firmware_bridge.wire.redfish.plan import Plan

LIMIT = "PowerLimitWatts"


@dataclass(frozen=True, slots=True)
class LimitAt:
    """One limit and the resource that holds it."""

    point: LimitPoint
    uri: str


def limits_in(tree: Tree, plan: Plan) -> dict[Place, LimitAt]:
    """Return the limits among what is read of an endpoint, out of documents that were read already."""
    found: dict[Place, LimitAt] = {}
    for fetch in (fetch for fetches in plan.fetches.values() for fetch in fetches):
        for extract in fetch.extracts:
            uri = extract.member or fetch.uri
            limit = tree.documents.get(uri, {}).get(LIMIT)
            if extract.series.quantity is Quantity.POWER_LIMIT and isinstance(limit, dict) and "SetPoint" in limit:
                place = extract.series.place
                said = (number(limit.get(name)) for name in ("AllowableMin", "AllowableMax", "DefaultSetPoint"))
                found[place] = LimitAt(LimitPoint(place, *(None if w is None else Watts(w) for w in said)), uri)
    return found


class Limited:
    """Adds the port PowerLimited to a source with `link` and `state.limits`."""

    __slots__ = ()

    @property
    def limit_points(self: Any) -> Mapping[Place, LimitPoint]:
        """Return where power can be limited (see the port)."""
        limits: Mapping[Place, LimitAt] = self.state.limits
        return {place: at.point for place, at in limits.items()}

    async def set_limits(self: Any, watts: Mapping[Place, Watts]) -> Mapping[Place, DeviceError | None]:
        """Ask for limits, all over one connection (see the port)."""
        link: RedfishLink = self.link
        changes = [(_at(self, place).uri, {LIMIT: {"SetPoint": value}}) for place, value in watts.items()]
        ends = await link.set_points(changes)
        return dict(zip(watts, ends, strict=True))

    async def read_limits(self: Any, places: Collection[Place]) -> Mapping[Place, Watts | None]:
        """Read limits back (see the port)."""
        return {place: _set_point(await _read(self.link, _at(self, place).uri)) for place in places}


def _at(source: Any, place: Place) -> LimitAt:
    found: LimitAt | None = source.state.limits.get(place)
    if found is None:
        raise ResourceMissing(source.link.endpoint, "limit", f"{place} has no power limit")
    return found


def _set_point(document: Document) -> Watts | None:
    limit = document.get(LIMIT)
    value = number(limit.get("SetPoint")) if isinstance(limit, dict) else None
    return None if value is None else Watts(value)


async def _read(link: RedfishLink, uri: str) -> Document:
    limits = link.limits
    return await link.get_decoded(
        uri, partial(parse, most_bytes=limits.most_bytes, most_depth=limits.most_depth), URGENT
    )
