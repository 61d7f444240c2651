"""What single ports have carried, as a metric report tells it (PortMetrics RXBytes, TXBytes).  Adds nothing up."""

import re
from typing import Any

from firmware_bridge.vocabulary.facts import Aspect, AspectKind, Fact
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.numbers import number

MOST = 500
"""Ports of one endpoint whose counts are carried."""
_COUNTS = {"RXBytes": Fact.RECEIVED_BYTES, "TXBytes": Fact.SENT_BYTES}
# `<owner>/Ports/<port>/Metrics#/RXBytes`
_LINE = re.compile(r"/redfish/v1/(?P<of>[^#]+)/Ports/(?P<port>[^/#]+)/Metrics#/(?P<name>RXBytes|TXBytes)")
_BIGGEST = 2**63


def tells_of_ports(definition: Document) -> bool:
    """Return whether a MetricReportDefinition says that its report has counts of ports."""
    properties: Any = definition.get("MetricProperties")
    names = properties if isinstance(properties, list) else ()
    return any(isinstance(name, str) and "/Ports/" in name and "/Metrics#/" in name for name in names)


def counts_of(report: Document) -> list[Aspect]:
    """Return the counts of each port that a report has; what is no whole number of bytes is left out."""
    values: Any = report.get("MetricValues")
    found: dict[tuple[str, str], Aspect] = {}
    for row in values if isinstance(values, list) else ():
        said = row.get("MetricProperty") if isinstance(row, dict) else None
        match = _LINE.fullmatch(said) if isinstance(said, str) else None
        value = number(row.get("MetricValue")) if match is not None else None
        if match is None or value is None or not 0 <= value < _BIGGEST or value != int(value):
            continue
        key = match["of"], match["port"]
        if key not in found and len(found) >= MOST:
            break
        aspect = found.setdefault(key, Aspect(AspectKind.PORT_COUNTS, match["port"], match["of"]))
        aspect.facts[_COUNTS[match["name"]].value] = int(value)
    return list(found.values())
