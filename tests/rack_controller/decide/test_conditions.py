"""What a condition says it saw: few leak detectors by name, many by their number."""

import msgspec
import pytest

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.conditions import holding
from rack_controller.decide.detectors import DetectorSight, Verdict
from rack_controller.decide.picture import Picture, TraySight
from rack_controller.model.interlock import Condition
from tests.support.interlocked import RACK, seeded_policy

TRAY = Place(f"{RACK}/u14")
ROWS = [msgspec.structs.replace(row, trays=[]) for row in seeded_policy().rows]


def evidence(when: Condition, said: list[Verdict]) -> str:
    sights = tuple(DetectorSight(Place(f"{TRAY}/leak{n}"), "", verdict) for n, verdict in enumerate(said))
    tray = TraySight(TRAY, TrayKind.COMPUTE, 14, detectors=sights, planned=len(sights))
    row = next(row for row in ROWS if row.when is when)
    return holding(Picture(RACK, Seconds(0.0), (tray,)), row).get(TRAY, "")


@pytest.mark.parametrize(
    ("when", "said", "words"),
    [
        (Condition.DETECTOR_FAULTY, ["silent"] * 8, "its controller tells nothing of its 8 leak detectors"),
        (Condition.DETECTOR_FAULTY, ["silent"] * 5 + ["dry"] * 3, "5 of its 8 leak detectors are silent"),
        (Condition.DETECTOR_FAULTY, ["silent", "dry", "silent"], "leak0 is silent, leak2 is silent"),
        (Condition.DETECTOR_FAULTY, ["silent"], "leak0 is silent"),
        (
            Condition.DETECTOR_FAULTY,
            ["silent"] * 4 + ["faulty"],
            "4 of its 5 leak detectors are silent, leak4 is faulty",
        ),
        (Condition.DETECTORS_ALL_FAULTY, ["faulty"] * 4, "its 4 leak detectors are faulty"),
        (Condition.LEAK_CRITICAL, ["critical"] * 3, "leak0 is critical, leak1 is critical, leak2 is critical"),
        (Condition.LEAK_CRITICAL, ["critical"] * 8, "its 8 leak detectors are critical"),
    ],
)
def test_what_many_detectors_say_alike_is_said_once(when: Condition, said: list[str], words: str) -> None:
    assert evidence(when, [Verdict(word) for word in said]) == words
