"""Strikes: all targets at once, each intent written down first, repeated freely, never kept back by a full disk."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from firmware_bridge.vocabulary.errors import (
    EndpointRefused,
    EndpointUnreachable,
    EnvironmentUnfit,
    LoginRefused,
    OutcomeUnknown,
    PreconditionFailed,
    TargetUnknown,
)
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerSight
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Order
from rack_controller.decide.picture import Picture, TraySight
from rack_controller.model.effect import Before, EffectState
from rack_controller.model.interlock import Act
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.run.guard import strike_book
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.strike import OFF_TAKES, OPERATION, SEEN_WITHIN, Striker
from rack_controller.run.journal import Journal
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from tests.support.virtual_time import VirtualClock, run_virtually

RACK = Place("lab1/a/r01/k01")


@dataclass
class Switch:
    """A tray's switch that says what a test wants, and notes what the ledger knew when it was asked."""

    ledger: Ledger
    says: list[Exception | None] = field(default_factory=list)
    asked: list[PowerAction] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    hangs: asyncio.Event | None = None

    async def observe_power(self) -> PowerSight:
        raise AssertionError("an interlock does not look first")

    async def switch_power(self, action: PowerAction) -> PowerAnswer:
        self.asked.append(action)
        self.known.append(len(self.ledger.unresolved()))
        await asyncio.sleep(0)
        if self.hangs is not None:
            await self.hangs.wait()
        said = self.says.pop(0) if self.says else None
        if said is not None:
            raise said
        return PowerAnswer(True, 204, "", "ForceOff")


@dataclass
class Rack:
    """Four trays and whoever strikes them."""

    journal: Journal
    path: Path
    trays: dict[Place, Switch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.ledger = Ledger(self.journal, RACK)
        self.leases = LeaseBook(self.clock)
        for unit in ("u11", "u12", "u13", "u14"):
            self.trays[join_place(RACK, unit)] = Switch(self.ledger)
        self.shelves = {join_place(RACK, unit): Switch(self.ledger) for unit in ("u06", "u07")}
        self.striker = Striker(Sheet(self.ledger), self.leases, self._switch_of, self.clock, self._output_of)

    def order(self, *units: str, act: Act = Act.FORCE_OFF) -> Order:
        return Order(act, "leak.critical", join_place(RACK, units[0]), tuple(join_place(RACK, u) for u in units), "wet")

    def switch(self, unit: str) -> Switch:
        return self.trays[join_place(RACK, unit)]

    def states(self) -> list[EffectState]:
        return [e.state for e in self.ledger.effects_of(OPERATION)]

    def _output_of(self, shelf: Place) -> tuple[Place, Switch]:
        if shelf not in self.shelves:
            raise TargetUnknown(f"{shelf} has no output")
        return join_place(shelf, "pmc"), self.shelves[shelf]

    def _switch_of(self, tray: Place) -> tuple[Place, Switch]:
        if tray not in self.trays:
            raise TargetUnknown(f"{tray} has no switch")
        return join_place(tray, "bmc"), self.trays[tray]


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Rack]:
    journal = Journal(tmp_path / "journal.db")
    yield Rack(journal, tmp_path / "journal.db")
    journal.close()


def seen_off(*units: str) -> Picture:
    trays = tuple(TraySight(join_place(RACK, u), TrayKind.COMPUTE, int(u[1:]), off=True) for u in units)
    return Picture(RACK, Seconds(0.0), trays)


def test_all_targets_are_struck_at_once_with_their_intents_written(rack: Rack) -> None:
    async def story() -> None:
        said = (await rack.striker.carry(rack.order("u11", "u12", "u13"))).words
        assert said == "3× accepted"
        assert [rack.switch(u).asked for u in ("u11", "u12", "u13", "u14")] == [[PowerAction.FORCE_OFF]] * 3 + [[]]
        assert rack.switch("u11").known == [3], "every intent stood when the first was asked"
        assert rack.states() == [EffectState.ANSWERED] * 3
        rack.striker.see(seen_off("u11", "u12", "u13"))
        assert rack.states() == [EffectState.OBSERVED] * 3
        assert rack.leases.held() == []

    run_virtually(story())


def test_one_that_is_on_its_way_is_left_alone_until_it_should_have_arrived(rack: Rack) -> None:
    async def story() -> None:
        await rack.striker.carry(rack.order("u11"))
        await asyncio.sleep(2)
        assert (await rack.striker.carry(rack.order("u11"))).words == "on its way"
        await asyncio.sleep(10)
        assert (await rack.striker.carry(rack.order("u11"))).words == "accepted"
        rack.striker.see(seen_off("u11"))
        assert (await rack.striker.carry(rack.order("u11"))).words == "accepted", "seen off, and on again"

    run_virtually(story())


def test_a_controller_that_hangs_is_asked_twice_at_a_time_and_no_more(rack: Rack) -> None:
    async def story() -> None:
        hung = asyncio.Event()

        async def hang(action: PowerAction) -> PowerAnswer:
            rack.switch("u11").asked.append(action)
            await hung.wait()
            return PowerAnswer(True, 204, "", "ForceOff")

        rack.trays[join_place(RACK, "u11")].switch_power = hang  # type: ignore[method-assign]
        waiting = []
        for _ in range(4):
            waiting.append(asyncio.ensure_future(rack.striker.carry(rack.order("u11"))))
            await asyncio.sleep(1)
        assert len(rack.switch("u11").asked) == 2
        hung.set()
        came = await asyncio.gather(*waiting)
        ends = sorted(c.words for c in came)
        assert ends == ["accepted", "accepted", "asked, and no answer yet", "asked, and no answer yet"]
        assert [len(c.fates) for c in came] == [1, 1, 0, 0], "nobody knows what came of it"
        await asyncio.sleep(12)
        assert (await rack.striker.carry(rack.order("u11"))).words == "accepted"

    run_virtually(story())


def test_a_strike_takes_the_lease_from_whoever_holds_it(rack: Rack) -> None:
    async def story() -> None:
        endpoint = join_place(RACK, "u11", "bmc")
        flash = rack.leases.take(Wish(endpoint, Facet.FIRMWARE, LeaseClass.FIRMWARE, "op-1", Direction.NEUTRAL))
        assert (await rack.striker.carry(rack.order("u11"))).words == "accepted"
        with pytest.raises(PreconditionFailed):
            rack.leases.check(flash)

    run_virtually(story())


def test_one_that_fails_keeps_none_of_the_others(rack: Rack) -> None:
    async def story() -> None:
        rack.switch("u12").says = [EndpointUnreachable(join_place(RACK, "u12", "bmc"), "switch_power", "no route")]
        rack.switch("u13").says = [EndpointRefused(join_place(RACK, "u13", "bmc"), "switch_power", "busy", status=409)]
        said, fates = await rack.striker.carry(rack.order("u11", "u12", "u13", "u14"))
        assert said.startswith("2× accepted")
        assert "u12: " in said
        assert "u13: " in said
        assert [str(fate) for fate, _ in fates.values()] == ["taken", "failed", "failed", "taken"]
        assert "no route" in fates[rack.order("u12").targets[0]][1]
        assert sorted(rack.states()) == sorted(
            [EffectState.ANSWERED, EffectState.UNSENT, EffectState.REFUSED, EffectState.ANSWERED]
        )

    run_virtually(story())


def test_when_nobody_takes_it_the_order_failed(rack: Rack) -> None:
    async def story() -> None:
        rack.switch("u11").says = [EndpointUnreachable(join_place(RACK, "u11", "bmc"), "switch_power", "no route")]
        with pytest.raises(EndpointUnreachable):
            await rack.striker.carry(rack.order("u11"))
        with pytest.raises(TargetUnknown):
            await rack.striker.carry(rack.order("u40"))

    run_virtually(story())


def test_an_ended_session_is_renewed_and_asked_again_a_wrong_password_is_not(rack: Rack) -> None:
    async def story() -> None:
        endpoint = join_place(RACK, "u11", "bmc")
        rack.switch("u11").says = [LoginRefused(endpoint, "switch_power", "session over", status=401)]
        assert (await rack.striker.carry(rack.order("u11"))).words == "accepted"
        rack.switch("u12").says = [LoginRefused(endpoint, "switch_power", "no right", status=403)]
        with pytest.raises(LoginRefused):
            await rack.striker.carry(rack.order("u12"))
        assert len(rack.switch("u12").asked) == 1

    run_virtually(story())


def test_a_lost_answer_is_no_reason_to_hold_off_is_asked_for_again(rack: Rack) -> None:
    async def story() -> None:
        rack.switch("u11").says = [OutcomeUnknown(join_place(RACK, "u11", "bmc"), "switch_power", "no answer")]
        with pytest.raises(OutcomeUnknown):
            await rack.striker.carry(rack.order("u11"))
        assert (await rack.striker.carry(rack.order("u11"))).words == "accepted"
        assert rack.ledger.unresolved()[0].state is EffectState.ANSWERED
        assert len(rack.ledger.unresolved()) == 1

    run_virtually(story())


def test_a_full_disk_stops_no_strike(rack: Rack, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        def full(*_: object) -> list[int]:
            raise EnvironmentUnfit("the journal cannot be written: disk full")

        monkeypatch.setattr(rack.journal, "transact", full)
        assert (await rack.striker.carry(rack.order("u11"))).words == "accepted"
        assert rack.switch("u11").asked == [PowerAction.FORCE_OFF]

    run_virtually(story())


def test_a_fenced_controller_strikes_nothing(rack: Rack) -> None:
    async def story() -> None:
        other = Journal(rack.path)
        assert Ledger(other, RACK).epoch > rack.ledger.epoch
        other.close()
        with pytest.raises(PreconditionFailed):
            await rack.striker.carry(rack.order("u11"))
        assert rack.switch("u11").asked == []

    run_virtually(story())


def test_what_a_predecessor_left_open_is_closed(rack: Rack) -> None:
    async def story() -> None:
        await rack.striker.carry(rack.order("u11"))
        successor = Striker(Sheet(Ledger(rack.journal, RACK)), rack.leases, rack.striker.switch_of, rack.clock)
        successor.settle_old()
        assert rack.ledger.unresolved() == []

    run_virtually(story())


def test_a_strike_that_was_taken_by_a_tray_that_falls_silent_ends_after_a_while(rack: Rack) -> None:
    async def story() -> None:
        await rack.striker.carry(rack.order("u11"))
        silent = Picture(RACK, Seconds(0.0), (TraySight(join_place(RACK, "u11"), TrayKind.COMPUTE, 11, off=None),))
        await asyncio.sleep(OFF_TAKES + SEEN_WITHIN - 1)
        rack.striker.see(silent)
        assert rack.states() == [EffectState.ANSWERED]
        await asyncio.sleep(2)
        rack.striker.see(silent)
        assert rack.states() == [EffectState.UNSEEN]

    run_virtually(story())


def test_auxiliary_power_ends_with_its_answer_nobody_is_there_to_be_seen(rack: Rack) -> None:
    async def story() -> None:
        await rack.striker.carry(rack.order("u11", act=Act.AUX_OFF))
        assert rack.ledger.unresolved() == []

    run_virtually(story())


def test_racks_that_share_a_journal_do_not_keep_each_other_from_striking(rack: Rack) -> None:
    """Epochs and numbers begin at the same count in every rack: a key without the rack names two effects."""

    async def story() -> None:
        other = Place("lab1/a/r01/k02")
        switch = Switch(Ledger(rack.journal, other))
        theirs = Striker(
            Sheet(switch.ledger), LeaseBook(rack.clock), lambda t: (join_place(t, "bmc"), switch), rack.clock
        )
        await rack.striker.carry(rack.order("u11"))
        struck = Order(Act.FORCE_OFF, "leak.critical", join_place(other, "u11"), (join_place(other, "u11"),), "wet")
        assert (await theirs.carry(struck)).words == "accepted"
        assert len(rack.ledger.unresolved()) == len(switch.ledger.unresolved()) == 1

    run_virtually(story())


def test_a_bug_at_one_tray_costs_that_tray(rack: Rack, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        rack.switch("u12").says = [ZeroDivisionError()]
        said = (await rack.striker.carry(rack.order("u11", "u12", "u13"))).words
        assert said == "2× accepted, u12: the controller failed (ZeroDivisionError)"
        assert not rack.leases.held()

    run_virtually(story())
    assert "strike of" in caplog.text


def test_strikes_of_a_tray_that_never_answers_do_not_fill_the_disk(rack: Rack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strike_book, "STRIKES_KEPT", 10)
    monkeypatch.setattr(strike_book, "TIDY_EVERY", 5)

    async def story() -> None:
        rack.switch("u12").says = [None]
        await rack.striker.carry(rack.order("u12"))
        rack.switch("u11").says = [EndpointUnreachable(RACK, "switch_power", "no route") for _ in range(40)]
        for _ in range(40):
            with pytest.raises(EndpointUnreachable):
                await rack.striker.carry(rack.order("u11"))

    run_virtually(story())
    kept = rack.states()
    assert kept[0] is EffectState.ANSWERED, "what is open is never forgotten"
    assert len(kept) <= 1 + 10 + 5


def test_a_controller_that_starts_on_a_full_disk_protects_its_rack(rack: Rack, monkeypatch: pytest.MonkeyPatch) -> None:
    run_virtually(_strike_once(rack))

    def refuse(_statements: object) -> list[int]:
        raise EnvironmentUnfit("the journal refused a write: disk is full")

    monkeypatch.setattr(rack.journal, "transact", refuse)
    rack.striker.settle_old()
    assert rack.states() == [EffectState.ANSWERED]


def test_a_strike_is_no_attempt_to_energise(rack: Rack) -> None:
    """Whoever asks a latch is counted on it, in the journal, before the request goes out."""
    asked: list[Place] = []

    class Latched:
        def forbids(self, place: Place) -> str:
            asked.append(place)
            return "wet"

        def unsure(self, _place: Place) -> str:
            return ""

        def keeps_off(self, _place: Place) -> str:
            return "wet"

    rack.leases.latches = Latched()
    run_virtually(_strike_once(rack))
    assert not asked


def test_a_controller_that_never_answers_keeps_no_other_tray_waiting(rack: Rack) -> None:
    async def story() -> None:
        silent = asyncio.Event()
        rack.switch("u11").hangs = silent
        under_way = asyncio.create_task(rack.striker.carry(rack.order("u11", "u12", "u13")))
        await asyncio.sleep(1.0)
        assert [rack.switch(u).asked for u in ("u11", "u12", "u13")] == [[PowerAction.FORCE_OFF]] * 3
        rack.striker.see(seen_off())
        assert rack.states().count(EffectState.ANSWERED) == 2, "written down by the next tick"
        rack.switch("u11").says = [OutcomeUnknown("u11/bmc", "POST", "sent, and no reply in time")]
        silent.set()
        assert (await under_way).words == "2× accepted, u11: u11/bmc: POST: sent, and no reply in time"

    run_virtually(story())


async def _strike_once(rack: Rack) -> None:
    assert (await rack.striker.carry(rack.order("u11"))).words == "accepted"


def test_a_request_toward_power_that_may_come_after_a_strike_is_struck_again(rack: Rack) -> None:
    async def story() -> None:
        tray = join_place(RACK, "u11")
        assert (await rack.striker.carry(rack.order("u11"))).words == "accepted"
        assert (await rack.striker.carry(rack.order("u11"))).words == "on its way"
        with rack.leases.energising(tray):
            assert (await rack.striker.carry(rack.order("u11"))).words == "accepted"
        assert rack.leases.starting() == {tray}, "it may come on a while after the answer"
        await rack.clock.sleep_until(Seconds(rack.clock.now() + 21))
        assert not rack.leases.starting()

    run_virtually(story())


def test_what_a_predecessor_asked_to_go_on_may_still_come_on(rack: Rack) -> None:
    async def story() -> None:
        endpoint = join_place(RACK, "u11", "bmc")
        before = Before(power="off")
        rack.ledger.intend("k01-1:u11:0", "k01-1", endpoint, Facet.POWER_STATE, PowerAction.ON, before, 0)
        rack.striker.settle_old()
        assert rack.leases.starting() == {join_place(RACK, "u11")}

    run_virtually(story())


def shelves_off(*units: str) -> Picture:
    return Picture(RACK, Seconds(0.0), (), shelves_off=frozenset(join_place(RACK, u) for u in units))


def test_shelves_are_struck_by_their_outputs_with_their_intents_written(rack: Rack) -> None:
    async def story() -> None:
        order = rack.order("u06", "u07", "u11", act=Act.SHELF_OUTPUT_OFF)
        came = await rack.striker.carry(order)
        assert came.words == "2× accepted, u11: lab1/a/r01/k01/u11 has no output"
        assert rack.switch("u11").asked == [], "what switches trays never meets a shelf, nor the other way round"
        struck = list(rack.shelves.values())
        assert [s.asked for s in struck] == [[PowerAction.FORCE_OFF]] * 2
        assert struck[0].known == [2], "both intents stood when the first was asked"
        assert (await rack.striker.carry(rack.order("u06", act=Act.SHELF_OUTPUT_OFF))).words == "on its way"
        rack.striker.see(shelves_off("u06", "u07"))
        assert rack.states() == [EffectState.OBSERVED] * 2

    run_virtually(story())


def test_a_strike_of_shelves_that_its_controller_did_not_live_to_see_is_closed_and_struck_anew(rack: Rack) -> None:
    async def story() -> None:
        shelf = rack.shelves[join_place(RACK, "u06")]
        shelf.hangs = asyncio.Event()  # asked, and dead before it was answered
        lost = asyncio.create_task(rack.striker.carry(rack.order("u06", act=Act.SHELF_OUTPUT_OFF)))
        await asyncio.sleep(0.1)
        lost.cancel()
        other, shelf.hangs = Journal(rack.path), None
        ledger = Ledger(other, RACK)
        after = Striker(Sheet(ledger), LeaseBook(rack.clock), rack._switch_of, rack.clock, rack._output_of)
        after.settle_old()
        assert [e.state for e in ledger.effects_of(OPERATION)] == [EffectState.UNSEEN]
        assert (await after.carry(rack.order("u06", act=Act.SHELF_OUTPUT_OFF))).words == "accepted"
        after.see(shelves_off("u06"))
        assert [e.state for e in ledger.effects_of(OPERATION)].count(EffectState.OBSERVED) == 1
        with pytest.raises(PreconditionFailed):  # whoever was succeeded strikes no shelf any more
            await rack.striker.carry(rack.order("u07", act=Act.SHELF_OUTPUT_OFF))
        assert rack.shelves[join_place(RACK, "u07")].asked == []
        other.close()

    run_virtually(story())


def job_first(rack: Rack) -> Order:
    """Return an order of a leak in u12 whose water falls on the switch trays u13 and u14."""
    below = frozenset(join_place(RACK, u) for u in ("u13", "u14"))
    return replace(rack.order("u12", "u13", "u14"), job_first=below, job_first_s=0.3)


@pytest.mark.parametrize(("told_after", "struck_after"), [(0.05, 0.05), (None, 0.3), (9.0, 0.3)])
def test_a_switch_tray_below_waits_until_the_job_was_told_and_never_longer(
    rack: Rack, told_after: float | None, struck_after: float
) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        telling: asyncio.Future[object] = loop.create_future()
        if told_after is not None:
            loop.call_later(told_after, telling.set_result, None)
        rack.striker.told = lambda _order: telling
        striking = asyncio.ensure_future(rack.striker.carry(job_first(rack)))
        await asyncio.sleep(0.001)
        assert [rack.switch(u).asked for u in ("u12", "u13")] == [[PowerAction.FORCE_OFF], []], "the leaking tray goes"
        assert len(rack.ledger.unresolved()) == 3, "all intents stand"
        await asyncio.sleep(struck_after - 0.002)
        assert rack.switch("u13").asked == []
        await asyncio.sleep(0.003)
        assert [rack.switch(u).asked for u in ("u13", "u14")] == [[PowerAction.FORCE_OFF]] * 2
        assert (await striking).words == "3× accepted"
        telling.cancel()

    run_virtually(story())


def test_nobody_is_waited_for_where_nobody_hears_and_what_wants_it_off_besides_waits_for_no_job(rack: Rack) -> None:
    async def story() -> None:
        await rack.striker.carry(job_first(rack))
        assert rack.switch("u13").asked == [PowerAction.FORCE_OFF]
        await asyncio.sleep(12)
        telling: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        rack.striker.told = lambda _order: telling
        waiting = asyncio.ensure_future(rack.striker.carry(job_first(rack)))
        await asyncio.sleep(0.001)
        assert len(rack.switch("u13").asked) == 1
        await rack.striker.carry(rack.order("u13"))  # two trays leak: the whole rack goes off
        await asyncio.sleep(0.001)
        assert (len(rack.switch("u13").asked), len(rack.switch("u14").asked)) == (2, 1)
        await waiting
        assert len(rack.switch("u13").asked) == 2, "asked once for both causes"
        telling.cancel()

    run_virtually(story())
