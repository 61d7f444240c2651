"""The folder: what a crash leaves half-done is repaired, what is broken is set aside, the budget is kept."""

import asyncio
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from support.history import BEGIN_S, POWER, RACK, TEMPERATURE, Desk, frame_at, small_table

from datacenter_api.history.archive import Archive
from datacenter_api.history.files import DAY_S, Kind
from datacenter_api.history.rollup import gather
from datacenter_api.history.settings import HistorySettings
from datacenter_api.history.sheet import Stretch
from datacenter_api.history.tidy import FOLD_AFTER_S, TABLE_KEPT_S, forget_tables, keep_budget, tidy
from rack_controller.model.table import SeriesKey

TABLE = small_table()


def filled(folder: Path, windows: int, *, every: int = 1) -> Desk:
    """A desk with `windows` windows of a minute on disk."""
    at = Desk(folder / "history", told=TABLE)
    for second in range(0, 60 * windows, every):
        at.take(frame_at(second, TABLE))
    asyncio.run(at.intake.turn(all_of_it=True))
    return at


def answer(at: Desk, key: SeriesKey, *, minutes: bool) -> Stretch:
    """The first ten minutes of a series; `minutes`: as they are answered when the points are gone."""
    archive = at.archive
    if minutes:
        bare = at.root.with_name("bare")
        shutil.rmtree(bare, ignore_errors=True)
        shutil.copytree(at.root, bare, ignore=lambda _folder, names: [n for n in names if n == Kind.SECONDS])
        archive = Archive(bare)
        archive.open()
    return gather(archive.read(archive.sources(RACK, BEGIN_S, BEGIN_S + 600), key), BEGIN_S * 1000, 60_000, 10)


def same(a: Stretch, b: Stretch) -> bool:
    return all(
        np.allclose(x, y, equal_nan=True)
        for x, y in ((a.mean, b.mean), (a.least, b.least), (a.most, b.most), (a.count, b.count))
    )


def test_minutes_say_what_points_say(tmp_path: Path) -> None:
    at = filled(tmp_path, 4)
    for key in (POWER, TEMPERATURE):
        points, minutes = answer(at, key, minutes=False), answer(at, key, minutes=True)
        assert same(points, minutes)
    assert minutes.count.tolist()[:5] == [6, 6, 6, 6, 0]
    assert answer(at, POWER, minutes=True).mean[1] == pytest.approx(89.5)


def test_minutes_that_a_crash_left_unmade_are_made_at_the_start(tmp_path: Path) -> None:
    at = filled(tmp_path, 3)
    before = answer(at, POWER, minutes=True)
    for path in at.root.glob("*/minutes/*/*.parquet"):
        path.unlink()
    (at.root / RACK / "seconds" / ".half.parquet.tmp").write_bytes(b"half a file")
    at.restart()
    assert same(answer(at, POWER, minutes=True), before)
    assert not list(at.root.glob("**/*.tmp"))
    assert len(at.rows("minutes")) == len({(r["place"], r["quantity"], r["time"]) for r in at.rows("minutes")})


def test_truncated_segments_are_set_aside_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    at = filled(tmp_path, 3)
    first, second, _third = (part.path for part in at.archive.parts(RACK, Kind.SECONDS))
    first.write_bytes(first.read_bytes()[:500])
    at.restart()
    assert at.archive.broken == [first.name + ".broken"]
    assert first.name in caplog.text
    # This one breaks in its middle while we run: it is found out when it is read.
    body = second.read_bytes()
    second.write_bytes(body[:4] + b"\xff" * 300 + body[304:])
    assert answer(at, POWER, minutes=False).count.tolist()[1:3] == [0, 60]
    assert len(at.archive.broken) == 2
    assert answer(at, POWER, minutes=False).count.tolist()[:4] == [60, 60, 60, 0], "the minutes stand in for both"


def test_a_restart_knows_which_frames_are_held(tmp_path: Path) -> None:
    at = filled(tmp_path, 1)
    at.restart()
    assert at.take(frame_at(5, TABLE)).done
    assert at.archive.knows(RACK, POWER)
    assert not at.archive.knows(RACK, (TEMPERATURE[0], POWER[1]))


def test_a_day_is_folded_into_one_file_that_says_the_same(tmp_path: Path) -> None:
    at = filled(tmp_path, 5)
    wider = small_table("u12/inlet")  # two tables in one day
    at.told = wider
    for second in range(300, 400):
        at.take(frame_at(second, wider))
    asyncio.run(at.intake.turn(all_of_it=True))
    before = {key: answer(at, key, minutes=True) for key in (POWER, TEMPERATURE)}
    over = (BEGIN_S // DAY_S + 1) * DAY_S + FOLD_AFTER_S
    tidy(at.archive, at.settings, over)
    assert [p.whole_day for p in at.archive.parts(RACK, Kind.MINUTES)] == [True]
    assert len(list(at.root.glob("*/minutes/**/*.parquet"))) == 1
    assert all(same(answer(at, key, minutes=True), before[key]) for key in before)
    assert same(answer(at, POWER, minutes=False), before[POWER]), "points and folded minutes never add up"
    at.restart()
    assert len(list(at.root.glob("*/minutes/**/*.parquet"))) == 1, "what is folded is not made again"
    # A late frame gives a further part; the day is folded anew.
    at.told = TABLE
    at.take(frame_at(7, TABLE, late_ms=600))
    asyncio.run(at.intake.turn(all_of_it=True))
    assert answer(at, POWER, minutes=True).count[0] == 61
    tidy(at.archive, at.settings, over)
    assert answer(at, POWER, minutes=True).count[0] == 61
    assert len(list(at.root.glob("*/minutes/**/*.parquet"))) == 1


def test_a_kill_while_folding_counts_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = filled(tmp_path, 3)
    before = answer(at, POWER, minutes=True)
    monkeypatch.setattr(at.archive, "drop", lambda _part: None)  # killed before the parts are deleted
    tidy(at.archive, at.settings, (BEGIN_S // DAY_S + 1) * DAY_S + FOLD_AFTER_S)
    assert len(list(at.root.glob("*/minutes/**/*.parquet"))) == 4
    at.restart()
    assert same(answer(at, POWER, minutes=True), before)
    tidy(at.archive, at.settings, (BEGIN_S // DAY_S + 1) * DAY_S + FOLD_AFTER_S)
    assert len(list(at.root.glob("*/minutes/**/*.parquet"))) == 1
    assert same(answer(at, POWER, minutes=True), before)


def test_points_go_after_their_time_and_minutes_stay(tmp_path: Path) -> None:
    at = filled(tmp_path, 3)
    tidy(at.archive, at.settings, BEGIN_S + 120 + DAY_S)
    assert [p.start_s for p in at.archive.parts(RACK, Kind.SECONDS)] == [BEGIN_S + 120]
    assert answer(at, POWER, minutes=False).count.tolist()[:4] == [60, 60, 60, 0]
    tidy(at.archive, HistorySettings(minutes_kept_s=60, window_s=60), BEGIN_S + 10 * DAY_S)
    assert not at.archive.all_parts(Kind.MINUTES)


def test_the_budget_takes_the_oldest_points_first_then_minutes(tmp_path: Path) -> None:
    at = filled(tmp_path, 6)
    minutes, seconds = at.archive.size(Kind.MINUTES), at.archive.size(Kind.SECONDS)
    keep_budget(at.archive, minutes + seconds // 2)
    left = [part.start_s for part in at.archive.parts(RACK, Kind.SECONDS)]
    assert 0 < len(left) < 6
    assert left == [BEGIN_S + 60 * n for n in range(6 - len(left), 6)]
    assert len(at.archive.parts(RACK, Kind.MINUTES)) == 6
    keep_budget(at.archive, minutes // 2)
    assert not at.archive.parts(RACK, Kind.SECONDS)
    assert sum(f.stat().st_size for f in at.root.glob("**/*.parquet")) <= minutes // 2
    assert same(answer(at, POWER, minutes=True), answer(at, POWER, minutes=False))


def tables_of(at: Desk) -> set[int]:
    return {int(path.stem, 16) for path in (at.root / RACK / "tables").glob("*.json")}


def test_a_series_table_goes_with_the_last_points_written_under_it(tmp_path: Path) -> None:
    at, wider, idle = filled(tmp_path, 2), small_table("u12/inlet"), small_table("u13/inlet")
    for second, table in ((120, idle), (180, wider)):
        at.told = table
        at.take(frame_at(second, table))
    asyncio.run(at.intake.turn(all_of_it=True))
    late = time.time() + TABLE_KEPT_S + 60
    needed = {RACK: {wider.table_id}}
    forget_tables(at.archive, needed, late)
    assert tables_of(at) == {TABLE.table_id, idle.table_id, wider.table_id}, "points of each are on disk"
    for part in at.archive.parts(RACK, Kind.SECONDS):
        at.archive.drop(part)
    forget_tables(at.archive, {}, late)
    forget_tables(at.archive, needed, time.time())
    assert len(tables_of(at)) == 3, "neither of a rack that says nothing, nor one that is young"
    forget_tables(at.archive, {RACK: {wider.table_id, idle.table_id}}, late)
    assert tables_of(at) == {idle.table_id, wider.table_id}, "waiting frames and the present keep theirs"
    forget_tables(at.archive, needed, late)
    assert tables_of(at) == {wider.table_id}
    at.restart()
    assert at.archive.table_bytes == sum(p.stat().st_size for p in at.root.glob("*/tables/*.json")) > 0


def test_series_tables_count_in_the_budget(tmp_path: Path) -> None:
    at = filled(tmp_path, 2)
    points = at.archive.size(Kind.SECONDS) + at.archive.size(Kind.MINUTES)
    at.restart()
    keep_budget(at.archive, points + at.archive.table_bytes)
    assert len(at.archive.parts(RACK, Kind.SECONDS)) == 2
    keep_budget(at.archive, points)
    assert len(at.archive.parts(RACK, Kind.SECONDS)) < 2
