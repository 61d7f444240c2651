"""Power and Thermal of a chassis, for clients from before PowerSubsystem and ThermalSubsystem.

Redfish has deprecated both resources and the properties that lead to them, and DMTF's service validator warns of such
a link in any version of Chassis.  They are served at the URIs that such clients know and say what the newer ones say.
A Chassis links to them only where whoever runs the service wants that (`LINKS_VARIABLE`): some clients follow links.
"""

import os
from collections.abc import Mapping

from datacenter_api.fleet.usable import usable_of
from datacenter_api.redfish.circuits import SHELVES
from datacenter_api.redfish.power_equipment import build_supply
from datacenter_api.redfish.rack_power import power_of_rack
from datacenter_api.redfish.shapes import ROOT, Body, ref, resource, told
from datacenter_api.redfish.status import line_status
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.quantities import Quantity

LINKS_VARIABLE = "RACKWRIGHT_REDFISH_OLDER_LINKS"
_WORDS = {"": False, "0": False, "1": True}
Q = Quantity
_OF_SUPPLY = (
    *("Manufacturer", "Model", "SerialNumber", "PartNumber", "FirmwareVersion"),
    *("PowerCapacityWatts", "PowerSupplyType", "Status"),
)


def links_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether each Chassis shall link to its Power and Thermal.  Raises ConfigurationError."""
    said = environment.get(LINKS_VARIABLE, "").strip()
    if said not in _WORDS:
        raise ConfigurationError(f"{LINKS_VARIABLE}: {said!r}", advice="1 links Power and Thermal, 0 does not")
    return _WORDS[said]


def older_links(world: World, uri: str) -> Body:
    """Return the links of the Chassis at a URI to its Power and Thermal, nothing where nobody wants them."""
    return {name: ref(f"{uri}/{name}") for name in ("Power", "Thermal")} if world.older_links else {}


def build_power(world: World, uri: str, chassis: str) -> Body | None:
    """Return what a rack or tray draws, its supplies and its voltages."""
    rack = world.rack(chassis)
    if rack is not None:
        drawn, most = power_of_rack(rack)["Reading"], usable_of(rack.record, rack.layout)[0]
        control = [{"Name": f"Power of rack {rack.id}", "PowerConsumedWatts": drawn, "PowerCapacityWatts": most}]
        rows = _rows(uri, "PowerControl", control) | _rows(uri, "PowerSupplies", [])
        return resource("Power", uri, f"Power of rack {rack.id}", **rows)
    tray = world.tray(chassis)
    if tray is None:
        return None
    supplies = [_supply(world, tray, supply) for supply in tray.planned("psu")]
    return resource(
        "Power",
        uri,
        f"Power of {tray.id}",
        **_rows(uri, "PowerControl", _control(tray)),
        **_rows(uri, "PowerSupplies", supplies),
        **_rows(uri, "Voltages", _readings(tray, Q.VOLTAGE, "ReadingVolts")),
    )


def build_thermal(world: World, uri: str, chassis: str) -> Body | None:
    """Return the temperatures and fans of a tray; a rack has none of its own."""
    rack = world.rack(chassis)
    if rack is not None:
        rows = _rows(uri, "Temperatures", []) | _rows(uri, "Fans", [])
        return resource("Thermal", uri, f"Cooling of rack {rack.id}", **rows)
    tray = world.tray(chassis)
    if tray is None:
        return None
    fans = _readings(tray, Q.FAN_SPEED, "Reading")
    for fan in fans:
        speed = fan["Reading"]
        fan |= {"Reading": None if speed is None else round(speed), "ReadingUnits": "RPM"}
    return resource(
        "Thermal",
        uri,
        f"Cooling of {tray.id}",
        **_rows(uri, "Temperatures", _readings(tray, Q.TEMPERATURE, "ReadingCelsius")),
        **_rows(uri, "Fans", fans),
    )


def _control(tray: TrayLook) -> list[Body]:
    """Return what a tray draws: a shelf at its input.  Nothing where it is not read."""
    kind = TrayKind(tray.plan.kind)
    drawn = Q.POWER_INPUT if kind in SHELVES else Q.POWER
    if tray.line("", drawn) is None:
        return []
    most = told(PowerCapacityWatts=None if kind in SHELVES else tray.plan.power_max_w)
    return [{"Name": f"Power of {tray.id}", "PowerConsumedWatts": tray.value("", drawn), **most}]


def _supply(world: World, tray: TrayLook, supply: str) -> Body:
    uri = f"{ROOT}/Chassis/{tray.id}/PowerSubsystem/PowerSupplies/{supply}"
    newer = build_supply(world, uri, tray.id, supply) or {}
    return {
        "Name": f"{tray.slot} {supply}",
        **{name: newer[name] for name in _OF_SUPPLY if name in newer},
        **_known(tray, supply, Q.POWER, "PowerOutputWatts"),
        **_known(tray, supply, Q.POWER_INPUT, "PowerInputWatts"),
        **_known(tray, f"{supply}_input", Q.VOLTAGE, "LineInputVoltage"),
    }


def _known(tray: TrayLook, part: str, quantity: Quantity, name: str) -> Body:
    return {} if tray.line(part, quantity) is None else {name: tray.value(part, quantity)}


def _readings(tray: TrayLook, quantity: Quantity, name: str) -> list[Body]:
    """Return every reading of a quantity as a row; a value that cannot be trusted now is null."""
    view, found = tray.rack.view, []
    for part in sorted(tray.parts):
        line = tray.line(part, quantity)
        if line is None or view is None:
            continue
        status = line_status(view.word(line))
        title = tray.label(part) if part else tray.slot
        found.append({"Name": title or part, name: tray.value(part, quantity), "Status": status})
    return found


def _rows(uri: str, name: str, rows: list[Body]) -> Body:
    """Return an array of rows that can be pointed at, as these resources have them.

    One of no rows is there too: a client that goes through every Chassis gives up at the first without the array.
    """
    placed = [{"@odata.id": f"{uri}#/{name}/{n}", "MemberId": str(n), **row} for n, row in enumerate(rows)]
    return {name: placed, f"{name}@odata.count": len(placed)}
