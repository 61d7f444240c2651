"""Each frame's points come to disk exactly once, whatever order, repeats, restarts and faults do."""

import asyncio
import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.history import BEGIN_S, ENERGY, LIMIT, POWER, RACK, TEMPERATURE, Desk, frame_at, small_table

from datacenter_api.history.archive import Archive
from datacenter_api.history.ledger import Ledger, Mark
from datacenter_api.history.settings import HistorySettings
from datacenter_api.history.sheet import Block

TABLE = small_table()
WIDER = small_table("u12/inlet")


def desk(folder: Path) -> Desk:
    return Desk(folder / "history", told=TABLE)


async def test_classes_keep_their_own_rate(tmp_path: Path) -> None:
    at = desk(tmp_path)
    for second in range(60):
        at.take(frame_at(second, TABLE))
    await at.intake.turn(all_of_it=True)
    count = {key: sum((r["place"], r["quantity"]) == key for r in at.rows()) for key in (POWER, TEMPERATURE, ENERGY)}
    assert count == {POWER: 60, TEMPERATURE: 6, ENERGY: 6}
    assert [r["value"] for r in at.rows() if r["quantity"] == "power_limit"] == [40.5], "static: only on change"
    energies = [r["counter"] for r in at.rows() if r["quantity"] == "energy"]
    assert energies == [2**53 + 1 + s for s in range(0, 60, 10)], "counters lose no bit"
    assert at.rows()[0]["time"].timestamp() == pytest.approx(BEGIN_S + 0.003)


async def test_unknown_is_null_and_its_reason_stays(tmp_path: Path) -> None:
    at = desk(tmp_path)
    at.take(frame_at(0, TABLE, unknown=range(len(TABLE.series))))
    await at.intake.turn(all_of_it=True)
    assert {(r["value"], r["counter"], r["quality"]) for r in at.rows()} == {(None, None, 2)}


async def test_a_window_closes_after_its_grace_and_not_before(tmp_path: Path) -> None:
    at = desk(tmp_path)
    marks = [at.take(frame_at(second, TABLE)) for second in range(60)]
    at.now_s = 64.0
    await at.intake.turn()
    assert not at.rows()
    assert not any(mark.done for mark in marks)
    at.now_s = 65.1
    await at.intake.turn()
    assert at.powers() == list(range(60))
    assert all(mark.done for mark in marks)
    late = at.take(frame_at(30, TABLE, late_ms=500))
    assert not late.done, "another frame of a window that is closed goes to a further part"
    await at.intake.turn(all_of_it=True)
    assert sorted(p.number for p in at.archive.parts(RACK, "seconds")) == [0, 1]  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_order_repeats_and_restarts_give_each_point_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The stream: everything not acknowledged comes again after a restart; some of what is acknowledged, too."""
    at = desk(tmp_path_factory.mktemp("any"))
    seconds = data.draw(st.lists(st.integers(0, 200), min_size=1, max_size=40, unique=True))
    said = [frame_at(s, data.draw(st.sampled_from([TABLE, WIDER]))) for s in seconds]
    at.told = WIDER
    at.intake.tables.lanes(RACK, WIDER.table_id)
    at.told = TABLE

    async def play() -> None:
        waiting = list(said)
        for _ in range(data.draw(st.integers(1, 4))):
            order = data.draw(st.permutations(waiting)) + data.draw(st.lists(st.sampled_from(said), max_size=5))
            marks = [(frame, at.take(frame)) for frame in order]
            at.now_s += data.draw(st.sampled_from([0.0, 30.0, 90.0]))
            await at.intake.turn(all_of_it=data.draw(st.booleans()))
            waiting = [frame for frame, mark in marks if not mark.done] or waiting
            at.restart()
        for frame in said:
            at.take(frame)
        await at.intake.turn(all_of_it=True)

    asyncio.run(play())
    assert at.powers() == sorted(float(s) for s in seconds)
    slow = [r for r in at.rows() if (r["place"], r["quantity"]) == TEMPERATURE]
    assert len(slow) == sum(s % 10 == 0 for s in seconds)
    summed = sum(r["count"] for r in at.rows("minutes") if (r["place"], r["quantity"]) == POWER)
    assert summed == len(seconds)


class FullDisk(Archive):
    """A disk that is full until `room`."""

    room = False

    def write(self, block: Block) -> Any:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(block)


async def test_a_full_disk_is_named_once_and_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    at = desk(tmp_path)
    disk = FullDisk(at.root)
    at.intake = at.make_intake(disk)
    marks = [at.take(frame_at(second, TABLE)) for second in range(60)]
    for _ in range(5):
        at.now_s += 100.0
        await at.intake.turn()
    assert at.intake.trouble == "No space left on device"
    assert sum("No space left" in r.message for r in caplog.records) == 1
    assert not any(mark.done for mark in marks)
    assert at.intake.rings[0].stretch(POWER) is not None, "questions see it meanwhile"
    disk.room = True
    at.now_s += 100.0
    await at.intake.turn()
    assert at.intake.trouble == ""
    assert at.powers() == list(range(60))
    assert all(mark.done for mark in marks)


async def test_a_table_that_changes_in_a_window_gives_a_part_for_each(tmp_path: Path) -> None:
    at = desk(tmp_path)
    at.take(frame_at(1, TABLE))
    at.told = WIDER
    at.take(frame_at(2, WIDER))
    at.take(frame_at(10, WIDER))
    await at.intake.turn(all_of_it=True)
    assert at.powers() == [1.0, 2.0, 10.0]
    assert {r["place"].rsplit("/", 1)[-1] for r in at.rows()} == {"u11", "gpu0", "inlet"}


async def test_frames_of_an_unknown_table_wait_are_set_aside_and_come_back(tmp_path: Path) -> None:
    at = desk(tmp_path)
    mark = at.take(frame_at(3, WIDER))
    assert (at.intake.unexplained, mark.done) == (1, False)
    at.told = WIDER
    await at.intake.turn(all_of_it=True)
    assert (at.powers(), mark.done) == ([3.0], True)

    stranger = small_table("u13/inlet")
    mark = at.take(frame_at(4, stranger))
    at.now_s += at.settings.unexplained_s + 1
    await at.intake.turn()
    assert mark.done, "it is safe in a file of its own"
    at.restart()
    at.told = stranger
    for _ in at.intake.take_back():
        await at.intake.turn(all_of_it=True)
    assert at.powers() == [3.0, 4.0]
    assert not list(at.root.glob("*/unexplained/*"))


async def test_a_clock_that_goes_backwards_costs_nothing(tmp_path: Path) -> None:
    at = desk(tmp_path)
    order = [300, 301, 20, 21, 302, 100_000]
    for second in order:
        at.take(frame_at(second, TABLE))
    at.now_s = 66.0  # also the window in the far future is written
    await at.intake.turn()
    assert at.powers() == sorted(float(s) for s in order)


async def test_a_frame_that_does_not_fit_its_table_is_counted(tmp_path: Path) -> None:
    at = desk(tmp_path)
    frame = frame_at(1, WIDER)
    bent = type(frame)(TABLE.table_id, 1, frame.unix_ns, frame.gauges, frame.counters, frame.ages, frame.quality)
    assert at.take(bent).done
    assert at.intake.discarded == 1


async def test_two_turns_at_once_write_a_window_once(tmp_path: Path) -> None:
    at = desk(tmp_path)
    at.take(frame_at(1, TABLE))
    await asyncio.gather(at.intake.turn(all_of_it=True), at.intake.turn(all_of_it=True))
    assert at.powers() == [1.0]


def test_the_ledger_acknowledges_only_what_is_whole_so_far() -> None:
    ledger = Ledger()
    marks: Sequence[Mark] = [ledger.mark(n, f"reply{n}") for n in (1, 2, 3)]
    marks[1].done = True
    assert ledger.settle() is None
    marks[0].done = True
    assert ledger.settle() == "reply2"
    assert ledger.settle() is None
    with pytest.raises(ValueError, match="expected delivery 4"):
        ledger.mark(5, "reply5")


def test_the_static_limit_is_kept_when_it_changes(tmp_path: Path) -> None:
    at = desk(tmp_path)
    for second in range(0, 60, 10):
        frame = frame_at(second, TABLE)
        gauges = frame.gauges.copy()
        gauges[TABLE.gauge_index[LIMIT]] = 1_000.0 if second < 30 else 1_200.0
        at.take(type(frame)(frame.table_id, second, frame.unix_ns, gauges, frame.counters, frame.ages, frame.quality))
    asyncio.run(at.intake.turn(all_of_it=True))
    kept = [(r["time"].second % 60, r["value"]) for r in at.rows() if r["quantity"] == "power_limit"]
    assert [v for _, v in kept] == [1_000.0, 1_200.0]


@pytest.mark.parametrize(("before", "after"), [(600, 60), (60, 600)])
async def test_frames_delivered_again_after_the_window_was_changed_count_once(
    tmp_path: Path, before: int, after: int
) -> None:
    at = desk(tmp_path)
    at.settings = HistorySettings(window_s=before, grace_s=5.0)
    at.restart()
    said = [frame_at(second, TABLE) for second in range(150)]
    for frame in said:
        at.take(frame)
    await at.intake.turn(all_of_it=True)
    at.settings = HistorySettings(window_s=after, grace_s=5.0)
    at.restart()
    marks = [at.take(frame) for frame in said]
    at.take(frame_at(150, TABLE))
    await at.intake.turn(all_of_it=True)
    assert all(mark.done for mark in marks)
    assert at.powers() == list(range(151))
