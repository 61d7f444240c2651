"""Operations begun on the console: the plan is seen first, a name is typed, heat takes another person."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from nicegui.testing import User, user_simulation
from support.api import Api
from support.kill_story import KINDS, plan_of
from support.play import PlayedRack

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.glance import Glance
from datacenter_api.console.operation_card import OperationCard
from datacenter_api.console.operation_page import show_operation
from datacenter_api.console.operations import draw_plan
from datacenter_api.console.plan_card import RACK_OFFERS, TRAY_OFFERS, Offer, PlanCard
from datacenter_api.console.rack_page import RackPage
from datacenter_api.console.tray_page import TrayPage
from firmware_bridge.vocabulary.errors import RoleInsufficient
from firmware_bridge.vocabulary.generation import TrayKind
from rack_controller.model.command import Command, Reply, check_wish
from rack_controller.model.operation import Plan, PlannedCheck
from rack_controller.model.roles import Role, may

PLAN = plan_of(next(k for k in KINDS if k.name == "on plain"))
HEAT = {"tx1/a/r03/k01/u12": "is on"}


class Controller:
    """Plans as it is told to, and keeps what it was asked for."""

    def __init__(self, *plans: Plan, refuses: Mapping[str, str] | None = None) -> None:
        self.plans, self.refuses, self.sent = list(plans), dict(refuses or {}), list[Command]()

    async def command(self, _rack: str, wish: Command) -> Reply:
        self.sent.append(wish)
        why = self.refuses.get("plan" if wish.verb == "plan" and not wish.arguments.get("despite") else wish.verb)
        if why and not wish.arguments.get("despite"):
            return Reply(wish.id, accepted=False, code="precondition_failed", reason=why, advice="wait")
        if wish.verb != "plan":
            return Reply(wish.id, accepted=True, result={"state": "running"})
        plan = self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
        if wish.arguments.get("despite"):
            plan = msgspec.structs.replace(plan, despite=HEAT)
        named = "" if wish.arguments.get("dry_run") else "k01-9"
        return Reply(wish.id, accepted=True, result={"operation": named, "plan": msgspec.to_builtins(plan)})

    @property
    def asked(self) -> list[tuple[str, dict[str, Any]]]:
        return [(c.verb, c.arguments) for c in self.sent]


@asynccontextmanager
async def shown(
    api: Api, controller: Controller, role: Role, target: str, offers: tuple[Offer, ...] | None
) -> AsyncIterator[User]:
    """Show a card: of offers, or of the operation k01-9."""
    bus: Any = api.services.bus
    bus.command = controller.command
    doorkeeper: Any = api.services.doorkeeper
    doorkeeper.still_welcome = lambda _who: True

    def page() -> None:
        who, record = Principal("ada", role, "127.0.0.1"), api.services.fleet.find("k01")
        if offers is None:
            OperationCard(api.services, who, record, "k01-9").show()
        else:
            PlanCard(api.services, who, record, target, offers).show()

    async with user_simulation(page) as user:
        await user.open("/")
        yield user


UNIT = TRAY_OFFERS[TrayKind.COOLANT_UNIT]


@pytest.mark.parametrize("offer", [*RACK_OFFERS, *(o for offers in TRAY_OFFERS.values() for o in offers)])
@pytest.mark.parametrize("role", Role)
def test_a_button_stands_where_its_plan_may_be_asked_for(offer: Offer, role: Role) -> None:
    wish = Command("1", "ada", role, "plan", "tx1/a/r03/k01", 0, {"do": str(offer.verb), **offer.more})
    if may(role, offer.needs):
        check_wish(wish)
        return
    with pytest.raises(RoleInsufficient):
        check_wish(wish)


async def test_a_unit_is_stopped_only_after_its_plan_was_seen_and_its_name_typed(api: Api, rack: PlayedRack) -> None:
    controller, unit = Controller(PLAN), f"{rack.place}/u01"
    async with shown(api, controller, Role.SAFETY, unit, UNIT) as user:
        user.find("Stop").click()
        await user.should_see("its pumps stand; what it cools stays off meanwhile")
        await user.should_see(PLAN.stages[0].title)
        user.find("Do it").click()
        await user.should_see("type u01 first")
        assert controller.asked == [("plan", {"do": "coolant_stop", "dry_run": True})]
        user.find("Type u01 to go on").type("u01")
        user.find("Do it").click()
        await user.should_see(" runs.")
    assert controller.asked[1:] == [("plan", {"do": "coolant_stop"}), ("approve", {"operation": "k01-9"})]
    assert [c.target for c in controller.sent] == [unit, unit, rack.place]


async def test_heat_is_overruled_with_a_reason_and_left_to_another_person(api: Api, rack: PlayedRack) -> None:
    controller = Controller(PLAN, refuses={"plan": "u12 is on"})
    async with shown(api, controller, Role.SAFETY, f"{rack.place}/u01", UNIT) as user:
        user.find("Stop").click()
        await user.should_see("Refused: u12 is on")
        user.find("Plan it despite the heat").click()
        await user.should_see("write why coolant is to stand under heat")
        user.find("Why; stands in the operation").type("a hose has burst")
        user.find("Plan it despite the heat").click()
        await user.should_see("Although u12 is on")
        user.find("Type u01 to go on").type("u01")
        user.find("Ask another person").click()
        await user.should_see("waits for another person")
    said = {"do": "coolant_stop", "despite": True, "reason": "a hose has burst"}
    assert controller.asked[1:] == [("plan", {**said, "dry_run": True}), ("plan", said)], "nobody approves their own"


async def test_who_may_not_overrule_heat_is_not_asked_to(api: Api, rack: PlayedRack) -> None:
    shelf = TRAY_OFFERS[TrayKind.POWER_SHELF]
    async with shown(
        api, Controller(PLAN, refuses={"plan": "no rest"}), Role.ADMIN, f"{rack.place}/u06", shelf
    ) as user:
        user.find("Output off").click()
        await user.should_see("Refused: no rest")
        await user.should_not_see("Plan it despite the heat")


async def test_a_plan_that_is_another_one_by_now_is_not_approved(api: Api, rack: PlayedRack) -> None:
    controller = Controller(PLAN, msgspec.structs.replace(PLAN, left_out={"tx1/a/r03/k01/u13": "a latch"}))
    async with shown(api, controller, Role.ADMIN, str(rack.place), RACK_OFFERS) as user:
        user.find("Off and isolated").click()
        await user.should_see("its shelves give no power")
        user.find("Type k01 to go on").type("k01")
        user.find("Do it").click()
        await user.should_see("u13 is left out now: a latch")
    asked = {"do": "off", "depth": "isolated"}
    assert controller.asked == [
        ("plan", {**asked, "dry_run": True}),
        ("plan", asked),
        ("cancel", {"operation": "k01-9"}),
    ]


async def test_a_plan_that_its_maker_may_not_approve_is_kept(api: Api, rack: PlayedRack) -> None:
    controller = Controller(PLAN, refuses={"approve": "role operator may not"})
    async with shown(api, controller, Role.OPERATOR, str(rack.place), RACK_OFFERS) as user:
        user.find("Power on").click()
        await user.should_see("hosts boot")
        user.find("Type k01 to go on").type("k01")
        user.find("Do it").click()
        await user.should_see("Refused: role operator may not")
        await user.should_see(" is kept as planned.")


async def test_a_viewer_and_a_rack_that_is_only_observed_have_no_buttons(api: Api, rack: PlayedRack) -> None:
    async with shown(api, Controller(PLAN), Role.VIEWER, f"{rack.place}/u01", UNIT) as user:
        await user.should_see("Role viewer may not set targets of coolant units")
    record = api.services.fleet.find("k01")
    assert record.layout is not None
    record.layout = msgspec.structs.replace(record.layout, armed=False)
    async with shown(api, Controller(PLAN), Role.ADMIN, f"{rack.place}/u01", UNIT) as user:
        await user.should_see("only observed")
        await user.should_not_see("Stop")


async def test_an_operation_is_approved_by_its_name_and_paused_at_once(api: Api, rack: PlayedRack) -> None:
    controller = Controller(PLAN, refuses={"resume": "k01-9 is running"})
    async with shown(api, controller, Role.SAFETY, "", None) as user:
        user.find("Approve").click()
        await user.should_see("it runs as it is shown above")
        user.find("Do it").click()
        await user.should_see("type k01-9 first")
        assert controller.sent == []
        user.find("Type k01-9 to go on").type("k01-9")
        user.find("Do it").click()
        await user.should_see("k01-9 is running")
        user.find("Resume").click()
        await user.should_see("Refused: k01-9 is running")
    assert controller.asked == [(word, {"operation": "k01-9"}) for word in ("approve", "resume")]


async def test_a_viewer_says_nothing_to_an_operation(api: Api, rack: PlayedRack) -> None:
    async with shown(api, Controller(PLAN), Role.VIEWER, "", None) as user:
        await user.should_see("Role viewer may not turn trays off")
        await user.should_not_see("Approve")


async def test_pages_show_their_cards(api: Api, rack: PlayedRack) -> None:
    who, glance = Principal("ada", Role.ADMIN, "127.0.0.1"), Glance(api.services)
    record = api.services.fleet.find("k01")
    shelf = next(t for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF)
    pages = {
        "Off and isolated": lambda: RackPage(glance, record, who).show(),
        "Output off": lambda: TrayPage(glance, record, shelf, who).show(),
        "Approve": lambda: show_operation(glance, "k01-9", who),
    }
    for button, page in pages.items():
        async with user_simulation(page) as user:
            await user.open("/")
            await user.should_see(button)


def test_a_plan_is_drawn_with_its_trays_acts_and_checks() -> None:
    stage = msgspec.structs.replace(PLAN.stages[0], before=[PlannedCheck("c", "coolant <flows>", [])], width=2)
    drawn = draw_plan(
        msgspec.structs.replace(
            PLAN, stages=[stage], unswitched=["k/u14"], despite=dict.fromkeys(("k/u15", "k/u16"), "is <on>")
        )
    )
    assert "before: coolant &lt;flows&gt;" in drawn
    assert "u11, u12, 2 at a time – on" in drawn
    assert "Nothing can switch: u14" in drawn
    assert "Although u15, u16 is &lt;on&gt;" in drawn
    assert "Nothing to do" in draw_plan(msgspec.structs.replace(PLAN, stages=[]))
