"""`notify.yaml`: what it says, what it is refused for, and that secrets are kept from others."""

from pathlib import Path

import pytest

from datacenter_api.cli.doctor import _alarm_targets
from datacenter_api.notify.file import read_credentials, read_notify, read_secret
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid

TEXT = """kind: notify
schema_version: 1
allowed: [127.0.0.0/8]
webhooks:
  - {name: pager, url: "https://pager.example/hook?x=1", key_file: pager.key, priorities: [1, 2]}
mail:
  - {name: oncall, host: smtp.example, sender: rack@example.org, to: [oncall@example.org], credentials_file: mail.yaml}
"""


def test_the_file_says_who_is_told_and_defaults_are_safe() -> None:
    found = read_notify(TEXT, "notify.yaml")
    assert [t.name for t in found.targets] == ["pager", "oncall"]
    (hook,), (box,) = found.webhooks, found.mail
    assert (hook.verify, box.security, box.port, box.priorities) == (True, "starttls", 587, (1, 2))
    assert [str(n) for n in found.networks] == ["127.0.0.0/8"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: notify", "kind: alarms", "kind"),
        ("schema_version: 1", "schema_version: 2", "schema_version"),
        ("https://pager", "ftp://pager", "http or https"),
        ("https://pager.example", "https://ada:secret@pager.example", "user name"),
        ("127.0.0.0/8", "127.0.0.1/8", "network"),
        ("name: oncall", "name: pager", "stands twice"),
        ("name: oncall", "name: On Call", "name"),
        ("priorities: [1, 2]", "priorities: [0]", "priorities"),
        ("rack@example.org", "rack@example.org>, eve@x.org", "sender"),
        ("[oncall@example.org]", "[]", "to"),
        ("host: smtp.example", "host: 'smtp example'", "host"),
        ("host: smtp.example", "host: smtp.example, security: none", "a password is sent"),
        ("host: smtp.example", "host: smtp.example, password: x", "password"),
    ],
)
def test_a_wrong_file_is_pointed_at(old: str, new: str, said: str) -> None:
    with pytest.raises(FileInvalid, match=said) as refused:
        read_notify(TEXT.replace(old, new), "notify.yaml")
    assert str(refused.value).startswith("notify.yaml:")


def test_doctor_reads_the_file_and_every_secret_that_it_names(tmp_path: Path) -> None:
    assert (_alarm_targets(tmp_path).result, _alarm_targets(tmp_path).found) == (
        "ok",
        "nobody outside is told of alarms",
    )
    (tmp_path / "notify.yaml").write_text(TEXT)
    assert (_alarm_targets(tmp_path).result, "pager.key" in _alarm_targets(tmp_path).found) == ("fail", True)
    for name, text in (("pager.key", "s3cret"), ("mail.yaml", "user: rack\npassword: hidden\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    assert (_alarm_targets(tmp_path).result, _alarm_targets(tmp_path).found) == ("ok", "pager, oncall")
    (tmp_path / "notify.yaml").write_text(TEXT.replace("schema_version: 1", "schema_version: 9"))
    assert "notify.yaml:2" in _alarm_targets(tmp_path).found


def test_secrets_are_files_that_nobody_else_reads(tmp_path: Path) -> None:
    key = tmp_path / "pager.key"
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_secret(tmp_path, "pager.key")
    key.write_text("s3cret\n")
    key.chmod(0o644)
    with pytest.raises(ConfigurationError, match="read by others"):
        read_secret(tmp_path, "pager.key")
    key.chmod(0o600)
    assert read_secret(tmp_path, "pager.key") == b"s3cret"
    key.write_text("\n")
    with pytest.raises(ConfigurationError, match="empty"):
        read_secret(tmp_path, "pager.key")
    key.write_text("user: rack\npassword: hidden\n")
    assert read_credentials(tmp_path, "pager.key").user == "rack"
    key.write_text("user: rack\n")
    with pytest.raises(FileInvalid, match="password"):
        read_credentials(tmp_path, "pager.key")
