"""Rescans and power limits as operations: planned with every step, approved, watched, taken up again, summed up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.served_tray import served_trays
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerDepth
from firmware_bridge.vocabulary.sequence import Again
from rack_controller.model.lease import Direction
from rack_controller.model.limit import LimitRow
from rack_controller.model.operation import (
    Manner,
    Operation,
    OperationState,
    Plan,
    PlannedStage,
    Step,
    StepState,
    Verb,
)
from rack_controller.model.roles import Role
from rack_controller.run.journal import Journal
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.operations import Operations, StepEnd


@asynccontextmanager
async def a_tray(tmp_path: Path, armed: bool = True) -> AsyncIterator[tuple[RealRack, ServedEndpoint, Bench]]:
    """Run a rack of one compute tray whose limits are known."""
    async with (
        served_trays([TrayKind.COMPUTE], RACK) as ((served,), bench),
        real_rack(tmp_path, [served], armed) as rack,
    ):

        async def known() -> bool:
            leases, tray = rack.controlled._leases, tray_of(Place(served.place))
            dry = not leases.unsure(tray) and not leases.latches.forbids(tray)
            return dry and len(await gpus(rack)) == 4

        await eventually(known)
        rack.controlled._limits.held = lambda _tray: ""  # nobody plays a coolant unit here
        yield rack, served, bench


async def gpus(rack: RealRack) -> list[LimitRow]:
    rows = msgspec.json.decode(await rack.ask("limits"), type=list[LimitRow])
    return [row for row in rows if "/gpu" in row.place]


async def ended(rack: RealRack, name: str) -> Operation:
    async def over() -> bool:
        return msgspec.json.decode(await rack.ask("operation", name), type=Operation).over

    await eventually(over)
    return msgspec.json.decode(await rack.ask("operation", name), type=Operation)


async def made(rack: RealRack, target: str, role: Role = Role.OPERATOR, **said: Any) -> str:
    """Plan and approve; return the operation."""
    done = await rack.do("plan", target, role, **said)
    assert done.accepted, done
    name = str(done.result["operation"])
    approved = await rack.do("approve", RACK, role, operation=name)
    assert approved.accepted, approved
    return name


async def test_limits_are_planned_with_every_watt_and_set_by_approval(tmp_path: Path) -> None:
    async with a_tray(tmp_path) as (rack, served, bench):
        tray = tray_of(Place(served.place))
        shown = await rack.do("plan", tray, Role.OPERATOR, do="limit", watts=900.0, each=True, dry_run=True)
        (step,) = msgspec.convert(shown.result["plan"], Plan).steps
        assert (step.endpoint, set(step.limits.values()), len(step.limits)) == (served.place, {900.0}, 4)
        assert shown.result["operation"] == ""
        assert [float(w) for w in bench.asked_caps[0, 0]] == [bench.design.limit_default] * 4
        done = await ended(rack, await made(rack, tray, do="limit", watts=900.0, each=True, reason="hot aisle"))
        assert (done.state, done.summary) == (OperationState.DONE, "1 of 1")
        assert [float(w) for w in bench.asked_caps[0, 0]] == [900.0] * 4
        rows = await gpus(rack)
        assert {row.wanted and (row.wanted.value, row.wanted.by, row.wanted.state) for row in rows} == {
            (900.0, "ada", "applied")
        }
        await ended(rack, await made(rack, tray, do="limit", clear=True, each=True))
        assert [float(w) for w in bench.asked_caps[0, 0]] == [bench.design.limit_default] * 4
        assert all(row.wanted is None for row in await gpus(rack))


async def test_a_device_that_refuses_is_summed_up(tmp_path: Path) -> None:
    async with a_tray(tmp_path) as (rack, served, _bench):
        served.faults.set([Fault(FaultKind.STATUS, uri="*/GPU_3/EnvironmentMetrics", status=400)])
        done = await ended(rack, await made(rack, f"{tray_of(Place(served.place))}/gpu3", do="limit", watts=900.0))
        assert done.state is OperationState.FAILED
        assert done.summary.startswith("0 of 1; u11: 1 of 1 limits not taken; u11/gpu3: ")


async def test_a_request_that_is_lost_is_made_again_while_its_step_has_time(tmp_path: Path) -> None:
    async with a_tray(tmp_path) as (rack, served, bench):
        gpu3 = f"{tray_of(Place(served.place))}/gpu3"
        served.faults.set([Fault(FaultKind.STATUS, uri="*/GPU_3/EnvironmentMetrics", status=503)])
        name = await made(rack, gpu3, do="limit", watts=900.0)

        async def waits() -> bool:
            operation = msgspec.json.decode(await rack.ask("operation", name), type=Operation)
            said = operation.wait
            asked = said is not None and "1 of 1 limits not taken; u11/gpu3: " in said.reason
            return asked and said is not None and "asked again every 5 s" in said.reason and said.until_unix_ns > 0

        await eventually(waits)
        assert float(bench.asked_caps[0, 0, 3]) == bench.design.limit_default
        served.faults.set([])
        done = await ended(rack, name)
        assert (done.state, done.summary) == (OperationState.DONE, "1 of 1")
        assert float(bench.asked_caps[0, 0, 3]) == 900.0

        async def told() -> bool:
            return bool(rack.events("limit.set"))

        await eventually(told)
        assert len(rack.events("limit.set")) == 1, "its tries are one"


async def test_an_endpoint_that_answers_again_in_time_is_met(tmp_path: Path) -> None:
    async with a_tray(tmp_path, armed=False) as (rack, served, _bench):
        served.faults.set([Fault(FaultKind.STATUS, uri="*", status=503)])
        name = await made(rack, RACK, Role.SAFETY, do="rescan")

        async def waits() -> bool:
            operation = msgspec.json.decode(await rack.ask("operation", name), type=Operation)
            return operation.wait is not None and "looked at again" in operation.wait.reason

        await eventually(waits)
        served.faults.set([])
        assert (await ended(rack, name)).state is OperationState.DONE


async def test_what_a_plan_may_not_do_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    async with a_tray(tmp_path) as (rack, served, _bench):
        tray = tray_of(Place(served.place))
        for said, why in (
            ({"watts": 9e5, "each": True}, "900000 W"),
            ({"watts": 900.0}, "has no power limit of its own"),
            ({}, "limit needs either watts or clear"),
            ({"watts": 900.0, "clear": True}, "limit needs either watts or clear"),
        ):
            refused = await rack.do("plan", tray, Role.OPERATOR, do="limit", **said)
            assert (refused.accepted, why in refused.reason) == (False, True), refused
        refused = await rack.do("plan", tray, Role.SAFETY, do="limit", watts=900.0, each=True)
        assert "may not set power limits" in refused.reason
        plan = await rack.do("plan", tray, Role.OPERATOR, do="limit", watts=900.0, each=True)
        await rack.do("limit", tray, Role.OPERATOR, watts=900.0, each=True)
        changed = await rack.do("approve", RACK, Role.OPERATOR, operation=plan.result["operation"])
        assert changed.accepted, "lowering what is low already is the same plan"


async def test_a_rescan_is_an_operation_that_ends_when_every_endpoint_was_met(tmp_path: Path) -> None:
    async with a_tray(tmp_path, armed=False) as (rack, served, _bench):
        before = sum(served.seen.values())
        name = await made(rack, RACK, Role.SAFETY, do="rescan")
        done = await ended(rack, name)
        assert (done.state, done.summary) == (OperationState.DONE, "1 of 1"), "a rack that is observed is looked at too"
        assert [step.goal for step in done.plan.steps] == ["looked"]
        assert sum(served.seen.values()) > before + 20
        served.faults.set([Fault(FaultKind.STATUS, uri="*", status=503)])
        looking: Any = rack.controlled._commands._verbs["plan"].__self__.looking  # type: ignore[attr-defined]
        object.__setattr__(looking, "tries", Again(within_s=12.0))
        failed = await ended(rack, await made(rack, RACK, Role.SAFETY, do="rescan"))
        assert failed.state is OperationState.FAILED
        assert "0 of 1; u11: " in failed.summary
        refused = await rack.do("plan", f"{RACK}/u99", Role.SAFETY, do="rescan")
        assert "no endpoint at" in refused.reason


def test_a_step_without_effect_is_done_again_by_the_next_controller(tmp_path: Path) -> None:
    step = Step("look/u12/bmc", f"{RACK}/u12", f"{RACK}/u12/bmc", "looked", [], Direction.NEUTRAL)
    stage = PlannedStage("look", "Looked", [step])
    nothing = (PowerDepth.HOST_OFF, Manner.FORCE)
    plan = Plan(RACK, "g", Verb.RESCAN, RACK, *nothing, [stage], [], {}, 0.0, 0.0)
    asked: list[int] = []

    def controller(number: int, answers: bool) -> Operations:
        async def doer(_operation: Operation, _step: Step, _told: Callable[[str], None]) -> StepEnd:
            asked.append(number)
            if not answers:
                await asyncio.Event().wait()
            return StepEnd(StepState.SETTLING, "was met")

        journal, clock = Journal(tmp_path / "journal.db"), VirtualClock()
        ledger = Ledger(journal, Place(RACK))
        beside: Any = (ledger, LeaseBook(clock), None, lambda: (None, {}), clock, lambda _finding: None)
        return Operations(Place(RACK), *beside, doers={"looked": doer})

    async def story() -> None:
        first = controller(1, answers=False)
        name = first.put(plan, "ada", "").id
        first.say(name, "approve", "ada")
        running = asyncio.create_task(first.run())
        await VirtualClock().sleep_until(VirtualClock().now() + 5.0)  # type: ignore[arg-type]
        assert asked == [1]
        running.cancel()
        await asyncio.wait([running])
        second = controller(2, answers=True)
        again = asyncio.create_task(second.run())
        await VirtualClock().sleep_until(VirtualClock().now() + 5.0)  # type: ignore[arg-type]
        assert (asked, second.find(name).state) == ([1, 2], OperationState.DONE)
        again.cancel()
        await asyncio.wait([again])

    run_virtually(story())
