"""Ports of processors and network adapters as their endpoint's report tells them."""

from datacenter_api.redfish.made_of import stated_status
from datacenter_api.redfish.shapes import Body, collection, ref, resource
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.stock import StockAspect, StockReport, StockRoom
from datacenter_api.redfish.world import TrayLook
from firmware_bridge.vocabulary.facts import AspectKind, Fact
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
    metrics = {"Metrics": ref(f"{uri}/Metrics")} if _counts(report, aspect) is not None else {}
    body = shown("Port", aspect.facts)
    status = stated_status(stock, tray, report, aspect.facts)
    if status.get("State") == "UnavailableOffline":
        body = {name: value for name, value in body.items() if name not in ("LinkStatus", "LinkState")}
    return resource("Port", uri, aspect.id, Status=status, **metrics, **body)


def port_metrics_body(stock: StockRoom, found: Ports, uri: str) -> Body | None:
    """Return what one port had carried at the last look at its endpoint; null once that is too long ago."""
    port = found.get(uri.split("/")[-2])
    counts = _counts(*port) if port is not None else None
    if port is None or counts is None:
        return None
    known = counts.facts if stock.is_fresh(port[0].place) else {}
    return resource(
        "PortMetrics",
        uri,
        f"What {port[1].id} has carried",
        RXBytes=known.get(Fact.RECEIVED_BYTES),
        TXBytes=known.get(Fact.SENT_BYTES),
    )


def _counts(report: StockReport, port: StockAspect) -> StockAspect | None:
    return next((a for a in report.aspects_of(AspectKind.PORT_COUNTS, port.of) if a.id == port.id), None)
