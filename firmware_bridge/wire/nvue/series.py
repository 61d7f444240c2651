"""Which series a switch tray's NVOS gives, and the readings in each document.  Pure: made once, run often.

Places: the tray itself for sums, `<tray>/<port>` for a port, `<tray>/nvos` for the operating system's own health,
`<tray>/nvos_leakage` for the leaks it tells of (the BMC reads the detectors), `<tray>/nvos_<sensor>` for chips.
"""

from collections.abc import Iterable, Mapping, Sequence

from firmware_bridge.vocabulary.place import Place, join_place, slug
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvue.ports import INTERFACE, Port, port_summary
from firmware_bridge.wire.nvue.system import App, Health, Partition, fabric_manager_of

_SAFETY, _SLOW = ReadingClass.SAFETY, ReadingClass.SLOW
_Q = Quantity
OF_PORT_STATE = (_Q.LINK,)
OF_PORT_COUNTERS = (_Q.BIT_ERROR_RATIO, _Q.NVLINK_RECOVERIES)
OF_TRAY_STATE = (_Q.NVLINKS, _Q.NVLINKS_UP, _Q.NVLINKS_SLOW)
OF_TRAY_COUNTERS = (
    *(_Q.BIT_ERROR_RATIO, _Q.BIT_ERROR_RATIO_RAW, _Q.BIT_ERROR_RATIO_SYMBOL),
    *(_Q.SYMBOL_ERRORS, _Q.LINK_DOWNED),
)
MOST_CHIPS = 8
Key = tuple[Place, Quantity]


def ports_series(tray: Place, ports: Sequence[Port]) -> list[Series]:
    """Return the series of the ports that were found, and the tray's sums over them."""
    own = [Series(tray, q, _SLOW) for q in (*OF_TRAY_STATE, *OF_TRAY_COUNTERS)]
    return own + [
        Series(join_place(tray, p.name), q, _SLOW, p.name) for p in ports for q in (*OF_PORT_STATE, *OF_PORT_COUNTERS)
    ]


def system_series(tray: Place, chips: Iterable[str]) -> list[Series]:
    """Return the series that do not depend on ports; `chips` are temperature sensors by the device's own name."""
    health = [
        Series(join_place(tray, "nvos"), _Q.HEALTH, _SAFETY, "NVOS"),
        Series(join_place(tray, "nvos_leakage"), _Q.HEALTH, _SAFETY, "leakage as NVOS tells it"),
    ]
    own = [Series(tray, q, _SLOW) for q in (_Q.FABRIC_MANAGER, _Q.PARTITIONS, _Q.PARTITION_GPUS)]
    parts = Series(join_place(tray, "nvos_partitions"), _Q.HEALTH, _SLOW, "worst NVLink partition")
    return [*health, *own, parts, *(Series(chip_place(tray, c), _Q.TEMPERATURE, _SLOW, c) for c in chips)]


def chip_place(tray: Place, sensor: str) -> Place:
    """Return the place of a temperature sensor that NVOS shows."""
    return join_place(tray, f"nvos_{slug(sensor)}"[:64])


def chips_of(temperatures: Mapping[str, float | None]) -> list[str]:
    """Return the sensors of switch chips: the BMC reads the boards' own."""
    return sorted(name for name in temperatures if name.upper().startswith("ASIC"))[:MOST_CHIPS]


def port_readings(tray: Place, ports: Sequence[Port], now: Seconds, counters: bool) -> list[Reading]:
    """Return the readings of one answer.  `counters`: it was asked for error ratios and counters as well."""
    quantities = (*OF_TRAY_STATE, *(OF_TRAY_COUNTERS if counters else ()))
    summed = port_summary(ports)
    found = [_reading(tray, q, summed[q], now, INTERFACE) for q in quantities]
    for port in ports:
        place, source = join_place(tray, port.name), f"{INTERFACE}/{port.name}"
        found.append(_reading(place, _Q.LINK, None if port.up is None else float(port.up), now, source))
        if counters:
            found.append(_reading(place, _Q.BIT_ERROR_RATIO, port.ber, now, source))
            found.append(_reading(place, _Q.NVLINK_RECOVERIES, port.recoveries, now, source))
    return found


def health_readings(tray: Place, health: Health, now: Seconds) -> list[Reading]:
    """Return NVOS' own health and what it says of leaks."""
    source = "/nvue_v1/system/health"
    return [
        _reading(join_place(tray, "nvos"), _Q.HEALTH, health.code, now, source),
        _reading(join_place(tray, "nvos_leakage"), _Q.HEALTH, health.leak, now, source),
    ]


def app_readings(tray: Place, apps: list[App], now: Seconds) -> list[Reading]:
    """Return the fabric manager's state."""
    return [_reading(tray, _Q.FABRIC_MANAGER, fabric_manager_of(apps)[0], now, "/nvue_v1/cluster/apps")]


def partition_readings(tray: Place, partitions: Sequence[Partition], now: Seconds) -> list[Reading]:
    """Return how many partitions there are, their GPUs (unknown when one does not say) and the worst health."""
    source = "/nvue_v1/sdn/partition"
    gpus = [p.gpus for p in partitions]
    total = None if None in gpus else sum(g for g in gpus if g is not None)
    codes = [p.code for p in partitions]
    worst = None if not codes or None in codes else max(c for c in codes if c is not None)
    return [
        _reading(tray, _Q.PARTITIONS, len(partitions), now, source),
        _reading(tray, _Q.PARTITION_GPUS, total, now, source),
        _reading(join_place(tray, "nvos_partitions"), _Q.HEALTH, worst, now, source),
    ]


def temperature_readings(tray: Place, temperatures: Mapping[str, float | None], now: Seconds) -> list[Reading]:
    """Return the switch chips' temperatures."""
    source = "/nvue_v1/platform/environment/temperature"
    return [
        _reading(chip_place(tray, chip), _Q.TEMPERATURE, temperatures[chip], now, source)
        for chip in chips_of(temperatures)
    ]


def unanswered(wanted: Iterable[Key], readings: Sequence[Reading], now: Seconds) -> list[Reading]:
    """Return a reading without a value for every series that should have come and did not."""
    came = {(r.place, r.quantity) for r in readings}
    return [Reading(place, q, None, now, Quality.MISSING) for place, q in wanted if (place, q) not in came]


def _reading(place: Place, quantity: Quantity, value: float | int | None, now: Seconds, source: str) -> Reading:
    return Reading(place, quantity, value, now, Quality.GOOD if value is not None else Quality.MISSING, source)
