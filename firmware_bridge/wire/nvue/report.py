"""NVUE documents become an endpoint's report: parts, firmware, temperatures, leak detectors, notes.  Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from firmware_bridge.vocabulary.facts import Fact, FactValue
from firmware_bridge.vocabulary.inventory import (
    EndpointReport,
    FirmwareItem,
    Item,
    ItemKind,
    LeakDetectorItem,
    Note,
    SensorValue,
)
from firmware_bridge.vocabulary.quantities import Quantity, name_of
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.nvue.ports import INTERFACE, Port, ports_of
from firmware_bridge.wire.nvue.system import (
    Health,
    apps_of,
    fabric_manager_of,
    firmware_of,
    health_of,
    leaks_of,
    partitions_of,
    temperatures_of,
    version_of,
)
from firmware_bridge.wire.nvue.values import first
from firmware_bridge.wire.redfish.guard import Document

VERSION, PLATFORM, FIRMWARE, HEALTH = "/system/version", "/platform", "/platform/firmware", "/system/health"
TEMPERATURE, LEAKAGE = "/platform/environment/temperature", "/platform/environment/leakage"
PORTS, APPS, PARTITION = "/interface?filter_=type%3Dnvl", "/cluster/apps", "/sdn/partition"
PATHS = (VERSION, PLATFORM, FIRMWARE, HEALTH, TEMPERATURE, LEAKAGE, PORTS, APPS, PARTITION)
_ROOT = "/nvue_v1"
Facts = dict[str, str | int | None]


def report_of(documents: Mapping[str, Document], about: Facts, notes: Sequence[Note] = ()) -> EndpointReport:
    """Return the report of what was read; a path that is missing from `documents` leaves its part empty."""
    ports, odd = ports_of(documents.get(PORTS, {}))
    health = health_of(documents.get(HEALTH, {}))
    return EndpointReport(
        endpoint={**about, **_facts(documents, health, ports)},
        inventory=(*_chassis(documents.get(PLATFORM, {})), *(_port_item(p) for p in ports)),
        readings=tuple(
            SensorValue(name, "temperature", "°C", celsius, f"{_ROOT}{TEMPERATURE}/{name}")
            for name, celsius in temperatures_of(documents.get(TEMPERATURE, {})).items()
            if celsius is not None
        ),
        firmware=tuple(_firmware(documents)),
        leak_detectors=tuple(
            LeakDetectorItem(name, state, f"{_ROOT}{LEAKAGE}/{name}")
            for name, state in leaks_of(documents.get(LEAKAGE, {}))
        ),
        notes=(*notes, *_issues(health), *odd, *_diagnostics(ports)),
    )


def _facts(documents: Mapping[str, Document], health: Health, ports: Sequence[Port]) -> Facts:
    code, reason = fabric_manager_of(apps_of(documents.get(APPS, {})))
    manager = name_of(Quantity.FABRIC_MANAGER, code if APPS in documents else None)
    partitions = partitions_of(documents.get(PARTITION, {}))
    return {
        "product": scrub(documents.get(PLATFORM, {}).get("product-name"), 80) or None,
        "nvos": version_of(documents.get(VERSION, {})) or None,
        "health": name_of(Quantity.HEALTH, health.code),
        "fabric_manager": f"{manager}: {reason}" if reason else manager,
        "nvlink_ports": len(ports) if PORTS in documents else None,
        "nvlink_ports_up": sum(p.up is True for p in ports) if PORTS in documents else None,
        "partitions": ", ".join(_partition(p.id, p.name, p.gpus) for p in partitions)[:400] or None,
    }


def _partition(key: str, name: str, gpus: int | None) -> str:
    return f"{name or key} ({'?' if gpus is None else gpus} GPUs)"


def _chassis(platform: Document) -> list[Item]:
    if not platform:
        return []
    text: dict[str, Any] = {k: scrub(platform.get(k), 120) or None for k in ("part-number", "serial-number")}
    name = scrub(first(platform, "product-name", "asic-model"), 120)
    return [
        Item(
            ItemKind.CHASSIS,
            "platform",
            name,
            text["part-number"],
            text["serial-number"],
            uris=(f"{_ROOT}{PLATFORM}",),
        )
    ]


def _port_item(port: Port) -> Item:
    speed = f", {port.speed_gbps:g} Gbit/s" if port.speed_gbps is not None else ""
    state = "unknown" if port.up is None else "up" if port.up else f"down ({port.physical_state or 'no reason given'})"
    stated = {Fact.SPEED_GBPS: port.speed_gbps, Fact.SPEED_MAX_GBPS: port.supported_gbps}
    facts: dict[str, FactValue] = {name.value: value for name, value in stated.items() if value is not None}
    return Item(ItemKind.PORT, port.name, f"{state}{speed}", uris=(f"{INTERFACE}/{port.name}",), facts=facts)


def _firmware(documents: Mapping[str, Document]) -> list[FirmwareItem]:
    version = version_of(documents.get(VERSION, {}))
    own = [FirmwareItem("NVOS", version or None, f"{_ROOT}{VERSION}")] if VERSION in documents else []
    parts = [FirmwareItem(n, v, f"{_ROOT}{FIRMWARE}/{n}") for n, v in firmware_of(documents.get(FIRMWARE, {}))]
    apps = [
        FirmwareItem(a.name, a.version or None, f"{_ROOT}{APPS}/{a.name}") for a in apps_of(documents.get(APPS, {}))
    ]
    return [*own, *parts, *apps]


def _issues(health: Health) -> list[Note]:
    return [
        Note(f"{_ROOT}{HEALTH}", f"issues/{name}", what or "an issue without words") for name, what in health.issues
    ]


def _diagnostics(ports: Sequence[Port]) -> list[Note]:
    return [
        Note(f"{INTERFACE}/{p.name}", f"link/diagnostics/{code}", text or "no words")
        for p in ports
        for code, text in p.issues
    ]
