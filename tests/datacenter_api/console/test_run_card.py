"""A run whose process died is gone on with or given up on its page: said first, racks named, by who may begin runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nicegui.testing import User, user_simulation
from support.api import Api
from support.as_built import RACK

from datacenter_api.acceptance import desk as desks
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.acceptance import RunSight, draw_run
from datacenter_api.console.acceptance_page import show_run
from datacenter_api.console.glance import Glance
from datacenter_api.console.run_card import GIVE_UP, GO_ON, CutRun
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.launch import held
from rack_controller.acceptance.progress import Stop, ask_to_stop
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.run import RunFolder
from rack_controller.acceptance.undo import UndoBook
from rack_controller.model.roles import Role
from rack_controller.prove.accept.verdict import Outcome


@pytest.fixture
def cut(state: Path) -> RunFolder:
    """A run of k01 that no process has, with a supply that it has switched off."""
    folder = begin(Wish("gb200-nvl72", "L10", rack=RACK), state, "test", "admin")
    folder.write(msgspec.structs.replace(folder.read(), began_unix_ns=1))
    UndoBook(folder.path).owe(Act("restore", "u05/psu2"))
    return folder


@asynccontextmanager
async def card(api: Api, run: RunFolder, told: list[str]) -> AsyncIterator[tuple[User, CutRun]]:
    doorkeeper: Any = api.services.doorkeeper
    doorkeeper.still_welcome = lambda _who: True
    api.user_for(Role.OPERATOR)
    made: list[CutRun] = []

    def page() -> None:
        who = Principal("operator", Role.OPERATOR, "127.0.0.1")
        made.append(CutRun(api.services, run.path.name, who, lambda: told.append(run.path.name)))
        made[0].show()

    async with user_simulation(page) as user:
        client = await user.open("/")
        with client:
            yield user, made[0]


async def test_a_cut_run_is_gone_on_with_once_what_it_does_was_said_and_its_rack_typed(
    api: Api, cut: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[Any, ...]] = []
    monkeypatch.setattr(desks, "start", lambda *args: started.append(args))
    told: list[str] = []
    async with card(api, cut, told) as (user, asked):
        await asked.ask(GO_ON)
        await user.should_see("no job may run on it", retries=50)
        await user.should_see("still to be done: restore u05/psu2")
        await user.should_not_see("Why; stands in the record")
        user.find(GO_ON).click()
        await user.should_see("type k01 first", retries=50)
        assert started == []
        user.find("Type k01").type("k01")
        user.find(GO_ON).click()
        await user.should_see("It goes on.", retries=50)
        user.find(GO_ON).click()
    ((_, run, token),) = started
    session = api.services.sessions.use(token)
    assert session is not None
    assert (run, session.user) == (cut.path.name, "admin"), "with the login of whoever began it"
    assert told == [run]
    said = [(r["actor"], r["outcome"]) for r in api.services.store.audited(9) if r["target"] == run]
    assert said == [("operator", "gone on with")]


async def test_a_cut_run_is_given_up_with_a_reason_and_ends_as_it_lies(api: Api, cut: RunFolder) -> None:
    told: list[str] = []
    async with card(api, cut, told) as (user, asked):
        await asked.ask(GIVE_UP)
        await user.should_see("end the run instead", retries=50)
        await user.should_see("still to be done: restore u05/psu2")
        user.find("Why; stands in the record").type("it is sold")
        user.find("Type k01").type("k01")
        user.find(GIVE_UP).click()
        await user.should_see("It is given up. Look at its rack.", retries=50)
    record = cut.read()
    assert (record.outcome, "given up by operator: it is sold" in record.why) == (Outcome.STOPPED, True)
    assert told == [cut.path.name]


@pytest.mark.parametrize("does", [GO_ON, GIVE_UP])
async def test_what_a_process_has_by_now_is_neither_gone_on_with_nor_given_up(
    api: Api, cut: RunFolder, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "start", lambda *args: pytest.fail("a process has it"))
    async with card(api, cut, []) as (user, asked):
        await asked.ask(does)
        user.find("Type k01").type("k01")
        with held(cut.path):
            user.find(does).click()
            await user.should_see("Not done: ", retries=50)
            await asked.ask(does)
            await user.should_see("Nothing is asked for: it goes on", retries=50)
    assert cut.read().outcome is None


async def test_one_that_is_to_end_says_so_before_it_goes_on(api: Api, cut: RunFolder) -> None:
    ask_to_stop(cut.path, Stop("tom", 1, "smoke"))
    async with card(api, cut, []) as (user, asked):
        await asked.ask(GO_ON)
        await user.should_see("tom wants it to end: it does so, with its rack back at rest", retries=50)


@pytest.mark.parametrize(("role", "seen"), [(Role.TECHNICIAN, False), (Role.OPERATOR, True)])
async def test_only_who_may_begin_runs_may_go_on_with_one(api: Api, cut: RunFolder, role: Role, seen: bool) -> None:
    async def page() -> None:
        await show_run(Glance(api.services), cut.path.name, Principal("ada", role, "127.0.0.1"))

    async with user_simulation(page) as user:
        await user.open("/")
        await user.should_see("End this run", retries=50)
        if seen:
            await user.should_see("Go on with this run")
            await user.should_see("Give it up")
        else:
            await user.should_not_see("Go on with this run")
            await user.should_not_see("Give it up")


def test_a_run_is_marked_as_cut_while_no_process_has_it(api: Api, cut: RunFolder) -> None:
    desk, run = api.services.acceptance.open(), cut.path.name
    assert "data-cut" in draw_run(RunSight(desk.show(run)), run)
    with held(cut.path):
        assert "data-cut" not in draw_run(RunSight(desk.show(run)), run)
        assert desk.show(run).owed == ""
    desk.give_up(run, "ada", "")
    assert "data-cut" not in draw_run(RunSight(desk.show(run)), run)
