"""The controller dies at a point, twice in a row too: nothing is done twice, nothing is lost (a sample)."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from support.fake_power import FakeTray, Fate
from support.kill_story import KINDS, RACK, U11, U12, VERBS, Kind, controller, every_death, live, lost, repeated
from support.kill_weather import Weather
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.vocabulary.power import PowerAction, PowerState
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.resolve import Resolution, Verdict
from rack_controller.model.effect import Effect, EffectState
from rack_controller.model.operation import Operation, OperationState, Verb
from rack_controller.run.journal import Journal
from rack_controller.run.operate import worker

GOLDEN = Path(__file__).parents[3] / "golden" / "operation_v1.json"

NAMES = "on plain", "on answer_lost", "deaf off plain", "restart lost", "push lost", "limited lost", "looked plain"
SAMPLE = [k for k in KINDS if k.name in NAMES]


def test_every_verb_is_killed_somewhere() -> None:
    assert {VERBS[kind.goals] for kind in KINDS} == set(Verb)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
def test_without_a_death_every_kind_ends_as_it_must(kind: Kind) -> None:
    life = live(kind, ())
    assert repeated(life, kind) == lost(life, kind) == 0
    blind = not kind.tells_starts or kind.deaf_to_grace or "off" in kind.goals or kind.forgets
    if Fate.REFUSED in kind.fates and not kind.sets:  # a limit that is refused for now (409) is asked for again
        assert life.operation.state is OperationState.FAILED, life.operation.summary
        return
    assert life.operation.state is OperationState.DONE or (life.held and blind), life.operation.summary


@pytest.mark.parametrize("kind", SAMPLE, ids=lambda k: k.name)
def test_a_death_anywhere_repeats_and_loses_nothing(kind: Kind) -> None:
    deaths = list(every_death(kind, twice=False))
    assert len(deaths) >= (10 if kind.sets else 20)
    for at in deaths[::3]:
        life = live(kind, at)
        assert life.deaths == 1
        assert (repeated(life, kind), lost(life, kind)) == (0, 0), (at, life.operation.summary)


@pytest.mark.parametrize("at", [(5, 4), (7, 7), (9, 2), (11, 5), (12, 12)])
def test_two_deaths_in_a_row(at: tuple[int, int]) -> None:
    kind = SAMPLE[0]
    life = live(kind, at)
    assert (life.deaths, repeated(life, kind), lost(life, kind)) == (2, 0, 0), life.operation.summary


@pytest.mark.parametrize("jumps_s", [-3600.0, 3600.0])
def test_a_wall_clock_that_jumps_changes_nothing(jumps_s: float) -> None:
    kind = next(k for k in KINDS if k.name == "on lost")
    for at in (8, 14, 20):
        life = live(kind, (at,), Weather(jumps_s))
        assert life.operation.state is OperationState.DONE, life.operation.summary
        assert (life.deaths, repeated(life, kind), lost(life, kind)) == (1, 0, 0)


def test_a_newer_controller_finishes_an_older_plan(tmp_path: Path) -> None:
    """The golden file is an operation as a controller of this version left it; it must be finished for ever."""
    left = json.loads(GOLDEN.read_text())
    left["plan"]["said_by_a_later_version"] = {"unknown": True}
    ended: list[tuple[Operation, list[FakeTray]]] = []

    async def story() -> None:
        clock = VirtualClock()
        trays = {place: FakeTray(place, clock, PowerState.OFF) for place in (U11, U12)}
        trays[U11].state = PowerState.ON  # it was seen on, and settles
        journal = Journal(tmp_path / "journal.db")
        row = ("k07-1", RACK, 1, 1, json.dumps(left))
        journal.transact([("INSERT INTO operation VALUES (?, ?, ?, ?, ?)", row)])
        operations = controller(journal, trays, clock)
        running = asyncio.create_task(operations.run())
        while not operations.find("k07-1").over:
            await clock.sleep_until(Seconds(clock.now() + 1.0))
        running.cancel()
        await asyncio.wait([running])
        ended.append((operations.find("k07-1"), list(trays.values())))
        journal.close()

    run_virtually(story())
    ((operation, (first, second)),) = ended
    assert (operation.state, operation.summary) == (OperationState.DONE, "2 of 2")
    assert (first.acted, second.acted) == ([], [PowerAction.ON])


def test_the_document_of_an_operation_is_the_agreed_one() -> None:
    """If this fails, revert your change, not the file; what is added has a default."""
    operation = msgspec.json.decode(GOLDEN.read_bytes(), type=Operation)
    assert set(json.loads(GOLDEN.read_text())) <= set(msgspec.to_builtins(operation))


def blind_replay(effect: Effect, sight: object, *_times: object) -> Resolution:
    answered = effect.state is EffectState.ANSWERED
    return Resolution(Verdict.OBSERVED if answered else Verdict.REPEAT, "a bug on purpose")


def blind_trust(*_seen: object) -> Resolution:
    return Resolution(Verdict.OBSERVED, "a bug on purpose")


def test_the_kit_catches_a_worker_that_replays_and_one_that_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {k.name: k for k in KINDS}
    monkeypatch.setattr(worker, "resolve", blind_replay)
    assert sum(repeated(live(kinds["restart answer_lost"], at), kinds["restart answer_lost"]) for at in [(), (9,)]) > 0
    monkeypatch.setattr(worker, "resolve", blind_trust)
    assert lost(live(kinds["on lost"], ()), kinds["on lost"]) > 0
