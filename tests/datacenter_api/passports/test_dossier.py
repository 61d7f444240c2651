"""A decision's zip: sealed runs, reports, passports without prices, a first page; verify looks at all of it."""

import json
import shutil
from datetime import date
from pathlib import Path

import msgspec
import pytest
from support.accepted import short_run
from support.as_built import RACK, csv_of, small_rack

from datacenter_api.cli.main import run as rackwright
from datacenter_api.passports.decisions import DecisionDesk
from datacenter_api.passports.desk import PassportDesk
from datacenter_api.passports.dossier import dossier_zip
from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.option import DecisionStep, Firm, Offer
from rack_controller.prove.run_files import EVIDENCE
from rack_controller.prove.seal import SUFFIX
from rack_controller.prove.zipped import unzipped
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

HOSTILE = '"><script>alert(1)</script>'
OFFER = Offer(
    "pilot", "Pilot racks", Firm("Maker", ("mo",)), Firm("Buyer", ("bea",)), (RACK,), date(2026, 1, 1), date(2099, 1, 1)
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A state directory with a decision about k01, and its dossier."""
    state = tmp_path_factory.mktemp("dossier")
    folder = short_run(state)
    # The short run is of a virtual rack: its record says k01 here, so that it is one of the offer.
    other = RunFolder(state / "acceptance" / "k01-run")
    shutil.copytree(folder.path, other.path)
    other.write(msgspec.structs.replace(folder.read(), id="k01-run", rack=RACK))
    for end in ("", SUFFIX):
        (other.path / (EVIDENCE + end)).unlink()
    other.finish(other.read(), {}, SigningKeys(state / KEYS).signer())
    passports = PassportDesk(state)
    assert passports.take(csv_of(small_rack()), "k01.csv", "ada").accepted
    desk = DecisionDesk(passports)
    desk.offer(OFFER, "admin")
    desk.say("pilot", DecisionStep.EVALUATE, "bea")
    desk.say("pilot", DecisionStep.ACCEPT_IF, "bea", conditions=["parts_wrong <= 0 by 2098-01-01"], said=HOSTILE)
    content = dossier_zip(desk, "pilot", [{"sequence": 1, "what": "option offer"}])
    passports.close()
    return state, content


def test_it_has_runs_of_its_racks_alone_reports_passports_and_a_page(made: tuple[Path, bytes]) -> None:
    files = unzipped(made[1])[1]
    assert {
        "index.html",
        "pilot.dossier.jsonl",
        "pilot.dossier.jsonl.dsse",
        "runs/k01-run/run.json",
        "runs/k01-run/evidence.ocptv.jsonl",
        "runs/k01-run/evidence.ocptv.jsonl.dsse",
        "runs/k01-run/report.html",
        "passports/lab1-a-r01-k01.cdx.json",
    } <= files.keys()
    assert {p.split("/")[1] for p in files if p.startswith("runs/")} == {"k01-run"}
    entries = [json.loads(line)["entry"] for line in files["pilot.dossier.jsonl"].splitlines()]
    assert {"offer", "condition 1", "log 3", "audit 1", "file index.html", "file runs/k01-run/report.html"} <= set(
        entries
    )
    page = files["index.html"].decode()
    for wanted in ("Pilot racks", "CONDITIONAL", "parts_wrong", "not known", "k01-run", "FAIL", "? OPEN"):
        assert wanted in page, wanted
    assert "<script" not in page
    everything = b"".join(files.values())
    assert b'"600"' not in everything, "a price"


def test_verify_says_what_was_done_to_it(
    made: tuple[Path, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, content = made
    file = tmp_path / "pilot.dossier.zip"
    file.write_bytes(content)
    assert rackwright(["verify", str(file), "--state", str(state)]) == 0
    assert rackwright(["verify", str(file), "--state", str(tmp_path)]) == 8
    file.write_bytes(content[: len(content) // 2])
    assert rackwright(["verify", str(file), "--state", str(state)]) == 9
    assert "cut or altered: pilot.dossier.zip" in capsys.readouterr().out
    file.write_bytes(b"no zip")
    assert rackwright(["verify", str(file), "--state", str(state)]) == 2
    assert "option dossier NAME --zip" in capsys.readouterr().err
