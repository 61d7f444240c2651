"""One tray switched by command: who may, when not, what is held, and that nothing is asked twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.served_tray import served_tray

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.power import PowerAction
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.model.power import PowerLook
from rack_controller.model.roles import Role
from rack_controller.run.power.recorded import Recorded

SYSTEM = "/redfish/v1/Systems/System_0"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"


class Desk:
    """A rack with one tray that has been met."""

    def __init__(self, rack: RealRack, served: ServedEndpoint, bench: Bench) -> None:
        self.rack, self.served, self.bench = rack, served, bench
        self.tray = served.place.rsplit("/", 1)[0]

    async def ask(self, action: str, role: Role = Role.OPERATOR) -> Any:
        return await self.rack.do("power", self.tray, role, action=action)

    async def look(self) -> PowerLook:
        return msgspec.json.decode(await self.rack.ask("power", self.tray), type=PowerLook)

    def posts(self) -> int:
        return self.served.seen.get(RESET, 0)


@asynccontextmanager
async def desk(tmp_path: Path, armed: bool = True) -> AsyncIterator[Desk]:
    async with served_tray(rack=RACK) as (served, bench), real_rack(tmp_path, [served], armed=armed) as rack:

        async def offered() -> bool:
            status = await rack.status(served.place)
            return bool(status.power_actions) and status.state == "on"

        await eventually(offered)
        yield Desk(rack, served, bench)


async def test_a_tray_is_switched_and_said_to_be_on_its_way(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        status = await it.rack.status(it.served.place)
        assert set(status.power_actions) == set(PowerAction) - {"aux_off"}
        assert status.boot is not None
        assert status.boot.span == "disabled"
        reply = await it.ask("graceful_off")
        assert reply.accepted, reply
        assert reply.result == {"action": "graceful_off", "was": "on", "status": 204, "task": "", "seen": ""}
        assert (await it.look()).state == "powering_off"
        busy = await it.ask("on")
        assert (busy.code, it.posts()) == ("device_busy", 2)
        it.bench.advance(60.0)

        async def told() -> Any:
            return it.rack.events("power.asked")

        (event,) = await eventually(told)
        assert event.place == it.tray
        assert event.details == {"action": "graceful_off", "was": "on"}
        assert it.rack.journal.outcome_of(reply.id) is not None


@pytest.mark.parametrize(
    ("role", "action", "code"),
    [
        (Role.VIEWER, "force_off", "role_insufficient"),
        (Role.TECHNICIAN, "force_off", "role_insufficient"),
        (Role.SAFETY, "on", "role_insufficient"),
        (Role.SAFETY, "force_restart", "role_insufficient"),
        (Role.ADMIN, "explode", "arguments_invalid"),
        (Role.ADMIN, "", "arguments_invalid"),
        (Role.ADMIN, "aux_off", "not_offered"),
    ],
)
async def test_who_may_not_and_what_is_not_there_reaches_no_device(
    tmp_path: Path, role: Role, action: str, code: str
) -> None:
    async with desk(tmp_path) as it:
        reply = await it.ask(action, role)
        assert (reply.accepted, reply.code, it.posts()) == (False, code, 0)


async def test_safety_may_turn_off_and_a_rack_is_no_tray(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        assert (await it.rack.do("power", RACK, action="force_off")).code == "target_unknown"
        assert (await it.rack.do("power", f"{RACK}/u01", action="force_off")).code == "target_unknown"
        assert it.posts() == 0
        assert (await it.ask("force_off", Role.SAFETY)).accepted


async def test_a_rack_that_is_only_observed_is_not_switched(tmp_path: Path) -> None:
    async with desk(tmp_path, armed=False) as it:
        assert (await it.ask("force_off")).code == "precondition_failed"
        assert (await it.rack.do("boot", it.tray, source="Pxe")).code == "precondition_failed"
        assert (await it.look()).state == "on"
        assert it.posts() == 0


async def test_a_tray_that_is_left_alone_is_left_alone(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.rack.do("quiet", it.tray, minutes=5, reason="flashing")
        reply = await it.ask("force_off")
        assert (reply.code, it.posts()) == ("precondition_failed", 0)
        assert "flashing" in reply.reason


async def test_nobody_energises_what_is_under_maintenance(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        begun = await it.rack.do("swap", it.served.place, action="start", reason="fan", contact="555", hours="1")
        assert begun.accepted, begun
        assert (await it.ask("on")).code == "precondition_failed"
        assert (await it.ask("force_off")).accepted


async def test_a_lost_answer_is_looked_into_and_never_asked_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.served.faults.set([Fault(FaultKind.LOST_RESPONSE, it.served.place, uri=RESET)])
        reply = await it.ask("force_off")
        assert reply.accepted, reply
        assert (reply.result["seen"], it.posts()) == ("powering_off", 1)


async def test_what_cannot_be_told_apart_is_held(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.served.faults.set([Fault(FaultKind.RESET, it.served.place, uri=RESET)])
        reply = await it.ask("force_off")
        assert (reply.accepted, reply.code, it.posts()) == (False, "held", 1)
        assert "the host is on" in reply.advice


async def test_an_ended_session_costs_no_command(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        it.served.sessions.clear()
        assert (await it.ask("force_off")).accepted


async def test_two_at_once_are_one(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        replies = await asyncio.gather(it.ask("force_off"), it.ask("force_restart"))
        assert sorted(r.accepted for r in replies) == [False, True]
        assert it.posts() == 1


async def test_the_boot_source_is_set_and_read_back(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        reply = await it.rack.do("boot", it.tray, Role.OPERATOR, source="Pxe", span="once")
        assert reply.result == {"source": "Pxe", "span": "once", "mode": ""}
        look = await it.look()
        assert look.boot is not None
        assert (look.boot.target, look.boot.span) == ("Pxe", "once")
        assert (await it.rack.do("boot", it.tray, source="Floppy")).code == "arguments_invalid"
        assert (await it.rack.do("boot", it.tray, source="Pxe", span="weekly")).code == "arguments_invalid"
        assert (await it.rack.do("boot", it.tray, Role.TECHNICIAN, source="Pxe")).code == "role_insufficient"
        assert (await it.rack.do("boot", it.tray, span="disabled")).result["span"] == "disabled"


MANAGER_RESET = "/redfish/v1/Managers/BMC_0/Actions/Manager.Reset"


async def test_a_controller_is_restarted_once_and_no_second_one_while_it_is_blind(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        assert sorted((await it.rack.status(it.served.place)).restarts) == ["force", "graceful"]
        reply = await it.rack.do("restart", it.served.place, Role.OPERATOR, how="force")
        assert reply.accepted, reply
        assert reply.result == {"endpoint": it.served.place, "how": "force", "status": 204, "task": ""}
        assert it.served.seen.get(MANAGER_RESET) == 1

        async def told() -> Any:
            return it.rack.events("controller.restarted")

        (event,) = await eventually(told)
        assert (event.place, event.details) == (it.served.place, {"how": "force"})
        again = await it.rack.do("restart", it.tray, Role.OPERATOR)
        assert (again.code, it.served.seen.get(MANAGER_RESET)) == ("precondition_failed", 1)
        assert "one controller of a rack at a time" in again.advice


@pytest.mark.parametrize(
    ("role", "target", "how", "code"),
    [
        (Role.SAFETY, "", "force", "role_insufficient"),
        (Role.TECHNICIAN, "", "force", "role_insufficient"),
        (Role.ADMIN, "", "kick", "arguments_invalid"),
        (Role.ADMIN, f"{RACK}/u01/cdu", "force", "target_unknown"),
        (Role.ADMIN, RACK, "force", "target_unknown"),
    ],
)
async def test_a_restart_that_may_not_be_reaches_no_device(
    tmp_path: Path, role: Role, target: str, how: str, code: str
) -> None:
    async with desk(tmp_path) as it:
        reply = await it.rack.do("restart", target or it.served.place, role, how=how)
        assert (reply.accepted, reply.code, it.served.seen.get(MANAGER_RESET, 0)) == (False, code, 0)


async def test_nobody_restarts_a_controller_that_is_left_alone_or_only_observed(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.rack.do("quiet", it.tray, minutes=5, reason="flashing")
        assert "flashing" in (await it.rack.do("restart", it.tray)).reason
    (tmp_path / "observed").mkdir()
    async with desk(tmp_path / "observed", armed=False) as it:
        assert (await it.rack.do("restart", it.tray)).code == "precondition_failed"
        assert it.served.seen.get(MANAGER_RESET, 0) == 0


async def test_a_restart_whose_answer_is_lost_is_held_and_one_that_is_refused_may_be_asked_again(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        it.served.faults.set([Fault(FaultKind.STATUS, it.served.place, uri=MANAGER_RESET, status=403)])
        assert (await it.rack.do("restart", it.tray)).code == "device_error"
        it.served.faults.set([Fault(FaultKind.RESET, it.served.place, uri=MANAGER_RESET)])
        reply = await it.rack.do("restart", it.tray)
        assert (reply.code, it.served.seen.get(MANAGER_RESET)) == ("held", 2)
        assert "endpoint list" in reply.advice
        it.served.faults.set([])
        assert (await it.rack.do("restart", it.tray)).code == "precondition_failed", "it may be restarting"


async def test_a_request_by_command_is_an_effect_in_the_ledger_until_its_end_is_seen(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        ledger = it.rack.controlled._ledger
        assert (await it.ask("force_off")).accepted
        (effect,) = ledger.effects_of("command")
        assert (effect.state, effect.action, effect.before.power) == ("answered", "force_off", "on")
        it.served.faults.set([Fault(FaultKind.STATUS, uri="*.Reset", status=400)])
        await it.ask("force_off")
        it.bench.advance(60.0)

        async def seen() -> Any:
            return [e.state for e in ledger.effects_of("command")] == ["observed", "refused"]

        await eventually(seen)
        assert it.rack.controlled._leases.held() == []


async def test_what_a_command_began_is_looked_at_by_the_next_controller(tmp_path: Path) -> None:
    async with served_tray(rack=RACK) as (served, bench):
        async with real_rack(tmp_path, [served]) as rack:
            it = Desk(rack, served, bench)

            async def offered() -> bool:
                return bool((await rack.status(served.place)).power_actions)

            await eventually(offered)
            assert (await it.ask("force_off")).accepted
        bench.advance(60.0)
        async with real_rack(tmp_path, [served]) as rack:
            ledger = rack.controlled._ledger

            async def seen() -> Any:
                return [e.state for e in ledger.effects_of("command")] == ["observed"]

            await eventually(seen)
            assert served.seen[RESET] == 1


async def test_a_command_waits_for_whoever_holds_the_endpoint(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        leases = it.rack.controlled._leases
        wish = Wish(it.served.place, Facet.FIRMWARE, LeaseClass.FIRMWARE, "k01-7", Direction.NEUTRAL, "ida")
        leases.take(wish)
        refused = await it.ask("force_off")
        assert (refused.accepted, "firmware is held by k01-7 of ida" in refused.reason) == (False, True), refused
        assert (it.posts(), it.rack.controlled._ledger.effects_of("command")) == (0, [])


async def test_a_full_disk_keeps_no_controller_from_starting(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_asked: object) -> None:
        raise EnvironmentUnfit("the journal refused a write: disk full")

    ledger: Any = SimpleNamespace(rack=RACK, unresolved=list, forget_effects=refuse)
    recorded = Recorded(ledger, cast(Any, None), {}, cast(Any, None))
    recorded.take_up()
    assert "cannot be read or tidied" in caplog.text
    await recorded.close()
