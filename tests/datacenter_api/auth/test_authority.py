"""Certificates: made once, renewed when they must be, keys for the owner's eyes only."""

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from datacenter_api.auth.authority import CA_DAYS, SERVER_DAYS, days_left, ensure_certificates
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

NOW = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)


def serial(file: Path) -> int:
    return x509.load_pem_x509_certificate(file.read_bytes()).serial_number


def test_what_is_made_is_valid_and_private(tmp_path: Path) -> None:
    files = ensure_certificates(tmp_path / "tls", ["10.0.0.7", "api.example"], NOW)
    context = ssl.create_default_context(cafile=str(files.ca_file))
    context.load_cert_chain(files.certificate, files.key)
    assert days_left(files.certificate, NOW) == pytest.approx(SERVER_DAYS)
    assert days_left(files.ca_file, NOW) == pytest.approx(CA_DAYS)
    names = x509.load_pem_x509_certificate(files.certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert {"localhost", "api.example"} <= set(names.value.get_values_for_type(x509.DNSName))
    assert {"127.0.0.1", "10.0.0.7"} <= {str(a) for a in names.value.get_values_for_type(x509.IPAddress)}
    for key in (tmp_path / "tls").glob("*.key"):
        assert key.stat().st_mode & 0o077 == 0


def test_a_good_certificate_is_kept_and_the_authority_always(tmp_path: Path) -> None:
    files = ensure_certificates(tmp_path, ["a.example"], NOW)
    first, authority = serial(files.certificate), serial(files.ca_file)
    ensure_certificates(tmp_path, ["a.example"], NOW)
    assert serial(files.certificate) == first
    ensure_certificates(tmp_path, ["a.example"], NOW + datetime.timedelta(days=SERVER_DAYS - 29))
    assert serial(files.certificate) != first, "under 30 days left"
    second = serial(files.certificate)
    ensure_certificates(tmp_path, ["b.example"], NOW + datetime.timedelta(days=SERVER_DAYS - 29))
    assert serial(files.certificate) != second, "another host"
    assert serial(files.ca_file) == authority


def test_rubbish_in_the_directory_is_said_so(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, [], NOW)
    (tmp_path / "server.pem").write_text("rubbish")
    with pytest.raises(EnvironmentUnfit):
        ensure_certificates(tmp_path, [], NOW)
