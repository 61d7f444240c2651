"""DMTF's service validator on every emulated Redfish device: sound trees fail nothing, recorded ones what is known.

Needs `.venv-peers` (`make conformance` makes it) and the schema files of ../shared/conform.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from firmware_bridge.credentials.vault import Vault
from firmware_bridge.generations.load import generation_folders, load_generation
from firmware_bridge.generations.site_file import read_site

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".venv-peers" / "bin"
SCHEMAS = ROOT.parent / "shared" / "conform" / "schemas" / "csdl"
RACKS = "gb200-nvl72"
LEAST_CHECKS = 500

pytestmark = [pytest.mark.soak, pytest.mark.timeout(2_400)]


def devices() -> dict[str, str]:
    """Return the end of a place for each device that a rack of RACKS shows over Redfish."""
    slots = load_generation(RACKS).slots
    specs = ((s, e) for s in slots for e in s.tray.endpoints if e.enabled and e.protocol == "redfish" and e.device)
    return {str(e.device): f"{s.name}/{e.name}" for s, e in specs}


DEVICES = devices()


@pytest.fixture(scope="module", params=["sound", "recorded"])
def rack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    if not (PEERS / "rf_service_validator").exists():
        pytest.skip("needs .venv-peers: run `make conformance`")
    if not SCHEMAS.is_dir():
        pytest.skip(f"needs the schema files in {SCHEMAS}")
    state = tmp_path_factory.mktemp(request.param)
    sound = ["--sound"] if request.param == "sound" else []
    command = [sys.executable, "-m", "firmware_bridge.emulator", "--state", str(state), "--racks", RACKS, *sound]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"]
        yield request.param, state
        process.terminate()


def validated(state: Path, ending: str, out: Path) -> list[dict[str, Any]]:
    """Run the validator on one endpoint and return its rows."""
    endpoint = next(e for e in read_site(state / "site.yaml").endpoints if e.place.endswith(ending))
    credential = Vault(state / "credentials").fetch(endpoint.credential or "")
    login = ["-u", credential.user, "-p", credential.secret]
    schemas = ["--schema_directory", str(SCHEMAS), "--skipschema", "--logdir", str(out)]
    done = subprocess.run(
        [str(PEERS / "rf_service_validator"), "-r", endpoint.url, *login, *schemas],
        capture_output=True,
        text=True,
        timeout=2_000,
    )
    rows = subprocess.run(
        [str(PEERS / "python"), str(Path(__file__).with_name("report_rows.py")), str(out)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert rows.returncode == 0, done.stdout[-2000:] + rows.stderr
    return [json.loads(line) for line in rows.stdout.splitlines()]


def told(device: str) -> set[str]:
    """Return the properties that a device file says are odd."""
    document = yaml.safe_load((ROOT / "seeds" / "devices" / f"{device}.yaml").read_text())

    def names(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield key
                yield from names(inner)

    return {name for entry in document["resources"] for name in names(entry.get("sound", {}))}


def explained(row: dict[str, Any], known: set[str]) -> bool:
    """Tell whether a failure is an oddity that the device file names: the property, an Id, a type that is too old."""
    if known and row["text"].startswith("Invalid Identifier"):
        return True
    return bool(set(row["property"].split("/")) & known) or (
        "@odata.type" in known and "requires the resource version" in row["text"]
    )


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_fails_nothing_that_it_does_not_tell_of(rack: tuple[str, Path], device: str, tmp_path: Path) -> None:
    kind, state = rack
    rows = validated(state, DEVICES[device], tmp_path)
    count = Counter(row["result"] for row in rows)
    print(f"{device}, {kind}: {count['PASS']} passed, {count['WARN']} warnings, {count['FAIL']} failed")
    failed = [row for row in rows if row["result"] == "FAIL"]
    assert count["PASS"] >= LEAST_CHECKS
    if kind == "sound":
        assert failed == []
    known = told(device)
    unknown = [row for row in failed if not explained(row, known)]
    assert unknown == []


def test_every_device_that_any_generation_shows_over_redfish_is_validated() -> None:
    shown = {
        e.device
        for name in generation_folders()
        for s in load_generation(name).slots
        for e in s.tray.endpoints
        if e.enabled and e.protocol == "redfish"
    }
    assert {d for d in shown if d is not None} <= set(DEVICES)
