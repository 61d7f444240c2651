"""Alarms on the console: what wants an answer, what is silenced, what one may do, and hostile words as text."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from nicegui import ui
from nicegui.testing import User, user_simulation
from support.alarmed import played_alarms
from support.api import Api
from support.play import PlayedRack

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.alarm_card import AlarmCard
from datacenter_api.console.alarms import AlarmsState, draw_alarm_line, draw_alarms, draw_silenced
from datacenter_api.console.alarms_page import show_alarms
from datacenter_api.console.glance import Glance
from datacenter_api.console.hall import attention
from rack_controller.model.alarm import AlarmGlance
from rack_controller.model.command import Command, Reply
from rack_controller.model.roles import Role

HOSTILE = "<script>alert(1)</script>"


def test_the_page_says_what_wants_an_answer_why_and_what_to_do(rack: PlayedRack) -> None:
    drawn = draw_alarms(AlarmsState(played_alarms(rack.place)))
    for word in (
        *("k01-a1<", "1 critical", "◆ unacknowledged", "◇ acknowledged by ida", "○ over, unacknowledged"),
        *("first of 5", "u31, u30 off → hides Leak unseen", "water on live parts", "leave it off", "a flood"),
    ):
        assert word in drawn, word
    assert drawn.count("<tr>") == 5
    silenced = draw_silenced(AlarmsState(played_alarms(rack.place)))
    for word in ("▽ shelved", "ada: the spare comes", "✕ out of service", "▾ suppressed", "hidden by k01-a1"):
        assert word in silenced, word


def test_what_is_not_known_says_so(rack: PlayedRack) -> None:
    assert "Asking the controller" in draw_alarms(None)
    assert "Not known: no bus" in draw_alarms(AlarmsState(None, "no bus"))
    assert draw_silenced(None) == ""
    assert "Nothing is known" in draw_alarm_line(None, None)
    quiet = msgspec.structs.replace(played_alarms(rack.place), glance=AlarmGlance(refused=3), alarms=[])
    assert "Nothing." in draw_alarms(AlarmsState(quiet))
    assert "3 more find no room" in draw_alarms(AlarmsState(quiet))
    assert "None." in draw_silenced(AlarmsState(quiet))


def test_what_devices_and_people_wrote_is_text_only(rack: PlayedRack) -> None:
    said = played_alarms(rack.place)
    odd = [msgspec.structs.replace(a, text=HOSTILE, chain=[HOSTILE, HOSTILE], why=HOSTILE) for a in said.alarms]
    lines = [
        msgspec.structs.replace(n, first=msgspec.structs.replace(n.first, text=HOSTILE)) for n in said.glance.lines
    ]
    glance = msgspec.structs.replace(said.glance, lines=lines)
    state = AlarmsState(msgspec.structs.replace(said, alarms=odd, glance=glance))
    for drawn in (draw_alarms(state), draw_silenced(state)):
        assert "&lt;script&gt;" in drawn
        assert "<script>" not in drawn


def test_a_racks_card_and_the_hall_say_how_many(hall: Any) -> None:
    rack = hall.racks["k01"]
    rack.alarms = played_alarms(rack.place)
    racks, domains = hall.seen()
    summary = racks[0].summary
    drawn = draw_alarm_line(summary, rack.alarms.glance)
    for word in (
        "1 critical, 1 high, 6 medium, 3 silenced",
        "/console/alarms/lab1/a/r01/k01",
        "◆ flood",
        "(and 4 more)",
    ):
        assert word in drawn, word
    (look,) = [line for line in attention(racks, domains) if line[3].startswith("alarms: ")]
    assert look[0] == "critical"
    assert "7 unacknowledged, a flood" in look[3]


@asynccontextmanager
async def opened(api: Api, rack: PlayedRack, sent: list[Command], page: Callable[[], None]) -> AsyncIterator[User]:
    async def ask(_rack: str, _want: str, _place: str = "") -> bytes:
        return msgspec.json.encode(played_alarms(rack.place))

    async def command(_rack: str, wish: Command) -> Reply:
        sent.append(wish)
        if wish.arguments.get("alarm") == "k01-a1":
            return Reply(wish.id, accepted=False, code="precondition_failed", reason="Leak is never shelved")
        return Reply(wish.id, accepted=True, result={"alarm": "k01-a20", "state": "out_of_service"})

    parts: Any = api.services
    parts.bus.ask, parts.bus.command = ask, command
    parts.doorkeeper.still_welcome = lambda _who: True
    async with user_simulation(page) as user:
        await user.open("/")
        yield user


async def test_an_operator_silences_with_a_typed_alarm_and_reason(api: Api, rack: PlayedRack) -> None:
    sent: list[Command] = []

    def page() -> None:
        AlarmCard(api.services, Principal("ada", Role.OPERATOR, "127.0.0.1"), api.services.fleet.find("k01")).show()

    async with opened(api, rack, sent, page) as user:
        user.find(kind=ui.button, content="Shelve").click()
        await user.should_see("type the alarm first")
        assert sent == []
        user.find("Type the alarm, e.g. k01-a7").type("k01-a1")
        user.find("Why").type("known")
        user.find(kind=ui.button, content="Shelve").click()
        await user.should_see("Refused: Leak is never shelved")
        assert sent[-1].arguments == {"do": "shelve", "alarm": "k01-a1", "reason": "known", "minutes": 60}
        user.find("Type the alarm, e.g. k01-a7").clear().type("k01-a20")
        user.find(kind=ui.button, content="Out of service").click()
        await user.should_see("k01-a20 is out of service.")
        user.find("Hours on the shelf").clear().type("soon")
        user.find(kind=ui.button, content="Shelve").click()
        await user.should_see("hours are a number")
    assert sent[-1].arguments == {"do": "out_of_service", "alarm": "k01-a20", "reason": "known"}


@pytest.mark.parametrize(
    ("role", "said"), [(Role.VIEWER, "answers no alarms"), (Role.TECHNICIAN, "or a safety engineer shelves")]
)
async def test_the_page_shows_them_and_says_what_one_may_not(api: Api, rack: PlayedRack, role: Role, said: str) -> None:
    def page() -> None:
        show_alarms(Glance(api.services), "k01", Principal("eve", role, "127.0.0.1"))

    async with opened(api, rack, [], page) as user:
        await user.should_see(said)
        await user.should_see("first of 5", retries=30)
        await user.should_not_see("Out of service")
