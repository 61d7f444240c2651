"""Readings as Sensor resources and as excerpts of them.  Which quantity is which ReadingType is a table."""

from dataclasses import dataclass

from datacenter_api.redfish.shapes import ROOT, Body, collection, resource, time_text, told
from datacenter_api.redfish.status import line_status
from datacenter_api.redfish.world import TrayLook, World
from firmware_bridge.vocabulary.facts import Fact
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from rack_controller.model.frame import AGE_STEP, OLDEST_AGE

Q = Quantity


@dataclass(frozen=True, slots=True)
class Kind:
    """How a quantity is shown: ReadingType and UCUM unit (None: the schema has none), and the factor to that unit.

    `basis`: what a difference is counted from, as ReadingBasis has it.
    """

    reading_type: str | None
    units: str | None
    factor: float = 1.0
    basis: str | None = None


# By our unit; a state (code, bits) is no number and shows as Status, PowerState or DetectorState instead.
UNITS: dict[str, Kind] = {
    "W": Kind("Power", "W"),
    "J": Kind("EnergyJoules", "J"),
    "°C": Kind("Temperature", "Cel"),
    "K": Kind("Temperature", "Cel", basis="Delta"),
    "V": Kind("Voltage", "V"),
    "A": Kind("Current", "A"),
    "Hz": Kind("Frequency", "Hz"),
    "RPM": Kind("Rotational", "{rev}/min"),
    "L/min": Kind("LiquidFlowLPM", "L/min"),
    "kPa": Kind("PressurekPa", "kPa"),
    "%": Kind("Percent", "%"),
    "s": Kind(None, "s"),
    "B": Kind(None, "By"),
    "1": Kind(None, "1"),  # UCUM: the unity, of counts and ratios
}
STATES = ("code", "bits")
_OWN: dict[Quantity, Kind] = {
    Q.HEAT: Kind("Heat", "kW", 0.001),
    Q.HUMIDITY: Kind("Humidity", "%"),
    Q.VALUE: Kind(None, None),  # a register's plain number: its unit is not public
    Q.TEMPERATURE_MARGIN: Kind("Temperature", "Cel", basis="Headroom"),
}

KINDS: dict[Quantity, Kind] = {q: _OWN.get(q, UNITS[spec.unit]) for q, spec in SPECS.items() if spec.unit in UNITS}

# By the name of a component in the plan; `psu3_inlet` belongs to `psu3`.
PHYSICAL: dict[str, str] = {
    "gpu": "GPU",
    "cpu": "CPU",
    "psu": "PowerSupply",
    "bbu": "Battery",
    "pump": "Pump",
    "nvswitch": "Switch",
    "nic": "NetworkingDevice",
    "drive": "StorageDevice",
}

THRESHOLDS: dict[str, Fact] = {
    "UpperFatal": Fact.UPPER_FATAL,
    "UpperCritical": Fact.UPPER_CRITICAL,
    "UpperCaution": Fact.UPPER_CAUTION,
    "LowerCaution": Fact.LOWER_CAUTION,
    "LowerCritical": Fact.LOWER_CRITICAL,
    "LowerFatal": Fact.LOWER_FATAL,
}


def sensor_id(part: str, quantity: Quantity) -> str:
    """Return the id of a reading within its tray's chassis: `gpu0.power`, `power` for the tray's own."""
    return f"{part}.{quantity}" if part else quantity.value


def sensor_uri(tray: TrayLook, part: str, quantity: Quantity) -> str:
    """Return the URI of a reading's Sensor."""
    return f"{ROOT}/Chassis/{tray.id}/Sensors/{sensor_id(part, quantity)}"


def build_sensors(world: World, uri: str, tray_id: str) -> Body | None:
    """Return the Sensors of a tray's chassis."""
    tray = world.tray(tray_id)
    if tray is None:
        return None
    return collection("Sensor", uri, f"Sensors of {tray.plan.title}, {tray.slot}", _ids(tray))


def build_sensor(world: World, uri: str, tray_id: str, sensor: str) -> Body | None:
    """Return one Sensor: the last value with its own time, null when it is unknown."""
    tray = world.tray(tray_id)
    part, _, word = sensor.rpartition(".")
    if tray is None or word not in Q._value2member_map_:
        return None
    quantity = Quantity(word)
    line, view, kind = tray.line(part, quantity), tray.rack.view, KINDS.get(quantity)
    if line is None or view is None or kind is None:
        return None
    series = view.columns.series[line]
    value = view.value(line)
    peak = tray.peak(line) if kind.reading_type is not None else None
    return resource(
        "Sensor",
        uri,
        f"{tray.slot} {part} {quantity.replace('_', ' ')}".replace("  ", " "),
        **told(
            Description=series.label or None,
            ReadingType=kind.reading_type,
            ReadingUnits=kind.units,
            ReadingBasis=kind.basis,
            ElectricalContext=series.circuit,
            PhysicalContext=_physical(tray, part),
            PeakReading=scaled(peak.value, kind) if peak is not None else None,
            PeakReadingTime=time_text(peak.at_ns) if peak is not None else None,
            SensorResetTime=time_text(peak.since_ns) if peak is not None else None,
            SensingInterval=f"PT{view.columns.period[line]:g}S",
            Thresholds=thresholds_of(world, tray, sensor, kind) or None,
        ),
        ReadingTime=None if value is None else _taken_at(tray, line),
        Reading=scaled(value, kind),
        Status=line_status(view.word(line)),
    )


def thresholds_of(world: World, tray: TrayLook, sensor: str, kind: Kind) -> Body:
    """Return the limits that the device itself states for a reading; alarms of ours come from the rack's own limits."""
    stated = (world.stock.limits(e.place, sensor) for e in tray.plan.endpoints)
    facts = next((found for found in stated if found), {})
    values = {name: facts.get(fact) for name, fact in THRESHOLDS.items()}
    return {name: {"Reading": scaled(v, kind)} for name, v in values.items() if isinstance(v, int | float)}


def excerpt(tray: TrayLook, part: str, quantity: Quantity, **more: object) -> Body | None:
    """Return a reading as other resources quote it, None when the rack has no such series.

    An excerpt carries no time, so only a value that can be trusted now is quoted; otherwise it is null.
    """
    if tray.line(part, quantity) is None:
        return None
    reading = scaled(tray.value(part, quantity), KINDS[quantity])
    return {"DataSourceUri": sensor_uri(tray, part, quantity), "Reading": reading, **more}


def scaled(value: float | None, kind: Kind) -> float | None:
    """Return a value in the unit that Redfish wants."""
    return value if value is None or kind.factor == 1.0 else float(f"{value * kind.factor:.7g}")


def _physical(tray: TrayLook, part: str) -> str | None:
    """Return what a reading is measured at: the tray itself, or the part of its plan that it belongs to."""
    if not part:
        return "Chassis"
    for name, context in PHYSICAL.items():
        if part.startswith(name) and any(part == p or part.startswith(f"{p}_") for p in tray.planned(name)):
            return context
    return None


def _taken_at(tray: TrayLook, line: int) -> str | None:
    """Return when a reading was taken: the time of its frame less the age that the frame gives it."""
    frame = tray.rack.record.frame
    if frame is None or frame.ages[line] == OLDEST_AGE:
        return None
    return time_text(frame.unix_ns - float(frame.ages[line]) * AGE_STEP * 1e9)


def _ids(tray: TrayLook) -> list[str]:
    view = tray.rack.view
    if view is None:
        return []
    ids = []
    for part, lines in tray.parts.items():
        quantities = (view.columns.series[line].quantity for line in lines)
        ids += [sensor_id(part, quantity) for quantity in quantities if quantity in KINDS]
    return sorted(ids)
