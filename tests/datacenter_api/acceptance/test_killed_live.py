"""A live run that is killed at any of its moments: after it is gone on with its rack is at rest and its verdict honest.

The rack, its product and its people are scripted and outlive the run's process; every call of theirs, every second that
passes and every write is a moment at which the process may die, before it or just after it was done.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.crashes import Death, Killed, dies_writing
from support.scripted_rack import parts
from support.together import SupplyRack

from datacenter_api.acceptance.desk import AcceptanceDesk
from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from firmware_bridge.wire.located_yaml import parse
from rack_controller.acceptance import live_run, runner
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.ending import facts_of
from rack_controller.acceptance.floor import read_checks
from rack_controller.acceptance.live import Read
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.run import FOLDER, RunFolder
from rack_controller.acceptance.runner import go_on_with
from rack_controller.acceptance.undo import UndoBook
from rack_controller.prove.accept.floor import Checks
from rack_controller.prove.accept.plan import Plan, plan_of
from rack_controller.prove.accept.verdict import Outcome

RACK = "lab1/a/r01/k01"
BY_HAND = "u06/psu1"
PLAN = f"""
schema_version: 1
name: killed
title: A supply by the product, one by hand, limits and a drill
steps:
  - id: pulls
    title: Supplies go
    level: L11
    retest: 0
    phases: [{{name: pulled, each: psu, places: [u06/psu0, {BY_HAND}], do: pull, for_s: 2, every_s: 1}}]
    measures: [{{id: gone, title: Gone, of: psu.power, rule: responds, phase: pulled, within: -1000, source: a test}}]
  - id: capped
    title: Limits hold
    level: L11
    retest: 0
    phases: [{{name: capped, cap: 0.6, for_s: 2, every_s: 1}}]
    measures: [{{id: holds, title: It holds, of: psu.power, rule: range, phase: capped, least: 2000, source: a test}}]
  - id: drill
    title: A leak would switch its tray off
    level: L11
    retest: 0
    phases: [{{name: drill, each: tray, places: [u15], do: drill, for_s: 1, every_s: 1}}]
    measures: [{{id: goes, title: It goes, of: isolates, rule: fact, wanted: [true], source: a test}}]
"""


@dataclass
class World(SupplyRack):
    """A rack with its product and its people.  `went`, `came`: supplies that went off and on, in the order of it.

    `deaf`: nothing is read of the supply that goes by hand, until the product switches something.
    """

    went: list[str] = field(default_factory=list)
    came: list[str] = field(default_factory=list)
    capped: bool = False
    deaf: bool = False
    began_unix_ns: int = 0
    asks: Callable[[str], None] = lambda text: None

    def readings(self) -> list[Read]:
        return [replace(r, value=None) if self.deaf and r.place == BY_HAND else r for r in super().readings()]

    def operate(self, do: str, target: str, *, again_s: float = 0.0, **more: Any) -> None:
        self.deaf = False
        if target == BY_HAND:
            raise ArgumentsInvalid("its shelf offers no way to do that to a single supply")
        self.switch(target, on=do.endswith("on"))

    def switch(self, place: str, *, on: bool) -> None:
        """Switch a supply, by whomever; one that is so already stays so."""
        if on == (place in self.off):
            (self.came if on else self.went).append(place)
            (self.off.discard if on else self.off.add)(place)

    def command(self, verb: str, target: str, **arguments: Any) -> dict[str, Any]:
        if verb == "limit":
            self.capped = not arguments.get("clear", False)
        return super().command(verb, target, **arguments)

    def ask(self, text: str) -> None:
        """People do what they are asked, unless nobody is there."""
        self.asked.append(text)
        if self.obeys and (found := re.search(r"u\d+/psu\d+", text)):
            self.switch(found.group(), on=text.startswith("put"))
        self.asks(text)

    @property
    def clock(self) -> Any:
        """A clock that goes on as this world's people and racks do."""
        return SimpleNamespace(sleep=self.sleep, time_ns=lambda: self.began_unix_ns + int(self.now * 1e9))


def lives(monkeypatch: pytest.MonkeyPatch, world: World, death: Death) -> None:
    """Have live runs on a world, with a process that dies."""
    one = parts()
    for name in ("readings", "facts", "built", "armed", "rehearse", "operate", "command", "ask", "sleep"):
        guarded = death.guarded(name, getattr(type(world), name), after=name in {"operate", "command", "ask"})
        monkeypatch.setattr(world, name, guarded.__get__(world))
    monkeypatch.setattr("support.scripted_rack.parts", lambda: one)
    monkeypatch.setattr("support.together.parts", lambda: one)
    monkeypatch.setattr(live_run, "ProductOverApi", lambda *given, **named: world)
    monkeypatch.setattr(live_run, "design_of_run", lambda record, state: None)
    monkeypatch.setattr(live_run, "gone_on_with", lambda record, *_: record)
    monkeypatch.setattr(live_run, "live_parts", lambda generation: one)
    monkeypatch.setattr(live_run, "recorded_load", lambda path: None)
    monkeypatch.setattr(live_run, "kept_plan", lambda folder, record: read_once())
    monkeypatch.setattr(live_run, "read_checks", checks_once)
    monkeypatch.setattr(live_run, "time", world.clock)
    monkeypatch.setattr(runner, "token_of", lambda folder: "")
    monkeypatch.setattr(runner.Api, "of", lambda state, token: None)
    resume = runner.resume_live
    monkeypatch.setattr(runner, "resume_live", lambda *given: resume(*given, ask=lambda text: world.ask(text)))
    monkeypatch.setattr("datacenter_api.acceptance.desk.time", world.clock)
    monkeypatch.setattr("datacenter_api.acceptance.desk.suspects_of", lambda record, design: [])
    dies_writing(monkeypatch, death)


@cache
def read_once() -> Plan:
    return plan_of(parse(PLAN, "plan.yaml"))


@cache
def checks_once() -> Checks:
    return read_checks()


def begun(state: Path) -> RunFolder:
    return begin(Wish("gb200-nvl72", "L11", rack=RACK, plan_text=PLAN, patience_s=60.0), state, "test", "ada")


def goes(state: Path, world: World, death: Death) -> RunRecord | None:
    """Go on with the one run of a state directory; None where its process died."""
    (folder,) = (p.parent for p in (state / FOLDER).glob("*/run.json"))
    world.began_unix_ns = RunFolder(folder).read().began_unix_ns
    with pytest.MonkeyPatch.context() as patch:
        lives(patch, world, death)
        try:
            return go_on_with(state, folder.name)
        except Killed:
            return None


@pytest.mark.timeout(240)
def test_whenever_a_live_run_is_killed_its_rack_comes_to_rest_and_its_verdict_is_honest(tmp_path: Path) -> None:
    folder = begun(tmp_path / "begun")
    run, whole, calm = folder.path.name, Death(), World(name=RACK)
    shutil.copytree(tmp_path / "begun", tmp_path / "whole")
    wanted = goes(tmp_path / "whole", calm, whole)
    assert wanted is not None
    assert wanted.outcome is Outcome.PASS
    assert (calm.went, calm.came) == (["u06/psu0", BY_HAND], ["u06/psu0", BY_HAND])
    assert {"operate, done", "ask, done", "rehearse", "rename to undo.json"} <= set(whole.seen)
    said = facts_of(tmp_path / "whole" / FOLDER / run)
    assert said["u15"] == {"isolates": True}
    cuts = set[tuple[int, ...]]()
    for at, moment in enumerate(whole.seen, 1):
        state, world = tmp_path / f"s{at}", World(name=RACK)
        shutil.copytree(tmp_path / "begun", state)
        death = Death(at)
        assert goes(state, world, death) is None
        asked_before = len(world.asked)
        owed, off = UndoBook(state / FOLDER / run).owed(), set(world.off)
        assert off <= {act.place for act in owed}, f"{moment}: what is off is known to be off"
        assert not world.capped or Act("uncap") in owed
        record = goes(state, world, Death())
        assert record is not None
        cuts.add(tuple(s.cut for s in record.steps))
        assert (world.off, world.capped) == (set(), False), moment
        assert sorted(world.came) == sorted(world.went), f"{moment}: what went came back, each time once"
        asked = [text for text in world.asked[asked_before:] if text.startswith("put")]
        assert BY_HAND not in off or asked[0] == f"put {BY_HAND} back, or switch it on"
        assert UndoBook(state / FOLDER / run).owed() == []
        assert (record.outcome, [s.outcome for s in record.steps]) == (wanted.outcome, [Outcome.PASS] * 3), moment
        assert AcceptanceDesk(state).verify(run).holds
        assert facts_of(state / FOLDER / run) == said, f"{moment}: what the rack said before the cut is known after it"
        shutil.rmtree(state)
    assert cuts == {(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)}, "a step that was cut says so"


def killed_with_a_supply_out(state: Path) -> tuple[RunFolder, World]:
    """Return a run that was killed after people had pulled a supply, and nobody is there to put it back."""
    folder, death, world = begun(state), Death(), World(name=RACK)
    world.asks = lambda text: death.moment("killed") if text.startswith("pull") else None
    whole = Death()
    shutil.copytree(state, state.with_name("whole"))
    goes(state.with_name("whole"), World(name=RACK), whole)
    death.at = whole.seen.index("ask, done") + 1
    assert goes(state, world, death) is None
    assert world.off == {BY_HAND}
    world.obeys, world.asks = False, lambda text: None
    return folder, world


def test_what_only_people_can_put_back_is_asked_and_said_to_be_done_at_the_next_go_as_in_a_step(tmp_path: Path) -> None:
    folder, world = killed_with_a_supply_out(tmp_path / "state")
    desk, run = AcceptanceDesk(tmp_path / "state"), folder.path.name
    seen: list[tuple[str, str, str]] = []

    def answers(text: str) -> None:
        view = desk.show(run)
        assert view.running
        assert view.now is not None
        seen.append((view.now.step, view.now.asks, view.now.phase))
        world.switch(BY_HAND, on=text.startswith("put"))
        desk.take(run, "tom", view.now.step, done=True)

    world.asks = answers
    world.deaf = True
    record = goes(tmp_path / "state", world, Death())
    assert seen[0] == ("pulls", f"put {BY_HAND} back, or switch it on", "")
    assert record is not None
    assert record.outcome is Outcome.PASS
    assert record.steps[0].said == "begun anew once, as the run was cut in it"


def test_a_run_that_is_told_to_end_ends_though_nobody_puts_back_what_it_left(tmp_path: Path) -> None:
    folder, world = killed_with_a_supply_out(tmp_path / "state")
    desk, run = AcceptanceDesk(tmp_path / "state"), folder.path.name
    assert goes(tmp_path / "state", world, Death(1)) is None
    desk.stop(run, "ada", "lunch")
    record = goes(tmp_path / "state", world, Death())
    assert record is not None
    assert record.outcome is Outcome.STOPPED
    assert record.why.startswith("stopped by ada: lunch; the rack is not back at rest: ")
    assert BY_HAND in record.why
    assert UndoBook(folder.path).owed() == [Act("restore", BY_HAND)]
    assert desk.verify(run).holds
