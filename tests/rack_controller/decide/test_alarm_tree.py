"""Which alarms hide which: what ships names only alarms that there are, and water is never hidden."""

import pytest

from firmware_bridge.generations.alarms import load_alarm_rules
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.alarms import Branch, Reach
from rack_controller.decide.alarm_catalogue import NEVER_SILENCED, catalogue_of
from rack_controller.decide.alarm_sights import Key
from rack_controller.decide.alarm_tree import folded, hidden
from rack_controller.decide.alarm_views import glance_of, views_of
from rack_controller.decide.alarms import Book, act_on, why_not
from rack_controller.model.alarm import Alarm, AlarmAct, AlarmCatalogue, AlarmState
from rack_controller.model.interlock import Act, Condition
from tests.support.interlocked import RACK, seeded_policy

RULES, POLICY = load_alarm_rules(), seeded_policy()
SEEDED = catalogue_of(RULES, POLICY)
U31, U30, U12 = (Place(f"{RACK}/{slot}") for slot in ("u31", "u30", "u12"))


def alarms(*keys: tuple[str, Place]) -> dict[Key, Alarm]:
    return {Key(name, place): Alarm(f"k01-a{n}", name, place, "", "seen", n) for n, (name, place) in enumerate(keys, 1)}


def hides(cause: str, at: Reach, *names: str) -> AlarmCatalogue:
    return AlarmCatalogue(SEEDED.definitions, [Branch(cause, at, list(names))], SEEDED.flood)


def test_what_ships_says_of_every_row_what_causes_it_and_names_only_alarms_that_there_are() -> None:
    assert set(Condition) <= set(RULES.conditions)
    named = {name for branch in RULES.tree for name in (branch.cause, *branch.hides)}
    assert named <= set(SEEDED.definitions)
    rows = {row.cause for row in POLICY.rows}
    assert rows <= set(SEEDED.definitions), "every row that ships raises an alarm"
    assert all(any(rung.do is Act.ALARM for rung in row.ladder) for row in POLICY.rows)
    assert not rows & {d.name for d in RULES.definitions}, "an alarm has one definition"
    for definition in SEEDED.definitions.values():
        assert definition.cause
        assert definition.consequence
        assert definition.response
        assert 1 <= definition.priority <= 4


def test_water_and_emergency_stop_are_never_silenced_or_hidden_whatever_a_file_says() -> None:
    never = {name for name, d in SEEDED.definitions.items() if not d.silenceable}
    assert {row.cause for row in POLICY.rows if row.when in NEVER_SILENCED} == never
    assert {"emergency.stop", "leak.critical", "leak.switch_tray", "leak.rack", "leak.two_trays"} <= never
    for name in never:
        found = alarms(("rack.dark", RACK), (name, U31))
        assert hidden(found, {}, hides("rack.dark", Reach.RACK, name)) == {}
        for act in (AlarmAct.SHELVE, AlarmAct.OUT_OF_SERVICE):
            said = why_not(act, found[Key(name, U31)], SEEDED.definitions[name], "because", 5)
            assert "never shelved" in said


@pytest.mark.parametrize(
    ("at", "covered"),
    [(Reach.PLACE, {U31}), (Reach.TRAY, {U31}), (Reach.WET, {U31, U30}), (Reach.RACK, {U31, U30, U12})],
)
def test_a_cause_hides_as_far_as_it_reaches(at: Reach, covered: set[Place]) -> None:
    found = alarms(("leak.critical", U31), *(("endpoint.silent", place) for place in (U31, U30, U12)))
    wet = {Key("leak.critical", U31): frozenset({U31, U30})}
    by = hidden(found, wet, hides("leak.critical", at, "endpoint.silent"))
    assert {key.place for key in by} == covered
    assert set(by.values()) == {"k01-a1"}


def test_a_part_hides_what_is_in_it_and_a_rack_everything() -> None:
    gpu = Place(f"{U31}/gpu0")
    found = alarms(("gpu.xid", gpu), ("gpu.unusable", gpu), ("gpu.unusable", Place(f"{U31}/gpu1")))
    assert set(hidden(found, {}, hides("gpu.xid", Reach.PLACE, "gpu.unusable"))) == {Key("gpu.unusable", gpu)}
    found = alarms(("rack.dark", RACK), ("gpu.unusable", gpu))
    assert len(hidden(found, {}, hides("rack.dark", Reach.TRAY, "gpu.unusable"))) == 1


def test_a_cause_that_is_over_or_out_of_service_hides_nothing_a_shelved_one_does() -> None:
    found = alarms(("rack.dark", RACK), ("endpoint.silent", U31))
    key = Key("rack.dark", RACK)
    tree = hides("rack.dark", Reach.RACK, "endpoint.silent")
    shelved = act_on(found[key], AlarmAct.SHELVE, "ada", "known", 5, 0)
    assert shelved.state is AlarmState.SHELVED
    assert len(hidden({**found, key: shelved}, {}, tree)) == 1
    out = act_on(found[key], AlarmAct.OUT_OF_SERVICE, "ada", "broken", 0, 0)
    assert hidden({**found, key: out}, {}, tree) == {}
    returned = Alarm(**{f: getattr(found[key], f) for f in Alarm.__struct_fields__ if f != "active"}, active=False)
    assert hidden({**found, key: returned}, {}, tree) == {}


def test_many_of_one_name_are_one_line_and_leaks_are_told_one_by_one() -> None:
    def lines(name: str, count: int) -> list[int]:
        found = alarms(*((name, Place(f"{RACK}/u{n:02d}")) for n in range(1, count + 1)))
        book = Book(RACK, Seconds(0.0), found)
        return [line.count for line in folded(views_of(book, SEEDED, {}), SEEDED)]

    assert lines("part.critical", 3) == [1, 1, 1]
    assert lines("part.critical", 4) == [4]
    assert lines("power.on_battery", 2) == [2]
    assert lines("leak.critical", 18) == [1] * 18


def test_of_several_causes_the_most_urgent_counts() -> None:
    found = alarms(("gpu.xid", U31), ("rack.dark", RACK), ("endpoint.silent", U31))
    branches = [
        Branch("gpu.xid", Reach.PLACE, ["endpoint.silent"]),
        Branch("rack.dark", Reach.RACK, ["endpoint.silent"]),
    ]
    for tree in (branches, branches[::-1]):
        catalogue = AlarmCatalogue(SEEDED.definitions, tree, SEEDED.flood)
        assert hidden(found, {}, catalogue) == {Key("endpoint.silent", U31): "k01-a2"}


def test_more_than_ten_in_ten_minutes_are_a_flood() -> None:
    for count, flood in ((10, False), (11, True)):
        book = Book(RACK, Seconds(0.0), raised_at=(Seconds(1.0),) * count)
        glance = glance_of(book, [], SEEDED)
        assert (glance.recent, glance.flood) == (count, flood)
