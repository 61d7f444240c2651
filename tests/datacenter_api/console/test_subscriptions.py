"""Who is told of events, on its page: seen and changed in the viewer's own name, nothing before it was confirmed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User, user_simulation
from support.api import Api

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.subscriptions import Row, draw_rows, row_of
from datacenter_api.console.subscriptions_page import CONSEQUENCES, LABELS, SubscriptionsCard
from rack_controller.model.roles import Role

SUBSCRIPTIONS = "/redfish/v1/EventService/Subscriptions"
WISH = {"Destination": "https://198.18.0.9/in", "Protocol": "Redfish", "Context": "hall a", "Severities": ["Critical"]}


def test_a_row_says_what_goes_where_and_whether_it_arrives() -> None:
    body = {
        **WISH,
        "Id": "push-1",
        "Name": "n",
        "Status": {"State": "Disabled", "Health": "Warning"},
        "DeliveryRetryPolicy": "SuspendRetries",
        "OriginResources": [{"@odata.id": "/redfish/v1/Chassis/k01"}],
    }
    row = row_of(body)
    assert row == Row(
        "push-1", "hall a", WISH["Destination"], "Disabled", True, "Critical; Chassis/k01", "SuspendRetries", True
    )
    assert row_of({**body, "SubscriptionType": "SSE", "Severities": []}).pushed is False
    drawn = draw_rows([row])
    assert "suspended" in drawn
    assert "fails" in drawn
    assert "Nobody" in draw_rows([])


def test_no_text_of_a_client_is_markup() -> None:
    row = Row("push-1", "<img src=x>", "https://a/<b>", "Enabled", False, "<i>", "<u>", True)
    assert [piece for piece in ("<img", "/<b>", "<i>", "<u>") if piece in draw_rows([row])] == []


def test_every_button_says_what_becomes_of_it() -> None:
    assert set(LABELS) == set(CONSEQUENCES)


@asynccontextmanager
async def card(api: Api, user: str, role: Role) -> AsyncIterator[User]:
    redfish: Any = api.gate.redfish
    doorkeeper: Any = api.services.doorkeeper
    doorkeeper.still_welcome = lambda _who: True

    def page() -> None:
        SubscriptionsCard(api.services, redfish.open, Principal(user, role, "127.0.0.1")).show()

    async with user_simulation(page) as seen:
        await seen.open("/")
        yield seen


async def test_an_admin_suspends_and_deletes_once_it_was_confirmed(api: Api) -> None:
    async with api.client() as client:
        made = await client.post(SUBSCRIPTIONS, json=WISH)
        assert made.status_code == 201, made.text
        name = made.json()["Id"]
    couriers = api.gate.redfish.open().world.desk.couriers  # type: ignore[union-attr]
    async with card(api, "admin", Role.ADMIN) as user:
        await user.should_see("198.18.0.9")
        user.find("Suspend").click()
        await user.should_see("Choose a subscription first")
        next(iter(user.find(kind=ui.select).elements)).value = name
        user.find("Suspend").click()
        await user.should_see("nothing is delivered until it is resumed")
        assert couriers[name].kept.suspended is False
        user.find("Do it").click()
        await user.should_see("Suspend " + name + ": done")
        assert couriers[name].kept.suspended is True
        user.find("Send a test event").click()
        await user.should_see("on its way")
        user.find("Delete").click()
        user.find("Do it").click()
        await user.should_see("Nobody has subscribed")
    assert couriers == {}
    said = {row["what"] for row in api.services.store.audited(9)}
    assert {"subscription.suspend", "subscription.remove", "event.test"} <= said


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TECHNICIAN])
async def test_others_see_nobody_elses_and_send_no_test_event(api: Api, role: Role) -> None:
    async with api.client() as client:
        assert (await client.post(SUBSCRIPTIONS, json=WISH)).status_code == 201
    async with card(api, api.user_for(role), role) as user:
        await user.should_see("Nobody has subscribed")
        await user.should_not_see("Send a test event")
