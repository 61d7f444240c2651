"""Metric reports that carry sensors: one request for what would be many.  Reads which there are; plans nothing."""

import re
from collections.abc import Mapping
from typing import Any

from firmware_bridge.drivers.redfish.link import BACKGROUND, RedfishLink
from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.facts import Aspect
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.port_counts import counts_of, tells_of_ports

_MOST_REPORTS = 4
_PROMPT_SECONDS = 1.0
# ISO 8601 durations as Redfish allows them, as far as they are short: PT0.25S, PT1S.
_SECONDS = re.compile(r"PT(\d{1,3}(?:\.\d{1,6})?)S")


async def prompt_reports(tree: Tree) -> dict[str, Mapping[str, str]]:
    """Return the reports that are made when asked for or at least once a second, by URI.

    Each maps a sensor's URI to the spelling of it in the report (`MetricProperty`).  A report whose definition does
    not say how old its values may be is left out: an old value would look like a new one.
    """
    definitions = await prompt_definitions(tree)
    wanted = [u for d in definitions if _has_sensors(d) and (u := link_of(d, "MetricReport"))]
    reports = [tidy(u) for u in wanted[:_MOST_REPORTS]]
    bodies = await tree.many(reports)
    found = {u: _sensors_in(b) for u, b in zip(reports, bodies, strict=True) if b is not None}
    return {u: sensors for u, sensors in found.items() if sensors}


async def prompt_definitions(tree: Tree) -> list[Document]:
    """Return the definitions of reports that are made when asked for or at least once a second."""
    service = await tree.get(link_of(tree.documents[ROOT], "TelemetryService"))
    return [d for _, d in await tree.members(link_of(service, "MetricReportDefinitions")) if _is_prompt(d)]


async def port_counts(link: RedfishLink) -> list[Aspect]:
    """Return what the endpoint's ports have carried, from reports that have it for all of them.  Raises no DeviceError.

    Where only each port's own resource has it nothing is asked: a tray has 72 of them.
    """
    tree, found = Tree(link, BACKGROUND), list[Aspect]()
    try:
        await tree.root()
        for definition in await prompt_definitions(tree):
            uri = link_of(definition, "MetricReport") if tells_of_ports(definition) else None
            found += counts_of(await tree.get(uri) or {}) if uri is not None and not found else []
    except DeviceError:
        return found
    return found


def _is_prompt(definition: Document) -> bool:
    if definition.get("MetricReportDefinitionEnabled") is False:
        return False
    kind = definition.get("MetricReportDefinitionType")
    if kind == "OnRequest":
        return True
    schedule = definition.get("Schedule")
    interval = schedule.get("RecurrenceInterval") if isinstance(schedule, dict) else None
    match = _SECONDS.fullmatch(interval) if isinstance(interval, str) else None
    return kind == "Periodic" and match is not None and float(match[1]) <= _PROMPT_SECONDS


def _has_sensors(definition: Document) -> bool:
    properties: Any = definition.get("MetricProperties")
    return isinstance(properties, list) and any(isinstance(p, str) and "/Sensors/" in p for p in properties)


def _sensors_in(report: Document) -> dict[str, str]:
    values: Any = report.get("MetricValues")
    names = [v.get("MetricProperty") for v in values if isinstance(v, dict)] if isinstance(values, list) else []
    sensors: dict[str, str] = {}
    for name in names:
        if isinstance(name, str) and name.partition("#")[2] in ("", "/Reading"):
            sensors.setdefault(tidy(name), name)
    return sensors
