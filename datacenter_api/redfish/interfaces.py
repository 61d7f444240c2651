"""Network interfaces and protocols of management controllers and hosts, as reports tell them.  Configures nothing."""

from datacenter_api.redfish.made_of import stated_status
from datacenter_api.redfish.shapes import Body, collection, ref, resource
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.stock import StockAspect, StockReport
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.facts import AspectKind, Fact
from firmware_bridge.vocabulary.place import slug


def protocols_of(report: StockReport) -> StockAspect | None:
    """Return which network protocols the endpoint's controller offers, None where it does not say."""
    found = report.aspects_of(AspectKind.PROTOCOLS, _controller(report))
    return found[0] if found else None


def interfaces_of(report: StockReport, owner: str = "") -> dict[str, StockAspect]:
    """Return the interfaces of the endpoint's controller, or of `owner`, by an id that is fit for a URI."""
    return {slug(a.id): a for a in report.aspects_of(AspectKind.INTERFACE, owner or _controller(report))}


def certificates_of(report: StockReport) -> dict[str, StockAspect]:
    """Return the certificates that the endpoint's controller says it shows its clients, by an id fit for a URI."""
    return {slug(a.id): a for a in report.aspects_of(AspectKind.CERTIFICATE, _controller(report))}


def host_of(report: StockReport) -> str | None:
    """Return the machine that the endpoint's controller can reset, None where it is in charge of none."""
    system = report.named("system")
    return None if system is None else f"Systems/{system}"


def protocol_body(world: World, tray: TrayLook, report: StockReport, uri: str) -> Body | None:
    """Return the ManagerNetworkProtocol of an endpoint's controller."""
    found = protocols_of(report)
    if found is None:
        return None
    body = shown("ManagerNetworkProtocol", found.facts)
    if "HTTP" in body:
        body["HTTP"].setdefault("Port", None)  # one that is switched off has none
    if certificates_of(report):
        body.setdefault("HTTPS", {})["Certificates"] = ref(f"{uri}/HTTPS/Certificates")
    return resource(
        "ManagerNetworkProtocol",
        uri,
        f"Network protocols of {uri.split('/')[4]}",
        Status=stated_status(world.stock, tray, report, found.facts),
        **body,
    )


def interfaces_body(report: StockReport, uri: str) -> Body | None:
    """Return the interfaces of an endpoint's controller."""
    found = interfaces_of(report)
    return collection("EthernetInterface", uri, f"Interfaces of {uri.split('/')[4]}", sorted(found)) if found else None


def interface_body(world: World, tray: TrayLook, report: StockReport, uri: str, owner: str = "") -> Body | None:
    """Return one interface with its addresses."""
    found = interfaces_of(report, owner).get(uri.rsplit("/", 1)[1])
    if found is None:
        return None
    facts = found.facts
    rows = report.aspects_of(AspectKind.ADDRESS, f"{found.of}/EthernetInterfaces/{found.id}")
    six = [a.facts for a in rows if Fact.PREFIX_LENGTH in a.facts or ":" in str(a.facts.get(Fact.ADDRESS))]
    four = [a.facts for a in rows if a.facts not in six]
    return resource(
        "EthernetInterface",
        uri,
        f"{uri.split('/')[4]} {found.id}",
        Status=stated_status(world.stock, tray, report, facts),
        **shown("EthernetInterface", facts),
        IPv4Addresses=[body for row in four if "Address" in (body := shown("IPv4", row))],
        IPv6Addresses=[body for row in six if "Address" in (body := shown("IPv6", row))],
    )


def _controller(report: StockReport) -> str:
    return f"Managers/{report.named('controller')}"
