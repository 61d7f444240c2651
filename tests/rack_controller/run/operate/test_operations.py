"""Operations steered by people, in virtual time: words, failures, a journal that refuses, leases taken over."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from support.fake_power import FakeTray, Fate
from support.kill_story import KINDS, RACK, U11, U12, plan_of
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.vocabulary.errors import EnvironmentUnfit, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction, PowerState
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.notice import Finding
from rack_controller.decide.steps import Course
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.model.operation import Operation, OperationState, StepState
from rack_controller.run.journal import Journal
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.worker import Worker

ON = next(k for k in KINDS if k.name == "on plain")
OFF = next(k for k in KINDS if k.name == "deaf off plain")
A, S = PowerAction, OperationState


class Latches:
    said = ""
    unseen = ""

    def forbids(self, place: Place) -> str:
        return self.said or self.unseen

    def unsure(self, place: Place) -> str:
        return self.unseen

    def keeps_off(self, place: Place) -> str:
        return self.said


@dataclass
class Bench:
    operations: Operations
    trays: dict[Place, FakeTray]
    leases: LeaseBook
    latches: Latches
    clock: VirtualClock
    ledger: Ledger
    told: list[Finding] = field(default_factory=list)

    async def until(self, happened: Callable[[], bool], most: float = 300.0) -> None:
        end = self.clock.now() + most
        while not happened():
            assert self.clock.now() < end, [o.summary or o.wait for o in self.operations.newest(3)]
            await self.clock.sleep_until(Seconds(self.clock.now() + 0.5))

    async def ended(self, operation: Operation) -> Operation:
        await self.until(lambda: self.operations.find(operation.id).over)
        return self.operations.find(operation.id)


@asynccontextmanager
async def bench(folder: Path, starts_in: PowerState = PowerState.OFF) -> AsyncIterator[Bench]:
    clock, latches = VirtualClock(), Latches()
    trays = {place: FakeTray(place, clock, starts_in) for place in (U11, U12)}
    journal = Journal(folder / "journal.db")
    ledger, leases = Ledger(journal, RACK), LeaseBook(clock, latches)
    told: list[Finding] = []
    worker = Worker(ledger, leases, trays.__getitem__, clock)
    operations = Operations(RACK, ledger, leases, worker, lambda: (None, {}), clock, told.append)
    running = asyncio.create_task(operations.run())
    yield Bench(operations, trays, leases, latches, clock, ledger, told)
    running.cancel()
    await asyncio.wait([running])
    journal.close()


def story(told: Callable[[Path], Awaitable[None]]) -> Callable[[Path], None]:
    """Run an asynchronous test in virtual time."""

    def run(tmp_path: Path) -> None:
        async def whole() -> None:
            await told(tmp_path)

        run_virtually(whole())

    run.__name__ = told.__name__
    return run


@story
async def test_nothing_moves_before_it_is_approved_and_everybody_is_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        operation = b.operations.put(plan_of(ON), "ada", "new trays")
        await b.clock.sleep_until(Seconds(30.0))
        assert all(not t.asked for t in b.trays.values())
        with pytest.raises(PreconditionFailed, match="nothing to pause"):
            b.operations.say(operation.id, "pause", "eve")
        b.operations.say(operation.id, "approve", "eve")
        done = await b.ended(operation)
        assert (done.state, done.approved_by, done.summary) == (S.DONE, "eve", "2 of 2")
        assert [f.kind for f in b.told] == ["operation.approved", "operation.done"]
        with pytest.raises(PreconditionFailed, match="is done"):
            b.operations.say(operation.id, "cancel", "eve")
        with pytest.raises(TargetUnknown, match="no operation"):
            b.operations.find("k07-99")


@story
async def test_a_pause_lets_what_was_begun_end_and_a_cancel_begins_nothing_more(tmp_path: Path) -> None:
    async with bench(tmp_path, PowerState.ON) as b:
        cycle = next(k for k in KINDS if k.name == "cycle plain")
        operation = b.operations.put(plan_of(cycle), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        await b.until(lambda: any(t.asked for t in b.trays.values()))
        b.operations.say(operation.id, "pause", "ada")
        await b.clock.sleep_until(Seconds(b.clock.now() + 60.0))
        paused = b.operations.find(operation.id)
        assert paused.wait is not None
        assert paused.wait.reason.startswith("paused")
        assert all(t.acted == [A.GRACEFUL_OFF] for t in b.trays.values())
        b.operations.say(operation.id, "resume", "ada")
        await b.until(lambda: any(t.acted[-1] is A.ON for t in b.trays.values()))
        b.operations.say(operation.id, "cancel", "ada")
        over = await b.ended(operation)
        assert over.state is S.CANCELLED
        assert {p.state for p in over.steps.values()} == {StepState.DONE}  # both had begun


@story
async def test_a_refusal_is_summed_up_with_status_and_state(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.trays[U12].fates = [Fate.REFUSED]
        operation = b.operations.put(plan_of(ON), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        over = await b.ended(operation)
        assert over.state is S.FAILED
        assert over.summary == "1 of 2; u12: refuses on, 409, in state off: not now"


@story
async def test_a_host_that_does_not_listen_is_forced(tmp_path: Path) -> None:
    async with bench(tmp_path, PowerState.ON) as b:
        b.trays[U11].deaf_to_grace = True
        operation = b.operations.put(plan_of(OFF), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        assert (await b.ended(operation)).state is S.DONE
        assert b.trays[U11].acted == [A.GRACEFUL_OFF, A.FORCE_OFF]
        assert b.trays[U12].acted == [A.GRACEFUL_OFF]


@story
async def test_what_is_held_waits_for_a_word(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.trays[U11].fates, b.trays[U11].tells_starts = [Fate.LOST], False
        operation = b.operations.put(plan_of(ON), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        await b.until(lambda: b.operations.find(operation.id).state is S.HELD)
        held = b.operations.find(operation.id)
        (step,) = [s for s, p in held.steps.items() if p.state is StepState.HELD]
        with pytest.raises(PreconditionFailed, match="op resolve"):
            b.operations.say(operation.id, "resume", "ada")
        with pytest.raises(PreconditionFailed, match="no held step"):
            b.operations.resolve_held(operation.id, "stage0/u12/on", "again", "ada")
        b.operations.resolve_held(operation.id, step, "again", "ada")
        done = await b.ended(operation)
        assert (done.state, b.trays[U11].acted) == (S.DONE, [A.ON])
        assert not b.ledger.unresolved()


@story
async def test_a_latch_keeps_a_tray_dark_and_off_is_never_forbidden(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.latches.said = "leak at u12, latched"
        operation = b.operations.put(plan_of(ON), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        over = await b.ended(operation)
        assert "leak at u12, latched" in over.summary
        assert all(not t.asked for t in b.trays.values())
    async with bench(tmp_path, PowerState.ON) as b:
        b.latches.said = "leak at u12, latched"
        operation = b.operations.put(plan_of(OFF), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        assert (await b.ended(operation)).state is S.DONE


@story
async def test_a_step_waits_for_a_tray_that_nobody_has_seen_dry_yet(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.latches.unseen = "u11 has not been met yet"
        operation = b.operations.put(plan_of(ON), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        step = plan_of(ON).steps[0].id
        await b.until(lambda: "not been met" in b.operations.find(operation.id).progress(step).why)
        await b.clock.sleep_until(Seconds(b.clock.now() + 30))
        assert all(not t.asked for t in b.trays.values())
        b.latches.unseen = ""
        assert (await b.ended(operation)).state is S.DONE
    async with bench(tmp_path) as b:
        b.latches.unseen = "u11 has not been met yet"
        operation = b.operations.put(plan_of(ON), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        over = await b.ended(operation)
        assert (over.state, "not been met" in over.summary) == (S.FAILED, True), "not for ever"
        assert all(not t.asked for t in b.trays.values())


@story
async def test_an_interlock_takes_an_endpoint_over_in_the_middle(tmp_path: Path) -> None:
    async with bench(tmp_path, PowerState.ON) as b:
        b.trays[U11].deaf_to_grace = True
        operation = b.operations.put(plan_of(OFF), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        await b.until(lambda: b.trays[U11].asked == [A.GRACEFUL_OFF])
        leak = Wish(U11, Facet.POWER_STATE, LeaseClass.INTERLOCK, "leak u11", Direction.SAFE)
        b.leases.take(leak)
        over = await b.ended(operation)
        assert "taken over by leak u11" in over.summary
        assert b.trays[U11].asked == [A.GRACEFUL_OFF]


@story
async def test_a_journal_that_refuses_sends_nothing_and_says_so(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        operation = b.operations.put(plan_of(ON), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        journal, refuse = b.ledger.journal, True
        whole = journal.transact

        def full(statements: list[tuple[str, tuple[object, ...]]]) -> list[int]:
            if refuse:
                raise EnvironmentUnfit("the journal refused a write: database or disk is full")
            return whole(statements)

        journal.transact = full  # type: ignore[method-assign,assignment]
        await b.clock.sleep_until(Seconds(b.clock.now() + 20.0))
        assert all(not t.asked for t in b.trays.values())
        waiting = b.operations.find(operation.id).wait
        assert waiting is not None
        assert "disk is full; nothing was sent" in waiting.reason
        with pytest.raises(EnvironmentUnfit):
            b.operations.put(plan_of(ON), "ada", "")
        refuse = False
        assert (await b.ended(operation)).state is S.DONE
        assert all(t.acted == [A.ON] for t in b.trays.values())


@story
async def test_a_disk_that_fills_while_a_request_is_out_holds_its_end_back(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        operation = b.operations.put(plan_of(ON), "ada", "")
        b.operations.say(operation.id, "approve", "ada")
        journal = b.ledger.journal
        whole = journal.transact
        refuse = False

        def full(statements: list[tuple[str, tuple[object, ...]]]) -> list[int]:
            if refuse:
                raise EnvironmentUnfit("the journal refused a write: disk I/O error")
            return whole(statements)

        journal.transact = full  # type: ignore[method-assign,assignment]
        await b.until(lambda: all(t.asked for t in b.trays.values()))
        refuse = True
        await b.clock.sleep_until(Seconds(b.clock.now() + 60.0))
        assert not b.operations.find(operation.id).over
        refuse = False
        assert (await b.ended(operation)).state is S.DONE
        assert all(t.acted == [A.ON] for t in b.trays.values())


@story
async def test_a_bug_costs_one_operation_and_not_the_rack(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        broken, whole = (b.operations.put(plan_of(ON), "ada", "") for _ in range(2))
        step = broken.plan.steps[0]
        odd = msgspec.structs.replace(step, settle_s="long")
        stage = msgspec.structs.replace(broken.plan.stages[0], steps=[odd])
        plan = msgspec.structs.replace(broken.plan, stages=[stage])
        b.operations._courses[broken.id] = Course(msgspec.structs.replace(broken, plan=plan))
        b.operations.say(broken.id, "approve", "ada")
        await b.until(lambda: b.operations.find(broken.id).state is S.HELD)
        held = b.operations.find(broken.id)
        assert held.wait is not None
        assert "the controller failed (TypeError)" in held.wait.reason
        b.operations.say(whole.id, "approve", "ada")
        await b.ended(whole)


@story
async def test_two_operations_do_not_share_a_tray(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        first, second = (b.operations.put(plan_of(ON), who, "") for who in ("ada", "eve"))
        for operation in (first, second):
            b.operations.say(operation.id, "approve", "ada")
        assert (await b.ended(first)).state is S.DONE
        over = await b.ended(second)
        assert "operation k07-1 of" in over.summary
        assert all(t.acted == [A.ON] for t in b.trays.values())
