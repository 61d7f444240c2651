"""A run is begun on the console only once its preview was seen and the rack's name was typed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nicegui import ui
from nicegui.testing import User, user_simulation
from support.api import Api, fill
from support.as_built import RACK
from support.play import played_rack

from datacenter_api.acceptance import desk as desks
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.acceptance_page import show_runs
from datacenter_api.console.begin_card import BeginCard
from datacenter_api.console.glance import Glance
from datacenter_api.console.preview import draw_preview
from datacenter_api.fleet.record import RackRecord
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.left_out import LeftOut
from rack_controller.acceptance.one_run import Holder
from rack_controller.acceptance.preview import RackLacks, RunPreview, StepPreview
from rack_controller.model.roles import Role
from rack_controller.prove.accept.untold import FloorNeed, Untold

HOSTILE = "<script>alert(1)</script>"


def preview(**more: Any) -> RunPreview:
    step = StepPreview("psu_each", "Every supply", "L11", False, 854.0, ["each of 48 supplies off"], "Somebody.", 5)
    plain = {
        "generation": "gb200-nvl72",
        "plan": "short",
        "title": "A short plan",
        "level": "L11",
        "seconds": 854.0,
        "steps": [step],
        "untold": [Untold("links", "up", "readings", "port.link")],
        "floor": [
            FloorNeed("floor_records", "records", "torque", "Torque of busbar clips", handed_in=True),
            FloorNeed("flow", "readings", "tray.flow", "Flow of every tray"),
        ],
    }
    return RunPreview(**(plain | more))  # type: ignore[arg-type]


def test_a_preview_says_what_is_done_how_long_and_what_lacks() -> None:
    drawn = draw_preview(preview(), "k01", "short")
    assert 'href="/api/v1/acceptance/floor/form?rack=k01&amp;level=L11&amp;plan=short"' in drawn
    for wanted in (
        "A short plan",
        "1 step",
        "14\u00a0min 14\u00a0s",
        "each of 48 supplies off",
        "(not required)",
        "1 lack readings (port.link)",
        "● Torque of busbar clips (is here)",
        "Flow of every tray",
        "no job may run on it",
    ):
        assert wanted in drawn, wanted
    assert "between switchings" not in drawn, "of a virtual rack nothing is waited for"
    waits = msgspec.structs.replace(preview().steps[0], apart_s=600.0, heard_s=75.0)
    slow = draw_preview(preview(steps=[waits]), "k01")
    assert slow.count("10\u00a0min between switchings of the bus, 1\u00a0min 15\u00a0s until things are read anew") == 2
    assert "Asked of the test floor" not in draw_preview(preview(floor=[]), "k01")
    assert "how long it really takes is not known" in slow
    took = preview(took="3 earlier runs of k01", steps=[msgspec.structs.replace(waits, took_s=7200.0), waits])
    told = draw_preview(took, "k01")
    assert told.count("data-said=least") == 2
    looks = msgspec.structs.replace(waits, seconds=0.0, took_s=60.0)
    at_once = draw_preview(preview(steps=[looks]), "k01")
    assert "at once" in at_once
    assert "data-said" not in at_once, "a phone would say that it takes at least at once"
    assert "By 3 earlier runs of k01 its steps take about 2\u00a0h 14\u00a0min, 1 of them as then" in told
    assert told.count("took 2\u00a0h before") == 1
    hostile = preview(title=HOSTILE, steps=[StepPreview(HOSTILE, HOSTILE, HOSTILE, True, 0.0, [HOSTILE], HOSTILE, 1)])
    assert "<script" not in draw_preview(hostile, HOSTILE)


@asynccontextmanager
async def card(api: Api) -> AsyncIterator[User]:
    doorkeeper: Any = api.services.doorkeeper
    doorkeeper.still_welcome = lambda _who: True

    def page() -> None:
        BeginCard(api.services, Principal("operator", Role.OPERATOR, "127.0.0.1"), "k01").show()

    async with user_simulation(page) as user:
        await user.open("/")
        yield user


async def test_a_run_begins_once_the_rack_was_typed_and_in_the_viewer_s_name(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(desks, "start", lambda *args: started.append(args))
    api.user_for(Role.OPERATOR)
    async with card(api) as user:
        await user.should_not_see("Begin it")
        user.find("Show what it will do").click()
        await user.should_see("no job may run on it", retries=50)
        user.find("Begin it").click()
        await user.should_see("type k01 first", retries=50)
        assert started == []
        user.find("Type k01 to begin").type("k01")
        user.find("Begin it").click()
        await user.should_see("It has begun", retries=50)
    ((_, run, token),) = started
    session = api.services.sessions.use(token)
    assert session is not None
    assert session.user == "operator"
    (row,) = api.services.acceptance.open().listed()
    assert (row.id, row.rig, row.level) == (run, "live", "L11")


async def test_a_rack_that_another_run_has_is_shown_with_that_run_and_not_offered(api: Api, state: Path) -> None:
    api.user_for(Role.OPERATOR)
    taken = begin(Wish("gb200-nvl72", "L10", rack=RACK), state, "test", "tom").path.name
    async with card(api) as user:
        user.find("Show what it will do").click()
        await user.should_see(f"{RACK} is under run {taken}, begun by tom", retries=50)
        await user.should_see("no job may run on it")
        await user.should_not_see("Begin it")


def test_a_preview_says_which_run_has_the_rack_and_where_it_is_ended() -> None:
    for running, how in ((True, "Wait for its end, or end it on"), (False, "Go on with it, end it or give it up on")):
        drawn = draw_preview(preview(taken=[Holder("k01", "k01-1", running, None, f"k01 {HOSTILE}", "")]), "k01")
        assert f'{how} <a href="/console/acceptance/k01-1">its page</a>' in drawn
        assert "<script" not in drawn


def test_a_preview_says_what_the_run_before_left_to_be_done() -> None:
    drawn = draw_preview(preview(left=[LeftOut("k01", "k01-1", f"run k01-1 left u12 out {HOSTILE}")]), "k01")
    assert "▲ Run k01-1 left u12 out" in drawn
    assert 'href="/console/acceptance/k01-1"' in drawn
    assert "<script" not in drawn


def test_a_preview_says_which_latches_stand_at_the_rack() -> None:
    drawn = draw_preview(preview(latched=[f"k01: latch k01-l1 stands at u14 (a leak {HOSTILE})"]), "k01")
    assert "▲ k01: latch k01-l1 stands at u14 (a leak" in drawn
    assert "clear it first" in drawn
    assert "<script" not in drawn


async def test_several_racks_are_begun_together_once_all_their_names_were_typed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(desks, "start", lambda *args: started.append(args))
    monkeypatch.setattr(RackRecord, "live", lambda _record, _now: True)
    second = played_rack(2)
    fill(api.services.fleet.record(second.name), second, api.services.now())
    api.user_for(Role.OPERATOR)
    async with card(api) as user:
        (racks,) = user.find(kind=ui.select, content="k01").elements
        racks.value = ["k02", "k01"]
        user.find("Show what it will do").click()
        await user.should_see("k02 is not accepted at L11", retries=50)
        user.find("Type k01 k02 to begin").type("k01")
        user.find("Begin it").click()
        await user.should_see("type k01 k02 first", retries=50)
        assert started == []
        user.find("Type k01 k02 to begin").type(" k02")
        user.find("Begin it").click()
        await user.should_see("It has begun", retries=50)
    rows = api.services.acceptance.open().listed()
    assert {(r.level, tuple(r.together.values())) for r in rows} == {("L12", ("lab1/a/r01/k01", "lab1/a/r01/k02"))}
    assert [run for _, run, _ in started] == [next(iter(rows[0].together))]


def test_a_preview_of_racks_together_says_what_each_lacks_and_why_it_may_not_begin() -> None:
    lacks = [
        RackLacks("lab1/a/r01/k01", [], [], held="lab1/a/r01/k01 is not accepted at L11"),
        RackLacks("lab1/a/r01/k02", [Untold("trunks", "cables", "facts", "neighbour")], preview().floor),
    ]
    drawn = draw_preview(preview(level="L12", racks=lacks), "k01 k02")
    for wanted in (
        "on k01 k02, up to L12",
        "k01 is not accepted at L11",
        "k02: 1 measure of the plan",
        "Asked of the test floor at k02",
        "rack=k02&amp;level=L12",
    ):
        assert wanted in drawn, wanted
    assert "rack=k01&amp;level" not in drawn


@pytest.mark.parametrize(("role", "seen"), [(Role.TECHNICIAN, False), (Role.OPERATOR, True)])
async def test_only_who_may_begin_runs_is_offered_it(api: Api, role: Role, seen: bool) -> None:
    def page() -> None:
        show_runs(Glance(api.services), Principal("ada", role, "127.0.0.1"))

    async with user_simulation(page) as user:
        await user.open("/")
        await user.should_see("Acceptance")
        if seen:
            await user.should_see("Begin a run")
        else:
            await user.should_not_see("Begin a run")
