"""Runs and dossiers as folders and zips, changed in many ways: `verify` says so each time, and never breaks."""

import random
import shutil
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.as_built import RACK, csv_of, small_rack
from support.sealed_runs import flip, sealed_run

from datacenter_api.acceptance.desk import AcceptanceDesk
from datacenter_api.acceptance.waivers import add_waiver
from datacenter_api.cli.main import run
from datacenter_api.cli.output import Output
from datacenter_api.cli.verified import CHANGED, known_keys, verify_zip
from datacenter_api.passports.decisions import DecisionDesk
from datacenter_api.passports.desk import PassportDesk
from datacenter_api.passports.dossier import dossier_zip
from firmware_bridge.vocabulary.errors import ConfigurationError, PreconditionFailed
from rack_controller.acceptance.progress import ANSWERS, Answer, hand_in
from rack_controller.acceptance.run import EVIDENCE, RECORD, RunFolder
from rack_controller.prove.accept.evidence import Evidence, Series
from rack_controller.prove.accept.verdict import Finding, Outcome
from rack_controller.prove.keys import Signer
from rack_controller.prove.option import Firm, Offer
from rack_controller.prove.report.model import Waiver
from rack_controller.prove.run_files import WAIVERS, look_at_run
from rack_controller.prove.seal import SUFFIX
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

OFFER = Offer(
    "pilot", "Pilot", Firm("Maker", ("mo",)), Firm("Buyer", ("bea",)), (RACK,), date(2026, 1, 1), date(2099, 1, 1)
)
MUTATIONS = 250
"""Of each zip, and a few in each of the ways below."""


def hands(state: Path) -> RunFolder:
    """A sealed run that a person answered with a photo, and one of whose findings was waived."""
    finding = Finding("m", "It holds", f"{RACK}/u12", "too much", 3.0, 2.0, "W", "a test", 0.99)
    folder = sealed_run(state, RACK, Outcome.FAIL)
    record = folder.read()
    (step, *others) = record.steps
    measured = msgspec.structs.replace(step.measures[0], findings=[finding])
    record = msgspec.structs.replace(record, steps=[msgspec.structs.replace(step, measures=[measured]), *others])
    folder.write(record)
    (folder.path / "photos").mkdir()
    (folder.path / "photos" / "l10-1.png").write_bytes(b"a photo")
    hand_in(folder.path, Answer(1, "tom", step.id, done=True, photo="l10-1.png"))
    signer = SigningKeys(state / KEYS).signer()
    folder.finish(record, {}, signer)
    add_waiver(folder.path, record, Waiver(1, "ada", "operator", step.id, "m", "", "as agreed"), signer)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return hands(tmp_path / "state")


def verified(path: Path, state: Path) -> int:
    return run(["verify", str(path), "--state", str(state)])


def test_a_run_as_it_was_sealed_holds_as_folder_and_as_zip(folder: RunFolder, tmp_path: Path) -> None:
    state = tmp_path / "state"
    file = tmp_path / "run.zip"
    file.write_bytes(AcceptanceDesk(state).bundle(folder.path.name).read())
    assert [verified(path, state) for path in (folder.path, folder.path / EVIDENCE, file)] == [0, 0, 0]
    assert [verified(path, tmp_path) for path in (folder.path, file)] == [8, 8]
    SigningKeys(state / KEYS).rotate(time.time_ns())
    waiver = Waiver(2, "ada", "operator", folder.read().steps[0].id, "m", "", "by a key that the first vouched for")
    AcceptanceDesk(state).waive(folder.path.name, waiver)
    assert verified(folder.path, state) == 0


def _record(folder: RunFolder) -> None:
    folder.write(msgspec.structs.replace(folder.read(), outcome=Outcome.PASS))


def _answer(folder: RunFolder) -> None:
    hand_in(folder.path, Answer(2, "eve", "l10", done=True))


def _answers_gone(folder: RunFolder) -> None:
    (folder.path / ANSWERS).unlink()


def _photo(folder: RunFolder) -> None:
    flip(folder.path / "photos" / "l10-1.png", 0)


def _another_photo(folder: RunFolder) -> None:
    (folder.path / "photos" / "l10-2.png").write_bytes(b"of another rack")


def _waiver_by_another(folder: RunFolder) -> None:
    forger = Signer(Ed25519PrivateKey.generate())
    add_waiver(folder.path, folder.read(), Waiver(2, "eve", "admin", "l10", "m", "", "never mind"), forger)


def _waivers_without_seal(folder: RunFolder) -> None:
    (folder.path / (WAIVERS + SUFFIX)).unlink()


def _waivers_of_another_run(folder: RunFolder) -> None:
    other = hands(folder.path.parents[1])
    for end in ("", SUFFIX):
        shutil.copy(other.path / (WAIVERS + end), folder.path / (WAIVERS + end))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_record, f"altered: {RECORD}: "),
        (_answer, f"altered: {ANSWERS}: "),
        (_photo, "altered: photos/l10-1.png: "),
        (_another_photo, "added: photos/l10-2.png: nobody sealed it"),
        (_waiver_by_another, f"signer: {WAIVERS}: signed by "),
        (_waivers_without_seal, f"cut: {WAIVERS}{SUFFIX}: "),
        (_waivers_of_another_run, f"added: {WAIVERS}: they are of another run"),
    ],
)
def test_what_a_report_is_drawn_from_is_under_the_seal(
    folder: RunFolder,
    tmp_path: Path,
    change: Callable[[RunFolder], None],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = tmp_path / "state"
    change(folder)
    file = tmp_path / "run.zip"
    file.write_bytes(AcceptanceDesk(state).bundle(folder.path.name).read())
    for path in (folder.path, file):
        assert verified(path, state) == 9
        assert said in capsys.readouterr().out
    checked = AcceptanceDesk(state).verify(folder.path.name)
    assert not checked.holds
    assert any(said in fault for fault in checked.faults)


@pytest.mark.parametrize("change", [_record, _answer, _answers_gone])
def test_no_report_is_made_of_what_was_not_sealed(
    folder: RunFolder, tmp_path: Path, change: Callable[[RunFolder], None]
) -> None:
    change(folder)
    with pytest.raises(PreconditionFailed, match="no report is made"):
        AcceptanceDesk(tmp_path / "state").report(folder.path.name, "html")


def test_a_raw_series_that_changes_before_its_run_is_sealed_is_not_the_one_that_was_judged(tmp_path: Path) -> None:
    series = Series("gpu.power", "W", ("u11/gpu0",), np.arange(5.0), np.ones((5, 1)))
    folder = sealed_run(tmp_path, RACK, series={"soak": Evidence(RACK, {"gpu.power": series})})
    raw = folder.path / "raw-soak-1.npz"
    assert look_at_run(folder.files(), []).faults == []
    flip(raw)
    folder.finish(folder.read(), {}, SigningKeys(tmp_path / KEYS).signer())
    assert look_at_run(folder.files(), []).faults == [f"altered: {raw.name}: it is not the file whose hash was sealed"]


def test_what_lies_beside_a_run_and_is_none_of_it_is_left_alone(folder: RunFolder, tmp_path: Path) -> None:
    (folder.path / "letter.txt").write_text("not ours")
    assert verified(folder.path, tmp_path / "state") == 0


def test_a_run_sealed_anew_by_somebody_else_does_not_hold_here(folder: RunFolder, tmp_path: Path) -> None:
    _record(folder)
    folder.finish(folder.read(), {}, Signer(Ed25519PrivateKey.generate()))
    checked = AcceptanceDesk(tmp_path / "state").verify(folder.path.name)
    assert any("no key of this installation" in fault for fault in checked.faults)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return bytes with one change: a bit, a stretch cut out, doubled, moved or made up, an end cut or put on."""
    at, size = chance.randrange(len(content)), chance.randrange(1, 64)
    to = chance.randrange(len(content))
    stretch, rest = content[at : at + size], content[:at] + content[at + size :]
    ways = (
        lambda: content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :],
        lambda: rest,
        lambda: content[:at] + stretch + content[at:],
        lambda: rest[:to] + stretch + rest[to:],
        lambda: content[:at] + chance.randbytes(size) + content[at + size :],
        lambda: content[:at],
        lambda: content + chance.randbytes(size),
        lambda: chance.randbytes(size) + content,
    )
    return chance.choice(ways)()


def looked_at(file: Path, known: list[str]) -> int | None:
    """Return the exit code of a look, None where there is nothing to look at: the command itself takes longer."""
    try:
        verify_zip(file, known, Output.NAME)
    except typer.Exit as left:
        return left.exit_code
    except ConfigurationError:
        return None
    return 0


@pytest.mark.parametrize("kind", ["run", "dossier"])
def test_a_zip_that_is_changed_anywhere_never_holds_and_breaks_nothing(
    folder: RunFolder, tmp_path: Path, kind: str
) -> None:
    state = tmp_path / "state"
    if kind == "run":
        content = AcceptanceDesk(state).bundle(folder.path.name).read()
    else:
        passports = PassportDesk(state)
        passports.take(csv_of(small_rack()), "k01.csv", "ada")
        decisions = DecisionDesk(passports)
        decisions.offer(OFFER, "admin")
        content = dossier_zip(decisions, "pilot", [])
        passports.close()
    file, chance, known = tmp_path / "it.zip", random.Random(8), known_keys([], state)
    file.write_bytes(content)
    assert looked_at(file, known) == 0
    codes = set()
    for _ in range(MUTATIONS):
        changed = mutated(content, chance)
        if changed != content:
            file.write_bytes(changed)
            codes.add(looked_at(file, known))
    assert codes <= {CHANGED, None}, "None: it is no zip any more"
    assert CHANGED in codes
