"""Who may say what on the bus: golden, because every process relies on it."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from firmware_bridge.vocabulary.place import Place
from rack_controller.model.subjects import BUS_USERS, RackSubjects, subjects_of

GOLDEN = Path(__file__).parents[2] / "golden" / "bus_permissions.json"


def test_subjects_of_a_place() -> None:
    subjects = subjects_of(Place("tx1/a/r03/k07/u12/gpu2"))
    assert subjects == RackSubjects("tx1", "k07")
    assert subjects.telemetry == "rw.v1.tx1.k07.telemetry"
    assert subjects.command == "rw.v1.tx1.k07.command"


@pytest.mark.parametrize("name", ["a.b", "*", ">", "", "A", "a b"])
def test_a_name_that_would_break_out_of_its_subject_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        _ = RackSubjects("tx1", name).telemetry


def test_permissions_stay_as_they_are() -> None:
    assert json.loads(json.dumps([asdict(u) for u in BUS_USERS])) == json.loads(GOLDEN.read_text())


def test_only_the_api_may_publish_commands() -> None:
    may = {
        user.name
        for user in BUS_USERS
        if any(s.endswith(".command") or (s.endswith(">") and s.startswith("rw")) for s in user.publish)
    }
    assert may == {"api"}


def test_the_building_can_name_no_rack_subject() -> None:
    for user in BUS_USERS:
        if user.account == "BMS":
            assert all(s.startswith("BMS.") for s in (*user.publish, *user.subscribe))
