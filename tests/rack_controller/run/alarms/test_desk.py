"""A rack's alarms at work: one list, whatever raises one; causes hide consequences; what people do is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    EnvironmentUnfit,
    PreconditionFailed,
    RoleInsufficient,
    TargetUnknown,
)
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.roles import Role
from rack_controller.run.journal import Journal
from tests.support.alarmed import Alarmed, panic, priorities
from tests.support.interlocked import RACK, InterlockedRack, planned

Q = Quantity


@pytest.fixture
def alarmed(tmp_path: Path) -> Iterator[Alarmed]:
    journal = Journal(tmp_path / "journal.db")
    rack = Alarmed(journal, armed=False)  # what would be switched off is only told; alarms are the same
    rack.start()
    rack.tick(2)
    yield rack
    journal.close()


def trays(rack: Alarmed, *kinds: str) -> list[str]:
    return [t.place.split("/")[-1] for t in rack.rack.layout.trays if t.kind in kinds]


def test_a_rack_that_is_well_has_no_alarm_and_counts_say_zero(alarmed: Alarmed) -> None:
    alarmed.tick(120, step=20)
    assert alarmed.stand() == {}
    counts = alarmed.desk.listed().glance.counts
    assert {p: sum(by.values()) for p, by in counts.items()} == {"critical": 0, "high": 0, "medium": 0, "low": 0}
    assert all(len(by) == 6 for by in counts.values())


def test_a_leak_is_one_alarm_with_cause_consequence_response_and_chain(alarmed: Alarmed) -> None:
    alarmed.leak("u31/leak1", 2)
    alarmed.tick()
    (leak,) = alarmed.desk.listed().alarms
    assert (leak.name, leak.priority, leak.state, leak.interlock) == ("leak.critical", 1, "unacknowledged", True)
    assert leak.cause.startswith("a leak detector says critical")
    assert "water on live parts" in leak.consequence
    assert leak.response.startswith("leave it off")
    assert leak.chain[0] == "Leak at u31: leak1 is critical"
    assert leak.acts == ["ack"], "neither shelved nor taken out of service"


def test_the_loss_of_a_racks_power_raises_at_most_three_top_alarms(alarmed: Alarmed) -> None:
    alarmed.rack.silence(*trays(alarmed, "compute", "switch", "power_shelf", "battery_shelf", "coolant_unit"))
    most, hidden = 0, 0
    for second in (*[2] * 9, *[8] * 5):
        alarmed.tick(second, step=second)
        most = max(most, len(alarmed.top()))
        hidden = max(hidden, sum(state == "suppressed" for state in alarmed.stand().values()))
    assert most <= 3
    assert hidden > 50, "they are there, behind their cause"
    assert alarmed.top() == ["1× controller.blind"]
    silent = alarmed.find("endpoint.silent")
    assert silent.hidden_by == alarmed.find("rack.dark").id
    assert [link.partition(" at ")[0] for link in silent.chain[:3]] == [
        "Nothing is seen",
        "Rack without power or network",
        "Controller silent",
    ]


def test_a_rack_without_power_beside_a_pumping_unit_with_its_own_feed(alarmed: Alarmed) -> None:
    for tray in trays(alarmed, "compute", "switch"):
        alarmed.rack.set(f"{tray}", Q.HEALTH, 2)
    alarmed.rack.silence(*trays(alarmed, "compute", "switch", "power_shelf", "battery_shelf"))
    most = 0
    for second in (*[2] * 9, *[8] * 5):
        alarmed.tick(second, step=second)
        most = max(most, len(alarmed.top()))
    assert most <= 3
    assert alarmed.top()[0] == "1× rack.dark"


def test_the_loss_of_a_feed_over_batteries_that_run_empty(tmp_path: Path) -> None:
    """Shelves complain, batteries deliver, the coolant stops, then everything on the busbar is gone."""
    journal = Journal(tmp_path / "journal.db")
    rack = Alarmed(journal, InterlockedRack(layout=planned("orv3-hpr-nvl36x2")), armed=False)
    rack.start()
    rack.tick(2)
    most = 0

    def pass_by(seconds: float, step: float) -> None:
        nonlocal most
        end = rack.rack.now + seconds
        while rack.rack.now < end:
            rack.tick(step, step=step)
            most = max(most, len(rack.top()))

    shelves, batteries = trays(rack, "power_shelf"), trays(rack, "battery_shelf")
    for shelf in shelves:
        rack.rack.set(shelf, Q.POWER, 0)
        rack.rack.set(f"{shelf}/psu0", Q.HEALTH, 2)
        rack.rack.set(f"{shelf}/psu1", Q.HEALTH, 1)
    rack.happened = [
        Finding(rack.rack.place(b), "power.on_battery", Severity.CRITICAL, f"{b} is on battery") for b in batteries
    ]
    pass_by(20, 4)
    assert rack.top()[0].endswith("power.on_battery")
    for unit in trays(rack, "coolant_unit"):
        rack.rack.set(unit, Q.FLOW, 0)
    pass_by(10, 2)
    rack.rack.silence(*(t.place.split("/")[-1] for t in rack.rack.layout.trays))
    pass_by(60, 6)
    assert most <= 3, rack.top()
    assert [line.partition(" ")[2] for line in rack.top()] == ["power.on_battery", "flow.lost", "controller.blind"]
    assert sum(state == "suppressed" for state in rack.stand().values()) > 20
    journal.close()


def test_what_comes_out_from_behind_its_cause_wants_an_answer(alarmed: Alarmed) -> None:
    gone = trays(alarmed, "compute", "switch", "power_shelf", "coolant_unit")
    alarmed.rack.silence(*gone)
    alarmed.tick(60, step=5)
    alarmed.rack._silent -= {alarmed.rack.place(t) for t in gone if t != "u31"}
    alarmed.tick(60, step=10)
    states = alarmed.stand()
    assert states.pop("endpoint.silent@u31/bmc") == "unacknowledged"
    others = {state for name, state in states.items() if "@u31" not in name}
    assert others <= {"returned_unacknowledged", "suppressed"}
    assert "controller.blind@" in states, "it returned, and nobody has acknowledged it"
    blind = alarmed.find("controller.blind")
    assert alarmed.act("ack", blind.id)["state"] == "normal"
    assert "controller.blind@" not in alarmed.stand()


def test_an_alarm_goes_its_way_and_a_restart_changes_nothing(alarmed: Alarmed) -> None:
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(2)
    assert alarmed.stand() == {}, "it must hold for 3 s"
    alarmed.tick(5)
    part = alarmed.find("part.critical")
    assert (part.text, part.state, part.severity) == ("u31 gpu0 health is critical", "unacknowledged", "critical")
    alarmed.act("ack", part.id)
    assert [f.kind for f in alarmed.told] == ["alarm.acknowledged"]
    alarmed.start()
    assert alarmed.find("part.critical").state == "acknowledged"
    alarmed.rack.set("u31/gpu0", Q.HEALTH, None)
    alarmed.tick(200, step=20)
    assert alarmed.stand() == {"part.critical@u31/gpu0": "acknowledged"}, "unknown is not well"
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 0)
    alarmed.tick(9)
    assert alarmed.stand() == {"part.critical@u31/gpu0": "acknowledged"}
    alarmed.tick(3)
    assert alarmed.stand() == {}
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    again = alarmed.find("part.critical")
    assert (again.state, again.id != part.id) == ("unacknowledged", True)
    alarmed.start()
    assert alarmed.find("part.critical").id == again.id
    alarmed.act("ack", again.id)
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 0)
    alarmed.tick(70, step=10)
    alarmed.start()
    alarmed.rack.set("u30/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    assert alarmed.find("part.critical").id not in (part.id, again.id), "an id is given once, restarts included"


def test_shelved_it_is_counted_and_silent_until_its_time_is_up(alarmed: Alarmed) -> None:
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    name = alarmed.find("part.critical").id
    alarmed.act("shelve", name, reason="the spare comes at noon", minutes=30)
    assert alarmed.top() == []
    assert priorities(alarmed.desk) == {"high": {"shelved": 1}}
    alarmed.start()
    assert alarmed.find("part.critical").why == "ada: the spare comes at noon"
    alarmed.rack.now += 29 * 60
    alarmed.tick(2)
    assert alarmed.stand() == {"part.critical@u31/gpu0": "shelved"}
    alarmed.rack.now += 60
    alarmed.tick(2)
    assert alarmed.stand() == {"part.critical@u31/gpu0": "unacknowledged"}
    assert alarmed.told[-1].message.endswith("its time on the shelf is up, unacknowledged")
    alarmed.act("shelve", name, reason="again", minutes=480)
    alarmed.act("unshelve", name)
    assert alarmed.stand() == {"part.critical@u31/gpu0": "unacknowledged"}


def test_out_of_service_it_stays_listed_and_hides_nothing_until_it_returns(alarmed: Alarmed) -> None:
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    name = alarmed.find("part.critical").id
    alarmed.act("out_of_service", name, role=Role.SAFETY, reason="its sensor is broken")
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 0)
    alarmed.tick(20)
    assert alarmed.stand() == {"part.critical@u31/gpu0": "out_of_service"}
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    assert alarmed.find("part.critical").times == 2
    assert alarmed.top() == []
    alarmed.act("return", name)
    assert alarmed.stand() == {"part.critical@u31/gpu0": "unacknowledged"}


REFUSED: tuple[tuple[dict[str, object], type[Exception], str], ...] = (
    ({"do": "ack", "alarm": "k01-a99"}, TargetUnknown, "no alarm 'k01-a99'"),
    ({"do": "wave", "alarm": "{}"}, ArgumentsInvalid, "there is no 'wave'"),
    ({"do": "shelve", "alarm": "{}", "minutes": 30}, PreconditionFailed, "needs a reason"),
    ({"do": "shelve", "alarm": "{}", "minutes": 481, "reason": "x"}, PreconditionFailed, "1 to 480 minutes"),
    ({"do": "shelve", "alarm": "{}", "minutes": 0, "reason": "x"}, PreconditionFailed, "1 to 480 minutes"),
    ({"do": "shelve", "alarm": "{}", "minutes": True, "reason": "x"}, ArgumentsInvalid, "minutes"),
    ({"do": "shelve", "alarm": "{}", "minutes": 1.5, "reason": "x"}, ArgumentsInvalid, "whole number"),
    ({"do": "out_of_service", "alarm": "{}", "reason": "  "}, PreconditionFailed, "needs a reason"),
    ({"do": "unshelve", "alarm": "{}"}, PreconditionFailed, "not shelved"),
    ({"do": "return", "alarm": "{}"}, PreconditionFailed, "not out of service"),
    ({"do": "shelve", "alarm": "leak", "minutes": 5, "reason": "x"}, PreconditionFailed, "Leak is never shelved"),
    ({"do": "out_of_service", "alarm": "leak", "reason": "x"}, PreconditionFailed, "Leak is never shelved"),
)


def test_what_must_not_be_done_is_refused_and_changes_nothing(alarmed: Alarmed) -> None:
    alarmed.rack.set("u30/gpu0", Q.HEALTH, 2)
    alarmed.leak("u31/leak1", 2)
    alarmed.tick(5)
    before = alarmed.stand()
    ids = {"{}": alarmed.find("part.critical").id, "leak": alarmed.find("leak.critical").id}
    for said, error, text in REFUSED:
        arguments = {**said, "alarm": ids.get(str(said["alarm"]), said["alarm"])}
        with pytest.raises(error, match=text):
            alarmed.act(**arguments)  # type: ignore[arg-type]
        assert alarmed.stand() == before, said


def test_a_technician_acknowledges_and_does_not_shelve(alarmed: Alarmed) -> None:
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    name = alarmed.find("part.critical").id
    for do in ("shelve", "out_of_service", "return"):
        with pytest.raises(RoleInsufficient, match="may not shelve alarms"):
            alarmed.act(do, name, role=Role.TECHNICIAN, reason="x", minutes=5)
    with pytest.raises(RoleInsufficient):
        alarmed.act("ack", name, role=Role.VIEWER)
    assert alarmed.act("ack", name, role=Role.TECHNICIAN)["state"] == "acknowledged"
    with pytest.raises(PreconditionFailed, match="acknowledged already, by ada"):
        alarmed.act("ack", name)


def test_a_lock_hides_what_is_expected_of_its_tray_and_never_an_interlock(alarmed: Alarmed) -> None:
    alarmed.locks["u31"] = "the lock of ada"
    for tray in ("u31", "u30"):
        alarmed.rack.set(f"{tray}/gpu0", Q.HEALTH, 2)
    alarmed.leak("u31/leak1", 2)
    alarmed.tick(5)
    found = {(a.name, a.place.split("/")[4]): a.state for a in alarmed.desk.listed().alarms}
    assert found == {
        ("leak.critical", "u31"): "unacknowledged",
        ("part.critical", "u30"): "unacknowledged",
        ("part.critical", "u31"): "suppressed",
    }
    alarmed.locks.clear()
    alarmed.tick()
    assert {a.state for a in alarmed.desk.listed().alarms} == {"unacknowledged"}


def test_what_is_told_stands_until_it_is_told_to_be_over(alarmed: Alarmed) -> None:
    shelf = alarmed.rack.place("u06")
    alarmed.happened = [Finding(shelf, "power.on_battery", Severity.CRITICAL, "u06 is on battery")]
    alarmed.lasting = [panic(alarmed.rack.place("u12"))]
    alarmed.tick(5)
    assert alarmed.top() == ["1× power.on_battery", "1× console.panic"]
    assert alarmed.find("console.panic").text == "kernel panic: not syncing"
    alarmed.happened = [Finding(shelf, "power.on_mains", Severity.OK, "u06 is on mains again")]
    alarmed.lasting = []
    alarmed.tick(1)
    assert set(alarmed.stand().values()) == {"returned_unacknowledged"}


def test_many_alike_are_one_line_and_a_flood_says_so(alarmed: Alarmed) -> None:
    for n, tray in enumerate(trays(alarmed, "compute")):
        alarmed.rack.set(f"{tray}/gpu0", Q.HEALTH, 2)
        alarmed.tick(0 if n else 2)
    alarmed.tick(5)
    (line,) = alarmed.glance.lines
    assert (line.count, line.first.text.endswith("health is critical")) == (18, True)
    assert (alarmed.glance.flood, alarmed.glance.recent) == (True, 18)
    alarmed.rack.now += 600
    alarmed.tick(2)
    assert not alarmed.glance.flood


def test_a_part_that_the_rack_has_no_more_keeps_its_alarm_for_ten_minutes(alarmed: Alarmed) -> None:
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    alarmed.act("ack", alarmed.find("part.critical").id)
    for place, quantity in list(alarmed.rack._values):
        if place.endswith("u31/gpu0") and quantity is Q.HEALTH:
            del alarmed.rack._values[place, quantity]
    alarmed.tick(300, step=50)
    assert alarmed.stand() == {"part.critical@u31/gpu0": "acknowledged"}
    alarmed.rack.now += 600
    alarmed.tick(1)
    assert alarmed.stand() == {}


def test_what_the_journal_refuses_was_not_done(alarmed: Alarmed, monkeypatch: pytest.MonkeyPatch) -> None:
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    name = alarmed.find("part.critical").id

    def full(*_: object) -> None:
        raise EnvironmentUnfit("the journal refused a write: disk full")

    monkeypatch.setattr(alarmed.journal, "transact", full)
    with pytest.raises(EnvironmentUnfit):
        alarmed.act("ack", name)
    assert alarmed.stand() == {"part.critical@u31/gpu0": "unacknowledged"}
    alarmed.rack.set("u30/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    assert len(alarmed.stand()) == 2, "what is seen stands all the same"
    monkeypatch.undo()
    alarmed.tick(1)
    alarmed.start()
    assert len(alarmed.stand()) == 2, "and is written as soon as the disk takes it"


def test_what_cannot_be_read_back_costs_only_itself(alarmed: Alarmed) -> None:
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    alarmed.journal.keep("alarm", f"{RACK} odd", "{")
    alarmed.start()
    assert alarmed.stand() == {"part.critical@u31/gpu0": "unacknowledged"}


def test_who_was_succeeded_writes_nothing_down(alarmed: Alarmed, tmp_path: Path) -> None:
    alarmed.rack.set("u31/gpu0", Q.HEALTH, 2)
    alarmed.tick(5)
    name = alarmed.find("part.critical").id
    other = Journal(tmp_path / "journal.db")
    other.take_over(RACK)
    with pytest.raises(PreconditionFailed, match="another controller"):
        alarmed.act("ack", name)
    assert alarmed.find("part.critical").state == "unacknowledged"
    other.close()
