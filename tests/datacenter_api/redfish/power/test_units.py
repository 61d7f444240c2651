"""Coolant units over Redfish: offered where a unit offers it, refused with the trays that are on, a task otherwise."""

import msgspec
import pytest
from support.redfish_hall import Hall

from rack_controller.model.command import Reply
from rack_controller.model.roles import Role
from tests.datacenter_api.redfish.power.test_outputs import Controller, R, code, controller, over

__all__ = ["controller"]
UNIT = f"{R}/ThermalEquipment/CDUs/k01-u01"
SET = f"{UNIT}/Actions/CoolingUnit.SetMode"
REFUSED = "u01 is not stopped while trays that it cools are on or hot: u12 is on"


@pytest.fixture
def offering(hall: Hall, controller: Controller) -> Controller:
    rack = hall.racks["k01"]
    rack.outputs[f"{rack.place}/u01/bmc"] = {"": ["force_off", "on"]}
    hall.say("k01")
    return controller


async def test_modes_are_offered_where_the_unit_offers_them(hall: Hall, offering: Controller) -> None:
    action = (await hall.get(UNIT.removeprefix(R)))["Actions"]["#CoolingUnit.SetMode"]
    assert (action["target"], action["Mode@Redfish.AllowableValues"]) == (SET, ["Enabled", "Disabled"])
    info = await hall.get(action["@Redfish.ActionInfo"].removeprefix(R))
    assert info["Parameters"][0]["AllowableValues"] == ["Enabled", "Disabled"]
    rack = hall.racks["k01"]
    rack.layout = msgspec.structs.replace(rack.layout, armed=False)
    hall.api.services.fleet.record("k01").hear_layout(rack.layout)
    hall.world.changed += 1
    assert "Actions" not in await hall.get(UNIT.removeprefix(R))
    async with hall.api.client() as client:
        assert (await client.post(SET, json={"Mode": "Disabled"})).status_code == 404
    assert offering.commands == []


@pytest.mark.parametrize(("mode", "do"), [("Disabled", "coolant_stop"), ("Enabled", "coolant_start")])
async def test_it_is_planned_approved_and_followed(hall: Hall, offering: Controller, mode: str, do: str) -> None:
    async with hall.api.client() as client:
        task = await over(client, await client.post(SET, json={"Mode": mode}))
    assert (task["TaskState"], task["PercentComplete"]) == ("Completed", 100)
    assert offering.said == [("plan", do), ("approve", "k01-7")]
    assert "despite" not in offering.commands[0].arguments


async def test_trays_that_are_on_are_named_and_bad_input_is_the_services(hall: Hall, offering: Controller) -> None:
    offering.refuse["plan"] = Reply("", accepted=False, code="precondition_failed", reason=REFUSED)
    async with hall.api.client() as client:
        answer = await client.post(SET, json={"Mode": "Disabled"})
        assert (answer.status_code, REFUSED in answer.text) == (409, True)
        for body, said in (
            ({}, "ActionParameterMissing"),
            ({"Mode": "Off"}, "ActionParameterValueNotInList"),
            ({"Mode": 0}, "ActionParameterValueTypeError"),
            ({"Mode": "Enabled", "Force": True}, "ActionParameterNotSupported"),
        ):
            answer = await client.post(SET, json=body)
            assert (answer.status_code, code(answer)) == (400, said)
    assert offering.said == [("plan", "coolant_stop")]


@pytest.mark.parametrize("user", ["viewer", "technician", "operator"])
async def test_who_may_not_set_targets_stops_nothing(hall: Hall, offering: Controller, user: str) -> None:
    async with hall.api.client(hall.api.user_for(Role(user))) as client:
        answer = await client.post(SET, json={"Mode": "Disabled"})
    assert (answer.status_code, code(answer)) == (403, "InsufficientPrivilege")
    assert offering.commands == []


async def test_no_other_action_reaches_a_unit(hall: Hall, offering: Controller) -> None:
    (manager,) = [m for m in (await hall.get("/Managers"))["Members"] if "k01-u01" in m["@odata.id"]]
    chassis = f"{R}/Chassis/k01-u01"
    async with hall.api.client() as client:
        for uri in (chassis, manager["@odata.id"]):
            shown = (await client.get(uri)).json()
            assert not [name for name in shown.get("Actions", {}) if name.endswith("Reset")], uri
        for target in (
            f"{chassis}/Actions/Chassis.Reset",
            f"{R}/Systems/k01-u01/Actions/ComputerSystem.Reset",
            f"{manager['@odata.id']}/Actions/Manager.Reset",
            f"{UNIT}/Actions/CoolingUnit.Reset",
            f"{R}/PowerEquipment/PowerShelves/k01-u01/Outlets/1/Actions/Outlet.PowerControl",
        ):
            for how in ("PowerCycle", "ForceOff", "ForceRestart"):
                answer = await client.post(target, json={"ResetType": how})
                assert answer.status_code in (400, 404, 405), (target, how, answer.status_code)
    assert offering.commands == []
