"""How long a run takes at the least is what it takes where nothing goes wrong: never more, and not much less."""

from dataclasses import dataclass

from support.scripted_rack import ROUND_S, ScriptedRack, SlowRack, parts

from firmware_bridge.generations.load import load_generation
from firmware_bridge.wire.located_yaml import parse
from rack_controller.acceptance.called import Names
from rack_controller.acceptance.drive import planned_seconds
from rack_controller.acceptance.engine import run_step
from rack_controller.acceptance.heard import LEAST_PATIENCE_S
from rack_controller.acceptance.least_time import least_times, rounds_of
from rack_controller.acceptance.live import Read
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.acceptance.preview import Told, preview, preview_together
from rack_controller.decide.plan_shelf import APART_S, SETTLE_S
from rack_controller.prove.accept.plan import Level, Plan, plan_of
from rack_controller.prove.accept.verdict import Outcome

SUPPLIES = ("u06/psu0", "u06/psu1")
PLAN = """
schema_version: 1
name: pulls
title: Supplies on a slow line
steps:
  - id: psus
    title: Supplies can go
    level: L11
    phases: [{name: pulled, each: psu, places: [u06/psu0, u06/psu1], do: pull, settle_s: 1, for_s: 3, every_s: 1}]
    measures: [{id: gone, title: Gone, of: psu.power, rule: responds, phase: pulled, within: -1000, source: a test}]
"""
GENERATION = load_generation("gb200-nvl72")
ASKED_AGAIN_S = 5.0
"""How often the scripted product is asked again for what comes too soon."""


@dataclass
class BusRack(SlowRack):
    """Switches its bus as the product does: seen to be off or on for a while, and not before the last one was."""

    free_at: float = 0.0

    def operate(self, do: str, target: str, *, again_s: float = 0.0, **more: object) -> None:
        while self.now < self.free_at:
            self.sleep(ASKED_AGAIN_S)
        super().operate(do, target, again_s=again_s)
        self.sleep(SETTLE_S)
        self.free_at = self.now + APART_S


def plan() -> Plan:
    return plan_of(parse(PLAN, "plan.yaml"))


def took(rack: ScriptedRack) -> float:
    chosen, rig = plan(), rack.rig()
    (record,) = run_step(chosen.steps[0], chosen, rig, rig.parts, [[]], retest=False)
    assert record.outcome is Outcome.PASS
    return record.took_s


def test_a_run_takes_at_least_what_it_is_told_to_and_not_much_more() -> None:
    chosen, names = plan(), Names(parts())
    rack = BusRack()
    rack.sleep(5 * ROUND_S)
    rounds = rounds_of(rack.readings(), GENERATION, names)
    assert 0.0 < rounds["psu.power"] <= ROUND_S
    (least, apart, heard) = least_times(chosen, chosen.steps, parts(), rounds, SUPPLIES)["psus"]
    real = took(BusRack())
    switchings = 2 * len(SUPPLIES)
    assert least <= real <= least + switchings * (ASKED_AGAIN_S + ROUND_S)
    assert least > (switchings - 1) * APART_S + switchings * SETTLE_S
    assert heard > 0.0
    assert apart + heard <= least


def test_what_people_pull_keeps_nothing_apart() -> None:
    chosen = plan()
    by_hand = least_times(chosen, chosen.steps, parts(), {}, ())["psus"]
    assert (by_hand[0] < APART_S, by_hand[1]) == (True, 0.0)
    assert by_hand[0] <= took(ScriptedRack())


def test_switchings_keep_apart_across_steps_too() -> None:
    whole, _ = read_plan(plan_path("gb200-nvl72"))
    steps = [s for s in whole.steps if s.id in {"psu_each", "shelf_each"}]
    design = parts()
    times = least_times(whole, steps, design, {}, {*design.of("psu"), *design.of("shelf")})
    pulled = {"psu_each": len(design.of("psu")), "shelf_each": len(design.of("shelf"))}
    switchings = 2 * sum(pulled.values())
    assert sum(t[0] for t in times.values()) > (switchings - 1) * (APART_S + SETTLE_S)
    for step in steps:
        assert times[step.id][0] > planned_seconds(step, design)
        assert sum(times[step.id][1:]) < times[step.id][0]


def test_a_round_is_a_period_or_how_old_something_is_and_never_longer_than_it_is_waited_for() -> None:
    reads = [
        Read("u06/psu0", "power", 2400.0, "W", 0.4, "power"),
        Read("u06/psu1", "power", 2400.0, "W", 7.5, "power"),
        Read("u06/psu2", "power", None, "W", 900.0, "power"),
        Read("u11/gpu0", "temperature", 40.0, "°C", 2.0, "slow"),
        Read("u11/gpu1", "power", 90.0, "W", 4_000.0, "power"),
        Read("u11/gpu0", "rows_remapped", 0.0, "1", 100.0, "static"),
    ]
    rounds = rounds_of(reads, GENERATION, Names(parts()))
    assert rounds == {"psu.power": 7.5, "gpu.temperature": 10.0, "gpu.power": LEAST_PATIENCE_S}


def test_a_preview_counts_what_a_rack_that_runs_waits_for_and_of_several_the_slowest() -> None:
    reads = [Read(p, "power", 2400.0, "W", 3.0, "power") for p in parts().of("psu")]
    bare = preview("gb200-nvl72", "L11")
    switched = parts().of("psu")
    live = preview("gb200-nvl72", "L11", None, reads, switched=switched)
    before, after = ({s.id: s for s in found.steps} for found in (bare, live))
    assert {(s.apart_s, s.heard_s) for s in bare.steps} == {(0.0, 0.0)}
    assert all(after[name].seconds >= step.seconds for name, step in before.items())
    assert after["psu_each"].apart_s > 48 * APART_S
    assert (after["shelf_each"].apart_s, after["shelf_each"].heard_s > 0.0) == (0.0, True)
    assert live.seconds == sum(s.seconds for s in live.steps) > bare.seconds
    slow = [*reads, *(Read(p, "power", 9e3, "W", 25.0, "power") for p in parts().of("feedphase"))]
    both = preview_together("gb200-nvl72", {"k01": Told(reads), "k02": Told(slow)})
    alone = preview_together("gb200-nvl72", {"k01": Told(reads)})
    assert both.level == Level.L12
    assert both.seconds > alone.seconds


def test_a_plan_that_goes_on_for_weeks_is_told_by_its_phases_without_being_driven() -> None:
    week = 7 * 86_400
    long = plan_of(parse(PLAN.replace("places: [u06/psu0, u06/psu1], ", "").replace("for_s: 3", f"for_s: {week}"), "p"))
    (step,) = long.steps
    driven = least_times(long, long.steps, parts(), {}, SUPPLIES)[step.id]
    assert driven == (planned_seconds(step, parts()), 0.0, 0.0)
    assert driven[0] > week * len(parts().of("psu"))
    (short,) = plan().steps
    after = least_times(long, [step, short], parts(), {}, SUPPLIES, looks=0)[short.id]
    assert after == (planned_seconds(short, parts()), 0.0, 0.0)
