"""Values of serial units that are not to be believed: what stands still among moving neighbours, what cannot be."""

import numpy as np
import pytest

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.distrust import DistrustRules, Memory, doubt_values, flag_doubted
from rack_controller.decide.notice import Finding
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.table import make_table

RACK = Place("s/a/r01/k02")
SHELF = Place(f"{RACK}/u06")
RULES = DistrustRules(readings=5, moved=0.5, times=10.0)
PSUS = 6
TABLE = make_table(RACK, [Series(Place(f"{SHELF}/psu{n}"), Quantity.POWER, ReadingClass.POWER) for n in range(PSUS)])
ORDER = [TABLE.gauge_index[Place(f"{SHELF}/psu{n}"), Quantity.POWER] for n in range(PSUS)]


def snapshot(tick: int, watts: list[float], fresh: bool = True) -> Snapshot:
    gauges = np.full(PSUS, np.nan)
    gauges[ORDER] = watts
    taken = np.full(PSUS, float(tick) if fresh else 0.0)
    quality = np.where(np.isnan(gauges), np.uint8(Quality.MISSING), np.uint8(Quality.GOOD))
    return Snapshot(
        RACK,
        tick,
        Seconds(float(tick)),
        UnixNanoseconds(tick),
        TABLE,
        gauges,
        np.empty(0, np.int64),
        taken,
        quality,
        {},
    )


def run(
    rows: list[list[float]], trays: tuple[Place, ...] = (SHELF,), fresh: bool = True
) -> tuple[Memory, list[Finding]]:
    memory, told = Memory(), list[Finding]()
    for tick, watts in enumerate(rows, 1):
        memory, found = doubt_values(memory, snapshot(tick, watts, fresh), trays, RULES)
        told += found
    return memory, told


def moving(tick: int, **held: float) -> list[float]:
    return [held.get(f"psu{n}", 1000.0 + 10 * tick + n) for n in range(PSUS)]


def test_one_that_stands_still_among_moving_neighbours_is_told_flagged_and_believed_again() -> None:
    memory, told = run([moving(t, psu2=1234.0) for t in range(10)])
    assert [(f.kind, f.place[-4:]) for f in told] == [("reading.stuck", "psu2")]
    assert "1234 W" in told[0].message
    flagged = flag_doubted(memory, snapshot(10, moving(10, psu2=1234.0)))
    assert flagged.quality[ORDER[2]] == Quality.FLAGGED
    assert (np.delete(flagged.quality, ORDER[2]) == Quality.GOOD).all()
    memory, told = doubt_values(memory, snapshot(11, moving(11)), (SHELF,), RULES)
    assert [f.kind for f in told] == ["reading.believed"]
    assert flag_doubted(memory, snapshot(11, moving(11))).quality.max() == Quality.GOOD


@pytest.mark.parametrize(
    "rows",
    [
        [[1000.0] * PSUS for _ in range(20)],  # nothing moves: a steady load
        [moving(t, psu2=0.0) for t in range(20)],  # a dead supply
        [moving(t, psu2=1000.0 + t % 4) for t in range(20)],  # it moves, if little
        [moving(t, psu2=float("nan")) for t in range(20)],  # unknown is not stuck
        [moving(t // 8, psu2=1005.0) for t in range(20)],  # the neighbours hardly move
    ],
    ids=["steady", "dead", "slow", "unknown", "calm"],
)
def test_what_is_no_reason_to_doubt(rows: list[list[float]]) -> None:
    memory, told = run(rows)
    assert (told, memory.doubted) == ([], {})


def test_old_readings_are_not_counted_and_other_trays_not_watched() -> None:
    assert run([moving(t, psu2=1234.0) for t in range(20)], fresh=False)[1] == []
    assert run([moving(t, psu2=1234.0) for t in range(20)], trays=())[1] == []


@pytest.mark.parametrize("wrong", [-1020.0, 64516.0])
def test_a_wrong_sign_is_impossible_whether_the_register_has_a_sign_or_not(wrong: float) -> None:
    memory, told = run([moving(1), moving(2, psu4=wrong), moving(3, psu4=wrong)])
    assert [(f.kind, f.place[-4:]) for f in told] == [("reading.impossible", "psu4")]
    assert list(memory.doubted) == [ORDER[4]]


def test_a_new_table_begins_anew() -> None:
    memory, _ = run([moving(t, psu2=1234.0) for t in range(10)])
    other = make_table(RACK, [Series(Place(f"{SHELF}/psu0"), Quantity.POWER, ReadingClass.POWER)])
    one = snapshot(11, moving(11))
    changed = Snapshot(
        RACK,
        11,
        one.now,
        one.unix_ns,
        other,
        np.array([1.0]),
        one.counters,
        np.array([11.0]),
        np.zeros(1, np.uint8),
        {},
    )
    memory, told = doubt_values(memory, changed, (SHELF,), RULES)
    assert (memory.doubted, memory.columns.size) == ({}, 0)
    assert told == []


BOTH = make_table(
    RACK,
    [
        Series(Place(f"{SHELF}/psu{n}"), q, ReadingClass.POWER)
        for n in range(PSUS)
        for q in (Quantity.POWER, Quantity.POWER_INPUT)
    ],
)


def supplies(tick: int, given: float, taken: float, one: tuple[float, float]) -> Snapshot:
    """Return a shelf of which all supplies give and take the same, but for the last one."""
    gauges = np.full(2 * PSUS, np.nan)
    for n in range(PSUS):
        pair = one if n == PSUS - 1 else (given, taken)
        for quantity, watts in zip((Quantity.POWER, Quantity.POWER_INPUT), pair, strict=True):
            gauges[BOTH.gauge_index[Place(f"{SHELF}/psu{n}"), quantity]] = watts
    fresh = snapshot(tick, [0.0] * PSUS)
    quality = np.where(np.isnan(gauges), np.uint8(Quality.MISSING), np.uint8(Quality.GOOD))
    taken_at = np.full(2 * PSUS, float(tick))
    return Snapshot(RACK, tick, fresh.now, fresh.unix_ns, BOTH, gauges, fresh.counters, taken_at, quality, {})


def told_of(rows: list[Snapshot]) -> list[tuple[int, str, str]]:
    """Return (tick, kind, quantity by name) of what is told over the snapshots."""
    memory, told = Memory(), list[tuple[int, str, str]]()
    for row in rows:
        memory, found = doubt_values(memory, row, (SHELF,))
        told += [(row.tick, f.kind, f.message.split(" of ")[0].split(" is ")[0]) for f in found]
    return told


# What the sign lost in firmware makes of 3,000 W in a register of an eighth of a watt without a sign: 8,192 - 3,000.
@pytest.mark.parametrize(
    ("wrong", "name"),
    [((5_192.0, 3_100.0), "u06 psu5 power"), ((3_000.0, 5_092.0), "u06 psu5 power input")],
)
def test_a_supply_that_gives_more_than_it_takes_or_loses_too_much_is_not_believed(
    wrong: tuple[float, float], name: str
) -> None:
    rows = [supplies(t, 3_000, 3_100, wrong if 3 <= t < 9 else (3_000, 3_100)) for t in range(12)]
    assert told_of(rows) == [(5, "reading.impossible", name), (9, "reading.believed", name)]


@pytest.mark.parametrize(
    "rows",
    [
        # A load that steps between two reads: for a reading or two a supply seems to give what it has not taken yet.
        [supplies(t, 3_000, 3_100, (3_000, 400) if t in (4, 5) else (3_000, 3_100)) for t in range(10)],
        [supplies(t, 20, 90, (15, 95)) for t in range(10)],  # what a supply at rest needs for itself
        [supplies(t, 3_000, 3_100, (float("nan"), 3_100)) for t in range(10)],
        [supplies(t, 3_000, 3_100, (4_100, 4_250)) for t in range(10)],  # it carries more than its share, and says so
    ],
    ids=["step", "rest", "unknown", "overloaded"],
)
def test_what_is_no_reason_to_doubt_a_supplys_two_powers(rows: list[Snapshot]) -> None:
    assert told_of(rows) == []


def test_what_is_doubted_and_then_unknown_is_not_believed_again() -> None:
    unknown = float("nan")
    rows = [supplies(t, 3_000, 3_100, (5_192, 3_100) if t < 6 else (unknown, unknown)) for t in range(10)]
    assert [kind for _, kind, _ in told_of(rows)] == ["reading.impossible"]


def test_a_value_that_stands_still_is_called_stuck_also_when_it_cannot_be_any_more() -> None:
    rows = [supplies(t, 3_000 - 60 * t, 3_100 - 62 * t, (3_000, 3_100 - 62 * t)) for t in range(30)]
    assert [kind for _, kind, _ in told_of(rows)] == ["reading.impossible", "reading.stuck"]
