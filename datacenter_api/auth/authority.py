"""The API's own certificate authority and server certificate in `<state>/tls`.  Keys are for the owner's eyes only."""

import datetime
import ipaddress
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

CA_DAYS, SERVER_DAYS, RENEW_BELOW_DAYS = 3650, 397, 30


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Where clients find the authority, and the server its certificate and key (PEM)."""

    ca_file: Path
    certificate: Path
    key: Path


def ensure_certificates(directory: Path, hosts: Iterable[str], now: datetime.datetime) -> ServerFiles:
    """Make what is missing; renew the server's certificate with under 30 days left or other host names.

    Raises EnvironmentUnfit when the directory cannot be written or a file in it is not what it must be.
    """
    files = ServerFiles(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    wanted = sorted({"localhost", "127.0.0.1", socket.gethostname(), *hosts} - {"", "0.0.0.0", "::"})
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority, ca_key = _authority(directory, now)
        if not _still_good(files, authority, wanted, now):
            _issue(files, authority, ca_key, wanted, now)
    except OSError as err:
        raise EnvironmentUnfit(f"cannot write {directory}: {err.strerror}", advice="choose another --state") from err
    except ValueError as err:
        raise EnvironmentUnfit(
            f"{directory} holds something that is no certificate or key: {err}", advice=f"move {directory} away"
        ) from err
    return files


def days_left(certificate: Path, now: datetime.datetime) -> float:
    """Return how many days a certificate file is still valid.  Raises OSError or ValueError."""
    until = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return (until - now).total_seconds() / 86_400


def _authority(directory: Path, now: datetime.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate, key_file = directory / "ca.pem", directory / "ca.key"
    if certificate.exists() and key_file.exists():
        loaded = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise ValueError("ca.key is no ECDSA key")
        return x509.load_pem_x509_certificate(certificate.read_bytes()), loaded
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Rackwright authority on {socket.gethostname()}"[:64])])
    made = (
        _builder(name, name, key.public_key(), now, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(key_file, _pem(key), 0o600)
    _write(certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)
    return made, key


def _issue(
    files: ServerFiles,
    authority: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    hosts: list[str],
    now: datetime.datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rackwright API")])
    made = (
        _builder(name, authority.subject, key.public_key(), now, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_alternative(h) for h in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    _write(files.key, _pem(key), 0o600)
    _write(files.certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)


def _still_good(files: ServerFiles, authority: x509.Certificate, hosts: list[str], now: datetime.datetime) -> bool:
    if not (files.certificate.exists() and files.key.exists()):
        return False
    served = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    listed = sorted([*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))])
    fresh = (served.not_valid_after_utc - now).total_seconds() > RENEW_BELOW_DAYS * 86_400
    return fresh and listed == hosts and served.issuer == authority.subject


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(file: Path, content: bytes, mode: int) -> None:
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
