"""Who answers on which line: at home, swapped, doubled, a module astray, a stranger; both sides are always named."""

import pytest

from firmware_bridge.vocabulary.line import LineLook
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.addresses import LineClaim, addresses_text, judge_addresses
from rack_controller.model.expectation import ExpectedAddresses
from rack_controller.model.readiness import Judgement, Verdict

OWN = {"u06": (0x20, 0x90, 0x91), "u07": (0x21, 0x9A, 0x9B)}
U06, U07 = OWN["u06"], OWN["u07"]


def claim(slot: str, look: LineLook | None, is_read: bool = True) -> LineClaim:
    return LineClaim(Place(f"x/a/r01/k01/{slot}/pmm"), ExpectedAddresses("power", OWN[slot]), look, is_read)


def judged(claims: list[LineClaim], slot: str) -> Judgement:
    (judgement,) = judge_addresses(claims)[Place(f"x/a/r01/k01/{slot}/pmm")]
    return judgement


def at_home(slot: str, line: str = "") -> LineClaim:
    return claim(slot, LineLook(line or slot, OWN[slot]))


def test_units_that_answer_at_the_addresses_of_their_place_agree() -> None:
    judgement = judged([at_home("u06"), at_home("u07")], "u06")
    assert (judgement.verdict, judgement.found) == (Verdict.OK, "0x20, 0x90-0x91")


def test_swapped_shelves_name_each_other() -> None:
    claims = [claim("u06", LineLook("a", (), U06, U07)), claim("u07", LineLook("b", (), U07, U06))]
    assert judged(claims, "u06").why == (
        "u06 pmm has 0x20, 0x90-0x91 by its place, where 0x20, 0x90-0x91 is silent; on its line answers "
        "0x21, 0x9a-0x9b of u07 pmm, and there the other way round: swapped, or their cables are?"
    )
    assert "0x20, 0x90-0x91 of u06 pmm" in judged(claims, "u07").why
    assert [judged(claims, s).required for s in OWN] == [True, True]


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (at_home("u07"), "0x9a of u07 pmm, where it answers as well: an address set wrong?"),
        (claim("u07", LineLook("u07", (0x21, 0x9B), (0x9A,))), "0x9a of u07 pmm, where it is silent"),
        (claim("u07", None), "0x9a of u07 pmm, whose line was not looked at yet"),
    ],
)
def test_a_supply_of_another_shelfs_monitor_is_told_with_how_it_looks_there(other: LineClaim, says: str) -> None:
    why = judged([claim("u06", LineLook("u06", (0x20, 0x90), (0x91,), (0x9A,))), other], "u06").why
    assert "where 0x91 is silent" in why
    assert why.endswith(says)


def test_an_address_that_no_tray_has_is_told_by_who_misses_a_unit_on_that_line() -> None:
    claims = [
        claim("u06", LineLook("a", U06, (), (0xAA,))),
        claim("u07", LineLook("a", (0x21, 0x9A), (0x9B,), (0xAA,))),
    ]
    assert judged(claims, "u06").verdict is Verdict.OK
    assert judged(claims, "u07").why.endswith("on its line answers 0xaa, which no tray of this rack has")


def test_where_nobody_misses_a_unit_a_stranger_is_told_once() -> None:
    claims = [claim(slot, LineLook("a", OWN[slot], (), (0xAA,))) for slot in ("u07", "u06")]
    assert [judged(claims, s).verdict for s in ("u06", "u07")] == [Verdict.DIFFERS, Verdict.OK]


def test_a_pulled_supply_is_no_sign_and_silence_is_unknown() -> None:
    assert judged([claim("u06", LineLook("a", (0x20, 0x90), (0x91,)))], "u06").verdict is Verdict.OK
    silent, unseen = judged([claim("u06", LineLook("a", (), U06))], "u06"), judged([claim("u06", None)], "u06")
    assert [(j.verdict, j.required) for j in (silent, unseen)] == [(Verdict.UNKNOWN, False), (Verdict.UNKNOWN, True)]


def test_a_shelf_on_the_same_line_that_the_site_file_leaves_out_is_at_home_there() -> None:
    unread = claim("u07", None, is_read=False)
    assert judged([claim("u06", LineLook("a", U06, (), U07)), unread], "u06").verdict is Verdict.OK
    alone = judged([claim("u06", LineLook("a", (), U06, U07)), unread], "u06")
    assert alone.why.endswith("of u07 pmm, which is not read")
    assert unread.endpoint not in judge_addresses([unread])


def test_neighbours_are_written_as_a_run() -> None:
    assert addresses_text([0x95, 0x20, 0x90, 0x91, 0x92, 0x20, 0x94]) == "0x20, 0x90-0x92, 0x94-0x95"
