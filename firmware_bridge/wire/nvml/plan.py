"""Which quantities an agent gives per GPU, how often, and the bits of a GPU's in-band alarm word.  Pure data.

Everything here stands beside what the BMC says of the same GPU, under names of its own: two sensors are two series.
"""

from firmware_bridge.vocabulary.circuit import whole
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.codes import CLOCK_REASONS

_Q = Quantity

FAST_PERIOD, SLOW_PERIOD = Seconds(1.0), Seconds(10.0)
SENSOR_PERIOD = Seconds(0.1)
"""No sensor is read more often than it measures: the power sensor's own window is 100 ms at best."""

FAST = (
    _Q.GPU_ACCESS,
    _Q.POWER_AVERAGE,
    _Q.POWER_INSTANT,
    _Q.POWER_MODULE,
    _Q.POWER_LIMIT_ENFORCED,
    _Q.TEMPERATURE_CORE,
    _Q.TEMPERATURE_MARGIN,
    _Q.CLOCK_CORE,
    _Q.CLOCK_REASONS,
    _Q.UTILIZATION,
    _Q.ALARMS,
)
SLOW = (
    _Q.POWER_LIMIT_SET,
    _Q.TEMPERATURE_MEMORY,
    _Q.ENERGY_TOTAL,
    _Q.ECC_CORRECTED,
    _Q.ECC_UNCORRECTED,
    _Q.ECC_UNCORRECTED_LIFETIME,
    _Q.ROWS_REMAPPED,
    _Q.RECOVERY_ACTION,
    _Q.NVLINKS_UP,
    _Q.NVLINK_RECOVERIES,
    _Q.NVLINK_ERRORS,
    _Q.FABRIC_STATE,
    _Q.XIDS,
)
READABLE = frozenset(str(q) for q in (*FAST, *SLOW))

ALARM_BITS = (
    "hw_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake",
    "row_remap_pending",
    "row_remap_failed",
    "sram_threshold_exceeded",
    "fabric_bandwidth_degraded",
    "fabric_route_unhealthy",
    "fabric_misconfigured",
    "~fabric_recovering",
)
_FROM_CLOCKS = {name: n for n, name in enumerate(CLOCK_REASONS) if name in ALARM_BITS}
_FROM_FABRIC = {
    "bandwidth_degraded": "fabric_bandwidth_degraded",
    "route_unhealthy": "fabric_route_unhealthy",
    "route_recovery": "~fabric_recovering",
    "access_timeout_recovery": "~fabric_recovering",
}


def series_of_gpu(place: Place, label: str) -> list[Series]:
    """Return the in-band series of one GPU; `label` is the library's own name for it."""
    bits = {_Q.ALARMS: ALARM_BITS, _Q.CLOCK_REASONS: tuple(f"~{name}" for name in CLOCK_REASONS)}
    return [
        Series(place, quantity, reading_class, label, bits.get(quantity, ()), whole(quantity))
        for quantities, reading_class in ((FAST, ReadingClass.POWER), (SLOW, ReadingClass.SLOW))
        for quantity in quantities
    ]


def alarm_word(reasons: int, facts: dict[str, bool], fabric: tuple[str, ...]) -> int:
    """Return a GPU's alarm word: clock reasons (bits), memory facts by bit name, and the fabric's complaints."""
    raised = {name for name, bit in _FROM_CLOCKS.items() if reasons >> bit & 1}
    raised |= {name for name, is_set in facts.items() if is_set}
    raised |= {_FROM_FABRIC.get(problem, "fabric_misconfigured") for problem in fabric}
    return sum(1 << n for n, name in enumerate(ALARM_BITS) if name in raised)
