"""The GPUs' end of NVLinks out of band: link states and counters per GPU, only where few requests give them all.

72 ports read one by one every ten seconds would be more than a BMC should be asked: a report that has them all is
taken, else the collection of each GPU's ports in one answer, else nothing.
"""

from collections.abc import Sequence

from firmware_bridge.drivers.redfish.planner import SLOW, Planner
from firmware_bridge.drivers.redfish.reports import prompt_definitions
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.redfish.documents import Decoder, MetricValue, Port
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.nvlinks import COUNTED, LINK_STATUS, is_nvlink, lines_of, link_up
from firmware_bridge.wire.redfish.plan import Extract, Fetch

Gpu = tuple[str, tuple[str, ...], str]
"""A GPU's component (`gpu0`), its views' URIs, its label."""


async def plan_nvlinks(planner: Planner, gpus: Sequence[Gpu]) -> None:
    """Plan what can be had of these GPUs' ports, in the slow class."""
    told = await _from_reports(planner, gpus)
    await _from_collections(planner, [gpu for gpu in gpus if gpu[0] not in told])


async def _from_reports(planner: Planner, gpus: Sequence[Gpu]) -> set[str]:
    """Plan the first report that tells of each GPU's links; return the GPUs that it tells of."""
    definitions = await prompt_definitions(planner.tree)
    wanted = [u for d in definitions if _has_ports(d.get("MetricProperties")) and (u := link_of(d, "MetricReport"))]
    told: set[str] = set()
    for uri in (tidy(u) for u in wanted):
        report = await planner.tree.get(uri)
        lines = lines_of(report) if report is not None else {}
        extracts: list[Extract] = []
        for component, views, label in gpus:
            found = next((lines[tidy(v)] for v in views if tidy(v) in lines), {})
            if component in told or Quantity.NVLINK_PORTS_UP not in found:
                continue
            told.add(component)
            for quantity, members in found.items():
                series = planner.series(component, quantity, SLOW, label)
                extracts.append(Extract(series, "MetricValue", convert=COUNTED[quantity][1], members=members))
        planner.whole(SLOW, Fetch(uri, Decoder(MetricValue, array="MetricValues"), tuple(extracts), collection=True))
    return told


async def _from_collections(planner: Planner, gpus: Sequence[Gpu]) -> None:
    """Plan one request per GPU for the states of its links; counters stand in resources of their own and are left."""
    tree = planner.tree
    for component, views, label in gpus:
        listed = [u for v in views if (u := link_of(tree.documents.get(tidy(v)), "Ports")) is not None]
        uri = next((tidy(u) for u in listed if tree.expands(u)), None)
        ports = [(u, d) for u, d in await tree.members(uri) if is_nvlink(u, d)] if uri is not None else []
        if uri is None or not ports or not tree.expands(uri):
            continue
        series = planner.series(component, Quantity.NVLINK_PORTS_UP, SLOW, label)
        members = tuple(tidy(u) for u, _ in ports)
        up = Extract(series, LINK_STATUS, convert=link_up, members=members)
        planner.whole(SLOW, Fetch(tree.spelled(uri) + tree.expand, Decoder(Port, array="Members"), (up,), True))


def _has_ports(properties: object) -> bool:
    return isinstance(properties, list) and any(isinstance(p, str) and "/Ports/" in p for p in properties)
