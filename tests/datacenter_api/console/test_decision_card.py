"""Steps of a decision on the console: only what an account may say now, by the rules and words of REST."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nicegui.testing import User, user_simulation
from support.api import Api
from support.as_built import RACK

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.decision_card import WORDS
from datacenter_api.console.offer_card import OfferCard
from datacenter_api.console.passport_page import show_decision, show_decisions
from rack_controller.model.roles import Role
from rack_controller.prove.option import SAID_BY, DecisionStage, DecisionStep, Firm, Offer, Party, steps_of

TODAY = datetime.now(UTC).date()
END = TODAY + timedelta(days=60)


def offered(api: Api, name: str = "pilot") -> None:
    offer = Offer(name, "Pilot racks", Firm("Maker", ("mo",)), Firm("Buyer", ("bea",)), (RACK,), TODAY, END)
    api.services.passports.decisions().offer(offer, "admin")


def stage(api: Api) -> DecisionStage:
    return api.services.passports.decisions().show("pilot").stage


@asynccontextmanager
async def page(api: Api, user: str, role: Role = Role.VIEWER) -> AsyncIterator[User]:
    doorkeeper: Any = api.services.doorkeeper
    doorkeeper.still_welcome = lambda _who: True

    async def shown() -> None:
        await show_decision(api.services, "pilot", Principal(user, role, "127.0.0.1"))

    async with user_simulation(shown) as simulated:
        await simulated.open("/")
        yield simulated


def test_every_step_that_a_party_says_has_a_button() -> None:
    assert set(WORDS) == {step for step in DecisionStep if SAID_BY[step] is not Party.CALENDAR}


async def test_an_account_may_say_what_its_party_may(api: Api) -> None:
    offered(api)
    record = api.services.passports.decisions().show("pilot")
    assert steps_of(record, "bea") == [DecisionStep.EVALUATE, DecisionStep.REJECT]
    assert steps_of(record, "mo") == [DecisionStep.EXTEND]
    assert steps_of(record, "admin") == []


async def test_the_buyer_begins_and_accepts_under_conditions_and_the_log_grows(api: Api) -> None:
    offered(api)
    async with page(api, "bea") as user:
        await user.should_see("You speak for Buyer.")
        await user.should_not_see("Extend the option")
        await user.should_not_see("Exercise the option")
        user.find("Begin the evaluation").click()
        await user.should_see("the racks are being evaluated from now on")
        user.find("Why; stands in the record").type("dock 4")
        user.find("Say it").click()
        await user.should_see("It is in evaluation now", retries=50)
        await user.should_see("dock 4")
        user.find("Accept under conditions").click()
        user.find("Type pilot to go on").type("pilot")
        user.find("Conditions, one a line").type(f"racks_passed:L12 >= 5 by {END}")
        user.find("Say it").click()
        await user.should_see("it can never be met, the offer has 1 racks", retries=50)
        user.find("Conditions, one a line").clear().type(f"racks_passed:L12 >= 1 by {END}")
        user.find("Say it").click()
        await user.should_see("It is conditional now", retries=50)
        await user.should_see("racks_passed:L12 &gt;= 1")
        user.find("Exercise the option").click()
        user.find("Type pilot to go on").type("pilot")
        user.find("Say it").click()
        await user.should_see("Refused: not met: racks_passed:L12 &gt;= 1", retries=50)
    assert stage(api) is DecisionStage.CONDITIONAL
    said = [r["what"] for r in api.services.store.audited(10) if r["target"] == "pilot"]
    assert said == ["option accept_if", "option evaluate"]


async def test_what_ends_a_decision_is_said_once_its_name_was_typed(api: Api) -> None:
    offered(api)
    async with page(api, "bea") as user:
        user.find("Reject").click()
        await user.should_see("It cannot be taken back.")
        user.find("Say it").click()
        await user.should_see("Not said: type pilot first", retries=50)
        assert stage(api) is DecisionStage.OFFERED
        user.find("Type pilot to go on").type("pilot")
        user.find("Say it").click()
        await user.should_see("The decision is over: rejected.", retries=50)
        await user.should_not_see("Begin the evaluation")
    assert stage(api) is DecisionStage.REJECTED


async def test_the_seller_extends_to_a_later_day(api: Api) -> None:
    offered(api)
    async with page(api, "mo") as user:
        await user.should_not_see("Reject")
        user.find("Extend the option").click()
        user.find("New last day").type(str(TODAY))
        user.find("Say it").click()
        await user.should_see(f"Refused: an extension needs a day after {END}", retries=50)
        user.find("New last day").clear().type(str(END + timedelta(days=9)))
        user.find("Say it").click()
        await user.should_see("Said: Extend the option", retries=50)
    assert api.services.passports.decisions().show("pilot").offer.decide_by == END + timedelta(days=9)


async def test_who_speaks_for_nobody_has_no_button(api: Api) -> None:
    offered(api)
    async with page(api, "admin", Role.ADMIN) as user:
        await user.should_see("Only the accounts of the parties say what becomes of it")
        for word in WORDS.values():
            await user.should_not_see(word.label)


async def test_an_admin_records_an_offer_and_is_told_what_is_wrong_with_it(api: Api) -> None:
    doorkeeper: Any = api.services.doorkeeper
    doorkeeper.still_welcome = lambda _who: True
    drawn: list[str] = []

    async def again() -> None:
        drawn.append("again")

    def form() -> None:
        OfferCard(api.services, Principal("admin", Role.ADMIN, "127.0.0.1"), again).show()

    texts = {
        "Name, such as pilot-20": "pilot",
        "What is offered": "20 racks",
        "Seller's accounts": "mo",
        "Buyer's accounts": "bea, bob",
        "Offered on": str(TODAY),
        "To be decided by": str(END),
        "Racks that are evaluated": RACK,
    }
    async with user_simulation(form) as user:
        await user.open("/")
        for label, text in texts.items():
            user.find(label).type(text)
        user.find("Record the offer").click()
        await user.should_see("Not recorded: type pilot first", retries=50)
        user.find("Type the offer's name to go on").type("pilot")
        user.find("Record the offer").click()
        await user.should_see("Expected `str` of length &gt;= 1 - at `$.seller.firm`", retries=50)
        user.find("Seller's firm").type("Maker")
        user.find("Buyer's firm").type("Buyer")
        user.find("Record the offer").click()
        await user.should_see("pilot is recorded", retries=50)
    record = api.services.passports.decisions().show("pilot")
    assert record.offer.buyer == Firm("Buyer", ("bea", "bob"))
    assert record.offer.decide_by == END
    assert drawn == ["again"]


@pytest.mark.parametrize(
    ("role", "imports", "offers"),
    [(Role.TECHNICIAN, False, False), (Role.OPERATOR, True, False), (Role.ADMIN, True, True)],
)
async def test_forms_are_there_for_who_may_use_them(api: Api, role: Role, imports: bool, offers: bool) -> None:
    async def shown() -> None:
        await show_decisions(api.services, Principal("ada", role, "127.0.0.1"))

    async with user_simulation(shown) as user:
        await user.open("/")
        await user.should_see("Decisions to buy")
        for text, there in (("Hand in as-built records", imports), ("Record an offer", offers)):
            await (user.should_see(text) if there else user.should_not_see(text))
