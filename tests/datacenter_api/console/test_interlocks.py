"""Interlocks on the console: a banner with cause and effect on every page, a page of their own, and what one may do."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nicegui.testing import User, user_simulation
from support.api import Api
from support.latched import CHAIN, latched_state
from support.play import PlayedRack

import datacenter_api.console
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.glance import Glance
from datacenter_api.console.hall import attention
from datacenter_api.console.interlocks import (
    InterlocksState,
    banner_lines,
    draw_banner,
    draw_latches,
    draw_line,
    draw_standings,
)
from datacenter_api.console.interlocks_page import show_interlocks
from datacenter_api.console.pages import show_hall
from datacenter_api.console.safety_cards import ClearCard, EmergencyCard
from firmware_bridge.vocabulary.place import Place
from rack_controller.model.bypass import Bypass
from rack_controller.model.command import Command, Reply
from rack_controller.model.interlock_view import UnjudgedView
from rack_controller.model.roles import Role

CSS = Path(datacenter_api.console.__file__).parent / "static" / "console.css"
HOSTILE = "<script>alert(1)</script>"


def shown(rack: PlayedRack, **more: Any) -> InterlocksState:
    return InterlocksState(latched_state(rack.place, **more))


def test_the_banner_tells_cause_and_effect_and_what_an_unarmed_rack_would_do(hall: Any) -> None:
    hall.racks["k01"].interlocks = latched_state(hall.racks["k01"].place)
    hall.racks["k02"].interlocks = latched_state(hall.racks["k02"].place, armed=False)
    racks, domains = hall.seen()
    lines = banner_lines([r.summary for r in racks])
    assert [(n.name, n.shadow) for n in lines] == [("k01", False), ("k02", True)]
    drawn = draw_banner(lines)
    assert f'<li class="critical">◆ <a href="/console/interlocks/lab1/a/r01/k01">k01</a> {CHAIN}</li>' in drawn
    assert "<b>not armed</b>" in drawn
    assert draw_banner(()) == ""
    looks = [line for line in attention(racks, domains) if "leak1 is critical" in line[3]]
    assert [line[0] for line in looks] == ["critical", "warning"]


def test_every_bypass_is_always_on_the_banner(hall: Any) -> None:
    rack = hall.racks["k01"]
    opened = Bypass("k01-b1", Place(f"{rack.place}/u31/leak1"), "", HOSTILE, 8, "ada", 1, "bo", 2)
    rack.interlocks = msgspec.structs.replace(latched_state(rack.place), tripped=[], bypasses=[opened])
    racks, _ = hall.seen()
    drawn = draw_banner(banner_lines([r.summary for r in racks]))
    assert "bypass k01-b1: detector at k01/u31/leak1 left out by ada and bo: &lt;script&gt;" in drawn


def test_what_devices_and_people_wrote_is_text_only(rack: PlayedRack) -> None:
    state = latched_state(rack.place)
    trips = [msgspec.structs.replace(t, chain=HOSTILE, evidence=HOSTILE) for t in state.tripped]
    standings = [msgspec.structs.replace(s, evidence=HOSTILE) for s in state.standings]
    latches = [
        msgspec.structs.replace(n, evidence=[msgspec.structs.replace(n.evidence[0], text=HOSTILE)])
        for n in state.latches
    ]
    odd = InterlocksState(msgspec.structs.replace(state, tripped=trips, standings=standings, latches=latches))
    for drawn in (draw_standings(odd), draw_latches(odd)):
        assert "&lt;script&gt;" in drawn
        assert "<script>" not in drawn


def test_the_page_says_what_holds_what_followed_and_what_clears_it(rack: PlayedRack) -> None:
    drawn = draw_standings(shown(rack))
    for word in ("● armed", "◆ latched", CHAIN, "(over by now)", "leave it off", "◐ confirming", "repair the detector"):
        assert word in drawn
    latches = draw_latches(shown(rack, persons=2))
    assert "2 persons with the safety role: found, done, pressure check" in latches
    assert "○ k01-l0" in latches
    assert "would latch: k01-l1" in draw_latches(shown(rack, armed=False))


def test_the_page_says_what_cannot_be_judged_and_where(rack: PlayedRack) -> None:
    blank = UnjudgedView("flow.low", HOSTILE, "no flow of u01", [f"{rack.place}/u01"])
    many = UnjudgedView("gpu.hot", "GPU too hot", "no margin", [f"{rack.place}/u{n}" for n in range(11, 20)])
    state = msgspec.structs.replace(
        latched_state(rack.place), unjudged=[blank, many], uncovered=[f"{rack.place}/u06/leak0"]
    )
    drawn = draw_standings(InterlocksState(state))
    assert "◌ &lt;script&gt;" in drawn
    assert "(flow.low): no flow of u01 at u01" in drawn
    assert "GPU too hot (gpu.hot): no margin at 9 trays" in drawn
    assert "u06/leak0: no row looks at this leak detector" in drawn
    assert "judged" not in draw_standings(shown(rack))
    assert "no flow of u01" in draw_standings(InterlocksState(msgspec.structs.replace(state, standings=[])))


def test_what_is_not_known_says_so() -> None:
    assert "Asking the controller" in draw_standings(None)
    assert "Not known: no bus" in draw_standings(InterlocksState(None, "no bus"))
    assert draw_latches(None) == ""
    assert "Nothing is known" in draw_line(None)


def test_long_words_of_what_needs_a_look_are_broken_into_lines() -> None:
    (rule,) = [line for line in CSS.read_text().splitlines() if line.startswith(".attention li {")]
    assert "white-space: normal" in rule, "a line's severity forbids line breaks"


@asynccontextmanager
async def opened(api: Api, rack: PlayedRack, sent: list[Command], page: Callable[[], None]) -> AsyncIterator[User]:
    async def ask(_rack: str, _want: str, _place: str = "") -> bytes:
        return msgspec.json.encode(rack.interlocks)

    async def command(_rack: str, wish: Command) -> Reply:
        sent.append(wish)
        if wish.verb == "clear" and "found" not in wish.arguments:
            return Reply(wish.id, accepted=False, code="precondition_failed", reason="the record lacks found")
        done = {"latch": "k01-l1", "cleared": False, "signed": [wish.actor], "came": "27× accepted"}
        return Reply(wish.id, accepted=True, result=done)

    parts: Any = api.services
    parts.bus.ask, parts.bus.command = ask, command
    parts.doorkeeper.still_welcome = lambda _who: True
    async with user_simulation(page) as user:
        await user.open("/")
        yield user


async def test_a_safety_engineer_signs_with_a_record(api: Api, rack: PlayedRack) -> None:
    sent: list[Command] = []
    who = Principal("ida", Role.SAFETY, "127.0.0.1")

    def page() -> None:
        ClearCard(api.services, who, api.services.fleet.find("k01")).show()

    async with opened(api, rack, sent, page) as user:
        user.find("Sign").click()
        await user.should_see("type the latch first")
        assert sent == []
        user.find("Type the latch, e.g. k01-l1").type("k01-l1")
        user.find("Sign").click()
        await user.should_see("Refused: the record lacks found")
        user.find("What was found").type("a clamp")
        user.find("Sign").click()
        await user.should_see("another person must sign too")
    assert sent[-1].arguments == {"latch": "k01-l1", "found": "a clamp"}


async def test_an_emergency_off_needs_a_name_and_a_reason(api: Api, rack: PlayedRack) -> None:
    sent: list[Command] = []
    who = Principal("ada", Role.OPERATOR, "127.0.0.1")

    def page() -> None:
        EmergencyCard(api.services, who, api.services.fleet.find("k01")).show()

    async with opened(api, rack, sent, page) as user:
        user.find("What you see").type("smoke")
        user.find(kind=_button(), content="Emergency off").click()
        await user.should_see("type k01, or a tray")
        assert sent == []
        user.find("Type k01 or a tray (u12)").type("u12")
        user.find(kind=_button(), content="Emergency off").click()
        await user.should_see("27× accepted; latched k01-l1")
    (command,) = sent
    assert (command.verb, command.target, command.arguments) == (
        "emergency_off",
        f"{rack.place}/u12",
        {"reason": "smoke"},
    )


@pytest.mark.parametrize(("role", "said"), [(Role.VIEWER, "switches nothing off"), (Role.OPERATOR, "clears no latch")])
async def test_the_pages_show_it_and_say_why_one_may_not(api: Api, rack: PlayedRack, role: Role, said: str) -> None:
    rack.interlocks = latched_state(rack.place)
    api.services.fleet.find("k01").interlocks = rack.state().interlocks
    who = Principal("eve", role, "127.0.0.1")

    def page() -> None:
        show_interlocks(Glance(api.services), "k01", who)

    async with opened(api, rack, [], page) as user:
        await user.should_see(said)
        await user.should_see("latched k01-l1")

    def first() -> None:
        show_hall(Glance(api.services), who)

    async with opened(api, rack, [], first) as user:
        await user.should_see("latched k01-l1")


def _button() -> Any:
    from nicegui import ui

    return ui.button
