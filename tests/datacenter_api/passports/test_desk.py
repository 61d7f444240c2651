"""The desk of passports: all of a file or nothing, later records over earlier ones, swaps, frozen states, exports."""

import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from support.as_built import RACK, csv_of, part, small_rack, step
from support.sealed_runs import sealed_run

from datacenter_api.cli.main import run
from datacenter_api.passports.decisions import DecisionDesk
from datacenter_api.passports.desk import PassportDesk
from datacenter_api.passports.tables import frozen, frozen_fits
from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    CommandRefused,
    EnvironmentUnfit,
    PreconditionFailed,
    TargetUnknown,
)
from rack_controller.acceptance.run import EVIDENCE
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.conditions import ConditionOutcome
from rack_controller.prove.fit import AsAccepted, Fit, PartSwap
from rack_controller.prove.keys import fingerprint
from rack_controller.prove.match import Found
from rack_controller.prove.option import DecisionStage, DecisionStep, Firm, Offer
from rack_controller.prove.recheck import read_bom
from rack_controller.prove.seal import judge

OTHER = "lab1/a/r01/k02"
NOTHING = Found(pa.table({n: pa.array([], pa.string()) for n in ("place", "kind", "part", "serial")}), frozenset(), ())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[PassportDesk]:
    made = PassportDesk(tmp_path)
    yield made
    made.close()


def take(desk: PassportDesk, rows: list[dict[str, str]], **more: object) -> bool:
    return desk.take(csv_of(rows), "f.csv", "ada", **more).accepted  # type: ignore[arg-type]


def test_a_file_is_kept_whole_survives_a_restart_and_is_known_again(desk: PassportDesk, tmp_path: Path) -> None:
    report = desk.take(csv_of(small_rack()), "f.csv", "ada")
    assert (report.accepted, report.rows, report.racks) == (True, 5, [RACK])
    again = PassportDesk(tmp_path)
    assert again.records("k01").num_rows == 5
    assert again.take(csv_of(small_rack()), "copy.csv", "bob").already
    assert [(r.name, r.rows, r.actor) for r in again.imports()] == [("f.csv", 5, "ada")]
    again.close()


def test_nothing_of_a_bad_file_is_kept(desk: PassportDesk, tmp_path: Path) -> None:
    rows = small_rack()
    rows[4]["currency"] = "XXX"
    report = desk.take(csv_of(rows), "f.csv", "ada")
    assert (report.accepted, report.faulty) == (False, 1)
    assert str(report.faults[0]) == "row 5, currency: no ISO 4217 currency ('XXX')"
    assert desk.racks() == []
    assert not list((tmp_path / "passports").glob("*.arrow"))
    assert desk.take(b"place,kind,part,serial\n", "f.csv", "ada").faults[0].what == "it has no rows"


@pytest.mark.parametrize("name", ["0123.arrow", "0123.parquet", "0123.new"])
def test_a_file_that_was_staged_and_never_committed_is_gone_at_the_next_start(
    desk: PassportDesk, tmp_path: Path, name: str
) -> None:
    take(desk, small_rack())
    orphan = tmp_path / "passports" / name
    orphan.write_bytes(b"half")
    PassportDesk(tmp_path).close()
    assert not orphan.exists()
    assert len(list((tmp_path / "passports").glob("*.arrow"))) == 1


def test_records_of_before_in_a_parquet_file_are_read_replaced_and_kept(desk: PassportDesk, tmp_path: Path) -> None:
    take(desk, small_rack())
    before = desk.records(RACK)
    (arrow,) = (tmp_path / "passports").glob("*.arrow")
    pq.write_table(before, arrow.with_suffix(".parquet"))
    arrow.unlink()
    later = PassportDesk(tmp_path)
    assert later.records(RACK).to_pylist() == before.to_pylist()
    assert not take(later, [part(f"{RACK}/u01/psu0", "psu", "1", serial="NEW")])
    assert take(later, [part(f"{RACK}/u01/psu0", "psu", "1", serial="NEW")], replace=True)
    assert len(later.records(RACK)) == len(before)
    later.close()


def test_a_place_is_replaced_only_when_somebody_says_so_and_a_serial_number_is_once_on_earth(
    desk: PassportDesk,
) -> None:
    assert take(desk, small_rack())
    newer = [part(f"{RACK}/u01/psu0", "psu", "1", serial="NEW")]
    report = desk.take(csv_of(newer), "g.csv", "ada")
    assert "has a record already" in report.faults[0].what
    assert take(desk, newer, replace=True)
    rows = {r["place"]: r for r in desk.records(RACK).to_pylist()}
    assert (len(rows), rows[f"{RACK}/u01/psu0"]["serial"]) == (5, "NEW")
    assert [row.rows for row in desk.racks()] == [5], "the replaced record is no longer in force"
    twin = [part(f"{OTHER}/u05", serial="A"), part(f"{OTHER}/u01", "power_shelf", serial="LAB1-A-R01-K01-U01")]
    (fault,) = desk.take(csv_of(twin), "h.csv", "ada").faults
    assert (fault.row, fault.what) == (2, f"duplicate: recorded already at {RACK}/u01")


def test_racks_are_found_by_short_name_and_a_strange_one_is_refused(desk: PassportDesk) -> None:
    take(desk, [*small_rack(), part(f"{OTHER}/u01")])
    assert [(p.rack, p.rows) for p in desk.racks()] == [(RACK, 5), (OTHER, 1)]
    assert desk.named("k02") == OTHER
    with pytest.raises(TargetUnknown, match="no as-built records"):
        desk.records("k09")
    with pytest.raises(TargetUnknown, match="no rule of origin"):
        desk.claims("k01", "law")
    with pytest.raises(ArgumentsInvalid, match="is no rack"):
        desk.take(b"", "x", "ada", rack="../..")


def test_a_swap_changes_the_passport_and_the_claim_and_records_that_come_later_win(desk: PassportDesk) -> None:
    take(desk, small_rack())
    assert desk.claims("k01")[0].lower_percent == 79.99
    assert [row.rows for row in desk.racks()] == [5]
    change = PartSwap(f"{RACK}/u01", "LAB1-A-R01-K01-U01", "SHELF-2", 2**62, "swap by ada")
    assert desk.swap(RACK, [change]) == [change]
    assert desk.swap(RACK, [change]) == [], "known already"
    (claim,) = desk.claims("k01")
    assert (claim.lower_percent, claim.parts_unknown) == (0.0, 2)
    # The spare's own records, handed in at the place where it is kept, prove it again.
    spare = "lab1/store/s01/b01/t07"
    take(desk, [part(spare, "power_shelf", "600", serial="SHELF-2") | step("assembly", "US-OH")])
    rows = {r["place"]: r for r in desk.records(RACK).to_pylist()}
    assert (rows[f"{RACK}/u01"]["serial"], rows[f"{RACK}/u01"]["assembly_place"]) == ("SHELF-2", "US-OH")
    assert f"{RACK}/u01/psu0" not in rows
    assert {row.rack: row.rows for row in desk.racks()}[RACK] == len(rows), (
        "what left with the old shelf counts no more"
    )
    assert desk.swap("lab1/a/r09/k09", [change]) == []


def test_a_frozen_passport_is_signed_kept_under_its_hash_and_stays_when_parts_change(
    desk: PassportDesk, tmp_path: Path
) -> None:
    take(desk, small_rack())
    row = desk.freeze("k01", NOTHING, "ada", date(2028, 6, 1))
    file = tmp_path / "passports" / "frozen" / f"{row.sha256}.cdx.json"
    before = file.read_bytes()
    desk.swap(RACK, [PartSwap(f"{RACK}/u01", None, "SHELF-2", 2**62)])
    assert file.read_bytes() == before
    assert (row.rows, row.wrong, row.unread) == (5, 0, 5)
    assert desk.racks()[0].frozen == row.sha256
    sealed = file.with_name(file.name + ".dsse").read_bytes()
    assert judge(file.name, before, sealed, desk.keys.names()).trusted


def test_a_passport_that_parts_do_not_fit_is_frozen_only_where_that_is_meant_and_says_so_ever_after(
    desk: PassportDesk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take(desk, small_rack())
    there = [
        {"place": f"{RACK}/u01/psu0", "kind": "psu", "part": "1", "serial": "OTHER"},
        {"place": f"{RACK}/u09", "kind": "power_shelf", "part": "600", "serial": "NEVER-BUILT"},
    ]
    found = Found(pa.Table.from_pylist(there), frozenset(), ())
    with pytest.raises(PreconditionFailed, match=f"1 swapped, 1 unknown: see `rackwright passport match {RACK}`"):
        desk.freeze("k01", found, "ada", None)
    assert desk.frozen() == []
    row = desk.freeze("k01", found, "ada", None, despite_wrong=True)
    assert (row.wrong, row.wrong_words, row.counts["swapped"]) == (2, "1 swapped, 1 unknown", 1)
    assert desk.show(RACK).frozen == [row]
    swapped = next(f for f in row.findings if f.fit is Fit.SWAPPED)
    assert swapped.built is not None
    assert swapped.found is not None
    assert (swapped.built.serial, swapped.found.serial) == ("LAB1-A-R01-K01-U01-PSU0", "OTHER")
    kept = desk.as_accepted("k01", row.sha256)
    assert read_bom(kept.content).accepted == AsAccepted("ada", row.counts, row.findings)
    assert read_bom(desk.export("k01", "cyclonedx").content).accepted is None
    file = tmp_path / "passports" / "frozen" / f"{row.sha256}.cdx.json"
    (tmp_path / kept.name).write_bytes(kept.content)
    (tmp_path / f"{kept.name}.dsse").write_bytes(kept.seal)
    assert file.read_bytes() == kept.content
    assert run(["verify", str(tmp_path / kept.name), "--state", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "accepted by ada with parts that do not fit: 1 swapped, 1 unknown" in told
    assert "swapped  k01/u01/psu0: " in told


def test_a_passport_whose_trays_were_not_read_is_frozen_only_where_that_is_meant_and_names_them_ever_after(
    desk: PassportDesk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take(desk, small_rack())
    swapped = pa.Table.from_pylist(
        [{"place": f"{RACK}/u01/psu0", "kind": "psu", "part": "1", "serial": "OTHER\x1b[2J"}]
    )
    found = Found(swapped, frozenset(), (f"{RACK}/u09", f"{RACK}/u12"))
    with pytest.raises(PreconditionFailed, match="1 swapped, and has 2 trays not read in full: u09, u12: ") as both:
        desk.freeze("k01", found, "ada", None)
    assert "--despite-wrong" in both.value.advice
    with pytest.raises(PreconditionFailed, match=f"{RACK} has 2 trays not read in full: u09, u12: ") as refused:
        desk.freeze("k01", found, "ada", None, despite_wrong=True)
    assert "--despite-wrong" not in refused.value.advice
    assert f"passport match {RACK} --wait" in refused.value.advice
    row = desk.freeze("k01", found, "ada\x1b[2J", None, despite_wrong=True, despite_unread=True)
    kept = desk.as_accepted("k01", row.sha256)
    (tmp_path / kept.name).write_bytes(kept.content)
    (tmp_path / f"{kept.name}.dsse").write_bytes(kept.seal)
    assert run(["verify", str(tmp_path / kept.name), "--state", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "accepted by ada [2J with 2 trays not read in full: u09, u12" in told
    assert "OTHER [2J" in told
    assert "\x1b" not in told, "what a stranger's file holds is told, not obeyed"


def test_only_the_newest_as_accepted_state_of_a_list_tells_part_by_part_what_did_not_fit(desk: PassportDesk) -> None:
    take(desk, [*small_rack(), part(f"{OTHER}/u01")])
    strange = {"place": f"{RACK}/u09", "kind": "power_shelf", "part": "600", "serial": "NEVER-BUILT"}
    found = Found(pa.Table.from_pylist([strange]), frozenset(), ())
    older = desk.freeze("k01", found, "ada", None, despite_wrong=True)
    newer = desk.freeze("k01", found, "ada", None, despite_wrong=True)
    other = desk.freeze("k02", NOTHING, "ada", None)
    assert newer.findings
    bare = msgspec.structs.replace(older, findings=[])
    assert desk.show(RACK).frozen == [newer, bare]
    assert [row.findings for row in desk.frozen()] == [[], [], []]
    assert desk.frozen(RACK, findings=9) == [newer, older]
    assert [(row.frozen, row.frozen_unix_ns) for row in desk.racks()] == [
        (newer.sha256, newer.unix_ns),
        (other.sha256, other.unix_ns),
    ]
    assert desk.as_accepted("k01", older.sha256).content
    with pytest.raises(TargetUnknown, match="no as-accepted state"):
        desk.as_accepted("k01", other.sha256)


def test_a_state_that_was_frozen_before_what_was_wrong_was_kept_is_still_read(desk: PassportDesk) -> None:
    take(desk, small_rack())
    row = desk.freeze("k01", NOTHING, "ada", None)
    with desk.store.begin() as connection:
        connection.execute(sa.delete(frozen_fits))
        connection.execute(sa.update(frozen).values(wrong=2))
    (before,) = desk.frozen(RACK)
    assert (before.sha256, before.counts, before.findings) == (row.sha256, {}, [])
    assert before.wrong_words == "2 did not fit"


@pytest.mark.parametrize("form", ["cyclonedx", "csv"])
@pytest.mark.parametrize("redacted", [True, False])
def test_an_export_is_signed_and_tells_prices_only_when_asked(desk: PassportDesk, form: str, redacted: bool) -> None:
    rows = small_rack()
    rows[1]["cost"] = "612.3456"
    take(desk, rows)
    made = desk.export("k01", form, redacted=redacted)
    assert judge(made.name, made.content, made.seal, [fingerprint(desk.keys.signer().public)]).trusted
    assert (b"612.3456" in made.content) is not redacted
    assert (made.openings is not None) is redacted
    with pytest.raises(ArgumentsInvalid, match="no form"):
        desk.export("k01", "pdf")


def offer(racks: tuple[str, ...] = (RACK, OTHER)) -> Offer:
    return Offer(
        "pilot",
        "20 racks",
        Firm("Maker", ("mo",)),
        Firm("Buyer", ("bea",)),
        racks,
        date(2026, 11, 1),
        date(2027, 3, 31),
    )


def test_a_conditional_decision_is_measured_and_ends_in_a_signed_dossier(desk: PassportDesk) -> None:
    take(desk, small_rack())
    now = [datetime.now(UTC)]
    decisions = DecisionDesk(desk, lambda: now[0])
    day = now[0].date()
    long = date(day.year + 1, 1, 1)
    record = decisions.offer(Offer(**{**_fields(offer()), "offered": day, "decide_by": long}), "admin")
    assert record.stage is DecisionStage.OFFERED
    with pytest.raises(CommandRefused, match="already"):
        decisions.offer(offer(), "admin")
    decisions.say("pilot", DecisionStep.EVALUATE, "bea")
    texts = [
        f"racks_passed:L12 >= 2 by {long}",
        f"origin_share:contract >= 50 by {long}",
        f"parts_wrong <= 0 by {long}",
    ]
    decisions.say("pilot", DecisionStep.ACCEPT_IF, "bea", conditions=texts)
    sealed_run(desk.state, RACK)
    sealed_run(desk.state, OTHER, Outcome.FAIL)
    shown = decisions.show("pilot")
    assert [(c.last, c.outcome) for c in shown.conditions] == [
        (1.0, ConditionOutcome.OPEN),
        (None, ConditionOutcome.OPEN),
        (None, ConditionOutcome.OPEN),
    ]
    with pytest.raises(PreconditionFailed, match="not met"):
        decisions.say("pilot", DecisionStep.EXERCISE, "bea")
    last = sealed_run(desk.state, OTHER, began_unix_ns=time.time_ns() - 1_800 * 10**9)
    take(desk, [part(f"{OTHER}/u01") | step("board", "US-TX") | step("assembly", "US-TX")])
    for rack in (RACK, OTHER):
        desk.freeze(rack, NOTHING, "ada", None)
    assert {c.outcome for c in decisions.show("pilot").conditions} == {ConditionOutcome.MET}
    assert decisions.say("pilot", DecisionStep.EXERCISE, "bea", said="go").stage is DecisionStage.EXERCISED
    made = decisions.dossier("pilot", [{"sequence": 1, "what": "option offer"}])
    assert judge(made.name, made.content, made.seal, desk.keys.names()).trusted
    sha = hashlib.sha256((last.path / EVIDENCE).read_bytes()).hexdigest()
    for word in (b'"entry":"offer"', b'"entry":"evidence 9"', b'"entry":"claim ', b'"entry":"audit 1"', sha.encode()):
        assert word in made.content


def _fields(of: Offer) -> dict[str, object]:
    return {name: getattr(of, name) for name in of.__struct_fields__}


def test_an_option_lapses_at_the_first_look_after_its_last_day(desk: PassportDesk) -> None:
    now = [datetime(2027, 3, 20, tzinfo=UTC)]
    decisions = DecisionDesk(desk, lambda: now[0])
    decisions.offer(offer(), "admin")
    assert [r.days_left for r in decisions.reminders()] == [11]
    now[0] = datetime(2027, 4, 1, tzinfo=UTC)
    assert decisions.listed()[0].stage is DecisionStage.LAPSED
    assert decisions.reminders() == []
    with pytest.raises(PreconditionFailed, match="it is over"):
        decisions.say("pilot", DecisionStep.EVALUATE, "bea")
    with pytest.raises(TargetUnknown, match="no decision"):
        decisions.show("other")


@pytest.mark.parametrize("left", [b"", b"ARROW1"])
def test_records_that_are_cut_or_gone_are_told_with_what_to_do(tmp_path: Path, left: bytes) -> None:
    desk = PassportDesk(tmp_path)
    assert take(desk, small_rack())
    desk.close()
    (file,) = tmp_path.rglob("*.arrow")
    file.write_bytes(left) if left else file.unlink()
    again = PassportDesk(tmp_path)
    for look in (lambda: again.records(RACK), again.store.keys, lambda: take(again, [part(f"{RACK}/u40")])):
        with pytest.raises(EnvironmentUnfit, match=r"cannot be read.*: restore it from a backup"):
            look()
    again.close()


def test_a_damaged_import_leaves_the_other_racks_in_the_list_until_it_is_back(tmp_path: Path) -> None:
    desk = PassportDesk(tmp_path)
    assert take(desk, small_rack())
    (first,) = tmp_path.rglob("*.arrow")
    assert take(desk, [part(f"{RACK}/u40"), part(f"{OTHER}/u01")])
    desk.close()
    whole = first.read_bytes()
    first.write_bytes(b"ARROW1")
    again = PassportDesk(tmp_path)
    broken, sound = again.racks()
    assert (broken.rack, broken.rows, "cannot be read" in broken.unreadable) == (RACK, 0, True)
    assert (sound.rack, sound.rows, sound.unreadable) == (OTHER, 1, "")
    first.write_bytes(whole)
    assert [(row.rows, row.unreadable) for row in again.racks()] == [(6, ""), (1, "")]
    again.close()


def test_an_import_has_those_racks_counted_again_that_it_is_of_or_holds_a_spare_of(
    desk: PassportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    current = desk.store.current
    monkeypatch.setattr(desk.store, "current", lambda rack: counted.append(rack) or current(rack))

    def listed() -> list[str]:
        counted.clear()
        desk.racks()
        return list(counted)

    take(desk, [*small_rack(), part(f"{OTHER}/u01", serial="OLD")])
    desk.swap(RACK, [PartSwap(f"{RACK}/u01", "LAB1-A-R01-K01-U01", "SHELF-2", 2**62)])
    desk.swap(OTHER, [PartSwap(f"{OTHER}/u01", "OLD", "SHELF-3", 2**62)])
    assert listed() == [RACK, OTHER]
    assert listed() == []
    take(desk, [part("lab1/a/r01/k03/u01")])
    assert listed() == [], "neither its own records nor those of its spare have changed"
    take(desk, [part("lab1/store/s01/b01/t07", "power_shelf", "600", serial="SHELF-3")])
    assert listed() == [OTHER]
