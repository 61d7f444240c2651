"""Power limits over Redfish (`PowerLimitWatts` of EnvironmentMetrics): found while planning, set and read back."""

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

LIMIT = "PowerLimitWatts"
_SAID = ("AllowableMin", "AllowableMax", "DefaultSetPoint")


@dataclass(frozen=True, slots=True)
class LimitAt:
    """One limit and the resource that holds it."""

    point: Settable
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
                least, most, default = (number(limit.get(name)) for name in _SAID)
                found[place] = LimitAt(Settable(place, least, most, default), uri)
    return found


class Limited:
    """Adds the port SetPointed to a source with `link` and `state.limits`."""

    __slots__ = ()

    @property
    def settable(self: Any) -> Mapping[Place, Settable]:
        """Return where power can be limited (see the port)."""
        limits: Mapping[Place, LimitAt] = self.state.limits
        return {place: at.point for place, at in limits.items()}

    async def ask_values(self: Any, values: Mapping[Place, float]) -> Mapping[Place, DeviceError | None]:
        """Ask for limits, all over one connection (see the port)."""
        link: RedfishLink = self.link
        changes = [(_at(self, place).uri, {LIMIT: {"SetPoint": value}}) for place, value in values.items()]
        ends = await link.set_points(changes)
        return dict(zip(values, ends, strict=True))

    async def read_values(self: Any, places: Collection[Place]) -> Mapping[Place, float | None]:
        """Read limits back (see the port)."""
        return {place: _set_point(await _read(self.link, _at(self, place).uri)) for place in places}


def _at(source: Any, place: Place) -> LimitAt:
    found: LimitAt | None = source.state.limits.get(place)
    if found is None:
        raise ResourceMissing(source.link.endpoint, "limit", f"{place} has no power limit")
    return found


def _set_point(document: Document) -> float | None:
    limit = document.get(LIMIT)
    return number(limit.get("SetPoint")) if isinstance(limit, dict) else None


async def _read(link: RedfishLink, uri: str) -> Document:
    limits = link.limits
    return await link.get_decoded(
        uri, partial(parse, most_bytes=limits.most_bytes, most_depth=limits.most_depth), URGENT
    )
