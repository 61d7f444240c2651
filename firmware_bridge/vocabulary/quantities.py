"""What can be read: each quantity with its one unit.  Codes stand for states so that a frame is only numbers."""

import math
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
    """One quantity's unit (as shown to people), kind and the reading class it belongs to unless a plan says else.

    `least` and `most`, in the unit, bound what a number of this quantity can be in a rack: beyond them stands a broken
    sensor, an overflow or a wrong unit, never a measurement.  They are wide on purpose; they are no alarm limits.
    """

    unit: str
    kind: SeriesKind = SeriesKind.GAUGE
    reading_class: ReadingClass = ReadingClass.SLOW
    least: float = -math.inf
    most: float = math.inf


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
    DEW_POINT = "dew_point"
    LEVEL = "level"
    PERCENT = "percent"
    VALUE = "value"
    LEAK = "leak"
    POWER_STATE = "power_state"
    HEALTH = "health"
    MANAGEMENT = "management"
    LOCATE = "locate"
    SIGNAL = "signal"
    ALARMS = "alarms"
    COUNT = "count"
    DURATION = "duration"
    ROTATION = "rotation"
    POWER_AVERAGE = "power_average"
    POWER_INSTANT = "power_instant"
    POWER_MODULE = "power_module"
    POWER_LIMIT_ENFORCED = "power_limit_enforced"
    POWER_LIMIT_SET = "power_limit_set"
    ENERGY_TOTAL = "energy_total"
    TEMPERATURE_CORE = "temperature_core"
    TEMPERATURE_MEMORY = "temperature_memory"
    TEMPERATURE_MARGIN = "temperature_margin"
    CLOCK_CORE = "clock_core"
    CLOCK_REASONS = "clock_reasons"
    UTILIZATION = "utilization"
    GPU_ACCESS = "gpu_access"
    RECOVERY_ACTION = "recovery_action"
    ECC_CORRECTED = "ecc_corrected"
    ECC_UNCORRECTED = "ecc_uncorrected"
    ECC_UNCORRECTED_LIFETIME = "ecc_uncorrected_lifetime"
    ROWS_REMAPPED = "rows_remapped"
    NVLINKS_UP = "nvlinks_up"
    NVLINK_RECOVERIES = "nvlink_recoveries"
    NVLINK_ERRORS = "nvlink_errors"
    FABRIC_STATE = "fabric_state"
    XIDS = "xids"
    LINK = "link"
    NVLINKS = "nvlinks"
    NVLINKS_SLOW = "nvlinks_slow"
    BIT_ERROR_RATIO = "bit_error_ratio"
    BIT_ERROR_RATIO_RAW = "bit_error_ratio_raw"
    BIT_ERROR_RATIO_SYMBOL = "bit_error_ratio_symbol"
    SYMBOL_ERRORS = "symbol_errors"
    LINK_DOWNED = "link_downed"
    FABRIC_MANAGER = "fabric_manager"
    PARTITIONS = "partitions"
    PARTITION_GPUS = "partition_gpus"
    NVLINK_PORTS_UP = "nvlink_ports_up"
    NVLINK_PORT_FAULTS = "nvlink_port_faults"
    NVLINK_PORT_RECOVERIES = "nvlink_port_recoveries"
    NVLINK_RECEIVED = "nvlink_received"
    NVLINK_SENT = "nvlink_sent"


_SAFETY, _POWER = ReadingClass.SAFETY, ReadingClass.POWER
_COUNTER = SeriesKind.COUNTER
# °C: absolute zero, and what no part of a rack survives.
_COLD, _HOT = -273.15, 1_000.0
# A counter travels as int64.
_MOST_COUNT = 9.2e18

SPECS: dict[Quantity, QuantitySpec] = {
    # Drawn or delivered, never both: a part that can do both (a battery) has a sign in its register map, and is read by
    # a driver that knows it.
    Quantity.POWER: QuantitySpec("W", reading_class=_POWER, least=0.0, most=1e7),
    Quantity.POWER_INPUT: QuantitySpec("W", reading_class=_POWER, least=0.0, most=1e7),
    Quantity.POWER_LIMIT: QuantitySpec("W", reading_class=_POWER, least=0.0, most=1e7),
    Quantity.ENERGY: QuantitySpec("J", _COUNTER, least=0.0, most=_MOST_COUNT),
    Quantity.TEMPERATURE: QuantitySpec("°C", least=_COLD, most=_HOT),
    Quantity.TEMPERATURE_SUPPLY: QuantitySpec("°C", reading_class=_SAFETY, least=_COLD, most=_HOT),
    Quantity.TEMPERATURE_RETURN: QuantitySpec("°C", reading_class=_SAFETY, least=_COLD, most=_HOT),
    Quantity.TEMPERATURE_DELTA: QuantitySpec("K", least=-_HOT, most=_HOT),
    Quantity.VOLTAGE: QuantitySpec("V", least=-1e5, most=1e5),
    Quantity.CURRENT: QuantitySpec("A", least=-1e5, most=1e5),
    Quantity.FREQUENCY: QuantitySpec("Hz", least=0.0, most=1e12),
    Quantity.FAN_SPEED: QuantitySpec("RPM", least=0.0, most=2e5),
    Quantity.PUMP_SPEED: QuantitySpec("%", least=0.0, most=1_000.0),
    Quantity.FLOW: QuantitySpec("L/min", reading_class=_SAFETY, least=-1e5, most=1e5),
    Quantity.PRESSURE: QuantitySpec("kPa", least=-1e5, most=1e5),
    Quantity.PRESSURE_SUPPLY: QuantitySpec("kPa", least=-1e5, most=1e5),
    Quantity.PRESSURE_RETURN: QuantitySpec("kPa", least=-1e5, most=1e5),
    Quantity.PRESSURE_DELTA: QuantitySpec("kPa", least=-1e5, most=1e5),
    Quantity.HEAT: QuantitySpec("W", least=-1e8, most=1e8),
    Quantity.HUMIDITY: QuantitySpec("%", least=0.0, most=100.0),  # relative
    Quantity.DEW_POINT: QuantitySpec("°C", least=_COLD, most=_HOT),
    Quantity.LEVEL: QuantitySpec("%", least=0.0, most=110.0),
    Quantity.PERCENT: QuantitySpec("%"),
    Quantity.VALUE: QuantitySpec("1"),
    Quantity.LEAK: QuantitySpec("code", reading_class=_SAFETY),
    Quantity.POWER_STATE: QuantitySpec("code", reading_class=_SAFETY),
    Quantity.HEALTH: QuantitySpec("code"),
    Quantity.MANAGEMENT: QuantitySpec("code", reading_class=_SAFETY),
    Quantity.LOCATE: QuantitySpec("code"),
    Quantity.SIGNAL: QuantitySpec("code"),  # a yes or no that somebody else says, such as the building
    Quantity.ALARMS: QuantitySpec("bits", reading_class=_SAFETY),  # the names of its bits stand in the series table
    Quantity.COUNT: QuantitySpec("1", _COUNTER, least=0.0, most=_MOST_COUNT),
    Quantity.DURATION: QuantitySpec("s", _COUNTER, least=0.0, most=_MOST_COUNT),
    Quantity.ROTATION: QuantitySpec("RPM"),  # of a pump, whose pump_speed is a share of its maximum
    # In-band, from the host's own driver; they stand beside what the BMC says of the same GPU.
    Quantity.POWER_AVERAGE: QuantitySpec("W", reading_class=_POWER),
    Quantity.POWER_INSTANT: QuantitySpec("W", reading_class=_POWER),
    Quantity.POWER_MODULE: QuantitySpec("W", reading_class=_POWER),  # the whole module: GPU, its share of the CPU
    Quantity.POWER_LIMIT_ENFORCED: QuantitySpec("W", reading_class=_POWER),
    Quantity.POWER_LIMIT_SET: QuantitySpec("W"),
    Quantity.ENERGY_TOTAL: QuantitySpec("J", SeriesKind.COUNTER),
    Quantity.TEMPERATURE_CORE: QuantitySpec("°C", reading_class=_POWER),
    Quantity.TEMPERATURE_MEMORY: QuantitySpec("°C"),
    Quantity.TEMPERATURE_MARGIN: QuantitySpec("K", reading_class=_POWER),  # to the first slowdown
    Quantity.CLOCK_CORE: QuantitySpec("Hz", reading_class=_POWER),
    Quantity.CLOCK_REASONS: QuantitySpec("bits", reading_class=_POWER),
    Quantity.UTILIZATION: QuantitySpec("%", reading_class=_POWER),
    Quantity.GPU_ACCESS: QuantitySpec("code", reading_class=_POWER),
    Quantity.RECOVERY_ACTION: QuantitySpec("code"),
    Quantity.ECC_CORRECTED: QuantitySpec("1", SeriesKind.COUNTER),  # since the driver was loaded
    Quantity.ECC_UNCORRECTED: QuantitySpec("1", SeriesKind.COUNTER),
    Quantity.ECC_UNCORRECTED_LIFETIME: QuantitySpec("1", SeriesKind.COUNTER),
    Quantity.ROWS_REMAPPED: QuantitySpec("1", SeriesKind.COUNTER),
    Quantity.NVLINKS_UP: QuantitySpec("1"),
    Quantity.NVLINK_RECOVERIES: QuantitySpec("1", SeriesKind.COUNTER),
    Quantity.NVLINK_ERRORS: QuantitySpec("1", SeriesKind.COUNTER),
    Quantity.FABRIC_STATE: QuantitySpec("code"),
    Quantity.XIDS: QuantitySpec("1", SeriesKind.COUNTER),  # since the host's agent was started
    Quantity.LINK: QuantitySpec("code"),
    Quantity.NVLINKS: QuantitySpec("1"),  # of a switch tray: how many ports it shows; nvlinks_up: how many are up
    Quantity.NVLINKS_SLOW: QuantitySpec("1"),  # up, but below the speed that they support
    Quantity.BIT_ERROR_RATIO: QuantitySpec("1"),  # effective: what is left after error correction
    Quantity.BIT_ERROR_RATIO_RAW: QuantitySpec("1"),
    Quantity.BIT_ERROR_RATIO_SYMBOL: QuantitySpec("1"),
    Quantity.SYMBOL_ERRORS: QuantitySpec("1", SeriesKind.COUNTER),
    Quantity.LINK_DOWNED: QuantitySpec("1", SeriesKind.COUNTER),
    Quantity.FABRIC_MANAGER: QuantitySpec("code"),  # of a switch tray: the NVLink controller that may run on it
    Quantity.PARTITIONS: QuantitySpec("1"),
    Quantity.PARTITION_GPUS: QuantitySpec("1"),
    # A GPU's links as its BMC counts them, beside what the driver says (nvlinks_up, nvlink_recoveries).
    Quantity.NVLINK_PORTS_UP: QuantitySpec("1", least=0.0, most=1e4),
    Quantity.NVLINK_PORT_FAULTS: QuantitySpec("1", least=0.0, most=1e4),  # runtime and training errors that stand now
    Quantity.NVLINK_PORT_RECOVERIES: QuantitySpec("1", _COUNTER, least=0.0, most=_MOST_COUNT),
    Quantity.NVLINK_RECEIVED: QuantitySpec("B", _COUNTER, least=0.0, most=_MOST_COUNT),
    Quantity.NVLINK_SENT: QuantitySpec("B", _COUNTER, least=0.0, most=_MOST_COUNT),
}

# The meaning of each code; a code that is not here is unknown and travels as NaN.
LEAK_CODES = {0: "dry", 1: "warning", 2: "critical"}
POWER_STATE_CODES = {0: "off", 1: "on"}
HEALTH_CODES = {0: "ok", 1: "warning", 2: "critical"}
MANAGEMENT_CODES = {0: "absent", 1: "degraded", 2: "reachable"}
LOCATE_CODES = {0: "off", 1: "on"}
SIGNAL_CODES = {0: "clear", 1: "set"}
GPU_ACCESS_CODES = {0: "lost", 1: "ok", 2: "reset_required", 3: "hung", 4: "failing"}
LINK_CODES = {0: "down", 1: "up"}
FABRIC_MANAGER_CODES = {0: "stopped", 1: "failing", 2: "running"}
FABRIC_STATE_CODES = {0: "not_supported", 1: "not_started", 2: "in_progress", 3: "completed"}
RECOVERY_ACTION_CODES = {
    0: "none",
    1: "gpu_reset",
    2: "node_reboot",
    3: "drain_p2p",
    4: "drain_and_reset",
    5: "recover_imex_domain",
    6: "bus_reset",
    7: "system_reboot",
}

CODES: dict[Quantity, dict[int, str]] = {
    Quantity.LEAK: LEAK_CODES,
    Quantity.POWER_STATE: POWER_STATE_CODES,
    Quantity.HEALTH: HEALTH_CODES,
    Quantity.MANAGEMENT: MANAGEMENT_CODES,
    Quantity.LOCATE: LOCATE_CODES,
    Quantity.SIGNAL: SIGNAL_CODES,
    Quantity.GPU_ACCESS: GPU_ACCESS_CODES,
    Quantity.FABRIC_STATE: FABRIC_STATE_CODES,
    Quantity.LINK: LINK_CODES,
    Quantity.FABRIC_MANAGER: FABRIC_MANAGER_CODES,
    Quantity.RECOVERY_ACTION: RECOVERY_ACTION_CODES,
}


def possible(quantity: Quantity, value: float) -> bool:
    """Return whether `value` (in the quantity's unit) is finite and one that the quantity can have."""
    spec = SPECS[quantity]
    return value - value == 0.0 and spec.least <= value <= spec.most


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
