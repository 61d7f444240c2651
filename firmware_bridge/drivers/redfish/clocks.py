"""How far a controller's own clock is from ours, measured while stock is taken.  Sets no clock."""

from collections.abc import Mapping

from firmware_bridge.drivers.redfish.link import BACKGROUND, RedfishLink
from firmware_bridge.drivers.redfish.tree import ROOT
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.wire.redfish.guard import Document, parse
from firmware_bridge.wire.redfish.intake import device_seconds
from firmware_bridge.wire.redfish.links import link_of, member_links, tidy


async def clock_offset(link: RedfishLink, clock: Clock, documents: Mapping[str, Document]) -> int | None:
    """Return by how many whole seconds the controller's clock is ahead of ours, None when it tells no time.

    Asks for the manager once more, because what a walk brought home is as old as the walk.  As exact as one request is
    short and as the device's time is fine, which is a second (Redfish Manager, DateTime).  Never raises DeviceError.
    """
    uri = _manager(documents)
    if uri is None:
        return None
    before = clock.unix_ns()
    try:
        limits = link.limits
        body = await link.get_decoded(uri, lambda raw: parse(raw, limits.most_bytes, limits.most_depth), BACKGROUND)
    except DeviceError:
        return None
    said = body.get("DateTime")
    told = device_seconds(said) if isinstance(said, str) else None
    return None if told is None else round(told - (before + clock.unix_ns()) / 2e9)


def _manager(documents: Mapping[str, Document]) -> str | None:
    root = documents.get(ROOT, {})
    stated = link_of(root, "Links", "ManagerProvidingService")
    if stated is not None:
        return stated
    listed = link_of(root, "Managers")
    members = list(member_links(documents.get(tidy(listed), {}))) if listed is not None else []
    return members[0] if len(members) == 1 else None
