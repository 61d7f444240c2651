"""Seeded runs of a rack, its controllers and what goes wrong; and bugs planted on purpose, which the runs must see.

A defect that a run found is planted again as a bug: its seed below is the regression, and stays one when the scripts
are drawn otherwise.
"""

import pytest
from support.simulation.mutants import MUTANTS
from support.simulation.world import Run, live

SEEDS, AT_ONCE = 60, 10  # `make bench ONLY=sim` runs 500, `make soak` 10,000
SEEN_BY = {
    "strike_waits_for_a_maintenance_lock": 0,
    "strike_asked_only_once": 2,
    "latch_not_persisted": 0,
    "detector_memory_not_sticky": 80,
    "leaks_forgotten_over_a_restart": 148,
    "cleared_without_a_record": 2,
    "drip_map_ignored": 0,
    "epoch_not_checked": 10,
    "intent_written_after_the_request": 0,
    "latches_not_asked_about_by_who_energises": 0,
    "unknown_taken_for_dry": 32,
    "locks_not_asked_about": 6,
    "the_end_of_a_strike_is_written_only_once": 30,
    "what_a_refused_step_had_asked_for_is_left_open": 32,
    "silence_taken_for_a_fault": 96,
    "shelves_are_struck_without_waiting": 7,
    "caps_go_out_before_they_are_written": 3,
    "caps_are_not_asked_for_again": 3,
    "strike_waits_for_a_flash": 3,
    "caps_raise_what_nobody_wrote_down": 1187,
    "caps_go_back_at_once": 11,
    "caps_go_back_while_flow_is_not_proven": 243,
    "coolant_that_the_building_closed_keeps_nothing_off": 123,
    "locks_are_looked_at_only_when_a_step_begins": 6214,
    "what_a_full_disk_refused_is_not_written_down_later": 6939,
    "what_the_building_did_is_not_looked_at": 19,
    "a_unit_is_not_looked_at_again_before_its_request": 177,
    "trays_go_on_without_coolant": 2689,
    "one_person_overrules_heat": 277,
}
"""The first seed that sees each bug; another one will do when scripts are drawn otherwise."""


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_what_must_hold_holds_after_every_event(first: int) -> None:
    runs = [live(seed) for seed in range(first, first + AT_ONCE)]
    broken = [run for run in runs if run.violations]
    assert not broken, "\n".join(story(broken[0]))
    switched_on = [run for run in runs if any(" for on " in event for event in run.events)]
    assert switched_on, "a run that asks for nothing proves nothing about what must not be energised"


def story(run: Run) -> list[str]:
    return [*run.events[-40:], *run.violations, f"seed {run.seed}"]


def test_the_same_seed_gives_the_same_trace() -> None:
    one, again, other = live(3), live(3), live(4)
    assert one.digest == again.digest != other.digest
    assert len(one.events) > 10


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    assert any(live(seed).violations for seed in (SEEN_BY[name], *range(SEEDS))), f"nothing sees {name}"
