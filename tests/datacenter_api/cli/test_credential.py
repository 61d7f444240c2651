"""The vault from the command line: stored, listed, never shown."""

from pathlib import Path

import pytest

from datacenter_api.cli.main import run
from firmware_bridge.credentials.vault import Vault

CANARY = "canary-cred-91"


def test_a_stored_credential_is_listed_without_its_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pw").write_text(CANARY + "\n")
    words = ["credential", "set", "lab/bmc", "--user", "root", "--password-file", str(tmp_path / "pw")]
    assert run([*words, "--state", str(tmp_path / "s")]) == 0
    assert Vault(tmp_path / "s" / "credentials").fetch("lab/bmc").secret == CANARY
    assert run(["credential", "list", "--state", str(tmp_path / "s")]) == 0
    said = capsys.readouterr()
    assert "lab/bmc" in said.out
    assert "root" in said.out
    assert CANARY not in said.out + said.err


def test_a_missing_or_empty_password_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["credential", "set", "x", "--user", "root", "--state", str(tmp_path), "--password-file"]
    assert run([*words, str(tmp_path / "none")]) == 2
    (tmp_path / "empty").write_text("")
    assert run([*words, str(tmp_path / "empty")]) == 2
    assert "write the password" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "Lab/BMC", "a//b", "/a", "a/", "../x", "a b", "a\n", "ä", "x" * 65])
def test_a_name_that_no_site_file_could_use_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pw").write_text(CANARY)
    words = ["credential", "set", "--user", "root", "--password-file", str(tmp_path / "pw"), "--state", str(tmp_path)]
    assert run([*words, "--", name]) == 2
    assert "cannot name a credential" in capsys.readouterr().err
    assert not (tmp_path / "credentials").exists()
