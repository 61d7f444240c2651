"""Memory modules of compute trays, and what a processor's own memory tells of its errors."""

from datacenter_api.redfish.made_of import Stocked, stated_status, stocked
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, resource, told
from datacenter_api.redfish.shown import shown
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.inventory import ItemKind
from firmware_bridge.vocabulary.quantities import Quantity

Q = Quantity
_ECC = (Q.ECC_CORRECTED, Q.ECC_UNCORRECTED, Q.ECC_UNCORRECTED_LIFETIME)


def modules_of(world: World, tray: TrayLook) -> dict[str, Stocked]:
    """Return the memory modules that the tray's own reports list, by id."""
    return stocked(world.stock, tray, ItemKind.MEMORY)


def build_modules(world: World, uri: str, system: str) -> Body | None:
    """Return the memory modules of a compute tray."""
    tray = world.tray(system, TrayKind.COMPUTE)
    found = modules_of(world, tray) if tray is not None else {}
    return collection("Memory", uri, f"Memory of {system}", found) if found else None


def build_module(world: World, uri: str, system: str, module: str) -> Body | None:
    """Return one memory module."""
    tray = world.tray(system, TrayKind.COMPUTE)
    found = modules_of(world, tray).get(module) if tray is not None else None
    if tray is None or found is None:
        return None
    return resource(
        "Memory",
        uri,
        found.item.id,
        **told(SerialNumber=found.item.serial_number, PartNumber=found.item.part_number),
        **shown("Memory", found.item.facts),
        Status=stated_status(world.stock, tray, found.report, found.item.facts),
        Links={"Chassis": ref(f"{ROOT}/Chassis/{tray.id}")},
    )


def counts_errors(tray: TrayLook, processor: str) -> bool:
    """Tell whether a processor's driver counts the errors of its memory."""
    return any(tray.line(processor, quantity) is not None for quantity in _ECC)


def build_processor_memory(world: World, uri: str, system: str, processor: str) -> Body | None:
    """Return the errors of a processor's own memory: since its driver was loaded, and of its life."""
    tray = world.tray(system, TrayKind.COMPUTE)
    if tray is None or not counts_errors(tray, processor):
        return None
    return resource(
        "MemoryMetrics",
        uri,
        f"Memory of {system} {processor}",
        CurrentPeriod={
            "CorrectableECCErrorCount": _count(tray, processor, Q.ECC_CORRECTED),
            "UncorrectableECCErrorCount": _count(tray, processor, Q.ECC_UNCORRECTED),
        },
        LifeTime={"UncorrectableECCErrorCount": _count(tray, processor, Q.ECC_UNCORRECTED_LIFETIME)},
    )


def _count(tray: TrayLook, processor: str, quantity: Quantity) -> int | None:
    value = tray.value(processor, quantity)
    return None if value is None else int(value)
