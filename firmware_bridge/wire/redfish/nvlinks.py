"""NVLink ports of processors, as reports and collections tell of them: which lines make which number.  Pure.

A number of a GPU is added up over all its ports.  What a device tells of some of its ports only is left out: a sum over
the rest would look like one over all.
"""

import re
from collections.abc import Iterable
from typing import Any

from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import tidy
from firmware_bridge.wire.redfish.numbers import number
from firmware_bridge.wire.redfish.plan import Convert

# `<processor>/Ports/<port>#/LinkStatus`, `<processor>/Ports/<port>/Metrics#/RXBytes`.
_LINE = re.compile(r"(?P<of>/redfish/v1/[^#]+)/Ports/(?P<port>[^/#]*nvlink[^/#]*)(?:/Metrics)?#(?P<name>/.+)", re.I)
_DOWN = frozenset(("Starting", "Training", "LinkDown", "NoLink"))  # Port 1.4 LinkStatus; only LinkUp carries data


def link_up(raw: Any) -> int | None:
    """Return 1 for a port that is up, 0 for one that is not, None for a word that Redfish does not know."""
    return 1 if raw == "LinkUp" else 0 if raw in _DOWN else None


def is_set(raw: Any) -> int | None:
    """Return 1 or 0 for a flag that comes as a boolean or, in a report, as text."""
    if isinstance(raw, str):
        return {"true": 1, "1": 1, "false": 0, "0": 0}.get(raw.strip().lower())
    return int(raw) if isinstance(raw, bool) else None


_OEM = "/Oem/Nvidia"
LINK_STATUS = "LinkStatus"
# Source: PortMetrics 1.3, NvidiaPortMetrics 1.4 and NvidiaNVLinkMetrics (NVLinkErrors).
COUNTED: dict[Quantity, tuple[tuple[str, ...], Convert]] = {
    Quantity.NVLINK_PORTS_UP: ((f"/{LINK_STATUS}",), link_up),
    Quantity.NVLINK_PORT_FAULTS: (
        (f"{_OEM}/NVLinkErrors/RuntimeError", f"{_OEM}/NVLinkErrors/TrainingError"),
        is_set,
    ),
    Quantity.NVLINK_PORT_RECOVERIES: ((f"{_OEM}/LinkErrorRecoveryCount",), number),
    Quantity.LINK_DOWNED: ((f"{_OEM}/LinkDownedCount",), number),
    Quantity.SYMBOL_ERRORS: ((f"{_OEM}/SymbolErrors",), number),
    Quantity.NVLINK_RECEIVED: (("/RXBytes",), number),
    Quantity.NVLINK_SENT: (("/TXBytes",), number),
}


def lines_of(report: Document) -> dict[str, dict[Quantity, tuple[str, ...]]]:
    """Return, by processor, which lines of a report (`MetricProperty`) add up to which quantity.

    A report that names properties without their fragment says the same name for several: none of those is used.
    """
    values: Any = report.get("MetricValues")
    names = [v.get("MetricProperty") for v in values if isinstance(v, dict)] if isinstance(values, list) else []
    found: dict[str, dict[str, dict[str, list[str]]]] = {}
    ports: dict[str, set[str]] = {}
    for name in (n for n in names if isinstance(n, str)):
        match = _LINE.fullmatch(name)
        if match is not None:
            of = tidy(match["of"])
            ports.setdefault(of, set()).add(match["port"])
            found.setdefault(of, {}).setdefault(match["name"], {}).setdefault(match["port"], []).append(name)
    return {of: _complete(told, ports[of]) for of, told in found.items()}


def _complete(told: dict[str, dict[str, list[str]]], ports: Iterable[str]) -> dict[Quantity, tuple[str, ...]]:
    wanted = set(ports)
    chosen: dict[Quantity, tuple[str, ...]] = {}
    for quantity, (names, _) in COUNTED.items():
        lines = [told.get(name, {}) for name in names]
        if all(set(by_port) == wanted and all(len(same) == 1 for same in by_port.values()) for by_port in lines):
            chosen[quantity] = tuple(same[0] for by_port in lines for same in by_port.values())
    return chosen


def is_nvlink(uri: str, port: Document) -> bool:
    """Return whether a member of a processor's `Ports` is an NVLink; a device that names no protocol names the port."""
    protocol = port.get("PortProtocol")
    return protocol == "NVLink" if isinstance(protocol, str) else "nvlink" in uri.rpartition("/")[2].lower()
