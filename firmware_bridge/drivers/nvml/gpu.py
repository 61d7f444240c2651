"""One GPU read through NVML, group by group: numbers in our units, and for each missing one the reason.

Blocking; called in the GPU's own lane.  A call that the GPU does not know costs its reading only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_bridge.drivers.nvml import library
from firmware_bridge.drivers.nvml.library import FieldReading, Handle, NvmlFailure
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.wire.nvml import codes
from firmware_bridge.wire.nvml.message import ACCESS_FAILING, ACCESS_LOST, ACCESS_OK, ACCESS_RESET

_Q = Quantity
_MILLI, _MEGA = 0.001, 1e6
MOST_LINKS = 36

_FAST_FIELDS = {
    _Q.POWER_AVERAGE: (codes.FIELD_POWER_AVERAGE, codes.SCOPE_GPU),
    _Q.POWER_INSTANT: (codes.FIELD_POWER_INSTANT, codes.SCOPE_GPU),
    _Q.POWER_MODULE: (codes.FIELD_POWER_INSTANT, codes.SCOPE_MODULE),
}
_SLOW_FIELDS = {
    _Q.POWER_LIMIT_SET: (codes.FIELD_POWER_LIMIT_SET, 0),
    _Q.TEMPERATURE_MEMORY: (codes.FIELD_MEMORY_TEMPERATURE, 0),
    _Q.ENERGY_TOTAL: (codes.FIELD_ENERGY, 0),
    _Q.ECC_CORRECTED: (codes.FIELD_ECC_CORRECTED, 0),
    _Q.ECC_UNCORRECTED: (codes.FIELD_ECC_UNCORRECTED, 0),
    _Q.ECC_UNCORRECTED_LIFETIME: (codes.FIELD_ECC_UNCORRECTED_LIFETIME, 0),
    _Q.RECOVERY_ACTION: (codes.FIELD_RECOVERY_ACTION, 0),
}
_REMAP_FIELDS = {
    "corrected": (codes.FIELD_REMAPPED_CORRECTABLE, 0),
    "uncorrected": (codes.FIELD_REMAPPED_UNCORRECTABLE, 0),
    "row_remap_pending": (codes.FIELD_REMAP_PENDING, 0),
    "row_remap_failed": (codes.FIELD_REMAP_FAILURE, 0),
}
_IN_MILLI = frozenset((*_FAST_FIELDS, _Q.POWER_LIMIT_SET, _Q.ENERGY_TOTAL))
_WHOLE = frozenset((_Q.ENERGY_TOTAL,))


@dataclass(slots=True)
class Group:
    """What one reading of a group gave: values by quantity, reasons of missing ones, sensor stamps, and plain facts."""

    values: dict[str, float | int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    codes: set[int] = field(default_factory=set)
    stamps: dict[str, int] = field(default_factory=dict)
    reasons: int = 0
    memory: dict[str, bool] = field(default_factory=dict)
    fabric: tuple[str, ...] = ()
    cluster: str = ""
    clique: int | None = None
    links_down: list[int] = field(default_factory=list)

    @property
    def access(self) -> str:
        """Return how the GPU lets itself be read: lost and reset required as it says; failing when nothing came."""
        if codes.GPU_LOST in self.codes:
            return ACCESS_LOST
        if codes.RESET_REQUIRED in self.codes:
            return ACCESS_RESET
        return ACCESS_OK if self.values else ACCESS_FAILING

    @property
    def reason(self) -> str:
        """Return why nothing came: the reason of the first missing value."""
        return "" if self.values else next(iter(self.failed.values()), "")

    def take(self, quantity: str, call: Callable[[], float | int]) -> bool:
        """Make one call and write its value or its reason down; tell which."""
        try:
            self.values[quantity] = call()
        except NvmlFailure as err:
            self.miss(quantity, err)
            return False
        return True

    def miss(self, quantity: str, err: NvmlFailure) -> None:
        """Write down why a value is missing."""
        self.failed[quantity] = err.reason
        self.codes.add(err.code)


def read_fast(handle: Handle) -> Group:
    """Read what moves from second to second."""
    group = Group()
    _take_fields(group, handle, _FAST_FIELDS)
    group.take(_Q.POWER_LIMIT_ENFORCED, lambda: library.read_enforced_limit(handle) * _MILLI)
    group.take(_Q.TEMPERATURE_CORE, lambda: library.read_temperature(handle))
    group.take(_Q.TEMPERATURE_MARGIN, lambda: library.read_margin(handle))
    group.take(_Q.CLOCK_CORE, lambda: library.read_clock(handle) * _MEGA)
    group.take(_Q.UTILIZATION, lambda: library.read_utilization(handle))
    if group.take(_Q.CLOCK_REASONS, lambda: library.read_clock_reasons(handle)):
        group.reasons = int(group.values[_Q.CLOCK_REASONS])
    return group


def read_slow(handle: Handle) -> Group:
    """Read counters, memory health, links and fabric."""
    group = Group()
    _take_fields(group, handle, _SLOW_FIELDS)
    _take_memory(group, handle)
    _take_links(group, handle)
    try:
        info = library.read_fabric(handle)
    except NvmlFailure as err:
        group.miss(_Q.FABRIC_STATE, err)
    else:
        group.values[_Q.FABRIC_STATE] = info.state
        # Before registration is completed mask, clique and cluster are not the fabric's word.
        if info.state == codes.FABRIC_COMPLETED:
            group.fabric, group.cluster, group.clique = codes.fabric_problems(info.health), info.cluster, info.clique
    return group


def _take_fields(group: Group, handle: Handle, wanted: dict[Quantity, tuple[int, int]]) -> None:
    try:
        found = library.read_fields(handle, list(wanted.values()))
    except NvmlFailure as err:
        for quantity in wanted:
            group.miss(quantity, err)
        return
    for quantity, key in wanted.items():
        got = found[key]
        if isinstance(got, NvmlFailure):
            group.miss(quantity, got)
            continue
        value = got.value * _MILLI if quantity in _IN_MILLI else got.value
        group.values[quantity] = int(value) if quantity in _WHOLE else value
        if got.stamp_us:
            group.stamps[quantity] = got.stamp_us


def _take_memory(group: Group, handle: Handle) -> None:
    try:
        found = library.read_fields(handle, list(_REMAP_FIELDS.values()))
    except NvmlFailure as err:
        group.miss(_Q.ROWS_REMAPPED, err)
        return
    got = {name: found[key] for name, key in _REMAP_FIELDS.items()}
    rows = [got["corrected"], got["uncorrected"]]
    wrong = next((r for r in rows if isinstance(r, NvmlFailure)), None)
    if wrong is not None:
        group.miss(_Q.ROWS_REMAPPED, wrong)
    else:
        group.values[_Q.ROWS_REMAPPED] = sum(int(r.value) for r in rows if isinstance(r, FieldReading))
    for name in ("row_remap_pending", "row_remap_failed"):
        fact = got[name]
        if isinstance(fact, FieldReading):
            group.memory[name] = bool(fact.value)
    try:
        group.memory["sram_threshold_exceeded"] = library.read_sram_exceeded(handle)
    except NvmlFailure as err:
        group.codes.add(err.code)


def _take_links(group: Group, handle: Handle) -> None:
    up: dict[int, bool] = {}
    why: NvmlFailure | None = None
    for link in range(MOST_LINKS):
        try:
            up[link] = library.read_link_up(handle, link)
        except NvmlFailure as err:
            why = err
            break
    if not up and why is not None:
        for quantity in (_Q.NVLINKS_UP, _Q.NVLINK_RECOVERIES, _Q.NVLINK_ERRORS):
            group.miss(quantity, why)
        return
    group.values[_Q.NVLINKS_UP] = sum(up.values())
    group.links_down = [link for link, is_up in up.items() if not is_up]
    # NVLink 5 counts under other fields than the generations before it; which ones answer tells which it is.
    recoveries = (codes.FIELD_LINK_RECOVERY_EVENTS,), (codes.FIELD_LINK_RECOVERIES,)
    errors = (codes.FIELD_LINK_RECEIVE_ERRORS,), (codes.FIELD_LINK_CRC, codes.FIELD_LINK_REPLAYS)
    for quantity, families in ((_Q.NVLINK_RECOVERIES, recoveries), (_Q.NVLINK_ERRORS, errors)):
        _take_link_sum(group, handle, quantity, families, list(up))


def _take_link_sum(
    group: Group, handle: Handle, quantity: Quantity, families: tuple[tuple[int, ...], ...], links: list[int]
) -> None:
    """Write down the sum over all links by the first family of fields that every link answers to."""
    failure: NvmlFailure | None = None
    for family in families:
        try:
            found = library.read_fields(handle, [(number, link) for number in family for link in links])
        except NvmlFailure as err:
            failure = err
            continue
        failure = next((f for f in found.values() if isinstance(f, NvmlFailure)), None)
        if failure is None:
            group.values[quantity] = sum(int(f.value) for f in found.values() if isinstance(f, FieldReading))
            return
    if failure is not None:
        group.miss(quantity, failure)
