"""Ports of processors and network adapters as their endpoint's report tells them."""

from datacenter_api.redfish.made_of import stated_status
from datacenter_api.redfish.shapes import Body, collection, resource
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.stock import StockAspect, StockReport, StockRoom
from datacenter_api.redfish.world import TrayLook
from firmware_bridge.vocabulary.facts import AspectKind
from firmware_bridge.vocabulary.place import slug

Ports = dict[str, tuple[StockReport, StockAspect]]


def ports_of(reports: list[StockReport], owners: set[str], above: str) -> Ports:
    """Return the ports of a part by id.  `owners` are its ids on its endpoint, `above` the collection that lists it."""
    return {
        slug(a.id): (r, a)
        for r in reports
        for a in r.aspects_of(AspectKind.PORT)
        if (path := a.of.split("/"))[-1] in owners and path[-2:-1] == [above]
    }


def ports_body(found: Ports, uri: str) -> Body | None:
    """Return the collection of a part's ports, None where it has none."""
    return collection("Port", uri, f"Ports of {uri.split('/')[-2]}", sorted(found)) if found else None


def port_body(stock: StockRoom, tray: TrayLook, found: Ports, uri: str) -> Body | None:
    """Return one port; its link is that of the last look at its endpoint."""
    port = found.get(uri.rsplit("/", 1)[1])
    if port is None:
        return None
    report, aspect = port
    body = shown("Port", aspect.facts)
    status = stated_status(stock, tray, report, aspect.facts)
    if status.get("State") == "UnavailableOffline":
        body = {name: value for name, value in body.items() if name not in ("LinkStatus", "LinkState")}
    return resource("Port", uri, aspect.id, Status=status, **body)
