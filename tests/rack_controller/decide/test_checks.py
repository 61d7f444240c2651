"""Checks over a snapshot: what is not known does not hold."""

import pytest
from support.snapshots import RACK, snapshot

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.checks import judge_check, share_error
from rack_controller.model.operation import PlannedCheck

Q = Quantity


def check(quantity: Q, *places: str, **more: object) -> PlannedCheck:
    return PlannedCheck("c", "it", [f"{RACK}/{p}" for p in places], quantity, **more)  # type: ignore[arg-type]


ON = {("u01", Q.POWER_STATE): 1.0, ("u02", Q.POWER_STATE): 1.0, ("u03", Q.POWER_STATE): 0.0}


@pytest.mark.parametrize(
    ("asked", "values", "holds", "text"),
    [
        (check(Q.POWER_STATE, "u01", "u02", wanted="on"), ON, True, "2 of 2"),
        (check(Q.POWER_STATE, "u01", "u03", wanted="on"), ON, False, "1 of 2 (u03 off)"),
        (check(Q.POWER_STATE, "u01", "u03", wanted="on", at_least=1), ON, True, "1 of 2, 1 needed"),
        (
            check(Q.POWER_STATE, "u01", wanted="on"),
            {("u01", Q.POWER_STATE): None},
            False,
            "u01 not known",
        ),
        (check(Q.POWER_STATE, "u09", wanted="on"), ON, False, "u09 not known"),
        (check(Q.FLOW, "u01", least=90.0), {("u01", Q.FLOW): 80.0}, False, "80 L/min, at least 90"),
        (check(Q.FLOW, "u01", most=90.0), {("u01", Q.FLOW): 95.0}, False, "95 L/min, at most 90"),
        (check(Q.FLOW, least=90.0), {("u01", Q.FLOW): 95.0}, False, "0 of 0"),
    ],
)
def test_a_check_holds_on_what_is_known(
    asked: PlannedCheck, values: dict[tuple[str, Q], float | None], holds: bool, text: str
) -> None:
    judged = judge_check(asked, snapshot(values), {})
    assert judged.holds is holds
    assert text in judged.text


def test_heat_is_measured_against_the_supply_and_dark_parts_of_a_tray_that_is_off_need_no_reading() -> None:
    hot = {
        ("u01", Q.POWER_STATE): 1.0,
        ("u01/gpu0", Q.TEMPERATURE): 45.0,
        ("u09", Q.TEMPERATURE_SUPPLY): 30.0,
    }
    near = check(Q.TEMPERATURE, "u01/gpu0", over_supply_k=10.0, dark_when_off=True, supply=f"{RACK}/u09")
    assert "15.0 K over supply, at most 10" in judge_check(near, snapshot(hot), {}).text
    assert judge_check(near, snapshot({**hot, ("u01/gpu0", Q.TEMPERATURE): 39.0}), {}).holds
    dark = {**hot, ("u01/gpu0", Q.TEMPERATURE): None}
    assert not judge_check(near, snapshot(dark), {}).holds
    assert judge_check(near, snapshot({**dark, ("u01", Q.POWER_STATE): 0.0}), {}).holds
    assert not judge_check(near, snapshot({**hot, ("u09", Q.TEMPERATURE_SUPPLY): None}), {}).holds


def test_of_two_units_on_one_loop_the_colder_supply_counts_and_both_must_be_known() -> None:
    units = [f"{RACK}/u08", f"{RACK}/u09"]
    near = check(Q.TEMPERATURE, "u01/gpu0", over_supply_k=10.0, supplies=units)
    warm = {
        ("u01/gpu0", Q.TEMPERATURE): 45.0,
        ("u08", Q.TEMPERATURE_SUPPLY): 40.0,
        ("u09", Q.TEMPERATURE_SUPPLY): 30.0,
    }
    assert "15.0 K over supply, at most 10" in judge_check(near, snapshot(warm), {}).text
    assert judge_check(near, snapshot({**warm, ("u09", Q.TEMPERATURE_SUPPLY): 36.0}), {}).holds
    assert "is not known" in judge_check(near, snapshot({**warm, ("u09", Q.TEMPERATURE_SUPPLY): None}), {}).text


def test_versions_must_be_known_and_alike() -> None:
    asked = PlannedCheck("c", "one NVOS", [f"{RACK}/u01/nvos", f"{RACK}/u02/nvos"], versions=True)
    one, two = Place(f"{RACK}/u01/nvos"), Place(f"{RACK}/u02/nvos")
    seen = snapshot(dict(ON))
    assert judge_check(asked, seen, {one: "25.02", two: "25.02"}).holds
    assert judge_check(asked, seen, {one: "25.02", two: "25.03"}).text == "one NVOS: 25.02, 25.03"
    assert "u02 nvos not known" in judge_check(asked, seen, {one: "25.02"}).text


def test_shelves_share_the_load() -> None:
    shares = check(Q.POWER, "u01", "u02", share_error=0.1)
    assert judge_check(shares, snapshot({("u01", Q.POWER): 100.0, ("u02", Q.POWER): 105.0}), {}).holds
    assert "33% from the mean" in judge_check(shares, snapshot({("u01", Q.POWER): 50, ("u02", Q.POWER): 100}), {}).text
    assert share_error([0.0, 0.0]) == 0.0
    assert share_error([900.0, 1100.0], least=16_500.0) == pytest.approx(100 / 16_500), "little is carried: no matter"
    assert share_error([0.0, 10_000.0], least=16_500.0) > 0.1, "one that gives nothing is told all the same"


def test_trays_that_failed_are_left_out_and_nothing_read_is_nothing_known() -> None:
    asked = check(Q.POWER_STATE, "u01", "u03", wanted="on")
    assert judge_check(asked, snapshot(dict(ON)), {}, without={f"{RACK}/u03"}).holds
    assert "nothing has been read" in judge_check(asked, None, {}).text
