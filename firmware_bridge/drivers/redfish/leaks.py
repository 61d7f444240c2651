"""Leak detectors, wherever an endpoint shows them: resources, lines of a group, behind Oem links.  Decides nothing."""

from firmware_bridge.drivers.redfish.enclosure import Enclosure, Listed
from firmware_bridge.drivers.redfish.foreign import collections_of
from firmware_bridge.drivers.redfish.planner import SAFETY, Planner
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.redfish.documents import LeakDetection, LeakDetector
from firmware_bridge.wire.redfish.guard import scrub
from firmware_bridge.wire.redfish.leaks import GROUPS, group_lines, line_name
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.numbers import leak_code
from firmware_bridge.wire.redfish.plan import Extract, Line, state_extract


async def plan_leaks(planner: Planner, found: Enclosure, units: Listed | None = None) -> None:
    """Plan `leakN` in the order in which the endpoint lists its detectors; each label keeps the device's own id.

    `units` are further resources with a LeakDetection of their own (cooling units); they count where no chassis lists
    detectors, because services that list them in both places mean the same ones.  Lines of a group that name no
    resource follow; behind Oem links is looked only where there is nothing else.
    """
    tree, hinted = planner.tree, _hinted(planner)
    detection = await _detection(tree, found)
    collections = hinted or await _collections(tree, found, detection)
    if not collections and units:
        detection += [u for _, d in units if (u := link_of(d, "LeakDetection")) is not None]
        collections = await _below(tree, detection)
    planned = await _plan_resources(planner, collections)
    planned |= set() if hinted else await _plan_lines(planner, detection, planned)
    if not planned and not hinted:
        bodies = [d for _, d in (*found.chassis, *found.systems)]
        await _plan_resources(planner, await collections_of(tree, bodies, "LeakDetector"))


def _hinted(planner: Planner) -> list[str]:
    hint = planner.hints.get("leak_detectors")
    return [u for u in (hint if isinstance(hint, list) else [hint]) if isinstance(u, str)]


async def _detection(tree: Tree, found: Enclosure) -> list[str]:
    """Return the LeakDetection resources of chassis that have no detectors of their own."""
    thermal = [link_of(d, "ThermalSubsystem") for _, d in found.chassis if link_of(d, "LeakDetectors") is None]
    return [u for d in await tree.many(thermal) if d is not None and (u := link_of(d, "LeakDetection")) is not None]


async def _collections(tree: Tree, found: Enclosure, detection: list[str]) -> list[str]:
    direct = [u for _, d in found.chassis if (u := link_of(d, "LeakDetectors")) is not None]
    return list(dict.fromkeys([tidy(u) for u in direct] + await _below(tree, detection)))


async def _below(tree: Tree, detection: list[str]) -> list[str]:
    found = [link_of(d, "LeakDetectors") for d in await tree.many(detection) if d is not None]
    return [tidy(u) for u in found if u is not None]


async def _plan_resources(planner: Planner, collections: list[str]) -> set[str]:
    planned: set[str] = set()
    for collection in collections:
        for uri, document in await planner.tree.members(collection):
            label = scrub(document.get("Id"), 128)
            series = planner.series(f"leak{len(planned)}", Quantity.LEAK, SAFETY, label)
            if planner.from_member(
                tidy(collection), LeakDetector, state_extract(series, "DetectorState", leak_code, uri)
            ):
                planned.add(tidy(uri))
    return planned


async def _plan_lines(planner: Planner, detection: list[str], planned: set[str]) -> set[str]:
    """Plan the lines of groups; a line that names a detector planned already is that one."""
    added: set[str] = set()
    for uri in dict.fromkeys(tidy(u) for u in detection):
        for at, line in group_lines(uri, await planner.tree.get(uri) or {}):
            source = line.get("DataSourceUri")
            if isinstance(source, str) and tidy(source) in planned | added:
                continue
            group, _, index = at.rpartition(f"{GROUPS}/")[2].partition("/Detectors/")
            name = f"leak{len(planned) + len(added)}"
            series = planner.series(name, Quantity.LEAK, SAFETY, scrub(line_name(line, at), 128))
            known = line.get("DeviceName")
            where = (int(group), "Detectors", int(index))
            where_line = Line(where, "DeviceName", known) if isinstance(known, str) and known else Line(where)
            extract = Extract(series, GROUPS, "DetectorState", leak_code, ignore_state=True, line=where_line)
            if planner.from_document(uri, LeakDetection, extract):
                added.add(tidy(source) if isinstance(source, str) else at)
    return added
