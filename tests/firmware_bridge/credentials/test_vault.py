"""The vault: sealed at rest, silent in logs, strict about its key."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_bridge.credentials import vault as vault_module
from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

CANARY = "canary-7f3a-secret"


def test_a_secret_is_found_again_but_stands_nowhere_in_clear(tmp_path: Path) -> None:
    Vault(tmp_path).store("k01/bmc", Credential("root", CANARY))
    found = Vault(tmp_path).fetch("k01/bmc")
    assert (found.user, found.secret) == ("root", CANARY)
    assert CANARY not in repr(found)
    for file in tmp_path.iterdir():
        assert CANARY.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0


def test_an_entry_moved_under_another_name_does_not_open(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.store("a", Credential("root", CANARY))
    content = json.loads((tmp_path / "credentials.json").read_text())
    content["entries"]["b"] = content["entries"]["a"]
    (tmp_path / "credentials.json").write_text(json.dumps(content))
    with pytest.raises(EnvironmentUnfit, match="does not open"):
        vault.fetch("b")


def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    Vault(tmp_path).store("a", Credential("root", CANARY))
    (tmp_path / "credentials.key").unlink()
    with pytest.raises(EnvironmentUnfit, match="does not open"):
        Vault(tmp_path).fetch("a")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Vault(tmp_path).store("a", Credential("root", CANARY))
    (tmp_path / "credentials.key").chmod(0o644)
    with pytest.raises(EnvironmentUnfit, match="chmod 600"):
        Vault(tmp_path).fetch("a")


def test_a_missing_entry_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnfit, match="'nobody'"):
        Vault(tmp_path).fetch("nobody")


def test_a_change_of_password_keeps_both_until_one_is_chosen(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.store_factory("k07/u12-bmc", Credential("root", "old"))
    assert vault.unsettled() == {"k07/u12-bmc": "factory"}
    vault.begin_change("k07/u12-bmc", vault.fetch("k07/u12-bmc"), "new", factory=True)
    again = Vault(tmp_path)  # as after a crash
    assert again.unsettled() == {"k07/u12-bmc": "pending"}
    pending = again.pending("k07/u12-bmc")
    assert pending is not None
    assert (again.fetch("k07/u12-bmc").secret, pending.secret) == ("old", "new")
    again.drop_pending("k07/u12-bmc")
    assert again.pending("k07/u12-bmc") is None
    assert again.is_factory("k07/u12-bmc")
    again.begin_change("k07/u12-bmc", again.fetch("k07/u12-bmc"), "newer")
    again.promote("k07/u12-bmc")
    assert again.fetch("k07/u12-bmc") == Credential("root", "newer")
    assert again.unsettled() == {}
    text = (tmp_path / "credentials.json").read_text()
    assert not any(secret in text for secret in ("old", "newer"))


def test_two_processes_change_it_and_nothing_is_lost(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from firmware_bridge.credentials.vault import Credential, Vault\n"
        "vault = Vault(Path(sys.argv[1]))\n"
        "for n in range(40): vault.store(f'{sys.argv[2]}/{n}', Credential('root', str(n)))\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in ("a", "b")]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    vault = Vault(tmp_path)
    assert len(vault.names()) == 80
    assert all(vault.fetch(name).secret == name.partition("/")[2] for name in vault.names())


def test_a_lock_that_is_not_let_go_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "LOCK_WITHIN", 0.05)
    vault = Vault(tmp_path)
    vault.store("a", Credential("root", "x"))
    with (tmp_path / "credentials.lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(EnvironmentUnfit, match="locked by another process"):
            vault.store("b", Credential("root", "x"))
    vault.store("b", Credential("root", "x"))


def test_promoting_where_nothing_is_pending_is_no_success(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.store("a", Credential("root", "x"))
    with pytest.raises(EnvironmentUnfit, match="no second secret"):
        vault.promote("a")
