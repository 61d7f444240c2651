"""Racks that run are accepted together: each has its own verdict, what one refuses is named with it, and all of them
stop, rest and go on as one."""

import threading
from pathlib import Path

import msgspec
import pytest
from support.sealed_runs import flip, sealed_run
from support.together import GENERATION, PLAN, RACKS, SupplyRack, begun, rig_of, watch_of

from firmware_bridge.generations.load import load_generation
from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import (
    BusUnavailable,
    CommandRefused,
    ConfigurationError,
    PreconditionFailed,
)
from rack_controller.acceptance.begin import Wish, begin, begin_together
from rack_controller.acceptance.came_before import CameBefore, came_before
from rack_controller.acceptance.launch import held, leading, members, unfinished
from rack_controller.acceptance.live import Read
from rack_controller.acceptance.plans import read_plan_text
from rack_controller.acceptance.progress import Stop, ask_to_stop, progress_of
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.run import EVIDENCE, FOLDER, RunFolder, go_on_together
from rack_controller.acceptance.undo import UndoBook
from rack_controller.prove.accept.evidence import Phase
from rack_controller.prove.accept.plan import Plan
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

K01, K02 = RACKS


def plan() -> Plan:
    return read_plan_text(PLAN, "plan.yaml")[0]


def passed(name: str = "l11") -> list[StepRecord]:
    return [StepRecord(name, name, "L11", True, Outcome.PASS, 0.0, 1.0, 1, [])]


def racks(**second: object) -> tuple[SupplyRack, SupplyRack]:
    return SupplyRack(name=K01), SupplyRack(name=K02, **second)  # type: ignore[arg-type]


def accept(
    folders: list[RunFolder], both: tuple[SupplyRack, SupplyRack], unmet: tuple[str, ...] = ()
) -> list[RunRecord]:
    watch = watch_of(folders)
    rig, records = rig_of(both, folders, watch), [f.read() for f in folders]
    before = [passed() for _ in folders]
    return go_on_together(records, folders, plan(), rig, rig.parts, watch=watch, before=before, unmet=unmet)


def test_racks_together_have_a_verdict_each_and_a_fault_is_its_rack_s_own(tmp_path: Path) -> None:
    folders, both = begun(tmp_path), racks(off={"u06/psu3"})
    one, other = accept(folders, both)
    assert [(s.id, s.outcome) for s in one.steps] == [("joint", Outcome.PASS), ("pulled", Outcome.PASS)]
    assert [s.outcome for s in other.steps] == [Outcome.FAIL, Outcome.PASS]
    assert [f.place for f in other.findings] == ["u06/psu3"]
    assert (one.outcome, other.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert [d for d in both[0].done if "psu" in d[0]] == [("psu_off", "u06/psu0"), ("psu_on", "u06/psu0")]
    assert both[0].done == both[1].done
    # What was read of both is of the same moments.
    rows = [f.path / "raw-joint-1.npz" for f in folders]
    assert all(path.is_file() for path in rows)
    assert one.steps[0].began_s == other.steps[0].began_s


def test_whoever_is_told_of_a_step_is_told_whose_it_is(tmp_path: Path) -> None:
    folders, told = begun(tmp_path), list[tuple[str, str]]()
    rig, records = rig_of(racks(), folders, watch_of(folders)), [f.read() for f in folders]
    before = [passed() for _ in folders]
    go_on_together(records, folders, plan(), rig, rig.parts, lambda s, rack: told.append((s.id, rack)), before=before)
    assert told == [("joint", K01), ("joint", K02), ("pulled", K01), ("pulled", K02)]


def test_rows_of_both_are_of_the_same_moments_and_a_domain_is_of_racks_under_test(tmp_path: Path) -> None:
    folders = begun(tmp_path)
    rig = rig_of(racks(), folders, watch_of(folders))
    rig.run(3.0, 1.0, frozenset({"psu"}))
    one, other = rig.collect((Phase("held", 0.0, 0.0, 9.0),))
    assert one.series["psu.power"].times.tolist() == other.series["psu.power"].times.tolist()
    assert len(one.series["psu.power"].times) == 3
    assert (one.rack, other.rack, one.domain) == (K01, K02, RACKS)


def test_what_one_rack_refuses_is_told_with_it_and_the_other_is_put_back_at_once(tmp_path: Path) -> None:
    folders, both = begun(tmp_path), racks(refuses={"psu_off": PreconditionFailed("the rest does not carry it")})
    watch = watch_of(folders)
    with pytest.raises(CommandRefused, match=f"{K02}: the rest does not carry it") as caught:
        rig_of(both, folders, watch).act(Act("pull", "u06/psu0"))
    assert K01 not in caught.value.what
    assert both[0].done == [("psu_off", "u06/psu0"), ("psu_on", "u06/psu0")]
    assert [UndoBook(f.path).owed() for f in folders] == [[], []]
    records = accept(folders, racks(refuses={"psu_off": PreconditionFailed("the rest does not carry it")}))
    assert [r.steps[1].outcome for r in records] == [Outcome.ERROR, Outcome.ERROR]
    (told,) = {f.text for r in records for f in r.steps[1].findings if f.measure == "run"}
    assert f"{K02}: the rest does not carry it" in told


def test_a_rack_that_cannot_be_put_back_ends_the_run_of_both_and_is_named(tmp_path: Path) -> None:
    folders = begun(tmp_path)
    records = accept(folders, racks(refuses={"psu_on": CommandRefused("u06 stays off: a latch stands")}))
    assert [r.outcome for r in records] == [Outcome.STOPPED, Outcome.STOPPED]
    assert all("not back at rest" in r.why and K02 in r.why and K01 not in r.why for r in records)
    assert UndoBook(folders[0].path).owed() == []
    assert UndoBook(folders[1].path).owed() == [Act("restore", "u06/psu0")]


def test_a_reading_beyond_a_stop_rule_at_one_rack_ends_the_run_of_both_meanwhile(tmp_path: Path) -> None:
    class Hot(SupplyRack):
        def readings(self) -> list[Read]:
            return [Read(r.place, r.quantity, 9900.0, "W") if r.place == "u06/psu1" else r for r in super().readings()]

    folders = begun(tmp_path)
    one, other = accept(folders, (SupplyRack(name=K01), Hot(name=K02)))
    assert (one.outcome, other.outcome) == (Outcome.STOPPED, Outcome.STOPPED)
    assert one.why == f"stopped for safety: too much: psu.power of u06/psu1 above 9000 in {K02}"
    assert len(one.steps) == len(other.steps) == 1, "nothing more is done"
    assert one.findings == []
    assert [f.place for f in other.findings] == ["u06/psu1"]


def test_a_word_in_any_folder_stops_all_of_them(tmp_path: Path) -> None:
    folders = begun(tmp_path)
    ask_to_stop(folders[1].path, Stop("ada", 1, "smoke"))
    assert {(r.outcome, r.why) for r in accept(folders, racks())} == {(Outcome.STOPPED, "stopped by ada: smoke")}


def test_who_is_not_accepted_by_itself_holds_the_step_back_for_all_and_is_named(tmp_path: Path) -> None:
    folders, both = begun(tmp_path), racks()
    records = accept(folders, both, unmet=("", f"{K02} is not accepted at L11"))
    assert {s.outcome for r in records for s in r.steps} == {Outcome.ERROR}
    assert {s.why for r in records for s in r.steps} == {f"{K02} is not accepted at L11"}
    assert both[0].done == both[1].done == []


def test_a_crash_between_two_folders_has_the_step_done_again_for_both(tmp_path: Path) -> None:
    folders = begun(tmp_path)
    record = folders[0].read()
    folders[0].write(msgspec.structs.replace(record, steps=[*passed("joint")]))
    records = accept(folders, racks())
    assert [[s.id for s in r.steps] for r in records] == [["joint", "pulled"]] * 2
    assert records[0].steps[0].measures, "it was measured, and not taken from before"
    stopped = begun(tmp_path)
    stop = {"outcome": Outcome.STOPPED, "why": f"stopped for safety: hot in {K01}"}
    stopped[0].write(msgspec.structs.replace(stopped[0].read(), **stop))
    untouched = racks()
    assert {r.outcome for r in accept(stopped, untouched)} == {Outcome.STOPPED}
    assert stopped[1].read().why == stop["why"]
    assert untouched[0].done == []


def test_a_person_is_asked_at_one_rack_and_the_other_screen_says_where(tmp_path: Path) -> None:
    folders = begun(tmp_path)
    watch, asked, go = watch_of(folders), threading.Event(), threading.Event()
    no_verb = SupplyRack(name=K02, is_armed=False)

    def ask(text: str) -> None:
        no_verb.asked.append(text)
        asked.set()
        go.wait(30)
        no_verb.off.add("u15/leak1")

    no_verb.ask = ask  # type: ignore[method-assign]
    rig = rig_of((SupplyRack(name=K01, is_armed=False), no_verb), folders, watch)
    watch.begin(plan().steps[1])
    acting = threading.Thread(target=rig.act, args=(Act("wet", "u15/leak1"),))
    acting.start()
    assert asked.wait(30)
    second = progress_of(folders[1].path)
    assert second is not None
    assert second.asks == "wet the leak detector u15/leak1"
    go.set()
    acting.join(30)
    first, second = progress_of(folders[0].path), progress_of(folders[1].path)
    assert first is not None
    assert second is not None
    assert (first.asks, second.asks) == ("", "")
    watch.waits_at(K02, "readings", "stop u01/pump0", None)
    told = progress_of(folders[0].path)
    assert told is not None
    assert told.waits_for == "k02: people there are asked"
    watch.end()
    assert progress_of(folders[0].path) is None


def test_an_absent_product_says_nothing_of_a_rack(tmp_path: Path) -> None:
    folders = begun(tmp_path)
    with pytest.raises(BusUnavailable):
        accept(folders, racks(refuses={"psu_off": BusUnavailable("away"), "psu_on": BusUnavailable("away")}))
    assert [len(f.read().steps) for f in folders] == [1, 1]


@pytest.mark.parametrize(
    ("names", "level", "says"),
    [
        ([K01, K01], "L12", "named twice"),
        ([K01], "L12", "is not several"),
        ([], "L12", "is not several"),
        ([K01, K02], "L11", "of each rack by itself"),
    ],
)
def test_racks_that_cannot_be_taken_together_begin_nothing(
    tmp_path: Path, names: list[str], level: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        begin_together(Wish(GENERATION, level, plan_text=PLAN), names, tmp_path, "test", "ada")
    assert not (tmp_path / FOLDER).exists()


def test_one_rack_alone_and_a_plan_without_l12_begin_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="would be alone"):
        begin(Wish(GENERATION, "L12", rack=K01), tmp_path, "test", "ada")
    alone = "extends: gb200-nvl72\nname: ours\nonly: [settings]\n"
    with pytest.raises(ConfigurationError, match="no step of L12"):
        begin_together(Wish(GENERATION, "L12", plan_text=alone), RACKS, tmp_path, "test", "ada")
    assert not (tmp_path / FOLDER).exists()


def test_their_folders_know_of_each_other_and_one_process_has_them_all(tmp_path: Path) -> None:
    folders = begun(tmp_path)
    record = folders[1].read()
    assert list(record.together.values()) == list(RACKS)
    assert (record.rack, record.rig, record.level, record.seeds) == (K02, "live", "L12", {})
    assert [m.path for m in members(folders[1])] == [f.path for f in folders]
    assert leading(folders[1]).path == folders[0].path
    assert [f.path for f in unfinished(tmp_path)] == [folders[0].path]
    with held(folders[1].path):
        assert unfinished(tmp_path) == [], "a process that is about to end has one of them"
    folders[0].write(msgspec.structs.replace(folders[0].read(), outcome=Outcome.PASS))
    assert [f.path for f in unfinished(tmp_path)] == [folders[0].path], "the other one's verdict is still to be kept"


def test_a_record_of_before_is_read_as_that_of_a_rack_by_itself(tmp_path: Path) -> None:
    folder = sealed_run(tmp_path, K01, level="L11")
    old = msgspec.json.decode((folder.path / "run.json").read_bytes())
    old.pop("together"), old.pop("before")
    (folder.path / "run.json").write_bytes(msgspec.json.encode(old))
    assert (folder.read().together, folder.read().before) == ({}, "")


def test_what_a_rack_passed_by_itself_counts_only_under_its_seal(tmp_path: Path) -> None:
    def why() -> str:
        return before(tmp_path).why

    assert "no run of short is kept of it; accept it by itself first, by the same plan: " in why()
    sealed_run(tmp_path, K01, level="L10", began_unix_ns=10**9)
    sealed_run(tmp_path, K02, level="L11", began_unix_ns=2 * 10**9)
    sealed_run(tmp_path, K01, level="L11", rig="virtual", began_unix_ns=3 * 10**9)
    sealed_run(tmp_path, K01, level="L11", generation="gb300-nvl72", began_unix_ns=4 * 10**9)
    assert "no run of short is kept of it" in why()
    good = sealed_run(tmp_path, K01, level="L11", plan=PLAN, began_unix_ns=5 * 10**9)
    found = before(tmp_path)
    assert (found.run, [s.id for s in found.steps], found.why) == (good.path.name, ["l10", "l11"], "")
    sealed_run(tmp_path, K01, Outcome.FAIL, level="L11", plan=PLAN, began_unix_ns=6 * 10**9)
    assert "it ended with fail" in why(), "what came later counts"
    last = sealed_run(tmp_path, K01, level="L11", plan=PLAN, began_unix_ns=7 * 10**9)
    assert why() == ""
    last.write(msgspec.structs.replace(last.read(), why="as if"))
    assert "altered: run.json: it is not the file whose hash was sealed" in why()
    flip(last.path / EVIDENCE)
    assert "its seal does not hold" in why()
    other = sealed_run(tmp_path, K02, level="L11", plan=PLAN, began_unix_ns=8 * 10**9)
    other.write(msgspec.structs.replace(other.read(), rack=K01))
    assert f"what was sealed is run {other.path.name} of {K02}" in why()


def before(state: Path, text: str = PLAN) -> CameBefore:
    """Return what k01 has passed of a plan."""
    found, digest = read_plan_text(text, "plan.yaml")
    return came_before(state, K01, GENERATION, found, digest)


def test_a_plan_is_the_same_by_its_hash_or_by_all_that_it_does_below_l12_whatever_it_is_called(tmp_path: Path) -> None:
    run = sealed_run(tmp_path, K01, level="L11", plan=PLAN).path.name
    for said, instead in (
        ("name: short", "name: of-this-summer"),
        ("title: A rack by itself", "title: One rack"),
        ("source: a test}]\n  - id: joint", "source: another test}]\n  - id: joint"),
        ("least: 2000", "least: 2100"),
        ("schema_version: 1", "# a remark\nschema_version: 1"),
    ):
        assert said in PLAN
        assert before(tmp_path, PLAN.replace(said, instead)).run == run, instead
    assert before(tmp_path).run == run


def test_runs_of_other_racks_are_not_read_for_a_rack_and_a_record_that_is_replaced_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = sealed_run(tmp_path, K01, level="L11", plan=PLAN)
    other = sealed_run(tmp_path, K02, level="L11", plan=PLAN)
    seen, read = list[str](), RunFolder.read

    def reads(folder: RunFolder) -> RunRecord:
        seen.append(folder.path.name)
        return read(folder)

    monkeypatch.setattr(RunFolder, "read", reads)
    assert before(tmp_path).run == mine.path.name
    assert set(seen) == {mine.path.name}
    mine.write(msgspec.structs.replace(read(mine), rack=K02))
    assert before(tmp_path).run == ""
    other.write(msgspec.structs.replace(read(other), rack=K01))
    assert f"what was sealed is run {other.path.name} of {K02}" in before(tmp_path).why


def test_what_sets_another_plan_of_that_name_apart_is_said_and_the_run_s_own_plan_still_goes(tmp_path: Path) -> None:
    folder = sealed_run(tmp_path, K01, level="L11", plan=PLAN, began_unix_ns=10**9).path
    newer = PLAN.replace("most: 9000", "most: 8000").replace("rule: fact, source", "rule: fact, only: gpu, source")
    told = before(tmp_path, newer)
    assert told.run == ""
    assert f"run {folder.name} passed another one of the same name" in told.why
    assert "measure l11.a: only is gpu, was nothing; stop rule psu.power: most is 8000.0, was 9000.0" in told.why
    assert f"rackwright accept report {folder.name} --form zip" in told.why
    assert before(tmp_path, (folder / "plan.yaml").read_text()).run == folder.name
    other_name = before(tmp_path, newer.replace("name: short", "name: ours"))
    assert "no run of ours is kept of it" in other_name.why, "a plan of another name is nobody's newer one"
    again = sealed_run(tmp_path, K01, level="L11", plan=newer, began_unix_ns=2 * 10**9).path.name
    assert before(tmp_path, newer).run == again
    assert before(tmp_path).run == folder.name, "a newer run that passed by another plan says nothing"
    sealed_run(tmp_path, K01, Outcome.FAIL, level="L11", plan=newer, began_unix_ns=3 * 10**9)
    assert "it ended with fail" in before(tmp_path).why, "one that did not does"


def test_a_run_whose_plan_is_gone_counts_by_its_hash_alone(tmp_path: Path) -> None:
    folder = sealed_run(tmp_path, K01, level="L11", plan=PLAN).path
    (folder / "plan.yaml").unlink()
    assert before(tmp_path).run == folder.name
    why = before(tmp_path, PLAN.replace("most: 9000", "most: 8000")).why
    assert ("its SHA-256 is" in why, "what differs is not known" in why) == (True, True)


def test_a_run_of_a_design_that_was_changed_since_says_nothing_of_the_rack(tmp_path: Path) -> None:
    own = tmp_path / "generations" / "own-nvl72"
    own.mkdir(parents=True)
    (own / "rack.yaml").write_text("schema_version: 1\nname: own-nvl72\nextends: gb200-nvl72\n")
    found, digest = read_plan_text(PLAN, "plan.yaml")
    folder = sealed_run(tmp_path, K01, level="L11", plan=PLAN, generation="own-nvl72")
    why = came_before(tmp_path, K01, "own-nvl72", found, digest).why
    assert f"run {folder.path.name} is of own-nvl72 as it was before it was changed; accept it by itself first" in why
    now = load_generation("own-nvl72", own_generations(tmp_path)).own_sha256
    folder.write(msgspec.structs.replace(folder.read(), design_sha256=now))
    folder.finish(folder.read(), {}, SigningKeys(tmp_path / KEYS).signer())
    assert came_before(tmp_path, K01, "own-nvl72", found, digest).run == folder.path.name
