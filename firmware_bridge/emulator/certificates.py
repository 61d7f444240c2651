"""Self-signed certificates of emulated endpoints: made once, kept in the state directory, pinned by public key."""

import base64
import datetime
import hashlib
import ipaddress
import os
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

_LIFETIME = datetime.timedelta(days=3650)
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """An endpoint's certificate with its key, as a PEM file, the pin of its public key, and the certificate alone."""

    pem: Path
    pin: str
    public: str = ""


def pin_of(certificate: x509.Certificate) -> str:
    """Return `sha256//<base64>` over the certificate's public key (the form curl pins)."""
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return "sha256//" + base64.b64encode(hashlib.sha256(key).digest()).decode()


def make_pem(
    address: str,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    expired: bool = False,
    now: datetime.datetime | None = None,
) -> bytes:
    """Return an ECDSA P-256 key (a fresh one when none is given) and a certificate; `expired` ends it a day ago."""
    now = now or datetime.datetime.now(datetime.UTC)
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    starts = now - (30 * _DAY if expired else _DAY)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(now - _DAY if expired else now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def keep_identity(folder: Path, address: str, kind: str = "") -> Identity:
    """Return the identity of `address`, made when it is not there yet.

    `kind` `wrong` gives a second one with another key, `expired` one with the pinned key that has ended.
    """
    path = folder / f"{address}{'.' + kind if kind else ''}.pem"
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = path.with_suffix(f".{os.getpid()}.new")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            expired = kind == "expired"
            key = _key_in(keep_identity(folder, address).pem) if expired else None
            with os.fdopen(handle, "wb") as stream:
                stream.write(make_pem(address, key=key, expired=expired))
            fresh.replace(path)
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        public = certificate.public_bytes(serialization.Encoding.PEM).decode()
        return Identity(path, pin_of(certificate), public)
    except (OSError, ValueError) as err:
        raise EnvironmentUnfit(f"cannot keep certificate {path}: {err}", advice="free space or remove it") from err


def keep_identities(folder: Path, addresses: list[str]) -> dict[str, Identity]:
    """Return the identities of many addresses; the missing ones are made in parallel."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        return dict(zip(addresses, pool.map(lambda a: keep_identity(folder, a), addresses), strict=True))


def server_context(identity: Identity) -> ssl.SSLContext:
    """Return the TLS context of one endpoint: TLS 1.2 and newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0  # a session taken up again shows no certificate: a changed one would go unseen
    context.options |= ssl.OP_NO_TICKET
    context.load_cert_chain(identity.pem)
    return context


def _key_in(pem: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("expected an elliptic-curve key")
    return key
