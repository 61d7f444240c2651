"""Latches in Redfish: a Condition of what is kept off, with a message that the registry explains."""

import msgspec
import pytest
from support.alarmed import played_alarms
from support.latched import CHAIN, latched_state
from support.redfish_hall import Hall

MESSAGE = "Rackwright.1.0.Latched"


def latch(hall: Hall, *, armed: bool = True, whole_rack: bool = False) -> None:
    rack = hall.racks["k01"]
    state = latched_state(rack.place, armed=armed)
    if whole_rack:
        trips = [msgspec.structs.replace(t, place=str(rack.place)) for t in state.tripped]
        state = msgspec.structs.replace(state, tripped=trips)
    rack.interlocks = state
    hall.say("k01")


@pytest.mark.parametrize("view", ["/Chassis/k01-u31", "/Systems/k01-u31"])
async def test_a_latched_tray_says_what_stands_against_it(hall: Hall, view: str) -> None:
    latch(hall)
    status = (await hall.get(view))["Status"]
    (condition,) = status["Conditions"]
    assert (condition["MessageId"], condition["Message"], condition["Severity"]) == (MESSAGE, CHAIN, "Critical")
    assert condition["OriginOfCondition"] == {"@odata.id": "/redfish/v1/Chassis/k01-u31"}
    assert condition["Timestamp"] == "1970-01-01T00:01:00.000Z"
    assert "k01-l1" in condition["Resolution"]
    assert status["Health"] == "Critical", "it is dry, and not well"
    for other in ("/Chassis/k01", "/Chassis/k01-u12", "/Chassis/k02"):
        assert "Conditions" not in (await hall.get(other))["Status"]


async def test_a_racks_latch_stands_against_every_tray_that_it_keeps_off(hall: Hall) -> None:
    latch(hall, whole_rack=True)
    for where in ("/Chassis/k01", "/Chassis/k01-u12", "/Systems/k01-u12"):
        (condition,) = (await hall.get(where))["Status"]["Conditions"]
        assert condition["OriginOfCondition"] == {"@odata.id": "/redfish/v1/Chassis/k01"}
    assert "Conditions" not in (await hall.get("/Chassis/k01-u06"))["Status"], "a shelf is not kept off"


async def test_a_tray_that_a_neighbours_water_may_have_reached_says_so(hall: Hall) -> None:
    rack = hall.racks["k01"]
    state = latched_state(rack.place)
    trips = [msgspec.structs.replace(t, wet=[f"{rack.place}/u30"]) for t in state.tripped]
    rack.interlocks = msgspec.structs.replace(state, tripped=trips)
    hall.say("k01")
    (condition,) = (await hall.get("/Systems/k01-u30"))["Status"]["Conditions"]
    assert condition["OriginOfCondition"] == {"@odata.id": "/redfish/v1/Chassis/k01-u31"}
    assert "Conditions" not in (await hall.get("/Chassis/k01-u29"))["Status"]


async def test_what_an_unarmed_rack_would_do_is_no_condition(hall: Hall) -> None:
    latch(hall, armed=False)
    assert "Conditions" not in (await hall.get("/Chassis/k01-u31"))["Status"]


async def test_the_registry_explains_the_message(hall: Hall) -> None:
    listed = await hall.get("/Registries/Rackwright.1.0")
    registry = await hall.get(listed["Location"][0]["Uri"].removeprefix("/redfish/v1"))
    assert registry["Messages"]["Latched"]["MessageSeverity"] == "Critical"
    assert registry["Messages"]["InterlockTripped"]["NumberOfArgs"] == 1


async def test_alarms_that_want_an_answer_are_conditions_of_where_they_stand(hall: Hall) -> None:
    rack = hall.racks["k01"]
    rack.alarms = played_alarms(rack.place)
    hall.say("k01")
    (condition,) = (await hall.get("/Chassis/k01-u20"))["Status"]["Conditions"]
    assert condition["MessageId"] == "Rackwright.1.0.AlarmStands"
    assert condition["Message"] == "k01-a20 Part not well: u20 gpu1 health is warning (acknowledged)"
    assert (condition["Severity"], condition["Resolution"][:10]) == ("Warning", "look at th")
    (returned,) = (await hall.get("/Chassis/k01-u21"))["Status"]["Conditions"]
    assert returned["Severity"] == "OK", "it is over, and nobody has acknowledged it"
    for silenced in ("u22", "u06"):
        assert "Conditions" not in (await hall.get(f"/Chassis/k01-{silenced}"))["Status"]
    latch(hall)
    told = (await hall.get("/Chassis/k01-u31"))["Status"]["Conditions"]
    assert [c["MessageId"] for c in told] == [MESSAGE], "its latch tells of the leak"
