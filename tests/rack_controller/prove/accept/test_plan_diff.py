"""Two plans are told apart by what they do to a rack and judge of it, row by row, and not by their texts."""

import msgspec

from firmware_bridge.wire.located_yaml import parse
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.prove.accept.plan import Level, Plan, plan_of
from rack_controller.prove.accept.plan_diff import MOST_NAMED, differences, in_words


def plan(generation: str = "gb200-nvl72", name: str = "") -> Plan:
    return read_plan(plan_path(generation, name=name))[0]


def test_every_plan_is_the_same_as_itself_and_no_other_is() -> None:
    for generation in ("gb200-nvl72", "gb300-nvl72", "vera-rubin-nvl72", "orv3-hpr-nvl36x2"):
        assert differences(plan(generation), plan(generation)) == []
    assert differences(plan("gb200-nvl72"), plan("orv3-hpr-nvl36x2"))


def test_a_shorter_plan_differs_by_each_row_that_it_leaves_out_or_changes() -> None:
    found = differences(plan(), plan(name="short"))
    assert "step soak is left out" in found
    assert "phase power.full: for_s is 12.0, was" in " ".join(found)
    assert "measure power.tray_voltage is left out" in found
    assert not [text for text in found if "cluster_load" in text], "what is above the level is not compared"
    assert [text for text in differences(plan(), plan(name="short"), Level.L11) if "soak" in text] == []
    back = differences(plan(name="short"), plan())
    assert "step soak is new" in back


def test_only_the_first_are_told_with_how_many_more_there_are() -> None:
    assert in_words(["a", "b"]) == "a; b"
    assert in_words([str(n) for n in range(MOST_NAMED + 4)]).endswith(", and 4 more")


ALIKE = """
schema_version: 1
name: alike
title: Rows that are called alike
stop: [{of: gpu.temperature, most: 60, title: Hot}, {of: gpu.temperature, most: 90, title: Hotter}]
steps:
  - id: soak
    title: Soak
    level: L11
    entry: [{of: gpu.temperature, most: 40, title: Cold}, {of: gpu.temperature, least: 5, title: Not frozen}]
    phases: [{name: full, for_s: 3600}, {name: full, for_s: 5}, {name: rest, for_s: 4}]
    measures: [{id: m, title: M, of: psu.power, rule: range, source: a test, phase: rest, most: 1}]
  - id: after
    title: After
    level: L11
    measures: [{id: m, title: M, of: serial, rule: fact, source: a test}]
"""


def alike(said: str = "", instead: str = "") -> Plan:
    assert said in ALIKE
    return plan_of(parse(ALIKE.replace(said, instead), "alike.yaml"))


def test_of_rows_that_are_called_alike_each_counts() -> None:
    for said, instead, told in (
        ("for_s: 3600", "for_s: 1", "phase soak.full: for_s is 1.0, was 3600.0"),
        ("for_s: 5}", "for_s: 6}", "phase soak.full (2): for_s is 6.0, was 5.0"),
        ("most: 40", "most: 80", "entry soak.gpu.temperature: most is 80.0, was 40.0"),
        ("most: 60", "most: 600", "stop rule gpu.temperature: most is 600.0, was 60.0"),
        (", {name: full, for_s: 5}", "", "phase soak.full (2) is left out"),
    ):
        assert differences(alike(), alike(said, instead)) == [told]


def test_a_plan_that_does_the_same_in_another_order_is_another_one() -> None:
    soak, after = alike().steps
    turned = msgspec.structs.replace(alike(), steps=[after, soak])
    assert differences(alike(), turned) == ["step after comes before phase soak.full"]
    phases = [soak.phases[2], *soak.phases[:2]]
    later = msgspec.structs.replace(alike(), steps=[msgspec.structs.replace(soak, phases=phases), after])
    assert differences(alike(), later) == ["phase soak.rest comes before phase soak.full"]
