"""The API's own certificate authority and server certificate in `<state>/tls`.  Keys are for the owner's eyes only."""

import datetime
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from datacenter_api.auth.pem import alternative, chain_text, hosts_of, key_text, write_whole
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

FOREIGN = "foreign.pem"
"""Key and chain of a certificate that somebody else issued, in one file: both are there or neither is."""
CA_DAYS, SERVER_DAYS, RENEW_BELOW_DAYS = 3650, 397, 30


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """Where clients find the authority, and the server its certificate and key (PEM)."""

    ca_file: Path
    certificate: Path
    key: Path

    @property
    def foreign(self) -> bool:
        """Tell whether somebody else issued what is served."""
        return self.certificate.name == FOREIGN


def server_files(directory: Path) -> ServerFiles:
    """Return what is served from a directory: a foreign certificate where there is one, else our own."""
    foreign = directory / FOREIGN
    own = directory / "server.pem", directory / "server.key"
    return ServerFiles(directory / "ca.pem", *((foreign, foreign) if foreign.exists() else own))


def ensure_certificates(directory: Path, hosts: Iterable[str], now: datetime.datetime) -> ServerFiles:
    """Make what is missing; renew the server's certificate with under 30 days left or other host names.

    A foreign certificate is served as it is, also when it has expired: only whoever issued it can renew it.

    Raises EnvironmentUnfit when the directory cannot be written or a file in it is not what it must be.
    """
    files = server_files(directory)
    wanted = sorted({"localhost", "127.0.0.1", socket.gethostname(), *hosts} - {"", "0.0.0.0", "::"})
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority, ca_key = _authority(directory, now)
        if files.foreign:
            x509.load_pem_x509_certificates(files.certificate.read_bytes())
        elif not _still_good(files, authority, wanted, now):
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
    write_whole(key_file, key_text(key), 0o600)
    write_whole(certificate, chain_text([made]), 0o644)
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
        .add_extension(x509.SubjectAlternativeName([alternative(h) for h in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    write_whole(files.key, key_text(key), 0o600)
    write_whole(files.certificate, chain_text([made]), 0o644)


def _still_good(files: ServerFiles, authority: x509.Certificate, hosts: list[str], now: datetime.datetime) -> bool:
    if not (files.certificate.exists() and files.key.exists()):
        return False
    served = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    fresh = (served.not_valid_after_utc - now).total_seconds() > RENEW_BELOW_DAYS * 86_400
    return fresh and sorted(hosts_of(served)) == hosts and served.issuer == authority.subject


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
