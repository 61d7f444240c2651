"""Where trays say they stand: agreed, swapped, doubled, elsewhere, silent; both sides are always named."""

import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.settings import Found, PlaceCheck, SlotSays
from rack_controller.decide.places import Claim, expected_number, judge_places, numbers_in
from rack_controller.model.readiness import Verdict

RACK = "tx1/a/r03/k07"
CHECK = PlaceCheck("chassis_slot", ("/redfish/v1/Chassis/CBC_*#/Slot",), SlotSays.ORDINAL, of=("compute", "switch"))


def claim(slot: str, expected: int, *said: int) -> Claim:
    return Claim(Place(f"{RACK}/{slot}/bmc"), CHECK, said, expected, "g")


def why(claims: list[Claim], slot: str) -> str:
    (judgement,) = judge_places(claims)[Place(f"{RACK}/{slot}/bmc")]
    return judgement.why if judgement.verdict is Verdict.DIFFERS else str(judgement.verdict)


def test_trays_that_stand_where_the_site_says_agree() -> None:
    claims = [claim("u12", 2, 2), claim("u13", 3, 3)]
    assert [why(claims, s) for s in ("u12", "u13")] == ["ok", "ok"]


def test_a_swapped_pair_names_both_sides_on_both_sides() -> None:
    claims = [claim("u12", 2, 3), claim("u13", 3, 2), claim("u14", 4, 4)]
    assert why(claims, "u12") == (
        "u12 bmc says chassis slot 3, its place is 2; u13 bmc says 2, its place is 3: swapped, or their cables are?"
    )
    assert why(claims, "u13").startswith("u13 bmc says chassis slot 2, its place is 3; u12 bmc says 3")
    assert why(claims, "u14") == "ok"


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ([claim("u13", 3, 3)], "u13 bmc says 3 as well: is the address of u12 bmc the right one?"),
        ([claim("u13", 3)], "and 3 is u13 bmc's, which says nothing"),
        ([claim("u13", 3, 9)], "u13 bmc, whose place that is, says 9"),
        ([], "no tray of this rack has 3"),
    ],
)
def test_one_that_stands_elsewhere_is_told_with_what_the_other_says(others: list[Claim], says: str) -> None:
    assert says in why([claim("u12", 2, 3), *others], "u12")


def test_silence_is_unknown_and_holds_nobody_up_and_two_numbers_differ() -> None:
    (silent,) = judge_places([claim("u12", 2)])[Place(f"{RACK}/u12/bmc")]
    assert (silent.verdict, silent.required) == (Verdict.UNKNOWN, False)
    assert "3 and 2 at once" in why([claim("u12", 2, 3, 2)], "u12")


def test_numbers_are_read_from_numbers_and_digits_only() -> None:
    found = [Found("u", "/p", value) for value in (3, 3.0, "3", "3", True, "slot 3", 3.5, None, "9" * 30)]
    assert numbers_in(found) == (3,)


def test_the_gb200_rack_counts_as_its_sources_say() -> None:
    """Tray 11 sits in slot 21 (infra-controller), and tray 0 in slot 1 (capture)."""
    generation = load_generation("gb200-nvl72")
    compute = {s.index: s for s in generation.slots if s.tray.name == "compute"}
    (slot_check, index_check) = compute[0].tray.endpoints[0].place_checks
    assert expected_number(slot_check, compute[11], generation.slots) == 21
    assert expected_number(slot_check, compute[0], generation.slots) == 1
    assert expected_number(index_check, compute[11], generation.slots) == 11
