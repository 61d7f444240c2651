"""`verify` alone, with no server: what holds, what was changed and where, who signed, and whether claims follow."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.as_built import csv_of, records, small_rack, step
from support.cyclonedx_schema import schema_faults

from datacenter_api.cli.main import run
from datacenter_api.passports.desk import Export, PassportDesk
from rack_controller.prove.keys import Signer, fingerprint
from rack_controller.prove.recheck import read_bom
from rack_controller.prove.seal import seal

GOLDEN = Path(__file__).parents[2] / "golden"
GOLDEN_KEY = "3e422baebe1cabee350a7dcf5d1426579ba9a93e97dcd7e09ff605fe9aa6e434"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Export, str, str]:
    """A redacted export, the name of the key that signed it, and the one of before."""
    desk = PassportDesk(tmp_path_factory.mktemp("seller"))
    desk.take(csv_of(small_rack()), "f.csv", "ada")
    first = fingerprint(desk.keys.signer().public)
    desk.keys.rotate(1)
    export = desk.export("k01", "cyclonedx")
    desk.close()
    return export, desk.keys.names()[-1], first


@pytest.fixture
def file(signed: tuple[Export, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RACKWRIGHT_STATE", str(tmp_path / "nowhere"))
    path = tmp_path / signed[0].name
    path.write_bytes(signed[0].content)
    path.with_name(path.name + ".dsse").write_bytes(signed[0].seal)
    assert signed[0].openings is not None
    path.with_name("openings.json").write_bytes(msgspec.json.encode(signed[0].openings))
    return path


def test_a_file_as_it_was_signed_by_a_known_key_or_its_successor(
    file: Path, signed: tuple[Export, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(file), "--key", signed[1]]) == 0
    assert run(["verify", str(file) + ".dsse", "--key", signed[2]]) == 0
    assert run(["verify", str(file.parent), "--key", signed[1]]) == 0
    capsys.readouterr()
    assert (
        run(["verify", str(file), "--key", signed[1], "--opening", str(file.with_name("openings.json")), "--json"]) == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert (document["holds"], document["trusted"], document["wrong_claims"]) == (True, True, [])
    assert "between 79.99 % and 80.01 %" in document["claims"][0]


def test_a_folder_without_one_sealed_file_is_refused_with_what_it_holds(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.with_name("other.json.dsse").write_text("{}")
    assert run(["verify", str(file.parent)]) == 2
    assert f"holds 2 sealed files: {file.name}, other.json" in capsys.readouterr().err


def test_a_key_that_nobody_told_of_is_held_for_a_person(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(file)]) == 8
    assert "a key nobody here was told of" in capsys.readouterr().out
    assert run(["verify", str(file), "--key", "abc"]) == 2


def test_an_altered_part_is_named_with_its_bytes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = file.read_bytes()
    at = content.index(b"LAB1-A-R01-K01-U01-PSU0")
    file.write_bytes(content[:at] + b"X" + content[at + 1 :])
    assert run(["verify", str(file)]) == 9
    said = capsys.readouterr().out
    assert "altered: " in said
    assert "lab1/a/r01/k01/u01/psu0: entry" in said


def test_openings_that_do_not_fit_and_missing_files_are_told(
    file: Path, signed: tuple[Export, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    openings = file.with_name("openings.json")
    told = json.loads(openings.read_text())
    told["openings"][1]["cost"] += 1
    openings.write_text(json.dumps(told))
    assert run(["verify", str(file), "--key", signed[1], "--opening", str(openings)]) == 9
    assert "not the cost that was committed to" in capsys.readouterr().out
    openings.write_text("{")
    assert run(["verify", str(file), "--key", signed[1], "--opening", str(openings)]) == 2
    other = file.with_name("other.json")
    shutil.copy(file, other)
    assert run(["verify", str(other)]) == 2
    assert "the seal lies beside the file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"cdx:device:function"', b'"cdx:device:sku"'),
        (rb"_evidence\":\"attested\"", rb"_evidence\":\"sworn\""),
        (b'"value":"batch:0"', b'"value":"batch:9"'),
        (rb'"{\"parts\":', rb'"{\"parts\"'),
        (b'"metadata"', b'"metadat"'),
        (b"per-billion", b"per-million"),
    ],
)
def test_a_file_that_its_own_signer_made_up_is_told_and_breaks_nothing(
    tmp_path: Path, signed: tuple[Export, str, str], old: bytes, new: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    content = signed[0].content.replace(old, new)
    assert content != signed[0].content
    lines = content.splitlines(keepends=True)
    forger = Signer(Ed25519PrivateKey.generate())
    (tmp_path / "x.cdx.json").write_bytes(content)
    names = [str(n) for n in range(len(lines))]
    (tmp_path / "x.cdx.json.dsse").write_bytes(seal("x.cdx.json", lines, names, forger, {}))
    assert run(["verify", str(tmp_path / "x.cdx.json"), "--key", fingerprint(forger.public)]) == 9
    assert "claim: " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["passport_v1", "passport_v1_redacted"])
def test_what_was_sealed_before_still_holds_and_what_is_altered_in_it_is_named(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Golden: bytes that buyers hold.  If this fails, revert your change, not the files."""
    for ending in ("cdx.json", "cdx.json.dsse", "openings.json"):
        if (GOLDEN / f"{name}.{ending}").exists():
            shutil.copy(GOLDEN / f"{name}.{ending}", tmp_path)
    file, openings = tmp_path / f"{name}.cdx.json", tmp_path / f"{name}.openings.json"
    words = ["verify", str(file), "--key", GOLDEN_KEY, "--state", str(tmp_path)]
    opened = ["--opening", str(openings)] if openings.exists() else []
    assert run([*words, *opened]) == 0
    assert schema_faults(json.loads(file.read_bytes())) == []
    file.write_bytes(file.read_bytes().replace(b'"value":"step:0"', b'"value":"step:1"', 1))
    capsys.readouterr()
    assert run(words) == 9
    assert ", lab1/a/r01/k01/u01/psu0: entry 3 is not what was sealed" in capsys.readouterr().out


def test_what_was_said_before_is_read_as_what_is_said_now() -> None:
    rows = small_rack()
    rows[1] |= {"supplier": 'Kühl "und" Söhne \\ Co', "serial": 'A"1\\', "work_order": "W ü"}
    rows[4] |= step("test", "US-TX", "2026-05-05") | {"test2_place": "unknown", "test2_evidence": "declared"}
    told = read_bom((GOLDEN / "passport_v1.cdx.json").read_bytes()).records.to_pylist()
    assert [{k: v for k, v in r.items() if v} for r in told] == [
        {k: v for k, v in r.items() if v} for r in records(rows).to_pylist()
    ]
