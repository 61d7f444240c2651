"""Where management cables are plugged in: right, swapped, doubled, elsewhere, silent; both sides are always named."""

import pytest

from firmware_bridge.vocabulary.neighbour import Neighbour, SeenNeighbour
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.neighbours import CableClaim, is_one, judge_neighbours
from rack_controller.model.readiness import Judgement, Verdict

RACK = "tx1/a/r03/k07"


def seen(port: str, system: str = "oob-a") -> SeenNeighbour:
    return SeenNeighbour("eth0", (system,), (port,))


def claim(slot: str, expected: str, *ports: str, looked: bool = True) -> CableClaim:
    found = tuple(seen(p) for p in ports) if looked else None
    return CableClaim(Place(f"{RACK}/{slot}/bmc"), (Neighbour("oob-a", expected),), found)


def judged(claims: list[CableClaim], slot: str) -> Judgement:
    (judgement,) = judge_neighbours(claims)[Place(f"{RACK}/{slot}/bmc")]
    return judgement


def test_cables_in_their_ports_agree() -> None:
    claims = [claim("u12", "swp12", "swp12"), claim("u13", "swp13", "SWP13")]
    assert [judged(claims, s).verdict for s in ("u12", "u13")] == [Verdict.OK, Verdict.OK]
    assert (judged(claims, "u12").found, judged(claims, "u12").wanted) == ("oob-a swp12", "oob-a swp12")


def test_a_swapped_pair_names_both_sides_on_both_sides() -> None:
    claims = [claim("u12", "swp12", "swp13"), claim("u13", "swp13", "swp12"), claim("u14", "swp14", "swp14")]
    assert judged(claims, "u12").why == (
        "u12 bmc is plugged into oob-a swp13, its place is oob-a swp12; "
        "u13 bmc is plugged into oob-a swp12, its place is oob-a swp13: swapped, or their cables are?"
    )
    assert judged(claims, "u13").why.startswith(
        "u13 bmc is plugged into oob-a swp12, its place is oob-a swp13; u12 bmc"
    )
    assert [judged(claims, s).verdict for s in ("u12", "u13", "u14")] == [Verdict.DIFFERS, Verdict.DIFFERS, Verdict.OK]


@pytest.mark.parametrize(
    ("others", "says"),
    [
        (
            [claim("u13", "swp13", "swp13")],
            "u13 bmc says it is there as well: is the address of u12 bmc the right one?",
        ),
        ([claim("u13", "swp13")], "and that is u13 bmc's, which says nothing"),
        ([claim("u13", "swp13", looked=False)], "and that is u13 bmc's, which says nothing"),
        ([claim("u13", "swp13", "swp9")], "u13 bmc, whose place that is, is plugged into oob-a swp9"),
        ([], "no endpoint of this rack belongs there"),
    ],
)
def test_one_that_is_elsewhere_is_told_with_what_the_other_says(others: list[CableClaim], says: str) -> None:
    assert says in judged([claim("u12", "swp12", "swp13"), *others], "u12").why


@pytest.mark.parametrize("looked", [True, False])
def test_silence_is_unknown_and_holds_nobody_up(looked: bool) -> None:
    judgement = judged([claim("u12", "swp12", looked=looked)], "u12")
    assert (judgement.verdict, judgement.required, judgement.found) == (Verdict.UNKNOWN, False, "not said")


def test_a_second_cable_that_is_pulled_is_named_and_no_mismatch() -> None:
    two = (Neighbour("oob-a", "swp12"), Neighbour("oob-b", "swp12"))
    here = Place(f"{RACK}/u12/bmc")
    (judgement,) = judge_neighbours([CableClaim(here, two, (seen("swp12"),))])[here]
    assert (judgement.verdict, judgement.why) == (Verdict.OK, "nobody is heard at oob-b swp12")
    (judgement,) = judge_neighbours([CableClaim(here, two, (seen("swp12"), seen("swp4", "oob-b")))])[here]
    assert judgement.verdict is Verdict.DIFFERS
    (judgement,) = judge_neighbours([CableClaim(here, two[:1], (seen("swp12"), seen("swp4", "lab")))])[here]
    assert judgement.verdict is Verdict.OK, "more neighbours than the site names are nobody's mistake"


def test_who_is_asked_for_nothing_is_not_judged() -> None:
    assert judge_neighbours([CableClaim(Place(f"{RACK}/u12/bmc"), (), (seen("swp1"),))]) == {}


@pytest.mark.parametrize(
    ("system", "names", "same"),
    [
        ("OOB-A", ("oob-a",), True),
        ("oob-a", ("oob-a.tx1.example",), True),
        ("oob-a.tx1.example", ("oob-a",), False),
        ("8C-85-C1-A2-AE-80", ("x", "8c:85:c1:a2:ae:80"), True),
        ("10.60.7.238", ("x", "10.60.7.238"), True),
        ("10", ("10.60.7.238",), False),
        ("oob", ("oob-a",), False),
    ],
)
def test_a_system_has_several_names_and_no_other_ones(system: str, names: tuple[str, ...], same: bool) -> None:
    assert is_one(Neighbour(system, "1"), SeenNeighbour("eth0", names, ("1",))) is same
