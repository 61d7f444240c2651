"""Which events stay alarms, as a file: what it says, and what it is refused for."""

import pytest

from firmware_bridge.generations.alarms import load_alarm_rules
from firmware_bridge.generations.console_patterns import load_console_patterns
from firmware_bridge.generations.xid_catalogue import load_xids
from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.wire.alarms import parse_alarm_rules

TEXT = """kind: alarms
schema_version: 2
over: {events: [console.boot], well_for_s: 300}
raised_by: [{kind: gpu.xid, when: {xid: [79]}}]
definitions:
  - name: gpu.xid
    title: GPU fault
    priority: 2
    cause: an XID
    consequence: no work
    response: reset it
    seen: {lasting: gpu.xid}
  - name: part.bad
    title: Part bad
    priority: 3
    cause: it says so
    consequence: it may fail
    response: look at it
    seen: {quantity: health, values: [critical]}
tree: [{cause: gpu.xid, at: tray, hides: [part.bad]}]
"""


def test_the_xids_that_stand_are_those_that_take_a_gpu_out_of_work() -> None:
    catalogue = load_xids()
    (rule,) = (r for r in load_alarm_rules().raised_by if r.kind == "gpu.xid")
    entries = {n: entry for n in catalogue.numbers if (entry := catalogue.about(n))}
    assert all(entries[int(n)].severity == "critical" for n in rule.when["xid"])
    must = {n for n, e in entries.items() if e.now in ("restart_node", "reset_gpu", "memory_workflow")}
    assert must <= set(rule.when["xid"])


def test_the_events_of_the_rules_are_ones_that_a_console_or_an_agent_makes() -> None:
    rules = load_alarm_rules()
    known = {pattern.kind for pattern, _ in load_console_patterns().patterns}
    assert {r.kind for r in rules.raised_by} | set(rules.over.events) <= known


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("well_for_s: 300", "well_for_s: 0", "well_for_s"),
        ("[{kind: gpu.xid", "[{kind: XID 79", "raised_by"),
        ("{xid: [79]}", "{xid: 79}", "when"),
        ("kind: gpu.xid", "kind: console.boot", "does not end alarms"),
        ("[{kind: gpu.xid, when: {xid: [79]}}]", "[]", "raised_by"),
        ("schema_version: 2", "schema_version: 1", "schema_version"),
        ("kind: alarms", "kind: tray_alarms", "kind"),
        ("priority: 2", "priority: 5", "priority"),
        ("    response: look at it\n", "", "response"),
        ("name: part.bad", "name: gpu.xid", "stands twice"),
        ("values: [critical]", "values: [broken]", "words of health"),
        (", values: [critical]", "", "`values`"),
        ("quantity: health", "quantity: power", "has none"),
        ("seen: {quantity: health, values: [critical]}", "seen: {}", "exactly one"),
        ("values: [critical]}", "values: [critical], bits: true}", "exactly one"),
        ("values: [critical]}", "values: [critical], until: [part.good]}", "`until`"),
        ("{lasting: gpu.xid}", "{lasting: console.panic}", "raised_by"),
        ("{lasting: gpu.xid}", "{bits: true}", "lasting: gpu.xid"),
        ("hides: [part.bad]", "hides: [gpu.xid]", "hide itself"),
        ("at: tray", "at: hall", "at"),
    ],
)
def test_a_wrong_file_is_pointed_at(old: str, new: str, said: str) -> None:
    assert parse_alarm_rules(TEXT, "alarms.yaml").over.well_for_s == 300
    with pytest.raises(FileInvalid, match=said) as refused:
        parse_alarm_rules(TEXT.replace(old, new), "alarms.yaml")
    assert str(refused.value).startswith("alarms.yaml:")
