"""What a part says of itself for good, in Redfish's properties.  A word that Redfish does not have is left out."""

import re
from collections.abc import Mapping
from datetime import datetime

from datacenter_api.redfish.made_of import item_of, reports_of
from datacenter_api.redfish.shapes import Body, told
from datacenter_api.redfish.stock import StockItem, StockRoom
from datacenter_api.redfish.world import TrayLook
from firmware_bridge.vocabulary.facts import Fact, FactValue
from firmware_bridge.vocabulary.inventory import ItemKind

# Which fact each property shows; a property that is not in WORDS or DATES is shown as it was stated.
MADE: dict[str, Fact] = {
    "Manufacturer": Fact.MANUFACTURER,
    "Model": Fact.MODEL,
    "Version": Fact.VERSION,
    "ProductionDate": Fact.PRODUCED_ON,
}
SUPPLY: dict[str, Fact] = {
    **MADE,
    "PowerSupplyType": Fact.TYPE,
    "PowerCapacityWatts": Fact.POWER_CAPACITY_W,
    "InputNominalVoltageType": Fact.INPUT_VOLTAGE_TYPE,
    "LineInputStatus": Fact.LINE_INPUT,
}
WHOLE: dict[str, Fact] = {**MADE, "UUID": Fact.UUID}
UNIT: dict[str, Fact] = {**MADE, "CoolingCapacityWatts": Fact.HEAT_CAPACITY_W}
COOLANT: dict[str, Fact] = {
    "CoolantType": Fact.FLUID,
    "DensityKgPerCubicMeter": Fact.FLUID_DENSITY,
    "SpecificHeatkJoulesPerKgK": Fact.FLUID_SPECIFIC_HEAT,
}
PUMP: dict[str, Fact] = {**MADE, "PumpType": Fact.TYPE, "ServiceHours": Fact.SERVICE_HOURS}
FILTER: dict[str, Fact] = {
    **MADE,
    "ServiceHours": Fact.SERVICE_HOURS,
    "RatedServiceHours": Fact.SERVICE_HOURS_RATED,
    "ServicedDate": Fact.SERVICED_ON,
    "HotPluggable": Fact.HOT_PLUGGABLE,
    "Replaceable": Fact.REPLACEABLE,
}
RESERVOIR: dict[str, Fact] = {
    **MADE,
    "ReservoirType": Fact.TYPE,
    "CapacityLiters": Fact.CAPACITY_L,
    "FluidLevelStatus": Fact.LEVEL_STATE,
}
DETECTOR: dict[str, Fact] = {"LeakDetectorType": Fact.TYPE}

WORDS: dict[str, frozenset[str]] = {
    "PowerSupplyType": frozenset({"AC", "DC", "ACorDC", "DCRegulator"}),
    "LineInputStatus": frozenset({"Normal", "LossOfInput", "OutOfRange"}),
    "InputNominalVoltageType": frozenset(
        {
            *("AC100To127V", "AC100To240V", "AC100To277V", "AC120V", "AC200To240V", "AC200To277V", "AC208V", "AC230V"),
            *("AC240V", "AC240AndDC380V", "AC277V", "AC277AndDC380V", "AC400V", "AC480V", "DC48V", "DC240V", "DC380V"),
            *("DC400V", "DC800V", "DCNeg48V"),
        }
    ),
    "CoolantType": frozenset({"Water", "Hydrocarbon", "Fluorocarbon", "Dielectric"}),
    "PumpType": frozenset({"Liquid", "Compressor"}),
    "ReservoirType": frozenset({"Reserve", "Overflow", "Inline", "Immersion"}),
    "FluidLevelStatus": frozenset({"OK", "Warning", "Critical"}),
    "LeakDetectorType": frozenset({"Moisture", "FloatSwitch"}),
}
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DATES = frozenset({"ProductionDate", "ServicedDate"})


def plate(facts: Mapping[str, FactValue], rows: Mapping[str, Fact]) -> Body:
    """Return those properties whose facts are stated in a way that Redfish can show."""
    found: Body = {}
    for name, fact in rows.items():
        value = facts.get(fact)
        if value is not None and _fits(name, value):
            found[name] = value
    return found


def part_plate(stock: StockRoom, tray: TrayLook, part: str, rows: Mapping[str, Fact]) -> Body:
    """Return the plate of a part of the plan (`psu0`), nothing while it is not known."""
    item = item_of(stock, tray, part)
    return {} if item is None else plate(item.facts, rows)


def pieces(stock: StockRoom, tray: TrayLook, schema: str) -> list[StockItem]:
    """Return the pieces of equipment of one schema (Reservoir, Filter, CoolingUnit) that a tray's endpoints report."""
    return [i for r in reports_of(stock, tray) for i in r.inventory if i.facts.get(Fact.SCHEMA) == schema]


def whole(stock: StockRoom, tray: TrayLook, schema: str) -> StockItem | None:
    """Return the tray itself as a piece of equipment: the only one of its schema, what bears the slot's name, or its
    only chassis."""
    items = [i for r in reports_of(stock, tray) for i in r.inventory]
    found = pieces(stock, tray, schema) or [i for i in items if i.id == tray.slot]
    found = found or [i for i in items if i.kind == ItemKind.CHASSIS]
    return found[0] if len(found) == 1 else None


def identity(item: StockItem | None, rows: Mapping[str, Fact]) -> Body:
    """Return serial number, part number and plate of a piece of equipment, nothing where it is not known."""
    if item is None:
        return {}
    return {**told(SerialNumber=item.serial_number, PartNumber=item.part_number), **plate(item.facts, rows)}


def firmware_of(stock: StockRoom, tray: TrayLook, item: StockItem | None) -> str | None:
    """Return the firmware of a whole tray: its own, else that of its only controller."""
    if item is not None and item.firmware:
        return item.firmware
    known = {str(v) for r in reports_of(stock, tray) if (v := r.endpoint.get("firmware"))}
    return known.pop() if len(known) == 1 else None


def _fits(name: str, value: FactValue) -> bool:
    if name in WORDS:
        return value in WORDS[name]
    if name == "UUID":
        return isinstance(value, str) and UUID.fullmatch(value) is not None
    return name not in DATES or _is_time(value)


def _is_time(value: FactValue) -> bool:
    """Tell whether a text is a moment with its offset, as Redfish wants one; a month alone is none."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
