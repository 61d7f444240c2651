"""Which metric a series becomes: names, help and scale.  Source: the naming table of docs/decisions on metrics. Pure.

One prefix `rack_`, base units as plural suffix, ratios from 0 to 1.  States are one-hot gauges so that an alert rule
never compares with a magic number.  Flow is also published in litres per minute because that is what people read.
"""

from dataclasses import dataclass

from datacenter_api.fleet.columns import component_kind
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, leaf_of
from firmware_bridge.vocabulary.quantities import CODES, MANAGEMENT_CODES, POWER_STATE_CODES, Quantity
from firmware_bridge.vocabulary.reading import Series

_Q = Quantity
KILO = 1_000.0
PERCENT = 0.01
LPM_TO_M3S = 1.0 / 60_000.0


@dataclass(frozen=True, slots=True)
class Family:
    """One metric's name, help text and type."""

    name: str
    help: str
    type: str = "gauge"


@dataclass(frozen=True, slots=True)
class Sample:
    """How one exposed line is made from one series: `value × scale`, or 1/0 for `value == equals`, or `>= at_least`.

    `informing`: bits of an alarm word that are left out before it is compared.
    """

    family: str
    scale: float = 1.0
    equals: float | None = None
    at_least: float | None = None
    informing: int = 0
    labels: tuple[tuple[str, str], ...] = ()


_PLAIN: dict[Quantity, tuple[Family, float]] = {
    _Q.POWER: (Family("rack_power_watts", "Power of a tray or component."), 1.0),
    _Q.POWER_INPUT: (Family("rack_power_input_watts", "AC input power of a shelf or supply."), 1.0),
    _Q.POWER_LIMIT: (Family("rack_power_limit_watts", "Power limit that a component reports."), 1.0),
    _Q.ENERGY: (Family("rack_energy_joules_total", "Energy that a component has counted.", "counter"), 1.0),
    _Q.TEMPERATURE: (Family("rack_temperature_celsius", "Temperature of a component or sensor."), 1.0),
    _Q.TEMPERATURE_SUPPLY: (Family("rack_coolant_supply_celsius", "Coolant temperature towards the trays."), 1.0),
    _Q.TEMPERATURE_RETURN: (Family("rack_coolant_return_celsius", "Coolant temperature from the trays."), 1.0),
    _Q.TEMPERATURE_DELTA: (Family("rack_temperature_difference_kelvin", "Temperature difference."), 1.0),
    _Q.VOLTAGE: (Family("rack_voltage_volts", "Voltage."), 1.0),
    _Q.CURRENT: (Family("rack_current_amperes", "Current."), 1.0),
    _Q.FREQUENCY: (Family("rack_frequency_hertz", "Frequency."), 1.0),
    _Q.FAN_SPEED: (Family("rack_fan_speed_rpm", "Fan speed in revolutions per minute."), 1.0),
    _Q.PUMP_SPEED: (Family("rack_pump_speed_ratio", "Pump speed as a share of its maximum."), PERCENT),
    _Q.FLOW: (Family("rack_coolant_flow_liters_per_minute", "Coolant flow in the unit that people read."), 1.0),
    _Q.PRESSURE: (Family("rack_pressure_pascals", "Pressure."), KILO),
    _Q.PRESSURE_SUPPLY: (Family("rack_coolant_supply_pascals", "Coolant pressure towards the trays."), KILO),
    _Q.PRESSURE_RETURN: (Family("rack_coolant_return_pascals", "Coolant pressure from the trays."), KILO),
    _Q.PRESSURE_DELTA: (Family("rack_coolant_differential_pressure_pascals", "Coolant pressure difference."), KILO),
    _Q.HEAT: (Family("rack_heat_removed_watts", "Heat that a coolant unit carries away."), 1.0),
    _Q.HUMIDITY: (Family("rack_humidity_ratio", "Relative humidity."), PERCENT),
    _Q.DEW_POINT: (Family("rack_dew_point_celsius", "Dew point of the air."), 1.0),
    _Q.LEVEL: (Family("rack_level_ratio", "Fill level or state of charge."), PERCENT),
    _Q.PERCENT: (Family("rack_share_ratio", "A device's own share of something."), PERCENT),
    _Q.VALUE: (Family("rack_sensor_value", "A number whose unit the device does not say."), 1.0),
    _Q.ROTATION: (Family("rack_pump_speed_rpm", "Pump speed in revolutions per minute."), 1.0),
    _Q.COUNT: (
        Family("rack_sensor_events_total", "How often something has happened, as a device counts it.", "counter"),
        1.0,
    ),
    _Q.DURATION: (
        Family("rack_operating_seconds_total", "How long something has run, as a device counts it.", "counter"),
        1.0,
    ),
    _Q.POWER_AVERAGE: (Family("rack_gpu_power_average_watts", "GPU power, the driver's own mean (in-band)."), 1.0),
    _Q.POWER_INSTANT: (Family("rack_gpu_power_instant_watts", "GPU power at the moment of reading (in-band)."), 1.0),
    _Q.POWER_MODULE: (Family("rack_gpu_module_power_watts", "Power of the module a GPU sits on (in-band)."), 1.0),
    _Q.POWER_LIMIT_ENFORCED: (
        Family("rack_gpu_power_limit_enforced_watts", "Power limit that a GPU's firmware keeps (in-band)."),
        1.0,
    ),
    _Q.POWER_LIMIT_SET: (
        Family("rack_gpu_power_limit_set_watts", "Power limit that was asked of a GPU (in-band)."),
        1.0,
    ),
    _Q.ENERGY_TOTAL: (
        Family("rack_gpu_energy_joules_total", "Energy since the driver was loaded (in-band).", "counter"),
        1.0,
    ),
    _Q.TEMPERATURE_CORE: (Family("rack_gpu_temperature_celsius", "GPU temperature by its driver (in-band)."), 1.0),
    _Q.TEMPERATURE_MEMORY: (Family("rack_gpu_memory_temperature_celsius", "GPU memory temperature (in-band)."), 1.0),
    _Q.TEMPERATURE_MARGIN: (
        Family("rack_gpu_temperature_margin_kelvin", "Kelvins left to a GPU's first slowdown (in-band)."),
        1.0,
    ),
    _Q.CLOCK_CORE: (Family("rack_gpu_clock_hertz", "Clock of a GPU's multiprocessors (in-band)."), 1.0),
    _Q.CLOCK_REASONS: (Family("rack_gpu_clock_reasons", "Bits that say why the clock is where it is (in-band)."), 1.0),
    _Q.UTILIZATION: (Family("rack_gpu_utilization_ratio", "Share of time that some kernel ran (in-band)."), PERCENT),
    _Q.ECC_CORRECTED: (
        Family("rack_gpu_ecc_corrected_errors_total", "Corrected errors since the driver was loaded.", "counter"),
        1.0,
    ),
    _Q.ECC_UNCORRECTED: (
        Family("rack_gpu_ecc_uncorrected_errors_total", "Uncorrected errors since the driver was loaded.", "counter"),
        1.0,
    ),
    _Q.ECC_UNCORRECTED_LIFETIME: (
        Family("rack_gpu_ecc_uncorrected_errors_lifetime_total", "Uncorrected errors in a GPU's life.", "counter"),
        1.0,
    ),
    _Q.ROWS_REMAPPED: (
        Family("rack_gpu_rows_remapped_total", "Memory rows of a GPU that are remapped.", "counter"),
        1.0,
    ),
    _Q.NVLINKS_UP: (Family("rack_nvlinks_up", "NVLinks of a GPU or switch tray that are up."), 1.0),
    _Q.NVLINK_RECOVERIES: (
        Family("rack_nvlink_recoveries_total", "NVLink recoveries of a GPU or port.", "counter"),
        1.0,
    ),
    _Q.NVLINK_ERRORS: (Family("rack_nvlink_errors_total", "Receive errors over all NVLinks.", "counter"), 1.0),
    _Q.XIDS: (Family("rack_gpu_xids_total", "XIDs since the host's agent was started.", "counter"), 1.0),
    _Q.LOCATE: (Family("rack_locate_lit", "Locate light on (1) or off (0)."), 1.0),
    _Q.SIGNAL: (Family("rack_signal_set", "A yes (1) or no (0) that somebody else says, such as the building."), 1.0),
    _Q.LINK: (Family("rack_nvlink_up", "NVLink port of a switch up (1) or down (0)."), 1.0),
    _Q.NVLINKS: (Family("rack_nvlinks", "NVLink ports that a switch tray shows."), 1.0),
    _Q.NVLINKS_SLOW: (
        Family("rack_nvlinks_slow", "NVLink ports of a switch tray that are up below the speed they support."),
        1.0,
    ),
    _Q.BIT_ERROR_RATIO: (
        Family("rack_nvlink_bit_error_ratio", "Bit error ratio after correction; of a tray its worst port's."),
        1.0,
    ),
    _Q.BIT_ERROR_RATIO_RAW: (
        Family("rack_nvlink_raw_bit_error_ratio", "Bit error ratio before correction, a tray's worst port."),
        1.0,
    ),
    _Q.BIT_ERROR_RATIO_SYMBOL: (
        Family("rack_nvlink_symbol_error_ratio", "Symbol error ratio, a tray's worst port."),
        1.0,
    ),
    _Q.SYMBOL_ERRORS: (
        Family("rack_nvlink_symbol_errors_total", "Symbol errors of a switch tray's or GPU's links.", "counter"),
        1.0,
    ),
    _Q.LINK_DOWNED: (
        Family("rack_nvlink_downed_total", "How often links of a switch tray or GPU went down.", "counter"),
        1.0,
    ),
    _Q.PARTITIONS: (Family("rack_nvlink_partitions", "NVLink partitions that a switch tray shows."), 1.0),
    _Q.PARTITION_GPUS: (Family("rack_nvlink_partition_gpus", "GPUs in the NVLink partitions of a switch tray."), 1.0),
    _Q.NVLINK_PORTS_UP: (Family("rack_nvlink_ports_up", "NVLinks of a GPU that are up, as its BMC counts them."), 1.0),
    _Q.NVLINK_PORT_FAULTS: (
        Family("rack_nvlink_port_faults", "Runtime and training errors that a GPU's NVLinks have now, by its BMC."),
        1.0,
    ),
    _Q.NVLINK_PORT_RECOVERIES: (
        Family("rack_nvlink_port_recoveries_total", "NVLink recoveries of a GPU, as its BMC counts them.", "counter"),
        1.0,
    ),
    _Q.NVLINK_RECEIVED: (
        Family("rack_nvlink_received_bytes_total", "Bytes that a GPU received over its NVLinks.", "counter"),
        1.0,
    ),
    _Q.NVLINK_SENT: (Family("rack_nvlink_sent_bytes_total", "Bytes that a GPU sent over its NVLinks.", "counter"), 1.0),
}

SHELF_OUTPUT = Family("rack_power_shelf_output_watts", "DC output power of a power shelf.")
FLOW_BASE = Family("rack_coolant_flow_cubic_meters_per_second", "Coolant flow in base units.")
LEAK = Family("rack_leak_detected", "A leak detector reports a leak, warning or critical (1), or is dry (0).")
LEAK_CRITICAL = Family("rack_leak_critical", "A leak detector reports a critical leak (1).")
ALARM = Family("rack_alarm_active", "An alarm word has a bit set that does not merely inform (1) or none (0).")
PSU_HEALTHY = Family("rack_psu_healthy", "A power supply reports itself healthy (1) or not (0).")
HEALTHY = Family("rack_component_healthy", "A component reports itself healthy (1) or not (0).")
TRAY_STATE = Family("rack_tray_power_state", "Power state of a tray, one line per state (1: this one).")
PART_STATE = Family("rack_component_power_state", "Power state of a component, one line per state (1: this one).")
MANAGEMENT = Family("rack_endpoint_management", "Whether an endpoint's management answers, one line per state.")

GPU_ACCESS = Family("rack_gpu_access", "How a GPU lets itself be read in-band, one line per state (1: this one).")
FABRIC = Family("rack_fabric_state", "NVLink fabric registration, one line per state (1: this one).")
RECOVERY = Family("rack_gpu_recovery_action", "What a GPU's driver asks for, one line per action (1: this one).")
FABRIC_MANAGER = Family("rack_fabric_manager_state", "The fabric manager of a switch tray, one line per state.")
_ONE_HOT = {
    _Q.GPU_ACCESS: GPU_ACCESS,
    _Q.FABRIC_STATE: FABRIC,
    _Q.RECOVERY_ACTION: RECOVERY,
    _Q.FABRIC_MANAGER: FABRIC_MANAGER,
}

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *(family for family, _ in _PLAIN.values()),
        *(
            SHELF_OUTPUT,
            FLOW_BASE,
            LEAK,
            LEAK_CRITICAL,
            ALARM,
            PSU_HEALTHY,
            HEALTHY,
            TRAY_STATE,
            PART_STATE,
            MANAGEMENT,
            *_ONE_HOT.values(),
        ),
    )
}


def samples_of(series: Series, tray_kind: str) -> list[Sample]:
    """Return the lines that a series is exposed as.  `tray_kind` is the kind of the tray it belongs to."""
    quantity = series.quantity
    at_tray = series.place.count("/") + 1 <= TRAY_PARTS
    if quantity is _Q.POWER and at_tray and tray_kind == TrayKind.POWER_SHELF:
        return [Sample(SHELF_OUTPUT.name)]
    if quantity is _Q.FLOW:
        return [Sample(_PLAIN[quantity][0].name), Sample(FLOW_BASE.name, scale=LPM_TO_M3S)]
    if quantity is _Q.LEAK:
        return [Sample(LEAK.name, at_least=1.0), Sample(LEAK_CRITICAL.name, at_least=2.0)]
    if quantity is _Q.ALARMS:
        informing = sum(1 << bit for bit, name in enumerate(series.bits) if name.startswith("~"))
        return [Sample(ALARM.name, at_least=1.0, informing=informing)]
    if quantity is _Q.HEALTH:
        return [Sample((PSU_HEALTHY if component_kind(series.place) == "psu" else HEALTHY).name, equals=0.0)]
    if quantity is _Q.POWER_STATE:
        return _one_hot(TRAY_STATE if at_tray else PART_STATE, POWER_STATE_CODES)
    if quantity is _Q.MANAGEMENT:
        return _one_hot(MANAGEMENT, MANAGEMENT_CODES)
    if quantity in _ONE_HOT:
        return _one_hot(_ONE_HOT[quantity], CODES[quantity])
    family, scale = _PLAIN[quantity]
    return [Sample(family.name, scale=scale)]


def labels_of(series: Series, rack: str, parts: frozenset[str]) -> list[tuple[str, str]]:
    """Return `rack`, `tray` and, below a tray, `component` for parts of the model or `sensor` for anything else."""
    depth = series.place.count("/") + 1
    labels = [("rack", rack)]
    if depth >= TRAY_PARTS:
        labels.append(("tray", series.place.split("/")[TRAY_PARTS - 1]))
    if depth > TRAY_PARTS:
        kind = component_kind(Place(series.place))
        labels.append(("component" if kind in parts else "sensor", leaf_of(series.place)))
    return labels


def _one_hot(family: Family, codes: dict[int, str]) -> list[Sample]:
    return [Sample(family.name, equals=float(code), labels=(("state", word),)) for code, word in codes.items()]
