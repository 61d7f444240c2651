"""What a rack's shelves give together, as the one Sensor of the rack's chassis; a tray's Sensors are its own."""

from datacenter_api.fleet.summary import Figure
from datacenter_api.redfish import sensors
from datacenter_api.redfish.shapes import ROOT, Body, collection, resource, time_text
from datacenter_api.redfish.status import line_status
from datacenter_api.redfish.world import RackLook, World

POWER = "power"


def power_of_rack(rack: RackLook) -> Body:
    """Return the excerpt: null unless every shelf was read, because a partial sum would look like a small one."""
    uri = f"{ROOT}/Chassis/{rack.id}/Sensors/{POWER}"
    return {"DataSourceUri": uri, "Reading": _whole(rack.summary.shelf_output_w)}


def build_sensors(world: World, uri: str, chassis: str) -> Body | None:
    """Return the Sensors of a rack or a tray."""
    rack = world.rack(chassis)
    if rack is None:
        return sensors.build_sensors(world, uri, chassis)
    return collection("Sensor", uri, f"Sensors of rack {rack.id}", [POWER])


def build_sensor(world: World, uri: str, chassis: str, sensor: str) -> Body | None:
    """Return one Sensor; the time of a rack's is its frame's."""
    rack = world.rack(chassis)
    if rack is None:
        return sensors.build_sensor(world, uri, chassis, sensor)
    if sensor != POWER:
        return None
    figure, at = rack.summary.shelf_output_w, rack.summary.unix_ns
    return resource(
        "Sensor",
        uri,
        f"Power of rack {rack.id}",
        ReadingType="Power",
        ReadingUnits="W",
        ElectricalContext="Total",
        PhysicalContext="DCBus",
        Reading=_whole(figure),
        ReadingTime=None if at is None else time_text(at),
        SensingInterval="PT1S",
        Status=line_status(figure.quality),
    )


def _whole(figure: Figure) -> float | None:
    return figure.value if figure.quality == "good" else None
