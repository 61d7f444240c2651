"""Power and battery shelves: PowerEquipment, their supplies and batteries, and what those measure."""

from datacenter_api.redfish.circuits import SHELVES, circuit_links
from datacenter_api.redfish.location import bay, tray_location
from datacenter_api.redfish.made_of import identity_of, item_of, part_identity
from datacenter_api.redfish.managers import manager_links
from datacenter_api.redfish.plates import MADE, SUPPLY, WHOLE, firmware_of, identity, part_plate, whole
from datacenter_api.redfish.power.offers import actions_of
from datacenter_api.redfish.power.outputs import output_types
from datacenter_api.redfish.sensors import excerpt
from datacenter_api.redfish.shapes import Body, collection, ref, resource, told
from datacenter_api.redfish.status import part_status, tray_status
from datacenter_api.redfish.subsystems import chassis_links
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.quantities import Quantity

Q = Quantity
_EQUIPMENT = {TrayKind.POWER_SHELF: "PowerShelf", TrayKind.BATTERY_SHELF: "BatteryShelf"}


def build_equipment(_world: World, uri: str) -> Body:
    """Return PowerEquipment."""
    return resource(
        "PowerEquipment", uri, "Power equipment", Status={"State": "Enabled"}, PowerShelves=ref(f"{uri}/PowerShelves")
    )


def build_shelves(world: World, uri: str) -> Body:
    """Return all power and battery shelves."""
    return collection("PowerDistribution", uri, "Power and battery shelves", [t.id for t in world.trays(*SHELVES)])


def build_shelf(world: World, uri: str, shelf: str) -> Body | None:
    """Return one shelf."""
    tray = world.tray(shelf, *SHELVES)
    if tray is None:
        return None
    world.stock.want(tray.rack.record)
    itself = whole(world.stock, tray, "PowerDistribution")
    return resource(
        "PowerDistribution",
        uri,
        f"{tray.rack.id} {tray.slot}",
        Description=tray.plan.title,
        EquipmentType=_EQUIPMENT[TrayKind(tray.plan.kind)],
        **{**identity_of(world.stock, tray), **identity(itself, WHOLE)},
        **told(FirmwareVersion=firmware_of(world.stock, tray, itself)),
        Location=tray_location(tray),
        Status=tray_status(tray),
        Metrics=ref(f"{uri}/Metrics"),
        **circuit_links(tray, uri),
        Links={**chassis_links(tray), **manager_links(tray)},
    )


def build_shelf_metrics(world: World, uri: str, shelf: str) -> Body | None:
    """Return what a shelf delivers."""
    tray = world.tray(shelf, *SHELVES)
    if tray is None:
        return None
    return resource(
        "PowerDistributionMetrics",
        uri,
        f"Metrics of {tray.id}",
        **told(
            PowerWatts=excerpt(tray, "", Q.POWER),
            PowerLoadPercent=_load(tray),
            TemperatureCelsius=excerpt(tray, "", Q.TEMPERATURE),
        ),
    )


def build_supplies(world: World, uri: str, chassis: str) -> Body | None:
    """Return the supplies of a shelf."""
    tray = world.tray(chassis)
    planned = tray.planned("psu") if tray is not None else []
    return collection("PowerSupply", uri, f"Supplies of {chassis}", planned) if planned else None


def build_supply(world: World, uri: str, chassis: str, supply: str) -> Body | None:
    """Return one supply; what it says of itself outranks what its design is rated for."""
    tray = _with_part(world, chassis, "psu", supply)
    if tray is None:
        return None
    return resource(
        "PowerSupply",
        uri,
        f"{tray.slot} {supply}",
        **{**_rated(tray), **part_identity(world.stock, tray, supply), **part_plate(world.stock, tray, supply, SUPPLY)},
        **_firmware(world, tray, supply),
        Location=bay(supply, "psu"),
        Status=part_status(tray, supply),
        Metrics=ref(f"{uri}/Metrics"),
        **actions_of(uri, "PowerSupply", output_types(tray, supply)),
    )


def build_supply_metrics(world: World, uri: str, chassis: str, supply: str) -> Body | None:
    """Return what a supply takes and gives; voltage and current are those of its output rail."""
    tray = _with_part(world, chassis, "psu", supply)
    if tray is None:
        return None
    fan = tray.line(supply, Q.FAN_SPEED)
    speed = excerpt(tray, supply, Q.FAN_SPEED)
    output = excerpt(tray, supply, Q.POWER)
    rail = {
        "RailVoltage": excerpt(tray, supply, Q.VOLTAGE),
        "RailCurrentAmps": excerpt(tray, supply, Q.CURRENT),
        "RailPowerWatts": output,  # there is one rail: what a supply gives, it gives there
    }
    return resource(
        "PowerSupplyMetrics",
        uri,
        f"Metrics of {tray.id} {supply}",
        Status=part_status(tray, supply),
        **told(
            OutputPowerWatts=output,
            InputPowerWatts=excerpt(tray, supply, Q.POWER_INPUT),
            InputVoltage=excerpt(tray, f"{supply}_input", Q.VOLTAGE),
            InputCurrentAmps=excerpt(tray, f"{supply}_input", Q.CURRENT),
            FrequencyHz=excerpt(tray, f"{supply}_input", Q.FREQUENCY),
            TemperatureCelsius=excerpt(tray, supply, Q.TEMPERATURE),
        ),
        **{name: [quoted] for name, quoted in rail.items() if quoted is not None},
        **({} if fan is None or speed is None else {"FanSpeedsPercent": [_fan(speed, tray.label(supply))]}),
    )


def build_batteries(world: World, uri: str, chassis: str) -> Body | None:
    """Return the batteries of a shelf."""
    tray = world.tray(chassis)
    planned = tray.planned("bbu") if tray is not None else []
    return collection("Battery", uri, f"Batteries of {chassis}", planned) if planned else None


def build_battery(world: World, uri: str, chassis: str, battery: str) -> Body | None:
    """Return one battery."""
    tray = _with_part(world, chassis, "bbu", battery)
    if tray is None:
        return None
    return resource(
        "Battery",
        uri,
        f"{tray.slot} {battery}",
        **{**part_identity(world.stock, tray, battery), **part_plate(world.stock, tray, battery, MADE)},
        **_firmware(world, tray, battery),
        **told(StateOfHealthPercent=excerpt(tray, f"{battery}_soh", Q.PERCENT)),
        Location=bay(battery, "bbu"),
        Status=part_status(tray, battery),
        Metrics=ref(f"{uri}/Metrics"),
    )


def build_battery_metrics(world: World, uri: str, chassis: str, battery: str) -> Body | None:
    """Return charge, output and cell voltages of a battery."""
    tray = _with_part(world, chassis, "bbu", battery)
    if tray is None:
        return None
    cells = (p for p in tray.parts if p.startswith(f"{battery}_cell"))
    lists = {
        "OutputVoltages": [excerpt(tray, battery, Q.VOLTAGE)],
        "OutputCurrentAmps": [excerpt(tray, battery, Q.CURRENT)],
        "CellVoltages": [excerpt(tray, cell, Q.VOLTAGE) for cell in sorted(cells, key=_number)],
    }
    return resource(
        "BatteryMetrics",
        uri,
        f"Metrics of {tray.id} {battery}",
        Status=part_status(tray, battery),
        **told(ChargePercent=excerpt(tray, battery, Q.LEVEL), TemperatureCelsius=excerpt(tray, battery, Q.TEMPERATURE)),
        **{name: known for name, quoted in lists.items() if (known := [q for q in quoted if q is not None])},
    )


def _with_part(world: World, chassis: str, name: str, part: str) -> TrayLook | None:
    tray = world.tray(chassis)
    return tray if tray is not None and part in tray.planned(name) else None


def _rated(tray: TrayLook) -> Body:
    """Return what the design says of a shelf's supplies: their output, what they are fed with, the rail they feed."""
    rating = next((c.power_max_w for c in tray.plan.components if c.name == "psu"), None)
    voltage = tray.rack.layout.busbar_voltage_nominal_v
    return told(
        PowerCapacityWatts=rating,
        PowerSupplyType="AC" if tray.plan.feeds else None,  # every feed of a design is one of AC
        ElectricalSourceNames=list(tray.plan.feeds) or None,
        OutputRails=None if voltage is None else [{"NominalVoltage": voltage, "PhysicalContext": "DCBus"}],
    )


def _load(tray: TrayLook) -> Body | None:
    """Return which share of its rated output (%) a shelf gives, None where nobody states a rating."""
    rated = tray.plan.output_max_w
    if not rated or tray.line("", Q.POWER) is None:
        return None
    given = tray.value("", Q.POWER)
    return {"Reading": None if given is None else round(100.0 * given / rated, 2)}


def _firmware(world: World, tray: TrayLook, part: str) -> Body:
    item = item_of(world.stock, tray, part)
    return told(FirmwareVersion=item.firmware if item else None)


def _fan(quoted: Body, name: str) -> Body:
    return {"DataSourceUri": quoted["DataSourceUri"], "DeviceName": name, "SpeedRPM": quoted["Reading"]}


def _number(part: str) -> tuple[int, str]:
    digits = part.rsplit("cell", 1)[1]
    return (int(digits) if digits.isdigit() else 0, part)
