"""What of an endpoint's tree stands behind it: systems and chassis of another manager.  Told by links, by no name."""

from collections.abc import Iterator

from firmware_bridge.drivers.redfish.enclosure import Enclosure
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.subtree import Subtree
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.plan import Plan


def subtree_of(root: Document, found: Enclosure, plan: Plan) -> Subtree:
    """Return the subtree behind the endpoint: its roots, and the series that the plan reads from below them.

    A system that cannot be reset beside one that can is a view through another controller.  A chassis belongs to it
    when its manager is another one than the service's, or when its only systems are such views.
    """
    host = found.host
    ours = _ours(root, host[1] if host is not None else {})
    views = {tidy(uri) for uri, _ in found.systems if host is not None and uri != host[0]}
    chassis = [tidy(uri) for uri, document in found.chassis if _is_behind(document, ours, views)]
    roots = (*sorted(views), *chassis)
    return Subtree(roots, frozenset(_series(Subtree(roots), plan))) if roots else Subtree()


def _ours(root: Document, host: Document) -> frozenset[str]:
    """Return the managers that provide the service: who is not one of them stands behind."""
    told = link_of(root, "Links", "ManagerProvidingService")
    return frozenset({tidy(told)}) if told is not None else _linked(host, "ManagedBy")


def _is_behind(chassis: Document, ours: frozenset[str], views: set[str]) -> bool:
    managers, systems = _linked(chassis, "ManagedBy"), _linked(chassis, "ComputerSystems")
    if ours and managers:
        return ours.isdisjoint(managers)
    return bool(systems) and systems <= views


def _linked(document: Document, name: str) -> frozenset[str]:
    links = document.get("Links")
    listed = links.get(name) if isinstance(links, dict) else None
    return frozenset(tidy(u) for m in (listed if isinstance(listed, list) else ()) if (u := link_of(m)) is not None)


def _series(subtree: Subtree, plan: Plan) -> Iterator[tuple[Place, Quantity]]:
    for fetches in plan.fetches.values():
        for fetch in fetches:
            for extract in fetch.extracts:
                if subtree.holds(tidy(extract.member or fetch.uri)):
                    yield extract.series.place, extract.series.quantity
