"""A tray's power card: only what the viewer may, a preview first, and the tray's name typed before power goes."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from nicegui.testing import User, user_simulation
from support.api import Api
from support.play import PlayedRack

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.glance import Glance
from datacenter_api.console.power_card import CONSEQUENCES, LABELS, PowerCard, offered_to, restarts_offered_to
from datacenter_api.console.tray_page import TrayPage
from firmware_bridge.vocabulary.power import ControllerRestart, PowerAction
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.command import Command, Reply
from rack_controller.model.roles import Role

A = PowerAction


def test_every_action_has_a_label_and_says_what_becomes_of_the_tray() -> None:
    assert set(LABELS) == set(CONSEQUENCES) == {*PowerAction, *ControllerRestart}


@pytest.mark.parametrize(
    ("role", "offered"),
    [(Role.VIEWER, []), (Role.SAFETY, [A.FORCE_OFF]), (Role.OPERATOR, [A.ON, A.FORCE_OFF])],
)
def test_only_what_the_viewer_may_is_offered(role: Role, offered: list[PowerAction]) -> None:
    assert offered_to(role, ["force_off", "on"]) == offered


def test_a_controllers_restart_is_offered_to_whoever_may_switch_power() -> None:
    assert restarts_offered_to(Role.OPERATOR, ["force", "graceful"]) == list(ControllerRestart)
    assert restarts_offered_to(Role.OPERATOR, []) == restarts_offered_to(Role.SAFETY, ["force"]) == []


@asynccontextmanager
async def card(api: Api, rack: PlayedRack, role: Role, sent: list[Command]) -> AsyncIterator[User]:
    tray = next(t for t in rack.layout.trays if t.place.endswith("/u12"))

    async def ask(_rack: str, _want: str, place: str) -> bytes:
        return msgspec.json.encode(rack.look(place))

    async def command(_rack: str, wish: Command) -> Reply:
        sent.append(wish)
        return Reply(wish.id, accepted=False, code="device_busy", reason="on its way", advice="wait")

    bus: Any = api.services.bus
    bus.ask, bus.command = ask, command
    doorkeeper: Any = api.services.doorkeeper
    doorkeeper.still_welcome = lambda _who: True

    def page() -> None:
        PowerCard(api.services, Principal("ada", role, "127.0.0.1"), api.services.fleet.find("k01"), tray).show()

    async with user_simulation(page) as user:
        await user.open("/")
        yield user


async def test_power_goes_only_once_the_name_was_typed(api: Api, rack: PlayedRack) -> None:
    sent: list[Command] = []
    async with card(api, rack, Role.OPERATOR, sent) as user:
        user.find("Force off").click()
        await user.should_see("its host is on now")
        user.find("Do it").click()
        await user.should_see("type u12 first")
        assert sent == []
        user.find("Force off").click()
        await user.should_see("its host is on now")
        user.find("Type u12 to go on").type("u12")
        user.find("Do it").click()
        await user.should_see("Refused: on its way")
    (command,) = sent
    assert (command.verb, command.arguments, command.actor) == ("power", {"action": "force_off"}, "ada")


async def test_a_controller_is_restarted_as_a_command_of_its_own(api: Api, rack: PlayedRack) -> None:
    sent: list[Command] = []
    rack.restarts[f"{rack.place}/u12/bmc"] = ["graceful"]
    api.services.fleet.find("k01").hear_state(rack.state(), Seconds(time.monotonic()))
    async with card(api, rack, Role.OPERATOR, sent) as user:
        user.find("Restart controller").click()
        await user.should_see("nobody sees this tray")
        user.find("Type u12 to go on").type("u12")
        user.find("Do it").click()
        await user.should_see("Refused: on its way")
    assert [(c.verb, c.arguments) for c in sent] == [("restart", {"how": "graceful"})]


async def test_a_viewer_sees_why_there_are_no_buttons(api: Api, rack: PlayedRack) -> None:
    async with card(api, rack, Role.VIEWER, []) as user:
        await user.should_see("Role viewer switches no trays")
        await user.should_not_see("Force off")


async def test_the_page_of_a_tray_shows_the_card(api: Api, rack: PlayedRack) -> None:
    tray = next(t for t in rack.layout.trays if t.place.endswith("/u12"))
    who = Principal("ada", Role.OPERATOR, "127.0.0.1")

    def page() -> None:
        TrayPage(Glance(api.services), api.services.fleet.find("k01"), tray, who).show()

    async with user_simulation(page) as user:
        await user.open("/")
        await user.should_see("Force restart")
