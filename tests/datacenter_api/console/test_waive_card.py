"""A deviation is waived on the console: shown in full, with a reason, by the rules of REST, and only by who may."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from nicegui.testing import User, user_simulation
from support.accepted import BEGAN, finding, measured, record, short_run, step
from support.api import Api

from datacenter_api.acceptance.shown import RunView
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console import waive_card
from datacenter_api.console.acceptance import RunSight, draw_run
from datacenter_api.console.acceptance_page import show_run
from datacenter_api.console.found import alike, draw_finding, draw_found
from datacenter_api.console.glance import Glance
from datacenter_api.console.waive_card import ALL, WaiveCard
from rack_controller.model.roles import Role
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.report.model import Waiver

HOSTILE = '"><script>alert(1)</script>'


def view(**more: object) -> RunView:
    failed = step("gpu_stress", [measured([finding(0), finding(1)])])
    plain = RunView(record(failed), [], False, None, None, None, [], [], [], "")
    return msgspec.structs.replace(plain, **more)


def test_only_a_run_that_has_ended_has_buttons_and_only_for_who_may() -> None:
    ended, goes_on = view(), view(record=msgspec.structs.replace(view().record, outcome=None))
    assert "data-waive" not in draw_found(ended, [0, 1])
    assert draw_found(ended, [0, 1], waives=True).count("data-waive=") == 2
    assert "data-waive" not in draw_found(goes_on, [0, 1], waives=True)


def test_what_is_waived_keeps_its_verdict_and_value_and_says_who_and_when() -> None:
    waiver = Waiver(BEGAN, "ada", "operator", "gpu_stress", "tail", "u11/gpu0", "Known to both.")
    waived = view(waivers=[waiver])
    drawn = draw_run(RunSight(waived), "k42-1") + draw_found(waived, [0, 1], waives=True)
    assert "● waived by ada (operator), 2026-11-29" in drawn
    assert 'data-waive="1"' in drawn
    assert 'data-waive="0"' not in drawn
    assert "✗ fail" in drawn
    assert "1\u202f834\u00a0TFLOP/s" in drawn


def test_a_finding_is_told_in_full_and_no_text_of_it_is_markup() -> None:
    drawn = draw_finding(view(), 1)
    for wanted in ("No slow tail (tail)", "u12/gpu1", "SN000000000001", "expected 1901 from its peers", "1\u202f844"):
        assert wanted in drawn, wanted
    assert alike(view(), 1) == 2
    bad = finding(0, place=HOSTILE, serial=HOSTILE, text=HOSTILE, source=HOSTILE, measure=HOSTILE)
    hostile = view(record=record(step("x", [measured([bad], id=HOSTILE)], title=HOSTILE), outcome=Outcome.FAIL))
    assert "<script" not in draw_finding(hostile, 0) + draw_found(hostile, [0], waives=True)


@asynccontextmanager
async def card(api: Api, run: str, told: list[str]) -> AsyncIterator[tuple[User, WaiveCard]]:
    doorkeeper: Any = api.services.doorkeeper
    doorkeeper.still_welcome = lambda _who: True
    made: list[WaiveCard] = []

    def page() -> None:
        who = Principal("operator", Role.OPERATOR, "127.0.0.1")
        made.append(WaiveCard(api.services, who, run, lambda: told.append(run)))
        made[0].show()

    async with user_simulation(page) as user:
        client = await user.open("/")
        with client:
            yield user, made[0]


async def test_a_waiver_asks_for_a_reason_and_stands_in_run_and_audit(api: Api) -> None:
    run = short_run(api.services.state).path.name
    told: list[str] = []
    async with card(api, run, told) as (user, asked):
        await asked.ask(99)
        await user.should_not_see("u23/bmc")
        await asked.ask(0)
        await user.should_see("Clocks agree (clock)", retries=50)
        user.find("Waive it").click()
        await user.should_see("Not waived: a waiver needs a reason", retries=50)
        assert told == []
        user.find("Why it is taken as it is").type("the clock is set at the site")
        user.find("Waive it").click()
        await user.should_see("Waived: settings clock", retries=50)
    shown = api.services.acceptance.open().show(run)
    ((who, role, reason, place),) = [(w.actor, w.role, w.reason, w.place) for w in shown.waivers]
    assert (who, role, reason, place) == ("operator", "operator", "the clock is set at the site", "u23/bmc")
    assert shown.record.outcome is Outcome.FAIL, "what was measured stays"
    assert told == [run]
    assert [r["outcome"] for r in api.services.store.audited(5) if r["what"] == "acceptance waiver"] == ["waived"]


async def test_all_parts_of_a_measure_are_waived_with_one_word(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    run = short_run(api.services.state).path.name
    said: list[dict[str, str]] = []

    async def waive_as(_parts: Any, _who: Any, _run: str, **more: str) -> None:
        said.append(more)

    monkeypatch.setattr(waive_card, "waive_as", waive_as)
    monkeypatch.setattr(waive_card, "alike", lambda _view, _number: 3)
    async with card(api, run, []) as (user, asked):
        await asked.ask(0)
        await user.should_see("all 3 parts that this measure named", retries=50)
        asked._scope.value = ALL
        user.find("Waive it").click()
        await user.should_see("Waived: settings clock", retries=50)
    assert [(m["step"], m["measure"], m["place"]) for m in said] == [("settings", "clock", "")]


@pytest.mark.parametrize(("role", "seen"), [(Role.TECHNICIAN, False), (Role.OPERATOR, True)])
async def test_only_who_may_waive_is_offered_it(api: Api, role: Role, seen: bool) -> None:
    run = short_run(api.services.state).path.name
    doorkeeper: Any = api.services.doorkeeper
    doorkeeper.still_welcome = lambda _who: True

    async def page() -> None:
        await show_run(Glance(api.services), run, Principal("ada", role, "127.0.0.1"))

    async with user_simulation(page) as user:
        await user.open("/")
        await user.should_see("u23/bmc", retries=50)
        if seen:
            await user.should_see("data-waive", retries=50)
        else:
            await user.should_not_see("data-waive")
