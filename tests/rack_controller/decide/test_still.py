"""What a latch still waits for, in words and seconds."""

import pytest

from firmware_bridge.vocabulary.attention import Attention
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import Detector
from rack_controller.decide.heard import Heard
from rack_controller.decide.interlock import Standing
from rack_controller.decide.still import still_seen, what_ends_by_itself
from tests.support.interlocked import RACK, seeded_policy

U31 = join_place(RACK, "u31")
LEAK = next(row for row in seeded_policy().rows if row.cause == "leak.critical")
RULES = seeded_policy().detectors
KEY = (LEAK.cause, U31)


def flapping(*changes: float) -> Heard:
    at = tuple(Seconds(t) for t in changes)
    return Heard({join_place(U31, "leak1"): Detector("", 0.0, at[-1], Quality.GOOD, changes=at)})


def test_one_that_flapped_says_for_how_long_it_counts() -> None:
    waits = what_ends_by_itself(flapping(100.0, 110.0, 111.0, 114.0), {}, Seconds(116.0), RULES)
    assert waits == {U31: "leak1 changed its word 4 times within 60 s: 54 s more"}
    moist = Standing("leak.warning", U31, Seconds(100.0), "leak1 is flapping")
    assert still_seen(KEY, LEAK, {moist.key: moist}, waits) == f"leak1 is flapping ({waits[U31]})"
    assert what_ends_by_itself(flapping(100.0, 110.0, 111.0), {}, Seconds(160.1), RULES) == {}


@pytest.mark.parametrize(("until", "said"), [(Seconds(140.0), "it started: 24 s more"), (None, "it started")])
def test_a_controller_that_cannot_know_yet_says_for_how_long(until: Seconds | None, said: str) -> None:
    blind = {join_place(U31, "bmc"): Attention(blind="it started", blind_until=until)}
    assert what_ends_by_itself(Heard(), blind, Seconds(116.0), RULES) == {U31: said}


def test_what_is_over_is_empty_and_another_place_does_not_count() -> None:
    elsewhere = Standing("leak.critical", Place(f"{RACK}/u30"), Seconds(1.0), "leak1 is critical")
    assert still_seen(KEY, LEAK, {}, {}) == ""
    assert still_seen(KEY, None, {elsewhere.key: elsewhere}, {U31: "it started"}) == ""
    both = {KEY: Standing(*KEY, Seconds(1.0), "wet"), ("sensor.faulty", U31): Standing("", U31, Seconds(1.0), "wet")}
    assert still_seen(KEY, LEAK, both, {}) == "wet"
