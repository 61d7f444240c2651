"""Which of an endpoint's chassis is the tray itself, which system is the machine in it, which manager answers."""

from collections.abc import Iterable

from firmware_bridge.wire.redfish.catalog import Catalog
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of, tidy

_ROOT = "/redfish/v1"
# Chassis that are a part of something else; what remains are enclosures.
INNER = frozenset({"Component", "Module", "Card", "Cartridge", "Zone", "Expansion", "Blade", "IPBasedDrive"})
_RESET = "#ComputerSystem.Reset"

Listed = list[tuple[str, Document]]


def can_be_reset(system: Document) -> bool:
    """Tell whether a system is a machine of its own: it has the reset action."""
    actions = system.get("Actions")
    return isinstance(actions, dict) and _RESET in actions


def holders(chassis: Iterable[tuple[str, Document]], host: str | None) -> Listed:
    """Return the chassis that are no part of another, those first that say that they hold the system at `host`."""
    outer = [(u, d) for u, d in chassis if str(d.get("ChassisType")) not in INNER]
    return outer if host is None else sorted(outer, key=lambda c: not _holds(c[1], host))


def host_systems(catalog: Catalog) -> frozenset[str]:
    """Return the systems that are machines of their own: those that can be reset.  The rest are views of them."""
    return frozenset(e.uri for e in catalog.of("ComputerSystem") if can_be_reset(e.document))


def main_system(catalog: Catalog) -> str | None:
    """Return the id of the machine that can be switched, None where there is not exactly one."""
    hosts = sorted(host_systems(catalog))
    return catalog.entries[hosts[0]].id if len(hosts) == 1 else None


def enclosure_of(catalog: Catalog) -> str | None:
    """Return the id of the chassis that is the tray itself; None where several could be it and none says so.

    The only chassis that is no part of another, else the only one of those that says that it holds the host.
    """
    hosts = sorted(host_systems(catalog))
    chassis = [(e.uri, e.document) for e in catalog.of("Chassis")]
    outer = holders(chassis, None)
    if len(outer) > 1 and len(hosts) == 1:
        outer = [c for c in outer if _holds(c[1], hosts[0])]
    return catalog.entries[outer[0][0]].id if len(outer) == 1 else None


def controller_of(catalog: Catalog) -> str | None:
    """Return the id of the manager that provides the service, else that of the only one."""
    managers = list(catalog.of("Manager"))
    root = catalog.entries.get(_ROOT)
    stated = link_of(root.document, "Links", "ManagerProvidingService") if root is not None else None
    found = next((m for m in managers if stated is not None and m.uri == tidy(stated)), None)
    if found is None and len(managers) == 1:
        found = managers[0]
    return None if found is None else found.id


def _holds(document: Document, host: str) -> bool:
    links = document.get("Links")
    systems = links.get("ComputerSystems") if isinstance(links, dict) else None
    return isinstance(systems, list) and any(tidy(link_of(s) or "") == host for s in systems)
