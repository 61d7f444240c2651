"""The bypass register: two persons, a reason, a day at most, never two on one tray; what it does to the picture."""

import msgspec
import pytest

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.bypass import (
    covers,
    ended,
    in_force,
    left_out,
    sign,
    where,
    why_not,
    why_not_signed,
)
from rack_controller.decide.interlock import advance
from rack_controller.model.bypass import HOUR_NS, SIGN_WITHIN_NS, Bypass
from tests.support.interlocked import RACK, InterlockedRack, seeded_policy

ROWS = seeded_policy().rows
RIG = InterlockedRack()
TRAYS = [RIG.place("u31"), RIG.place("u12")]
WISH = Bypass("k01-b1", RIG.place("u31/leak1"), "", "it is broken, the spare comes at noon", 8, "ada", 100)


def refused(*others: Bypass, now_ns: int = 100, **change: object) -> str:
    return why_not(msgspec.structs.replace(WISH, **change), others, ROWS, TRAYS, now_ns)


def test_a_wish_with_a_reason_and_an_end_may_be_signed_by_another_person_only() -> None:
    assert refused() == ""
    assert "another person" in why_not_signed(WISH, "ada", 101)
    assert why_not_signed(WISH, "bo", 101) == ""
    opened = sign(WISH, "bo", 101)
    assert opened.until_unix_ns == 101 + 8 * HOUR_NS
    assert "signed already" in why_not_signed(opened, "eve", 102)
    assert in_force([WISH, opened], 102) == [opened]


def test_it_is_over_with_its_time_when_ended_and_when_nobody_signs() -> None:
    opened = sign(WISH, "bo", 101)
    assert not ended(opened, opened.until_unix_ns - 1)
    assert ended(opened, opened.until_unix_ns)
    assert ended(WISH, 100 + SIGN_WITHIN_NS)
    assert "is over" in why_not_signed(WISH, "bo", 100 + SIGN_WITHIN_NS)
    assert ended(msgspec.structs.replace(opened, ended_unix_ns=5), 102)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hours": 0}, "1 to 24 hours"),
        ({"hours": 25}, "1 to 24 hours"),
        ({"reason": ""}, "needs a reason"),
        ({"cause": "no.such"}, "no row is called"),
        ({"cause": "emergency.stop", "place": TRAYS[0]}, "never left out"),
        ({"cause": "latch.tray_on", "place": TRAYS[0]}, "never left out"),
        ({"cause": "controller.blind", "place": RACK}, "never left out"),
        ({"cause": "flow.low", "place": TRAYS[0]}, "name the rack"),
        ({"cause": "sensor.faulty", "place": RACK}, "name a compute or switch tray"),
    ],
)
def test_what_must_not_be_left_out_is_refused(change: dict[str, object], said: str) -> None:
    assert said in refused(**change)


@pytest.mark.parametrize(
    ("cause", "place"),
    [("", RIG.place("u31/leak0")), ("sensor.faulty", RIG.place("u31")), ("flow.low", RACK)],
)
def test_never_two_on_one_tray(cause: str, place: Place) -> None:
    other = msgspec.structs.replace(WISH, id="k01-b0", cause=cause, place=place)
    assert "never two on one tray: k01-b0" in refused(other)
    assert refused(msgspec.structs.replace(other, ended_unix_ns=1)) == ""
    assert refused(msgspec.structs.replace(WISH, place=RIG.place("u12/leak0"))) == ""


def test_a_bypassed_detector_neither_trips_nor_makes_its_tray_unseen() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.set("u31/leak1", Quantity.LEAK, 2)
    picture = rack.look()
    opened = sign(WISH, "bo", 101)
    assert ("leak.critical", rack.place("u31")) in advance({}, picture, rack.policy).standings
    assert advance({}, left_out(picture, [opened]), rack.policy).standings == {}
    rack.set("u31/leak0", Quantity.LEAK, 2)
    found = advance({}, left_out(rack.look(), [opened]), rack.policy).standings
    assert ("leak.critical", rack.place("u31")) in found, "its other detectors protect it still"


def test_a_bypassed_row_is_left_out_at_its_place_only() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    for detector in ("u31/leak1", "u12/leak0"):
        rack.set(detector, Quantity.LEAK, 1)
    rack.now += 1
    row = sign(msgspec.structs.replace(WISH, cause="leak.warning", place=rack.place("u31")), "bo", 1)
    found = advance({}, left_out(rack.look(), [row]), rack.policy).standings
    assert set(found) == {("leak.warning", rack.place("u12"))}


def test_it_covers_its_tray_and_at_the_rack_every_tray() -> None:
    assert where(WISH) == RIG.place("u31")
    assert covers(WISH, RIG.place("u31"))
    assert not covers(WISH, RIG.place("u30"))
    assert covers(msgspec.structs.replace(WISH, cause="flow.low", place=RACK), RIG.place("u30"))
