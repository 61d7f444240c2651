"""What can be read: each quantity with its one unit.  Codes stand for states so that a frame is only numbers."""

from dataclasses import dataclass
from enum import StrEnum


class ReadingClass(StrEnum):
    """How often a reading is wanted; the period of each class is data in the generation."""

    SAFETY = "safety"
    POWER = "power"
    SLOW = "slow"
    STATIC = "static"


class SeriesKind(StrEnum):
    """A gauge goes up and down (float32); a counter only up (int64)."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class QuantitySpec:
    """One quantity's unit (as shown to people), kind and the reading class it belongs to unless a plan says else."""

    unit: str
    kind: SeriesKind = SeriesKind.GAUGE
    reading_class: ReadingClass = ReadingClass.SLOW


class Quantity(StrEnum):
    """The closed list of quantities; `SPECS` holds the unit of each."""

    POWER = "power"
    POWER_INPUT = "power_input"
    POWER_LIMIT = "power_limit"
    ENERGY = "energy"
    TEMPERATURE = "temperature"
    TEMPERATURE_SUPPLY = "temperature_supply"
    TEMPERATURE_RETURN = "temperature_return"
    TEMPERATURE_DELTA = "temperature_delta"
    VOLTAGE = "voltage"
    CURRENT = "current"
    FREQUENCY = "frequency"
    FAN_SPEED = "fan_speed"
    PUMP_SPEED = "pump_speed"
    FLOW = "flow"
    PRESSURE = "pressure"
    PRESSURE_SUPPLY = "pressure_supply"
    PRESSURE_RETURN = "pressure_return"
    PRESSURE_DELTA = "pressure_delta"
    HEAT = "heat"
    HUMIDITY = "humidity"
    LEVEL = "level"
    PERCENT = "percent"
    VALUE = "value"
    LEAK = "leak"
    POWER_STATE = "power_state"
    HEALTH = "health"
    MANAGEMENT = "management"
    LOCATE = "locate"
    ALARMS = "alarms"
    COUNT = "count"
    DURATION = "duration"
    ROTATION = "rotation"


_SAFETY, _POWER = ReadingClass.SAFETY, ReadingClass.POWER

SPECS: dict[Quantity, QuantitySpec] = {
    Quantity.POWER: QuantitySpec("W", reading_class=_POWER),
    Quantity.POWER_INPUT: QuantitySpec("W", reading_class=_POWER),
    Quantity.POWER_LIMIT: QuantitySpec("W", reading_class=_POWER),
    Quantity.ENERGY: QuantitySpec("J", SeriesKind.COUNTER),
    Quantity.TEMPERATURE: QuantitySpec("°C"),
    Quantity.TEMPERATURE_SUPPLY: QuantitySpec("°C", reading_class=_SAFETY),
    Quantity.TEMPERATURE_RETURN: QuantitySpec("°C", reading_class=_SAFETY),
    Quantity.TEMPERATURE_DELTA: QuantitySpec("K"),
    Quantity.VOLTAGE: QuantitySpec("V"),
    Quantity.CURRENT: QuantitySpec("A"),
    Quantity.FREQUENCY: QuantitySpec("Hz"),
    Quantity.FAN_SPEED: QuantitySpec("RPM"),
    Quantity.PUMP_SPEED: QuantitySpec("%"),
    Quantity.FLOW: QuantitySpec("L/min", reading_class=_SAFETY),
    Quantity.PRESSURE: QuantitySpec("kPa"),
    Quantity.PRESSURE_SUPPLY: QuantitySpec("kPa"),
    Quantity.PRESSURE_RETURN: QuantitySpec("kPa"),
    Quantity.PRESSURE_DELTA: QuantitySpec("kPa"),
    Quantity.HEAT: QuantitySpec("W"),
    Quantity.HUMIDITY: QuantitySpec("%"),
    Quantity.LEVEL: QuantitySpec("%"),
    Quantity.PERCENT: QuantitySpec("%"),
    Quantity.VALUE: QuantitySpec("1"),
    Quantity.LEAK: QuantitySpec("code", reading_class=_SAFETY),
    Quantity.POWER_STATE: QuantitySpec("code", reading_class=_SAFETY),
    Quantity.HEALTH: QuantitySpec("code"),
    Quantity.MANAGEMENT: QuantitySpec("code", reading_class=_SAFETY),
    Quantity.LOCATE: QuantitySpec("code"),
    Quantity.ALARMS: QuantitySpec("bits", reading_class=_SAFETY),  # the names of its bits stand in the series table
    Quantity.COUNT: QuantitySpec("1", SeriesKind.COUNTER),
    Quantity.DURATION: QuantitySpec("s", SeriesKind.COUNTER),
    Quantity.ROTATION: QuantitySpec("RPM"),  # of a pump, whose pump_speed is a share of its maximum
}

# The meaning of each code; a code that is not here is unknown and travels as NaN.
LEAK_CODES = {0: "dry", 1: "warning", 2: "critical"}
POWER_STATE_CODES = {0: "off", 1: "on"}
HEALTH_CODES = {0: "ok", 1: "warning", 2: "critical"}
MANAGEMENT_CODES = {0: "absent", 1: "degraded", 2: "reachable"}
LOCATE_CODES = {0: "off", 1: "on"}

CODES: dict[Quantity, dict[int, str]] = {
    Quantity.LEAK: LEAK_CODES,
    Quantity.POWER_STATE: POWER_STATE_CODES,
    Quantity.HEALTH: HEALTH_CODES,
    Quantity.MANAGEMENT: MANAGEMENT_CODES,
    Quantity.LOCATE: LOCATE_CODES,
}


def code_of(quantity: Quantity, name: str) -> float:
    """Return the number that stands for `name`, NaN when the name is not one of the quantity's codes."""
    for number, known in CODES.get(quantity, {}).items():
        if known == name:
            return float(number)
    return float("nan")


def name_of(quantity: Quantity, value: float | None) -> str:
    """Return the word for a code, `unknown` for None, NaN or a code nobody defined."""
    if value is None or value != value:
        return "unknown"
    return CODES.get(quantity, {}).get(int(value), "unknown")
