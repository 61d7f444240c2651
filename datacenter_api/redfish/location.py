"""Where something stands, in Redfish's words: facility, room, row, rack, and the lowest rack unit from the floor."""

from datacenter_api.redfish.shapes import Body, told
from datacenter_api.redfish.world import TrayLook
from firmware_bridge.vocabulary.place import RACK_PARTS


def placement(place: str, rack: str, unit: int | None, units: str | None) -> Body:
    """Return the Placement of a place; `units` says what a rack unit measures, None where the design does not."""
    site, hall, row = place.split("/")[: RACK_PARTS - 1]
    offset = told(RackOffset=unit, RackOffsetUnits=None if unit is None else units)
    return {**told(FacilityName=site, Room=hall, Row=row, Rack=rack), **offset, "AdditionalInfo": place}


def tray_location(tray: TrayLook) -> Body:
    """Return the Location of a tray."""
    unit = tray.plan.unit
    return {
        "Placement": placement(tray.plan.place, tray.rack.id, unit, tray.rack.layout.rack_units),
        "PartLocation": {"LocationType": "Slot", "LocationOrdinalValue": unit, "ServiceLabel": tray.slot},
    }


def bay(part: str, name: str) -> Body:
    """Return the Location of a numbered part of a tray: `bay("psu3", "psu")`."""
    number = part.removeprefix(name)
    ordinal = {"LocationOrdinalValue": int(number)} if number.isdigit() else {}
    return {"PartLocation": {"LocationType": "Bay", **ordinal, "ServiceLabel": part}}
