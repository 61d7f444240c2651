"""An emulated pumping unit on a real line is stopped by two persons, started, cycled; nothing comes on without flow."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from support.cooled_rack import UNIT, Cooled, cooled
from support.real_rack import RACK, eventually

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import ControllerRestart, PowerAction
from rack_controller.model.operation import Operation, OperationState
from rack_controller.model.roles import Role

REASON = "a hose has burst, the hall is being evacuated"


def alone(it: Cooled, tray: str) -> None:
    """Let the rack be planned with its unit and one tray only: nobody plays the others."""
    view = it.rack.controlled._view
    trays = [t for t in view.layout.trays if t.place in (UNIT, tray)]
    view.layout = msgspec.structs.replace(view.layout, trays=trays)


async def over(it: Cooled, name: str) -> Operation:
    operations: Any = it.rack.controlled._operations

    async def ended() -> Operation | None:
        found: Operation = operations.find(name)
        return found if found.over or found.state is OperationState.HELD else None

    found: Operation = await eventually(ended, within=60.0)
    return found


async def approved(it: Cooled, by: str, do: str, **said: Any) -> Operation:
    """Plan as ada, approve as somebody, and wait for the end."""
    made = await it.rack.do("plan", UNIT, Role.SAFETY, do=do, **said)
    assert made.accepted, made
    name = made.result["operation"]
    answer = await it.rack.do("approve", RACK, Role.SAFETY, by=by, operation=name)
    assert answer.accepted, answer
    return await over(it, name)


async def test_a_unit_stands_when_two_persons_say_so_and_nothing_comes_on_until_it_runs(tmp_path: Path) -> None:
    async with cooled(tmp_path, TrayKind.COMPUTE) as it:
        (tray,) = {Place(p).rsplit("/", 1)[0] for p in it.rack.controlled._sources if UNIT not in p}
        alone(it, tray)
        for role in (Role.VIEWER, Role.TECHNICIAN, Role.OPERATOR):
            denied = await it.rack.do("plan", UNIT, role, do="coolant_stop")
            assert (denied.accepted, "stop or start them" in denied.reason) == (False, True), denied
        for do in ("coolant_stop", "coolant_cycle"):
            refused = await it.rack.do("plan", UNIT, Role.SAFETY, do=do)
            assert f"{tray.rsplit('/', 1)[1]} is on" in refused.reason, refused
        unsaid = await it.rack.do("plan", UNIT, Role.SAFETY, do="coolant_stop", despite=True)
        assert "without a reason" in unsaid.reason
        assert float(it.bench.state.flow[0]) > 10.0

        made = await it.rack.do("plan", UNIT, Role.SAFETY, do="coolant_stop", despite=True, reason=REASON)
        assert made.result["plan"]["despite"] == {tray: "is on"}
        name = made.result["operation"]
        same = await it.rack.do("approve", RACK, Role.ADMIN, operation=name)
        assert "another person must approve it" in same.reason
        less = await it.rack.do("approve", RACK, Role.OPERATOR, by="ben", operation=name)
        assert (less.accepted, "clear latches or bypass" in less.reason) == (False, True), less
        assert (await it.rack.do("approve", RACK, Role.SAFETY, by="ben", operation=name)).accepted
        stopped = await over(it, name)
        assert (stopped.state, stopped.approved_by, stopped.summary) == ("done", "ben", "1 of 1")
        assert float(it.bench.state.flow[0]) < 1.0
        assert it.bench.state.conditions.pump_ok[0].all()

        async def stands() -> bool:
            refused = await it.rack.do("power", tray, action="on")
            assert not refused.accepted
            return "coolant stands: u01 moves" in it.rack.controlled._leases.uncooled(tray)

        await eventually(stands)
        started = await approved(it, "ada", "coolant_start")
        assert (started.state, float(it.bench.state.flow[0]) > 10.0) == ("done", True), started
        assert it.rack.controlled._leases.uncooled(Place(tray)) == ""
        on_at = float(it.bench.units_on_at[0])
        cycled = await approved(it, "ben", "coolant_cycle", despite=True, reason=REASON)
        assert (cycled.state, float(it.bench.units_on_at[0]) > on_at) == ("done", True), cycled


OTHER_ROADS: tuple[tuple[str, dict[str, object]], ...] = (
    *(("power", {"action": str(action)}) for action in PowerAction),
    *(("restart", {"how": str(how)}) for how in ControllerRestart),
    *(("plan", {"do": do}) for do in ("on", "off", "cycle", "shelf_on", "shelf_off")),
    ("plan", {"do": "off", "depth": "aux_off", "manner": "force"}),
    ("plan", {"do": "push", "image": "0" * 64}),
)


async def test_no_other_road_stops_a_unit_or_cycles_its_power(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        for verb, said in OTHER_ROADS:
            for target in (UNIT, f"{UNIT}/serial"):
                answer = await it.rack.do(verb, target, Role.ADMIN, **said)
                assert not answer.accepted, (verb, said, target, answer)
                assert answer.code != "internal_error", (verb, said, target, answer)
        assert it.rack.controlled._operations.under_way() == []
        assert float(it.bench.state.flow[0]) > 10.0


async def test_a_unit_of_which_nobody_knows_how_to_stop_it_says_so(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        refused = await it.rack.do("plan", f"{RACK}/u20", Role.SAFETY, do="coolant_stop")
        assert "is no coolant unit" in refused.reason
        source: Any = it.rack.controlled._sources[Place(f"{UNIT}/serial")]
        unit = source.units[0]
        unit.map = replace(unit.map, switch=None)
        refused = await it.rack.do("plan", UNIT, Role.SAFETY, do="coolant_stop")
        assert "u01 cannot be stopped: it offers no way to do that" in refused.reason
