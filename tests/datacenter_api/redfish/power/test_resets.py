"""Resets through the Redfish service: offered by the device, refused with a reason, followed by a task to their end."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest
from support.patience import PATIENCE
from support.redfish_hall import Hall

from datacenter_api.redfish.power import resets
from datacenter_api.redfish.power.book import AggregateBook
from firmware_bridge.vocabulary.quantities import Quantity, code_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.command import Command, Reply, check_wish
from rack_controller.model.power import BootView, PowerLook
from rack_controller.model.roles import Role

R = "/redfish/v1"
SYSTEM, CHASSIS = f"{R}/Systems/k01-u12", f"{R}/Chassis/k01-u12"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
AGGREGATES = f"{R}/AggregationService/Aggregates"


@dataclass
class Controller:
    """Answers commands and looks as a controller would; every tray is as `states` says, "on" otherwise."""

    hall: Hall
    commands: list[Command] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    boots: dict[str, int] = field(default_factory=dict)
    controllers: dict[str, int] = field(default_factory=dict)
    refuse: dict[str, Reply] = field(default_factory=dict)

    async def command(self, _rack: str, wish: Command) -> Reply:
        check_wish(wish)
        self.commands.append(wish)
        refused = self.refuse.get(wish.target)
        if refused is not None:
            return msgspec.structs.replace(refused, id=wish.id)
        if wish.verb == "boot":
            said = {"source": wish.arguments.get("source", "None"), "span": wish.arguments["span"], "mode": ""}
            boots, at = self.hall.racks["k01"].boots, f"{wish.target}/bmc"
            boots[at] = msgspec.structs.replace(boots[at], target=said["source"], span=said["span"])
            return Reply(wish.id, accepted=True, result=said)
        return Reply(wish.id, accepted=True, result={"action": wish.arguments.get("action", "")})

    async def ask(self, rack: str, want: str, place: str) -> bytes:
        assert want == "power"
        marker = str(self.boots.get(place, 0))
        boot = self.hall.racks[rack].boots.get(f"{place}/bmc")
        own = f"c{self.controllers.get(place, 0)}"
        look = PowerLook(place, self.states.get(place, "on"), "none", marker, own, [], boot, 0.0)
        return msgspec.json.encode(look)

    def become(self, slot: str, state: str) -> None:
        """Let the rack's next frame, and every look, say that a tray's host is on or off."""
        rack = self.hall.racks["k01"]
        self.states[f"{rack.place}/{slot}"] = state
        rack.set(slot, Quantity.POWER_STATE, code_of(Quantity.POWER_STATE, state))
        self.hall.say("k01")


@pytest.fixture
def controller(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Controller:
    made = Controller(hall)
    monkeypatch.setattr(hall.api.services.bus, "command", made.command)
    monkeypatch.setattr(hall.api.services.bus, "ask", made.ask)
    monkeypatch.setattr(resets, "LOOK_EVERY", 0.005)
    rack = hall.racks["k01"]
    rack.boots[f"{rack.place}/u12/bmc"] = BootView("None", "disabled", "", ["None", "Pxe"], ["once", "disabled"])
    hall.say("k01")
    return made


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"].rsplit(".", 1)[1])


async def over(client: httpx.AsyncClient, started: httpx.Response) -> dict[str, Any]:
    """Return the task of a 202 once it has ended."""
    assert started.status_code == 202, started.text
    monitor = started.headers["location"]
    async with asyncio.timeout(5 * PATIENCE):
        while (await client.get(monitor)).status_code == 202:  # noqa: ASYNC110 - as clients do it
            await asyncio.sleep(0.005)
    task: dict[str, Any] = (await client.get(started.json()["@odata.id"])).json()
    assert task["TaskMonitor"] == monitor
    return task


async def test_only_what_the_device_offers_on_an_armed_rack_is_offered(hall: Hall, controller: Controller) -> None:
    wanted = ["On", "GracefulShutdown", "ForceOff", "ForceRestart"]
    for uri, kind in ((SYSTEM, "ComputerSystem"), (CHASSIS, "Chassis")):
        reset = (await hall.get(uri.removeprefix(R)))["Actions"][f"#{kind}.Reset"]
        info = await hall.get(reset["@Redfish.ActionInfo"].removeprefix(R))
        assert info["Parameters"][0]["AllowableValues"] == reset["ResetType@Redfish.AllowableValues"] == wanted
    for shelf in ("k01", "k01-u06", "k01-u01"):
        assert "Actions" not in await hall.get(f"/Chassis/{shelf}")
    rack = hall.racks["k01"]
    rack.layout = msgspec.structs.replace(rack.layout, armed=False)
    hall.api.services.fleet.record("k01").hear_layout(rack.layout)
    hall.world.changed += 1
    assert "Actions" not in await hall.get("/Systems/k01-u12")
    async with hall.api.client() as client:
        assert (await client.post(RESET, json={"ResetType": "On"})).status_code == 404
    assert controller.commands == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "ActionParameterMissing"),
        ({"ResetType": "Nmi"}, "ActionParameterValueNotInList"),
        ({"ResetType": 3}, "ActionParameterValueTypeError"),
        ({"ResetType": "On", "Delay": 3}, "ActionParameterNotSupported"),
    ],
)
async def test_a_wrong_reset_is_refused_before_anything_is_sent(
    hall: Hall, controller: Controller, body: dict[str, Any], message: str
) -> None:
    async with hall.api.client() as client:
        answer = await client.post(RESET, json=body)
        assert (answer.status_code, code(answer)) == (400, message)
        assert (await client.get(RESET)).status_code == 405
        assert (await client.post(f"{R}/Systems/k01-u99/Actions/ComputerSystem.Reset", json=body)).status_code == 404
        for shelf in ("k01", "k01-u06", "k01-u01"):
            assert (await client.post(f"{R}/Chassis/{shelf}/Actions/Chassis.Reset", json=body)).status_code == 404
    assert controller.commands == []


async def test_a_tray_goes_off_and_its_task_ends_when_it_is_off(hall: Hall, controller: Controller) -> None:
    seen: list[str] = []
    hall.world.desk.publish = lambda record, *_: seen.append(record["MessageId"])  # type: ignore[method-assign]
    async with hall.api.client() as client:
        started = await client.post(RESET, json={"ResetType": "ForceOff"})
        assert started.status_code == 202
        assert started.json()["TaskState"] == "Running"
        assert started.headers["location"] == started.json()["TaskMonitor"]
        waiting = await client.get(started.headers["location"])
        assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
        controller.become("u12", "off")
        task = await over(client, started)
        assert (task["TaskState"], task["TaskStatus"], task["PercentComplete"]) == ("Completed", "OK", 100)
        done = await client.get(started.headers["location"])
        assert (done.status_code, code(done)) == (200, "Success")
        assert (await client.get(SYSTEM)).json()["PowerState"] == "Off"
        listed = (await client.get(f"{R}/TaskService/Tasks")).json()
        assert listed["Members"] == [{"@odata.id": task["@odata.id"]}]
    (command,) = controller.commands
    assert (command.verb, command.arguments) == ("power", {"action": "force_off"})
    assert seen == ["TaskEvent.1.0.TaskStarted", "TaskEvent.1.0.TaskCompletedOK"]
    (row,) = [r for r in hall.api.services.store.audited(5) if r["what"] == "command power"]
    assert row["detail"] == "action=force_off"


async def test_a_client_that_knows_no_tasks_is_told_204_and_the_task_is_there(
    hall: Hall, controller: Controller
) -> None:
    async with hall.api.client() as client:
        named = {"user-agent": "Python/3.11 aiohttp/3.14.5"}
        done = await client.post(RESET, json={"ResetType": "ForceOff"}, headers=named)
        assert (done.status_code, done.content) == (204, b"")
        assert len((await client.get(f"{R}/TaskService/Tasks")).json()["Members"]) == 1


async def test_a_task_can_be_forgotten_once_it_has_ended(hall: Hall, controller: Controller) -> None:
    async with hall.api.client() as client:
        started = await client.post(RESET, json={"ResetType": "ForceOff"})
        task = started.json()["@odata.id"]
        busy = await client.delete(task)
        assert (busy.status_code, code(busy)) == (409, "ResourceInUse")
        controller.become("u12", "off")
        await over(client, started)
        async with hall.api.client(hall.api.user_for(Role.VIEWER)) as viewer:
            assert (await viewer.delete(task)).status_code == 403
        assert (await client.delete(task)).status_code == 204
        assert (await client.get(task)).status_code == 404
        assert (await client.delete(task)).status_code == 404
        assert (await client.get(started.headers["location"])).status_code == 404


async def test_a_restart_ends_only_after_a_new_boot(hall: Hall, controller: Controller) -> None:
    async with hall.api.client() as client:
        started = await client.post(f"{CHASSIS}/Actions/Chassis.Reset", json={"ResetType": "ForceRestart"})
        await asyncio.sleep(0.05)
        assert (await client.get(started.headers["location"])).status_code == 202
        controller.boots[f"{hall.racks['k01'].place}/u12"] = 1
        assert (await over(client, started))["TaskState"] == "Completed"


async def test_a_host_that_does_not_come_ends_its_task_with_an_exception(
    hall: Hall, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resets, "WITHIN", Seconds(0.02))
    async with hall.api.client() as client:
        started = await client.post(RESET, json={"ResetType": "ForceOff"})
        task = await over(client, started)
        assert (task["TaskState"], task["Messages"][0]["MessageId"]) == ("Exception", "Base.1.19.OperationTimeout")
        assert "its host is on" in task["Description"]
        failed = await client.get(started.headers["location"])
        assert (failed.status_code, code(failed)) == (500, "GeneralError")


async def test_a_latched_tray_is_not_switched_on_and_the_refusal_is_final(hall: Hall, controller: Controller) -> None:
    at = f"{hall.racks['k01'].place}/u12"
    why = "u12 stays off: Leak at u12: leak1 is critical"
    controller.refuse[at] = Reply("", accepted=False, code="latched", reason=why, advice="clear k01-l1")
    async with hall.api.client() as client:
        for uri, kind in ((SYSTEM, "ComputerSystem"), (CHASSIS, "Chassis")):
            answer = await client.post(f"{uri}/Actions/{kind}.Reset", json={"ResetType": "On"})
            (told,) = answer.json()["error"]["@Message.ExtendedInfo"]
            assert (answer.status_code, told["MessageId"]) == (409, "Rackwright.1.0.Latched")
            assert (told["Message"], told["MessageArgs"], told["Resolution"]) == (why, [why], "clear k01-l1")
            assert "retry-after" not in answer.headers
        assert (await client.get(f"{R}/TaskService/Tasks")).json()["Members"] == []


@pytest.mark.parametrize(
    ("reply", "status", "message"),
    [
        ("precondition_failed", 409, "ResourceInUse"),
        ("device_busy", 409, "ResourceInUse"),
        ("not_offered", 400, "ActionNotSupported"),
        ("held", 409, "ActionNotSupported"),
        ("device_error", 502, "CouldNotEstablishConnection"),
    ],
)
async def test_what_the_controller_refuses_is_final_and_says_why(
    hall: Hall, controller: Controller, reply: str, status: int, message: str
) -> None:
    at = f"{hall.racks['k01'].place}/u12"
    controller.refuse[at] = Reply("", accepted=False, code=reply, reason="somebody works on it")
    async with hall.api.client() as client:
        answer = await client.post(RESET, json={"ResetType": "On"})
        assert (answer.status_code, code(answer)) == (status, message)
        assert "somebody works on it" in answer.text
        assert (await client.get(f"{R}/TaskService/Tasks")).json()["Members"] == []


@pytest.mark.parametrize(
    ("role", "word", "status"),
    [
        (Role.VIEWER, "ForceOff", 403),
        (Role.TECHNICIAN, "ForceOff", 403),
        (Role.SAFETY, "ForceOff", 202),
        (Role.SAFETY, "On", 403),
        (Role.OPERATOR, "On", 202),
    ],
)
async def test_who_may(hall: Hall, controller: Controller, role: Role, word: str, status: int) -> None:
    async with hall.api.client(hall.api.user_for(role)) as client:
        answer = await client.post(RESET, json={"ResetType": word})
        assert answer.status_code == status, answer.text
    assert len(controller.commands) == (status == 202)


async def test_the_boot_source_is_set_and_shown_at_once(hall: Hall, controller: Controller) -> None:
    async with hall.api.client() as client:
        boot = (await client.get(SYSTEM)).json()["Boot"]
        assert boot["BootSourceOverrideEnabled"] == "Disabled"
        assert boot["BootSourceOverrideTarget@Redfish.AllowableValues"] == ["None", "Pxe"]
        wish = {"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}}
        assert (await client.patch(SYSTEM, json=wish)).status_code in (200, 204)
        boot = (await client.get(SYSTEM)).json()["Boot"]
        assert (boot["BootSourceOverrideTarget"], boot["BootSourceOverrideEnabled"]) == ("Pxe", "Once")
        for body, message in (
            ({"BootSourceOverrideTarget": "Floppy"}, "PropertyValueNotInList"),
            ({"BootSourceOverrideEnabled": "Often"}, "PropertyValueNotInList"),
            ({"BootSourceOverrideEnabled": 1}, "PropertyValueTypeError"),
            ({"BootOrder": []}, "PropertyUnknown"),
            ("Pxe", "PropertyValueTypeError"),
        ):
            answer = await client.patch(SYSTEM, json={"Boot": body})
            assert (answer.status_code, code(answer)) == (400, message)
        other = await client.patch(f"{R}/Systems/k01-u11", json={"Boot": {}})
        assert (other.status_code, code(other)) == (400, "PropertyUnknown")
    assert [c.arguments for c in controller.commands] == [{"source": "Pxe", "span": "once"}]


async def made(client: httpx.AsyncClient, *trays: str) -> str:
    body = {"Elements": [{"@odata.id": f"{R}/Systems/{tray}"} for tray in trays]}
    answer = await client.post(AGGREGATES, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def test_an_aggregate_is_made_changed_and_forgotten(hall: Hall, controller: Controller) -> None:
    async with hall.api.client() as client:
        at = await made(client, "k01-u11")
        more = {"Elements": [{"@odata.id": SYSTEM}, {"@odata.id": f"{R}/Systems/k01-u11"}]}
        assert (await client.post(f"{at}/Actions/Aggregate.AddElements", json=more)).status_code == 204
        one = (await client.get(at)).json()
        assert one["ElementsCount"] == 2
        info = (await client.get(one["Actions"]["#Aggregate.Reset"]["@Redfish.ActionInfo"])).json()
        assert [p["Name"] for p in info["Parameters"]] == ["ResetType", "BatchSize", "DelayBetweenBatchesInSeconds"]
        less = {"Elements": [{"@odata.id": SYSTEM}]}
        assert (await client.post(f"{at}/Actions/Aggregate.RemoveElements", json=less)).status_code == 204
        assert (await client.get(at)).json()["Elements"] == [{"@odata.id": f"{R}/Systems/k01-u11"}]
        for uri in (f"{R}/Chassis/k01", f"{R}/Chassis/k01-u06", f"{R}/Systems/k01-u99", "x"):
            answer = await client.post(AGGREGATES, json={"Elements": [{"@odata.id": uri}]})
            assert (answer.status_code, code(answer)) == (400, "PropertyValueNotInList")
        assert (await client.delete(at)).status_code == 204
        assert (await client.get(at)).status_code == 404


async def test_several_trays_need_a_privilege_of_their_own_and_one_does_not(hall: Hall, controller: Controller) -> None:
    async with hall.api.client(hall.api.user_for(Role.OPERATOR)) as client:
        both, alone = await made(client, "k01-u11", "k01-u12"), await made(client, "k01-u12")
        refused = await client.post(f"{both}/Actions/Aggregate.Reset", json={"ResetType": "ForceOff"})
        assert (refused.status_code, code(refused)) == (403, "InsufficientPrivilege")
        assert "power_many" in refused.text
        assert controller.commands == []
        controller.become("u12", "off")
        started = await client.post(f"{alone}/Actions/Aggregate.Reset", json={"ResetType": "ForceOff"})
        assert (await over(client, started))["TaskState"] == "Completed"


async def test_several_trays_are_reset_in_batches_one_reset_at_a_time_and_summed_up(
    hall: Hall, controller: Controller
) -> None:
    place = hall.racks["k01"].place
    controller.refuse[f"{place}/u13"] = Reply("", accepted=False, code="device_busy", reason="in state PoweringOff")
    async with hall.api.client() as client:
        at = await made(client, "k01-u11", "k01-u12", "k01-u13")
        body = {"ResetType": "ForceOff", "BatchSize": 2, "DelayBetweenBatchesInSeconds": 0}
        started = await client.post(f"{at}/Actions/Aggregate.Reset", json=body)
        busy = await client.post(f"{at}/Actions/Aggregate.Reset", json=body)
        assert (busy.status_code, code(busy)) == (409, "ResourceInUse")
        for slot in ("u11", "u12"):
            controller.become(slot, "off")
        task = await over(client, started)
        assert task["TaskState"] == "Exception"
        assert task["Description"].startswith("2 of 3 done; k01-u13: ")
        assert "in state PoweringOff" in task["Description"]
        assert task["Messages"][0]["MessageId"] == "Base.1.19.ResourceInUse"
        soon = await client.post(f"{at}/Actions/Aggregate.Reset", json=body)
        assert (soon.status_code, code(soon)) == (409, "ResourceInUse")
        for wrong in ({"BatchSize": 0}, {"BatchSize": 99}, {"DelayBetweenBatchesInSeconds": -1}):
            answer = await client.post(f"{at}/Actions/Aggregate.Reset", json=body | wrong)
            assert (answer.status_code, code(answer)) == (400, "ActionParameterValueNotInList")
    assert [c.target.rsplit("/", 1)[1] for c in controller.commands] == ["u11", "u12", "u13"]


async def test_aggregates_outlive_the_process(hall: Hall, controller: Controller) -> None:
    async with hall.api.client() as client:
        at = await made(client, "k01-u11")
    kept = AggregateBook(hall.api.services.state / "api" / "redfish-aggregates.json")
    assert list(kept.all) == [at.rsplit("/", 1)[1]]


BMC = f"{R}/Managers/k01-u12-bmc"


async def test_a_controller_is_restarted_where_it_offers_that_and_its_task_ends_when_it_started_anew(
    hall: Hall, controller: Controller
) -> None:
    hall.racks["k01"].restarts[f"{hall.racks['k01'].place}/u12/bmc"] = ["force", "graceful"]
    hall.say("k01")
    reset = (await hall.get("/Managers/k01-u12-bmc"))["Actions"]["#Manager.Reset"]
    info = await hall.get(reset["@Redfish.ActionInfo"].removeprefix(R))
    assert info["Parameters"][0]["AllowableValues"] == ["GracefulRestart", "ForceRestart"]
    for other in ("rackwright", "k01-u13-bmc", "k01-u06-pmc"):
        assert "Actions" not in await hall.get(f"/Managers/{other}")
    async with hall.api.client() as client:
        target = f"{BMC}/Actions/Manager.Reset"
        for gone in (
            f"{R}/Managers/rackwright/Actions/Manager.Reset",
            f"{R}/Managers/k01-u13-bmc/Actions/Manager.Reset",
        ):
            assert (await client.post(gone, json={"ResetType": "ForceRestart"})).status_code == 404
        wrong = await client.post(target, json={"ResetType": "On"})
        assert (wrong.status_code, code(wrong)) == (400, "ActionParameterValueNotInList")
        started = await client.post(target, json={"ResetType": "ForceRestart"})
        controller.controllers[f"{hall.racks['k01'].place}/u12"] = 1
        assert (await over(client, started))["TaskState"] == "Completed"
        assert (await client.post(target, json={})).status_code == 202
    assert [(c.verb, c.arguments) for c in controller.commands] == [
        ("restart", {"how": "force"}),
        ("restart", {"how": "graceful"}),
    ]
    async with hall.api.client(hall.api.user_for(Role.TECHNICIAN)) as client:
        assert (await client.post(target, json={"ResetType": "ForceRestart"})).status_code == 403
