"""Shelves and supplies over Redfish: offered where a device offers it, refused with the controller's reason, a task."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest
from support.kill_story import POWER_KINDS, plan_of
from support.patience import PATIENCE
from support.redfish_hall import Hall

from datacenter_api.redfish.power import resets
from firmware_bridge.vocabulary.errors import TargetUnknown
from rack_controller.model.command import Command, Reply, check_wish
from rack_controller.model.operation import Operation, OperationState, Wait
from rack_controller.model.roles import Role

R = "/redfish/v1"
SHELF = f"{R}/Chassis/k01-u06"
SUPPLY = f"{SHELF}/PowerSubsystem/PowerSupplies/psu3"
RESET, OFF = f"{SUPPLY}/Actions/PowerSupply.Reset", {"ResetType": "ForceOff"}
WHOLE = f"{SHELF}/Actions/Chassis.Reset"
REFUSED = "the rest carries 30.0 kW with one more lost, 40.0 kW are drawn or granted"


@dataclass
class Controller:
    """Plans and carries out operations; `ends`: how the operation stands when it is looked at."""

    commands: list[Command] = field(default_factory=list)
    refuse: dict[str, Reply] = field(default_factory=dict)
    ends: OperationState = OperationState.DONE
    stages: bool = True
    wait: Wait | None = None
    summary: str = ""

    async def command(self, _rack: str, wish: Command) -> Reply:
        check_wish(wish)
        self.commands.append(wish)
        if wish.verb in self.refuse:
            return msgspec.structs.replace(self.refuse[wish.verb], id=wish.id)
        plan = plan_of(POWER_KINDS[0])
        made = plan if self.stages else msgspec.structs.replace(plan, stages=[])
        return Reply(wish.id, accepted=True, result={"operation": "k01-7", "plan": msgspec.to_builtins(made)})

    async def ask(self, _rack: str, want: str, name: str) -> bytes:
        if want != "operation":
            raise TargetUnknown(f"no {want} here")
        operation = Operation(name, plan_of(POWER_KINDS[0]), "admin", "", 0, state=self.ends)
        return msgspec.json.encode(msgspec.structs.replace(operation, wait=self.wait, summary=self.summary))

    @property
    def said(self) -> list[tuple[str, str]]:
        """Return each verb with what it was for."""
        return [(c.verb, str(c.arguments.get("do") or c.arguments["operation"])) for c in self.commands]


@pytest.fixture
def controller(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Controller:
    made = Controller()
    monkeypatch.setattr(hall.api.services.bus, "command", made.command)
    monkeypatch.setattr(hall.api.services.bus, "ask", made.ask)
    monkeypatch.setattr(resets, "LOOK_EVERY", 0.005)
    rack = hall.racks["k01"]
    endpoint = f"{rack.place}/u06/pmc"
    rack.outputs[endpoint] = {"": ["force_off", "on"], "psu3": ["force_off", "on"], "psu4": ["on"]}
    hall.say("k01")
    return made


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"].rsplit(".", 1)[1])


async def over(client: httpx.AsyncClient, started: httpx.Response) -> dict[str, Any]:
    """Return the task of a 202 once it has ended."""
    assert started.status_code == 202, started.text
    async with asyncio.timeout(5 * PATIENCE):
        while (await client.get(started.headers["location"])).status_code == 202:  # noqa: ASYNC110 - as clients do it
            await asyncio.sleep(0.005)
    task: dict[str, Any] = (await client.get(started.json()["@odata.id"])).json()
    return task


async def test_what_a_shelf_offers_is_offered_and_nothing_else(hall: Hall, controller: Controller) -> None:
    for uri, kind, types in (
        (SUPPLY, "PowerSupply", ["On", "ForceOff"]),
        (SUPPLY.replace("psu3", "psu4"), "PowerSupply", ["On"]),
        (SHELF, "Chassis", ["On", "ForceOff"]),
    ):
        reset = (await hall.get(uri.removeprefix(R)))["Actions"][f"#{kind}.Reset"]
        info = await hall.get(reset["@Redfish.ActionInfo"].removeprefix(R))
        assert info["Parameters"][0]["AllowableValues"] == reset["ResetType@Redfish.AllowableValues"] == types
    for uri in (SUPPLY.replace("psu3", "psu0"), SHELF.replace("u06", "u07"), SHELF.replace("u06", "u01")):
        assert "Actions" not in await hall.get(uri.removeprefix(R))
    rack = hall.racks["k01"]
    rack.layout = msgspec.structs.replace(rack.layout, armed=False)
    hall.api.services.fleet.record("k01").hear_layout(rack.layout)
    hall.world.changed += 1
    assert "Actions" not in await hall.get(SUPPLY.removeprefix(R))
    async with hall.api.client() as client:
        assert (await client.post(RESET, json=OFF)).status_code == 404
    assert controller.commands == []


@pytest.mark.parametrize(
    ("uri", "word", "do", "place"),
    [
        (RESET, "ForceOff", "psu_off", "u06/psu3"),
        (RESET, "On", "psu_on", "u06/psu3"),
        (WHOLE, "ForceOff", "shelf_off", "u06"),
        (WHOLE, "On", "shelf_on", "u06"),
    ],
)
async def test_it_is_planned_approved_and_followed_to_its_end(
    hall: Hall, controller: Controller, uri: str, word: str, do: str, place: str
) -> None:
    async with hall.api.client() as client:
        task = await over(client, await client.post(uri, json={"ResetType": word}))
    assert (task["TaskState"], task["PercentComplete"]) == ("Completed", 100)
    assert controller.said == [("plan", do), ("approve", "k01-7")]
    assert controller.commands[0].target == f"{hall.racks['k01'].place}/{place}"
    rows = [r for r in hall.api.services.store.audited(5) if r["what"].startswith("command")]
    assert {r["what"] for r in rows} == {"command plan", "command approve"}


async def test_what_the_rest_does_not_carry_is_refused_with_the_numbers(hall: Hall, controller: Controller) -> None:
    controller.refuse["plan"] = Reply("", accepted=False, code="precondition_failed", reason=REFUSED)
    async with hall.api.client() as client:
        answer = await client.post(RESET, json=OFF)
        assert (answer.status_code, code(answer)) == (409, "ResourceInUse")
        assert REFUSED in answer.text
        assert (await client.get(f"{R}/TaskService/Tasks")).json()["Members"] == []
    assert controller.said == [("plan", "psu_off")]


async def test_a_plan_that_is_not_approved_is_taken_back(hall: Hall, controller: Controller) -> None:
    controller.refuse["approve"] = Reply("", accepted=False, code="precondition_failed", reason="k01 has changed since")
    async with hall.api.client() as client:
        answer = await client.post(RESET, json=OFF)
        assert "has changed since" in answer.text
    assert controller.said == [("plan", "psu_off"), ("approve", "k01-7"), ("cancel", "k01-7")]


async def test_what_is_so_already_is_no_task(hall: Hall, controller: Controller) -> None:
    controller.stages = False
    async with hall.api.client() as client:
        assert (await client.post(RESET, json=OFF)).status_code == 204
    assert controller.said == [("plan", "psu_off"), ("cancel", "k01-7")]


@pytest.mark.parametrize("user", ["viewer", "technician", "operator", "safety"])
async def test_only_an_admin_switches_what_feeds_the_bus(hall: Hall, controller: Controller, user: str) -> None:
    async with hall.api.client(hall.api.user_for(Role(user))) as client:
        answer = await client.post(RESET, json=OFF)
    assert (answer.status_code, code(answer)) == (403, "InsufficientPrivilege")
    assert controller.commands == []


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (OperationState.FAILED, "operation k01-7 is failed: 0 of 1"),
        (OperationState.HELD, "operation k01-7 is held: a person must look"),
    ],
)
async def test_a_task_says_why_it_did_not_come_about(
    hall: Hall, controller: Controller, ends: OperationState, said: str
) -> None:
    controller.ends = ends
    controller.summary = "0 of 1" if ends is OperationState.FAILED else ""
    controller.wait = Wait("a person must look", 0)
    async with hall.api.client() as client:
        task = await over(client, await client.post(RESET, json=OFF))
    assert task["TaskState"] == "Exception"
    assert said in task["Messages"][0]["Message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "ActionParameterMissing"),
        ({"ResetType": "GracefulShutdown"}, "ActionParameterValueNotInList"),
        ({"ResetType": "On", "Delay": 3}, "ActionParameterNotSupported"),
    ],
)
async def test_a_wrong_reset_is_refused_before_anything_is_sent(
    hall: Hall, controller: Controller, body: dict[str, Any], message: str
) -> None:
    async with hall.api.client() as client:
        for uri in (RESET, WHOLE):
            answer = await client.post(uri, json=body)
            assert (answer.status_code, code(answer)) == (400, message)
        assert (await client.get(RESET)).status_code == 405
    assert controller.commands == []
