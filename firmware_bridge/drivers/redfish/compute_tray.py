"""A compute tray's BMC: host, GPUs, CPUs, leak detectors and sensors become Readings; nothing is decided here."""

from dataclasses import dataclass

from firmware_bridge.drivers.redfish.air import plan_dew_points
from firmware_bridge.drivers.redfish.enclosure import (
    Enclosure,
    look_at,
    plan_other_sensors,
    plan_states,
    plan_tray_power,
)
from firmware_bridge.drivers.redfish.flashed import Flashed
from firmware_bridge.drivers.redfish.leaks import plan_leaks
from firmware_bridge.drivers.redfish.nvlinks import plan_nvlinks
from firmware_bridge.drivers.redfish.older import (
    older_resources,
    plan_older_power,
    plan_older_rows,
    plan_older_supplies,
)
from firmware_bridge.drivers.redfish.planner import POWER, SLOW, Planner
from firmware_bridge.drivers.redfish.powered import Powered
from firmware_bridge.drivers.redfish.reports import prompt_reports
from firmware_bridge.drivers.redfish.set_points import SetPoints
from firmware_bridge.drivers.redfish.source import Locating, RedfishSource
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.vocabulary.inventory import ItemKind
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.wire.redfish.catalog import catalog_of
from firmware_bridge.wire.redfish.documents import EnvironmentMetrics
from firmware_bridge.wire.redfish.enclosures import host_systems
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.numbers import number
from firmware_bridge.wire.redfish.parts import merge, parts_of
from firmware_bridge.wire.redfish.plan import Plan

_JOULES_PER_KWH = 3.6e6
_MEASURED = {
    "PowerWatts": Quantity.POWER,
    "TemperatureCelsius": Quantity.TEMPERATURE,
    "EnergyJoules": Quantity.ENERGY,
}


@dataclass(frozen=True, slots=True)
class RedfishComputeTray(Flashed, SetPoints, Powered, Locating, RedfishSource):
    """A ComputeTray over Redfish.

    Hints (`read:` of the endpoint's spec): `power` (sensor URI), `power_state`, `locate`, `leak_detectors` (collection
    URI or a list of them).
    """

    async def make_plan(self, tree: Tree) -> tuple[Plan, str | None]:
        """Find host, processors, leak detectors and sensors."""
        planner = Planner(tree, self.tray, self.hints)
        found = await look_at(tree)
        planner.use_reports(await prompt_reports(tree))
        light = await plan_states(planner, found)
        await plan_leaks(planner, found)
        older = await older_resources(planner, found)
        await plan_tray_power(planner, found)
        plan_older_power(planner, older)
        await _plan_processors(planner, found)
        plan_other_sensors(planner, found)
        plan_dew_points(planner, found)
        plan_older_supplies(planner, older)
        plan_older_rows(planner, older)
        return planner.plan(), light


async def _plan_processors(planner: Planner, found: Enclosure) -> None:
    """Plan `gpuN` and `cpuN`: numbered in the collection's order, a part seen twice counted once."""
    tree = planner.tree
    collections = [u for _, system in found.systems if (u := link_of(system, "Processors")) is not None]
    processors = await tree.listings(collections)
    # Only what parts are made of: sorting every sensor as well would cost more than all the rest of the plan.
    documents = {tidy(u): tree.documents[tidy(u)] for u in collections if tidy(u) in tree.documents}
    documents |= {u: d for listed in (found.systems, *processors.values()) for u, d in listed}
    catalog = catalog_of(documents)
    items = merge(parts_of(catalog, []), host_systems(catalog), {}, [])
    for kind, name, reading_class in ((ItemKind.GPU, "gpu", POWER), (ItemKind.CPU, "cpu", SLOW)):
        for index, item in enumerate(i for i in items if i.kind is kind):
            await _plan_processor(planner, item.uris, f"{name}{index}", item.id, reading_class)
    gpus = (i for i in items if i.kind is ItemKind.GPU)
    await plan_nvlinks(planner, [(f"gpu{index}", item.uris, item.id) for index, item in enumerate(gpus)])


async def _plan_processor(
    planner: Planner, views: tuple[str, ...], component: str, label: str, reading_class: ReadingClass
) -> None:
    """Plan one processor from its EnvironmentMetrics; of several views the one that answers with most numbers.

    All four series come with one request, so a GPU's temperature, limit and energy are read as often as its power.
    Where a report gives all but the limit of every processor at once, the limit is left to the slow class.
    """
    tree = planner.tree
    metrics = [link_of(tree.documents.get(v), "EnvironmentMetrics") for v in views]
    bodies = await tree.many(metrics)
    ranked = [(_numbers(b), u, b) for b, u in zip(bodies, metrics, strict=True) if u is not None and b is not None]
    _, uri, body = max(ranked, key=lambda r: r[0], default=(0, "", {}))
    given = [name for name in _MEASURED if name in body]
    reported = bool(given) and all(planner.reported(body, name) for name in given)
    limit = planner.series(component, Quantity.POWER_LIMIT, SLOW if reported else reading_class, label)
    if uri:
        planner.excerpt(uri, EnvironmentMetrics, "PowerLimitWatts", limit, part="SetPoint")
    planner.promise(limit)
    for name, quantity in _MEASURED.items():
        series = planner.series(component, quantity, reading_class, label)
        if name == "EnergyJoules" and name not in body and "EnergykWh" in body:
            planner.excerpt(uri, EnvironmentMetrics, "EnergykWh", series, factor=_JOULES_PER_KWH)
        elif uri and (name in given or not reported):
            # What is not there now may come once the processor is up.
            planner.excerpt(uri, EnvironmentMetrics, name, series)
        planner.promise(series)


def _numbers(body: dict[str, object]) -> int:
    return sum(
        1
        for excerpt in body.values()
        if isinstance(excerpt, dict) and number(excerpt.get("Reading", excerpt.get("SetPoint"))) is not None
    )
