"""Compute trays as ComputerSystems: processors with their GPUs, what those measure, and memory where it is reported."""

from datacenter_api.redfish.made_of import identity_of, item_of, part_identity, reports_of
from datacenter_api.redfish.managers import manager_links
from datacenter_api.redfish.power.offers import actions_of, boot_of, offered
from datacenter_api.redfish.power.resets import want_boot
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, resource, told
from datacenter_api.redfish.status import locate_light, part_status, power_state, tray_status
from datacenter_api.redfish.subsystems import chassis_links, environment_of
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.inventory import ItemKind
from firmware_bridge.vocabulary.quantities import Quantity

Q = Quantity
SYSTEMS = f"{ROOT}/Systems"
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
    return resource(
        "ComputerSystem",
        uri,
        f"{tray.rack.id} {tray.slot}",
        Description=tray.plan.title,
        SystemType="Physical",
        **identity_of(world.stock, tray),
        PowerState=power_state(tray.state.state),
        **locate_light(tray),
        **boot_of(world, tray),
        Status=tray_status(tray),
        ProcessorSummary={"Count": len(tray.planned("cpu"))},
        Processors=ref(f"{uri}/Processors"),
        **({"Memory": ref(f"{uri}/Memory")} if _memory(world, tray) else {}),
        Links={**chassis_links(tray), **manager_links(tray)},
        **actions_of(uri, "ComputerSystem", offered(tray)),
    )


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
    return resource(
        "Processor",
        uri,
        tray.label(processor),
        ProcessorType=PROCESSORS[processor.rstrip("0123456789")],
        **part_identity(world.stock, tray, processor),
        **told(FirmwareVersion=item.firmware if item else None),
        Location={"PartLocation": {"LocationType": "Socket", "ServiceLabel": processor}},
        Status=part_status(tray, processor),
        EnvironmentMetrics=ref(f"{uri}/EnvironmentMetrics"),
        **({"Metrics": ref(f"{uri}/ProcessorMetrics")} if _measured(tray, processor) else {}),
        Links={"Chassis": ref(f"{ROOT}/Chassis/{tray.id}")},
    )


def build_processor_environment(world: World, uri: str, system: str, processor: str) -> Body | None:
    """Return power, temperature, energy and limit of a processor."""
    tray = _with_processor(world, system, processor)
    return None if tray is None else environment_of(tray, uri, processor, f"Environment of {system} {processor}")


def build_processor_metrics(world: World, uri: str, system: str, processor: str) -> Body | None:
    """Return clock and utilisation of a processor, where somebody reads them."""
    tray = _with_processor(world, system, processor)
    if tray is None or not _measured(tray, processor):
        return None
    clock = tray.value(processor, Q.FREQUENCY)
    return resource(
        "ProcessorMetrics",
        uri,
        f"Metrics of {system} {processor}",
        OperatingSpeedMHz=None if clock is None else round(clock / 1e6),
        BandwidthPercent=tray.value(processor, Q.PERCENT),
    )


def build_memory(world: World, uri: str, system: str) -> Body | None:
    """Return the memory modules that the tray's own report lists."""
    tray = _system(world, system)
    found = _memory(world, tray) if tray is not None else {}
    return collection("Memory", uri, f"Memory of {system}", sorted(found)) if found else None


def build_module(world: World, uri: str, system: str, module: str) -> Body | None:
    """Return one memory module."""
    tray = _system(world, system)
    found = _memory(world, tray).get(module) if tray is not None else None
    return None if found is None else resource("Memory", uri, module, Status={"State": "Enabled"}, **found)


def _system(world: World, system: str) -> TrayLook | None:
    return world.tray(system, TrayKind.COMPUTE)


def _processors(tray: TrayLook) -> list[str]:
    return [part for name in PROCESSORS for part in tray.planned(name)]


def _with_processor(world: World, system: str, processor: str) -> TrayLook | None:
    tray = _system(world, system)
    return tray if tray is not None and processor in _processors(tray) else None


def _measured(tray: TrayLook, processor: str) -> bool:
    return any(tray.line(processor, quantity) is not None for quantity in (Q.FREQUENCY, Q.PERCENT))


def _memory(world: World, tray: TrayLook) -> dict[str, Body]:
    items = (i for r in reports_of(world.stock, tray) for i in r.inventory if i.kind == ItemKind.MEMORY)
    return {
        i.id.replace("/", "_"): told(SerialNumber=i.serial_number, PartNumber=i.part_number)
        for i in items
        if i.id.isascii() and i.id.isprintable()
    }
