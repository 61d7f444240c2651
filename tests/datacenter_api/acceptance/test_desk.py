"""The desk of acceptance runs on folders: waivers under a seal, photos by content, answers, evidence that is proven."""

import io
import zipfile
from pathlib import Path

import msgspec
import pytest
from support.accepted import NS, short_run

from datacenter_api.acceptance import desk as desks
from datacenter_api.acceptance.desk import AcceptanceDesk
from datacenter_api.acceptance.photos import kind_of
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from rack_controller.acceptance import one_run
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.progress import Progress, stop_of, tell
from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.report.model import Waiver
from rack_controller.prove.seal import SUFFIX
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20) + b"\0\0\0\0IEND\xaeB`\x82"
WEBP = b"RIFF\x0e\0\0\0WEBPVP8 " + bytes(6)
JPEG = b"\xff\xd8\xff\xe0" + bytes(20) + b"\xff\xd9"
WAIVER = Waiver(7 * NS, "ada", "operator", "settings", "clock", "u23/bmc", "It is set at the installation.")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("ended")
    short_run(state)
    return state


@pytest.fixture
def begun(tmp_path: Path, ended: Path) -> str:
    """A run that has begun and that no process has, in `tmp_path`."""
    plan = ended / "plan.yaml"
    folder = begin(Wish("gb200-nvl72", "L10", 3, plan=plan), tmp_path, "test", "ada")
    tell(folder.path, Progress("settings", "Settings", "", 1, None, "a part", 0.5, "pull u05/psu2, or switch it off"))
    return folder.path.name


def name_of(state: Path) -> str:
    (row,) = AcceptanceDesk(state).listed()
    return row.id


def test_a_run_is_listed_and_shown_with_what_it_found(ended: Path) -> None:
    desk = AcceptanceDesk(ended)
    (row,) = desk.listed()
    assert (row.outcome, row.steps, row.running, row.waived, row.altered) == (Outcome.FAIL, 2, False, 0, "")
    assert row.deviations >= 1
    view = desk.show(row.id)
    assert [(s.id, s.outcome) for s in view.steps] == [("settings", Outcome.FAIL), ("idle", Outcome.PASS)]
    assert view.suspects[0].place == "u23/bmc"
    assert view.asked is not None
    assert view.asked.actor == "ada"
    for name in ("", "no-such", "..", "/etc", "../acceptance"):
        with pytest.raises(TargetUnknown):
            desk.show(name)


def test_one_run_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    short_run(tmp_path)
    other = tmp_path / "acceptance" / "broken"
    other.mkdir()
    (other / "run.json").write_text("{")
    rows = {r.id: r.unreadable for r in AcceptanceDesk(tmp_path).listed()}
    assert rows["broken"].startswith(str(other / "run.json"))
    assert sorted(map(bool, rows.values())) == [False, True]


def test_a_waiver_is_kept_under_a_seal_and_only_of_what_was_found(tmp_path: Path) -> None:
    folder = short_run(tmp_path)
    desk, run = AcceptanceDesk(tmp_path), folder.path.name
    before = (folder.path / "run.json").read_bytes()
    assert desk.waive(run, WAIVER) == [WAIVER]
    assert (folder.path / "run.json").read_bytes() == before
    assert desk.listed()[0].waived == 1
    assert desk.verify(run).holds
    with pytest.raises(PreconditionFailed, match="ada has taken that as it is already"):
        desk.waive(run, msgspec.structs.replace(WAIVER, at_unix_ns=WAIVER.at_unix_ns + 1))
    for wrong in ({"step": "idle"}, {"measure": "x"}, {"place": "u24/bmc"}):
        with pytest.raises(ArgumentsInvalid, match="did not find"):
            desk.waive(run, msgspec.structs.replace(WAIVER, **wrong))
    path = folder.path / "waivers.jsonl"
    path.write_bytes(path.read_bytes().replace(b"ada", b"eve"))
    checked = desk.verify(run)
    assert not checked.holds
    assert "waivers.jsonl" in checked.faults[0]


def test_nothing_is_waived_of_a_run_that_is_not_as_it_was_sealed(tmp_path: Path) -> None:
    folder = short_run(tmp_path)
    path = folder.path / "run.json"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(PreconditionFailed, match=r"nothing of run .* is waived: altered: run\.json"):
        AcceptanceDesk(tmp_path).waive(folder.path.name, WAIVER)
    assert not (folder.path / "waivers.jsonl").exists()


def test_verify_names_each_file_that_is_not_as_it_was(tmp_path: Path) -> None:
    folder = short_run(tmp_path)
    desk, run = AcceptanceDesk(tmp_path), folder.path.name
    assert desk.verify(run).faults == []
    raw = next(folder.path.glob("raw-*.npz"))
    raw.write_bytes(raw.read_bytes() + b"x")
    evidence = folder.path / "evidence.ocptv.jsonl"
    evidence.write_bytes(evidence.read_bytes().replace(b"FAIL", b"PASS"))
    faults = desk.verify(run).faults
    assert any(f"altered: {raw.name}: it is not the file" in f for f in faults)
    assert any("evidence.ocptv.jsonl" in f for f in faults)
    (folder.path / f"evidence.ocptv.jsonl{SUFFIX}").unlink()
    assert "evidence.ocptv.jsonl.dsse is missing" in desk.verify(run).faults


def test_what_people_hand_in_is_kept_and_a_wrong_part_is_not_done(tmp_path: Path, begun: str) -> None:
    desk = AcceptanceDesk(tmp_path)
    built = {"u05/psu2": "A42", "u07/psu1": "A43"}
    right = desk.take(begun, "tom", "settings", done=True, barcode="A42", built=built)
    assert (right.fit, right.answer.done, right.answer.note) == ("right", True, "Right part: this is u05/psu2.")
    with pytest.raises(PreconditionFailed, match="this is u07/psu1"):
        desk.take(begun, "tom", "settings", done=True, barcode="A43", built=built)
    kept = desk.show(begun).answers
    assert [(a.barcode, a.done) for a in kept] == [("A42", True), ("A43", False)]
    with pytest.raises(TargetUnknown, match="no step"):
        desk.take(begun, "tom", "nonsense", done=True)
    with pytest.raises(TargetUnknown, match="no photo"):
        desk.take(begun, "tom", "settings", photo="../run.json")


def test_a_photo_is_told_by_its_content_and_named_by_its_hash(tmp_path: Path, begun: str) -> None:
    desk = AcceptanceDesk(tmp_path)
    photo = desk.take_photo(begun, "settings", PNG)
    assert photo.name == f"settings-{photo.sha256[:16]}.png"
    assert desk.photo(begun, photo.name) == (PNG, "image/png")
    assert desk.take_photo(begun, "settings", PNG) == photo
    taken = desk.take(begun, "tom", "settings", photo=photo.name)
    assert taken.answer.photo_sha256 == photo.sha256
    for content in (b"", b"<svg/>", b"GIF89a" + bytes(20), JPEG[:-2], b"\xff\xd8\xff" + b"<script>"):
        with pytest.raises(ArgumentsInvalid, match="no photo"):
            desk.take_photo(begun, "settings", content)
    for name in ("../run.json", "run.json", "lock"):
        with pytest.raises(TargetUnknown):
            desk.photo(begun, name)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(PNG, "png"), (JPEG, "jpg"), (WEBP, "webp"), (b"MZ", ""), (PNG[:-1], ""), (JPEG[:-1], ""), (WEBP[:-1], "")],
)
def test_kinds_of_photos(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


def test_a_run_is_asked_to_stop_and_one_that_has_ended_is_not(tmp_path: Path, begun: str, ended: Path) -> None:
    desk = AcceptanceDesk(tmp_path)
    desk.stop(begun, "ada", "smoke")
    stop = stop_of(tmp_path / "acceptance" / begun)
    assert stop is not None
    assert (stop.actor, stop.reason) == ("ada", "smoke")
    with pytest.raises(PreconditionFailed, match="has ended"):
        AcceptanceDesk(ended).stop(name_of(ended), "ada", "")


def test_the_bundle_has_all_evidence_nothing_of_the_machine_and_the_same_bytes_twice(ended: Path) -> None:
    desk, run = AcceptanceDesk(ended), name_of(ended)
    folder = ended / "acceptance" / run
    for secret in ("token", "runner.log", "lock"):
        (folder / secret).write_text("x")
    content = desk.bundle(run).read()
    assert content == desk.bundle(run).read()
    names = {n.removeprefix(f"{run}/") for n in zipfile.ZipFile(io.BytesIO(content)).namelist()}
    assert {"run.json", "evidence.ocptv.jsonl", "evidence.ocptv.jsonl.dsse", "raw-idle-1.npz", "plan.yaml"} <= names
    assert not names & {"token", "runner.log", "lock"}


def test_a_report_of_a_real_folder_has_its_plots_and_hashes(ended: Path) -> None:
    desk, run = AcceptanceDesk(ended), name_of(ended)
    page = desk.report(run, "html").decode()
    assert "<svg" in page
    assert "raw-idle-1.npz" in page
    assert "u23/bmc" in page
    assert desk.report(run, "html").decode() == page
    with pytest.raises(ArgumentsInvalid, match="no form"):
        desk.report(run, "docx")


def test_a_run_begins_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, str]] = []
    monkeypatch.setattr(desks, "start", lambda state, run, token: started.append((run, token)))
    row = AcceptanceDesk(tmp_path).begin("gb200-nvl72", "L10", "ada", seed=3)
    assert started == [(row.id, "")]
    assert (row.rig, row.outcome) == ("virtual", None)


def test_a_run_that_was_just_begun_is_starting_and_one_that_nobody_has_is_not_running(
    tmp_path: Path, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = AcceptanceDesk(tmp_path)
    assert desk.show(begun).running
    monkeypatch.setattr(one_run, "STARTS_WITHIN_S", 0)
    (tmp_path / "acceptance" / begun / "runner.log").write_text("identity: pass\nrackwright: no token\n")
    shown = desk.show(begun)
    assert (shown.running, shown.trouble) == (False, "no token")


def test_what_comes_as_a_run_ends_is_refused_and_leaves_nothing_beside_its_seal(
    tmp_path: Path, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = AcceptanceDesk(tmp_path)
    folder = desk.folder(begun)
    before = folder.read()
    looks = AcceptanceDesk._open

    def ends_after(self: AcceptanceDesk, run: str) -> RunFolder:
        """Find the run open, and have it end at the very next moment."""
        found = looks(self, run)
        found.write(msgspec.structs.replace(before, outcome=Outcome.STOPPED))
        return found

    monkeypatch.setattr(AcceptanceDesk, "_open", ends_after)
    for hands_in in (
        lambda: desk.take(begun, "tom", "settings", note="too late"),
        lambda: desk.take_photo(begun, "settings", PNG),
        lambda: desk.stop(begun, "tom", "too late"),
    ):
        folder.write(before)
        with pytest.raises(PreconditionFailed, match="has ended"):
            hands_in()
    folder.finish(folder.read(), {}, SigningKeys(tmp_path / KEYS).signer())
    assert desk.verify(begun).faults == []
    assert not {"answers.jsonl", "stop.json"} & folder.files().keys()
    assert not [name for name in folder.files() if name.startswith("photos/")]
