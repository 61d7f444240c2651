"""Compute trays as ComputerSystems: processors with their GPUs, what those measure, and memory where it is reported."""

from datacenter_api.redfish.interfaces import host_of, interface_body, interfaces_of
from datacenter_api.redfish.made_of import (
    facts_of_part,
    identity_of,
    item_of,
    names_of,
    part_health,
    part_identity,
    reports_of,
    system_facts,
)
from datacenter_api.redfish.managers import manager_links
from datacenter_api.redfish.memory import counts_errors, modules_of
from datacenter_api.redfish.ports import Ports, port_body, port_metrics_body, ports_body, ports_of
from datacenter_api.redfish.power.offers import actions_of, boot_of, offered
from datacenter_api.redfish.power.resets import want_boot
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, resource, told
from datacenter_api.redfish.shown import Facts, shown
from datacenter_api.redfish.status import locate_light, part_status, power_state, tray_status
from datacenter_api.redfish.stock import StockReport
from datacenter_api.redfish.storage import drives_of
from datacenter_api.redfish.subsystems import chassis_links, environment_of
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.facts import AspectKind
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.quantities import Quantity

Q = Quantity
SYSTEMS = f"{ROOT}/Systems"
_CLOCKS, _BUSY = (Q.CLOCK_CORE, Q.FREQUENCY), (Q.UTILIZATION, Q.PERCENT)
PROCESSORS: dict[str, str] = {"cpu": "CPU", "gpu": "GPU"}
"""Which parts of a plan are processors, and of what type."""


def build_all(world: World, uri: str) -> Body:
    """Return every compute tray of every rack."""
    return collection("ComputerSystem", uri, "Compute trays", [t.id for t in world.trays(TrayKind.COMPUTE)])


def build_one(world: World, uri: str, system: str) -> Body | None:
    """Return one compute tray as a system."""
    tray = _system(world, system)
    if tray is None:
        return None
    world.stock.want(tray.rack.record)
    want_boot(world, tray)
    facts = system_facts(world.stock, tray)
    details = shown("ComputerSystem", facts)
    summary = {**details.pop("ProcessorSummary", {}), "Count": len(tray.planned("cpu"))}
    below = {
        "Memory": modules_of(world, tray),
        "Storage": drives_of(world, tray),
        "SecureBoot": _secure_boot(world, tray),
    }
    return resource(
        "ComputerSystem",
        uri,
        f"{tray.rack.id} {tray.slot}",
        Description=tray.plan.title,
        SystemType="Physical",
        **identity_of(world.stock, tray),
        **details,
        PowerState=power_state(tray.state.state),
        **locate_light(tray),
        **boot_of(world, tray),
        Status=tray_status(tray),
        ProcessorSummary=summary,
        Processors=ref(f"{uri}/Processors"),
        **{name: ref(f"{uri}/{name}") for name, found in below.items() if found},
        **({} if _host(world, tray) is None else {"EthernetInterfaces": ref(f"{uri}/EthernetInterfaces")}),
        LogServices=ref(f"{uri}/LogServices"),
        Links={**chassis_links(tray), **manager_links(tray)},
        **actions_of(uri, "ComputerSystem", offered(tray)),
    )


def build_secure_boot(world: World, uri: str, system: str) -> Body | None:
    """Return the UEFI Secure Boot of a compute tray, where its controller tells of it."""
    tray = _system(world, system)
    facts = _secure_boot(world, tray) if tray is not None else {}
    return resource("SecureBoot", uri, f"Secure Boot of {system}", **shown("SecureBoot", facts)) if facts else None


def build_interfaces(world: World, uri: str, system: str) -> Body | None:
    """Return the network interfaces that a compute tray's controller reports of its host; it may report none."""
    tray = _system(world, system)
    host = _host(world, tray) if tray is not None else None
    if host is None:
        return None
    return collection("EthernetInterface", uri, f"Interfaces of {system}", sorted(interfaces_of(*host)))


def build_interface(world: World, uri: str, system: str, _interface: str) -> Body | None:
    """Return one network interface of a compute tray's host."""
    tray = _system(world, system)
    host = _host(world, tray) if tray is not None else None
    return None if tray is None or host is None else interface_body(world, tray, host[0], uri, host[1])


def build_processors(world: World, uri: str, system: str) -> Body | None:
    """Return the processors of a compute tray."""
    tray = _system(world, system)
    return None if tray is None else collection("Processor", uri, f"Processors of {system}", _processors(tray))


def build_processor(world: World, uri: str, system: str, processor: str) -> Body | None:
    """Return one CPU or GPU."""
    tray = _with_processor(world, system, processor)
    if tray is None:
        return None
    item = item_of(world.stock, tray, processor)
    details = shown("Processor", facts_of_part(world.stock, tray, processor))
    location = {"LocationType": "Socket", "ServiceLabel": processor}
    location |= details.pop("Location", {}).get("PartLocation", {})
    status = part_status(tray, processor)
    if status.get("State") == "Enabled" and "Health" not in status:
        status |= told(Health=part_health(world.stock, tray, processor))
    return resource(
        "Processor",
        uri,
        tray.label(processor),
        ProcessorType=PROCESSORS[processor.rstrip("0123456789")],
        **part_identity(world.stock, tray, processor),
        **told(FirmwareVersion=item.firmware if item else None),
        **details,
        Location={"PartLocation": location},
        Status=status,
        EnvironmentMetrics=ref(f"{uri}/EnvironmentMetrics"),
        **({"Metrics": ref(f"{uri}/ProcessorMetrics")} if _measured(tray, processor) else {}),
        **({"Ports": ref(f"{uri}/Ports")} if _ports(world, tray, processor) else {}),
        **(
            {"MemorySummary": {"Metrics": ref(f"{uri}/MemorySummary/MemoryMetrics")}}
            if counts_errors(tray, processor)
            else {}
        ),
        Links={"Chassis": ref(f"{ROOT}/Chassis/{tray.id}")},
    )


def build_ports(world: World, uri: str, system: str, processor: str) -> Body | None:
    """Return the ports of a processor."""
    tray = _with_processor(world, system, processor)
    return None if tray is None else ports_body(_ports(world, tray, processor), uri)


def build_port(world: World, uri: str, system: str, processor: str, _port: str) -> Body | None:
    """Return one port of a processor."""
    tray = _with_processor(world, system, processor)
    return None if tray is None else port_body(world.stock, tray, _ports(world, tray, processor), uri)


def build_port_metrics(world: World, uri: str, system: str, processor: str, _port: str) -> Body | None:
    """Return what one port of a processor has carried."""
    tray = _with_processor(world, system, processor)
    return None if tray is None else port_metrics_body(world.stock, _ports(world, tray, processor), uri)


def build_processor_environment(world: World, uri: str, system: str, processor: str) -> Body | None:
    """Return power, temperature, energy and limit of a processor."""
    tray = _with_processor(world, system, processor)
    return None if tray is None else environment_of(world, tray, uri, processor, f"Environment of {system} {processor}")


def build_processor_metrics(world: World, uri: str, system: str, processor: str) -> Body | None:
    """Return clock and utilisation of a processor, where somebody reads them."""
    tray = _with_processor(world, system, processor)
    if tray is None or not _measured(tray, processor):
        return None
    clock = _value(tray, processor, _CLOCKS)
    return resource(
        "ProcessorMetrics",
        uri,
        f"Metrics of {system} {processor}",
        OperatingSpeedMHz=None if clock is None else round(clock / 1e6),
        BandwidthPercent=_value(tray, processor, _BUSY),
    )


def _system(world: World, system: str) -> TrayLook | None:
    return world.tray(system, TrayKind.COMPUTE)


def _processors(tray: TrayLook) -> list[str]:
    return [part for name in PROCESSORS for part in tray.planned(name)]


def _with_processor(world: World, system: str, processor: str) -> TrayLook | None:
    tray = _system(world, system)
    return tray if tray is not None and processor in _processors(tray) else None


def _measured(tray: TrayLook, processor: str) -> bool:
    return any(tray.line(processor, quantity) is not None for quantity in (*_CLOCKS, *_BUSY))


def _value(tray: TrayLook, processor: str, quantities: tuple[Quantity, ...]) -> float | None:
    """Return the first of these that can be trusted now: what the driver in the host says comes before the BMC's."""
    return next((v for quantity in quantities if (v := tray.value(processor, quantity)) is not None), None)


def _ports(world: World, tray: TrayLook, processor: str) -> Ports:
    item = item_of(world.stock, tray, processor)
    return (
        {}
        if item is None
        else ports_of(reports_of(world.stock, tray), names_of(world.stock, tray, processor), "Processors")
    )


def _host(world: World, tray: TrayLook) -> tuple[StockReport, str] | None:
    """Return the report of the controller that is in charge of the tray's host, and what the host is called there."""
    found = ((report, host_of(report)) for report in reports_of(world.stock, tray))
    return next(((report, host) for report, host in found if host is not None), None)


def _secure_boot(world: World, tray: TrayLook) -> Facts:
    for report in reports_of(world.stock, tray):
        system = report.named("system")
        found = report.aspects_of(AspectKind.SECURE_BOOT, f"Systems/{system}") if system is not None else []
        if found:
            return found[0].facts
    return {}
