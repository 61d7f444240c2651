"""Another certificate takes the place of ours whole or not at all, and stays."""

import datetime
from pathlib import Path

import pytest
from support.certificates import authority, certificate, signed_request

from datacenter_api.auth.authority import ServerFiles, days_left, ensure_certificates
from datacenter_api.auth.pem import hosts_of
from datacenter_api.auth.served import REQUESTED, ServedCertificate
from datacenter_api.auth.signing_request import make_key
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def served(tmp_path: Path) -> ServedCertificate:
    ensure_certificates(tmp_path, ["127.0.0.1"], NOW)
    return ServedCertificate(tmp_path)


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_foreign_chain_is_served_trusted_private_and_kept(served: ServedCertificate) -> None:
    shown: list[ServerFiles] = []
    served.show = shown.append
    root = authority()
    issued = certificate(root)
    ours = served.chain()[0]
    served.replace(issued.text + root.text + issued.key_text, None, NOW)
    assert shown == [served.files]
    assert served.chain() == [issued.certificate]
    assert served.files.certificate.stat().st_mode & 0o777 == 0o600
    assert root.text in served.files.ca_file.read_text()
    assert served.files.ca_file.read_text().count("BEGIN") == 2, "our own authority stays"
    later = NOW + datetime.timedelta(days=299)
    for moment in (NOW, later):
        assert ensure_certificates(served.directory, ["other.example"], moment).foreign
    assert served.chain() == [issued.certificate]
    assert days_left(served.files.certificate, NOW) == pytest.approx(300, abs=0.1)
    served.files.certificate.unlink()
    ensure_certificates(served.directory, ["127.0.0.1"], NOW)
    assert served.chain() == [ours], "without the file our own is served again"


def test_a_request_is_signed_and_its_key_goes_with_the_certificate(served: ServedCertificate) -> None:
    root = authority()
    text = served.request(make_key(), {"CommonName": "rack.example", "Country": "NL"}, ["rack.example", "10.0.0.1"])
    assert (served.directory / REQUESTED).stat().st_mode & 0o777 == 0o600
    signed = signed_request(root, text) + root.text
    assert hosts_of(served.replace(signed, None, NOW)) == ("rack.example", "10.0.0.1")
    assert not (served.directory / REQUESTED).exists()
    assert served.replace(signed, None, NOW), "the same key once more, as after a renewal"
    with pytest.raises(ConfigurationError, match="cannot say"):
        served.request(make_key(), {"CommonName": "x", "Country": "Holland"}, ["x"])


def test_what_is_refused_or_cannot_be_written_changes_nothing(
    served: ServedCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = authority()
    issued = certificate(root)
    before = content(served.directory)
    with pytest.raises(ConfigurationError):
        served.replace(issued.text + issued.key_text, None, NOW)
    full = OSError(28, "No space left on device")
    monkeypatch.setattr("datacenter_api.auth.served.write_whole", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(EnvironmentUnfit, match="No space left"):
        served.replace(issued.text + root.text + issued.key_text, None, NOW)
    assert content(served.directory) == before


def test_a_client_would_refuse_it_so_it_is_not_served(served: ServedCertificate) -> None:
    leaf = certificate(authority())
    wrong = certificate(leaf, hosts=("rack.example",))  # issued by what is no authority
    root = certificate(None, name="rack.example")
    child = certificate(root)
    for text in (child.text + root.text + child.key_text, wrong.text + leaf.text + wrong.key_text):
        before = content(served.directory)
        with pytest.raises(ConfigurationError):
            served.replace(text, None, NOW)
        assert content(served.directory) == before


def test_rubbish_among_the_keys_is_said_so(served: ServedCertificate) -> None:
    root = authority()
    issued = certificate(root)
    (served.directory / REQUESTED).write_text("rubbish")
    with pytest.raises(EnvironmentUnfit, match=REQUESTED):
        served.replace(issued.text + root.text, None, NOW)
    (served.directory / "ca.pem").write_text("rubbish")
    with pytest.raises(EnvironmentUnfit, match=r"ca\.pem"):
        served.replace(issued.text + root.text, None, NOW)
    assert ServedCertificate(served.directory / "none").chain() == []
