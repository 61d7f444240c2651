"""What takes a moment is fetched once for all who look, again when due, and a failure ends nothing."""

import asyncio
import time

import pytest
from support.api import Api
from support.play import until

from datacenter_api.console.boards import Board
from datacenter_api.console.choices import rack_choices
from datacenter_api.console.fetched import HOUR, Fetched, FetchedSet, read_chart, read_report
from datacenter_api.console.glance import Glance
from datacenter_api.console.sights import hall_board
from firmware_bridge.vocabulary.units import Seconds


async def test_all_who_look_share_one_fetch() -> None:
    asked = 0

    async def read() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return asked

    fetched = Fetched(read, lambda _value: 10.0)
    assert [fetched.look(Seconds(0.0)) for _ in range(10)] == [None] * 10
    await until(lambda: fetched.value)
    assert (asked, fetched.version, fetched.look(Seconds(9.0))) == (1, 1, 1)
    fetched.look(Seconds(10.0))
    await until(lambda: fetched.version == 2)


async def test_a_failure_is_tried_again_and_the_old_value_stays(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([1, ValueError("no"), 3])

    async def read() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    fetched = Fetched(read, lambda _value: 1.0)
    fetched.look(Seconds(0.0))
    await until(lambda: fetched.value == 1)
    fetched.look(Seconds(1.0))
    await until(lambda: "could not fetch" in caplog.text)
    assert fetched.look(Seconds(1.5)) == 1
    fetched.look(Seconds(7.0))
    await until(lambda: fetched.value == 3)


async def test_what_nobody_holds_is_forgotten() -> None:
    async def read() -> int:
        return 1

    known: FetchedSet[int] = FetchedSet()
    one = known.get("k", read, lambda _value: 1.0)
    assert known.get("k", read, lambda _value: 1.0) is one


async def test_a_chart_of_a_rack_without_history_is_empty_not_wrong(api: Api) -> None:
    record = api.services.fleet.find("k01")
    assert record.layout is not None
    assert record.columns is not None
    choice = rack_choices(record.layout, record.columns)[0]
    chart = await read_chart(api.services, "k01", choice, HOUR)
    assert (len(chart.traces), chart.span.step_s) == (1, 15)
    assert not len(chart.traces[0].known)


async def test_a_report_that_cannot_be_had_says_why(api: Api) -> None:
    state = await read_report(api.services, "k01", "lab1/a/r01/k01/u12/bmc")
    assert state.report is None
    assert not state.waiting
    assert state.error


async def test_ten_viewers_of_the_hall_render_it_once_a_second(api: Api) -> None:
    glance = Glance(api.services)
    boards: list[Board] = [hall_board(glance) for _ in range(10)]
    now = Seconds(time.monotonic())
    for tick in range(3):
        for n, board in enumerate(boards):
            board.sheet(Seconds(now + tick + n / 20))
    assert len({id(board) for board in boards}) == 1
    assert boards[0].rendered == 3
