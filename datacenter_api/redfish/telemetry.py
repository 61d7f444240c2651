"""Readings of a whole rack in one document: a MetricReport per rack and quantity, made when it is asked for."""

from datacenter_api.redfish.sensors import KINDS, scaled, sensor_uri
from datacenter_api.redfish.shapes import Body, collection, ref, resource, time_text
from datacenter_api.redfish.world import RackLook, World
from firmware_bridge.vocabulary.place import leaf_of
from firmware_bridge.vocabulary.quantities import Quantity

Q = Quantity
REPORTED: tuple[Quantity, ...] = (Q.POWER, Q.POWER_INPUT, Q.TEMPERATURE, Q.FLOW, Q.LEVEL, Q.VOLTAGE, Q.FAN_SPEED)
"""The quantities that have a report per rack."""


def build_service(world: World, uri: str) -> Body:
    """Return the TelemetryService: exactly the reports that it lists, made of frames that come once a second."""
    return resource(
        "TelemetryService",
        uri,
        "Readings of whole racks",
        ServiceEnabled=True,
        MaxReports=len(_ids(world)),
        MinCollectionInterval="PT1S",
        Status={"State": "Enabled", "Health": "OK"},
        MetricReports=ref(f"{uri}/MetricReports"),
        MetricReportDefinitions=ref(f"{uri}/MetricReportDefinitions"),
    )


def build_reports(world: World, uri: str) -> Body:
    """Return every report of every rack."""
    return collection("MetricReport", uri, "Reports", _ids(world))


def build_definitions(world: World, uri: str) -> Body:
    """Return the definition of every report."""
    return collection("MetricReportDefinition", uri, "Report definitions", _ids(world))


def build_report(world: World, uri: str, report: str) -> Body | None:
    """Return all readings of one quantity of one rack; a value that cannot be trusted now is null."""
    found = _find(world, report)
    if found is None:
        return None
    rack, quantity = found
    frame = rack.record.frame
    return resource(
        "MetricReport",
        uri,
        f"{quantity.replace('_', ' ')} in rack {rack.id}",
        **({"Timestamp": time_text(frame.unix_ns)} if frame is not None else {}),
        MetricReportDefinition=ref(uri.replace("/MetricReports/", "/MetricReportDefinitions/")),
        MetricValues=_values(rack, quantity),
    )


def build_definition(world: World, uri: str, report: str) -> Body | None:
    """Return what a report holds and when it is made."""
    found = _find(world, report)
    if found is None:
        return None
    rack, quantity = found
    return resource(
        "MetricReportDefinition",
        uri,
        f"{quantity.replace('_', ' ')} in rack {rack.id}",
        MetricReportDefinitionType="OnRequest",
        MetricReportDefinitionEnabled=True,
        ReportUpdates="Overwrite",
        ReportActions=["LogToMetricReportsCollection"],
        MetricReport=ref(uri.replace("/MetricReportDefinitions/", "/MetricReports/")),
        Status={"State": "Enabled", "Health": "OK"},
    )


def _ids(world: World) -> list[str]:
    return [f"{rack.id}-{quantity}" for rack in world.racks() for quantity in REPORTED if _lines(rack, quantity)]


def _lines(rack: RackLook, quantity: Quantity) -> list[int]:
    return [] if rack.view is None else list(rack.view.columns.by_quantity.get(quantity, ()))


def _find(world: World, report: str) -> tuple[RackLook, Quantity] | None:
    rack_id, _, word = report.rpartition("-")
    rack = world.rack(rack_id)
    if rack is None or word not in REPORTED or not _lines(rack, Quantity(word)):
        return None
    return rack, Quantity(word)


def _values(rack: RackLook, quantity: Quantity) -> list[Body]:
    view, values = rack.view, []
    assert view is not None  # it has lines
    by_slot = {tray.slot: tray for tray in rack.trays.values()}
    for line in _lines(rack, quantity):
        place = view.columns.series[line].place
        slot, _, part = place[len(rack.layout.rack) + 1 :].partition("/")
        tray = by_slot.get(slot)
        if tray is None:
            continue
        value = scaled(view.value(line), KINDS[quantity]) if view.word(line) == "good" else None
        name = f"{slot}/{part}" if part else leaf_of(place)
        values.append(
            {
                "MetricId": name,
                "MetricProperty": f"{sensor_uri(tray, part, quantity)}#/Reading",
                "MetricValue": None if value is None else str(value),
            }
        )
    return values
