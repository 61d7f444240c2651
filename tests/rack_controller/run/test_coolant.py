"""Coolant targets of an emulated pumping unit on a real serial line: by people, by interlocks, lost and asked anew."""

from pathlib import Path

import msgspec
from support.cooled_rack import UNIT, cooled
from support.real_rack import RACK, eventually, real_rack
from support.served_tray import served_trays

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import join_place
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.interlock import Order
from rack_controller.model.interlock import Act
from rack_controller.model.limit import LimitRow
from rack_controller.model.roles import Role

PUMP = Fault(FaultKind.PUMP_FAIL, f"{UNIT}/pump1")
DAMP = Fault(FaultKind.DAMP_AIR, UNIT, celsius=35.0, humidity=78.0)


async def test_a_flow_is_set_read_back_followed_by_the_pumps_and_asked_for_again_when_it_is_lost(
    tmp_path: Path,
) -> None:
    async with cooled(tmp_path) as it:
        done = await it.rack.do("coolant", UNIT, Role.SAFETY, what="flow", value=100)
        assert done.accepted, done
        (point,) = done.result["coolant"]
        assert (point["value"], point["state"], point["read_back"]) == (100.0, "applied", 100.0)
        assert it.bench.flow_target[0] == 100.0

        async def flows() -> bool:
            return abs(float(it.bench.state.flow[0]) - 100.0) < 1.0

        await eventually(flows)
        (told,) = it.rack.events("coolant.set")
        assert "flow_target 100 L/min by ada" in told.message

        await it.rack.do("coolant", UNIT, Role.SAFETY, what="supply", value=35)
        assert it.bench.supply_target[0] == 35.0

        written = it.rack.controlled._coolant.sources_of()[join_place(UNIT, "serial")]
        await written.ask_values({join_place(UNIT, "flow_target"): 50.0})  # somebody else, past us

        async def back() -> bool:
            return it.bench.flow_target[0] == 100.0

        await eventually(back)

        cleared = await it.rack.do("coolant", UNIT, Role.SAFETY, what="flow", clear=True)
        assert cleared.accepted, cleared
        assert (await it.rows())["flow_target"].wanted is None
        assert it.bench.flow_target[0] == 100.0, "a unit keeps what it has"


async def test_what_may_not_be_set_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        for what, value, said in (
            ("flow", 500.0, "the device allows 36 to 110 L/min"),
            ("flow", 0.0, "the device allows 36 to 110 L/min"),
            ("pressure", 50.0, "it lets flow, supply be set"),
            ("system_stop", 1.0, "one of flow, supply, pressure, pump_speed"),
            ("flow", "a", "expected a number"),
        ):
            refused = await it.rack.do("coolant", UNIT, Role.SAFETY, what=what, value=value)
            assert (refused.accepted, said in refused.reason + refused.advice) == (False, True), refused
        for role in (Role.VIEWER, Role.TECHNICIAN, Role.OPERATOR):
            assert not (await it.rack.do("coolant", UNIT, role, what="flow", value=100.0)).accepted
        refused = await it.rack.do("coolant", join_place(RACK, "u20"), Role.SAFETY, what="flow", value=100.0)
        assert "is no coolant unit" in refused.reason
        it.rack.controlled._coolant.need = lambda: 90.0
        refused = await it.rack.do("coolant", UNIT, Role.SAFETY, what="flow", value=60.0)
        assert "60 L/min would be left, the heat of this moment needs 90" in refused.reason
        assert it.bench.flow_target[0] != it.bench.flow_target[0], "nothing was written"


async def test_a_pump_that_fails_has_the_flow_raised_and_it_stays_until_a_person_turns_it_down(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        it.faults = (PUMP,)

        async def raised() -> bool:
            row = (await it.rows())["flow_target"]
            return row.wanted is not None and row.wanted.state == "applied" and "No spare pump" in row.held

        await eventually(raised)
        row = (await it.rows())["flow_target"]
        assert row.wanted is not None
        assert (row.wanted.by, row.wanted.value) == ("interlock coolant.no_spare_pump", 110.0)
        assert it.bench.flow_target[0] == 110.0
        refused = await it.rack.do("coolant", UNIT, Role.SAFETY, what="flow", value=50.0)
        assert "is not turned down: No spare pump" in refused.reason
        assert "No spare pump" in it.rack.controlled._leases.latches.forbids(join_place(RACK, "u20"))

        it.faults = ()

        async def over() -> bool:
            return not (await it.rows())["flow_target"].held

        await eventually(over)
        assert it.bench.flow_target[0] == 110.0
        done = await it.rack.do("coolant", UNIT, Role.SAFETY, what="flow", value=60.0)
        assert (done.accepted, it.bench.flow_target[0]) == (True, 60.0), done


async def test_a_damp_room_has_the_supply_raised_by_what_the_row_says(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        order = Order(Act.RAISE_SUPPLY, "coolant.dew_point", RACK, (UNIT,), "damp", by_k=3.0)
        came = await it.rack.controlled._coolant.turn_up(order)
        assert (came.words, came.fates[UNIT][0]) == ("supply_target 33 °C", "taken")
        assert it.bench.supply_target[0] == 33.0


async def test_air_that_gets_damp_at_the_unit_has_coolant_come_warmer_and_holds_a_cold_start_back(
    tmp_path: Path,
) -> None:
    """35 °C and 78 %: dew point 30.6 °C, and coolant comes at 30 °C."""
    async with cooled(tmp_path) as it:
        tray = join_place(RACK, "u20")

        async def known() -> bool:
            snapshot = it.rack.controlled._coolant.view.snapshot
            dew = None if snapshot is None else snapshot.good(join_place(UNIT, "pump1"), Quantity.DEW_POINT)
            return dew is not None and abs(dew - 10.5) < 1.5  # its registers hold whole degrees and per cents

        await eventually(known)
        assert "dew point" not in it.rack.controlled._leases.latches.forbids(tray)
        it.faults = (DAMP,)

        async def raised() -> bool:
            row = (await it.rows())["supply_target"]
            applied = row.wanted is not None and row.wanted.state == "applied"
            held_back = "Coolant near the dew point" in it.rack.controlled._leases.latches.forbids(tray)
            return applied and held_back and "Coolant near the dew point" in row.held

        await eventually(raised)
        wanted = (await it.rows())["supply_target"].wanted
        assert wanted is not None
        assert (wanted.by, wanted.value) == ("interlock coolant.dew_point", 33.0)
        assert it.bench.supply_target[0] == 33.0
        assert it.bench.state.conditions.pump_ok[0].all()

        async def over() -> bool:
            return not (await it.rows())["supply_target"].held

        await eventually(over)  # coolant comes at 33 °C by now
        assert it.bench.supply_target[0] == 33.0, "a person turns it down"


async def test_a_unit_over_redfish_takes_a_flow_keeps_it_and_is_asked_again_when_it_lost_it(tmp_path: Path) -> None:
    async with (
        served_trays([TrayKind.COOLANT_UNIT], RACK) as (served, bench),
        real_rack(tmp_path, served) as rack,
    ):

        async def known() -> bool:
            rows = msgspec.json.decode(await rack.ask("coolant"), type=list[LimitRow])
            return len(rows) == 2 and all(row.shows is not None for row in rows)

        await eventually(known)
        done = await rack.do("coolant", UNIT, Role.SAFETY, what="flow", value=120)
        assert done.accepted, done
        (point,) = done.result["coolant"]
        assert (point["value"], point["state"], point["read_back"]) == (120.0, "applied", 120.0)
        assert float(bench.flow_target[0]) == 120.0
        refused = await rack.do("coolant", UNIT, Role.SAFETY, what="flow", value=5)
        assert "the device allows 60 to 250 L/min" in refused.reason + refused.advice
        refused = await rack.do("coolant", UNIT, Role.SAFETY, what="pressure", value=50)
        assert "it lets flow, supply be set" in refused.reason + refused.advice
        bench.flow_target[0] = 80.0  # somebody else, past us

        async def back() -> bool:
            return float(bench.flow_target[0]) == 120.0

        await eventually(back)
