"""Every design that ships with a plan: a healthy rack passes all its levels, and faults of every kind are named."""

import msgspec
import numpy as np
import pytest

from firmware_bridge.generations.load import generation_folders, load_generation
from firmware_bridge.plant.design import design_of
from rack_controller.acceptance.engine import outcome_of
from rack_controller.acceptance.plans import FILE, plan_path, read_plan
from rack_controller.acceptance.virtual.batch import accept_virtually, missed, planted_for
from rack_controller.acceptance.virtual.recipe import Planted, read_planted, read_recipe
from rack_controller.prove.accept.evidence import Evidence, Phase, Series
from rack_controller.prove.accept.judge import judge_step
from rack_controller.prove.accept.parts import parts_of
from rack_controller.prove.accept.plan import Level
from rack_controller.prove.accept.verdict import Outcome

DESIGNS = sorted(name for name, folder in generation_folders().items() if (folder / FILE).is_file())
AT_ONCE = (
    *("wrong_serial", "one_gpu_firmware", "default_password", "torque", "leak_unplugged", "return_sensor", "fan_slow"),
    *("psu_lossy", "detectors", "dry_interface", "nvlink_lane", "late_cap", "nic_errors", "restart_trips"),
    *("unit_pressure", "room_sensor", "bus_meter", "clock_drifts", "psu_firmware", "cartridge", "memory_interface"),
    *("slow_tray", "meters_crossed", "humidity_stuck", "own_limit"),
)
"""Faults of as many kinds as one rack shows at once, each at parts of its own."""


def together(faults: list[Planted]) -> Planted:
    return Planted("all", "Many faults at once", [c for f in faults for c in f.changes], [], [])


@pytest.mark.parametrize("design", DESIGNS)
def test_a_healthy_rack_passes_every_level_and_one_beside_it_has_each_fault_named(design: str) -> None:
    some = [f for f in planted_for(design) if f.id in AT_ONCE]
    assert len(some) == len(AT_ONCE)
    healthy, ill = accept_virtually(design, 2, seed=11, faults=[None, together(some)], level=Level.L12)
    assert [(s.id, f.text) for s in healthy for f in s.findings] == []
    assert outcome_of(healthy) is Outcome.PASS
    assert {s.level for s in healthy} == set(Level)
    assert [f.id for f in some if missed(f, ill)] == []


@pytest.mark.parametrize("design", DESIGNS)
def test_a_fault_is_planted_at_as_many_parts_as_it_is_about(design: str) -> None:
    own = {f.id: f for f in read_planted().faults}
    there = planted_for(design)
    assert {f.id for f in there} == {f.id for f in own.values() if not f.designs or design in f.designs}
    assert {f.of for f in own.values() if f.of} <= set(DESIGNS)
    for fault in there:
        assert len(set(fault.parts)) == len(set(own[fault.id].parts)), fault.id
        assert all(len(set(c.at)) == len(c.at) for c in fault.changes), fault.id
    (double,) = (f for f in there if f.id == "duplicate_serial")
    assert f"@{double.changes[0].at[0]}" != double.changes[0].to


@pytest.mark.parametrize("design", DESIGNS)
def test_steps_that_faults_name_are_steps_of_the_plan(design: str) -> None:
    plan, _ = read_plan(plan_path(design))
    assert {s for f in planted_for(design) for s in f.steps} <= {s.id for s in plan.steps}


def test_a_plan_of_limits_that_follow_what_was_asked_says_them_once() -> None:
    plans = [read_plan(plan_path(d))[0] for d in DESIGNS]
    caps = [msgspec.to_builtins([m for s in p.steps if s.id == "caps" for m in s.measures]) for p in plans]
    assert all(c == caps[0] for c in caps)


@pytest.mark.parametrize("design", DESIGNS)
def test_ports_of_trays_that_the_plan_switched_off_itself_have_gone_down_once_more(design: str) -> None:
    found = load_generation(design)
    parts = parts_of(found, design_of(found), read_recipe().fans_per_tray)
    plan, _ = read_plan(plan_path(design))
    (step,) = (s for s in plan.steps if s.id == "links")
    (phase,) = step.phases
    times, ports = np.arange(0.0, 600.0, 30.0), parts.of("port")
    downed = np.full((len(times), len(ports)), 1.0)
    cycled = [p.startswith(f"{ports[0].partition('/')[0]}/") for p in ports]
    downed[:, cycled] = 2.0
    raw = {"port.link_downed": Series("port.link_downed", "1", ports, times, downed)}
    evidence = Evidence("k", raw, (Phase(phase.name, 0.0, 0.0, 600.0),))
    judged = [m for m in judge_step(step, plan, evidence, parts) if "downed" in m.id or m.id == "flaps"]
    assert {m.id for m in judged} >= {"flaps", "sweep_traffic_port_link_downed"}
    assert [f.text for m in judged for f in m.findings] == []
