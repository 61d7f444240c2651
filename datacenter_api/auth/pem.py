"""Certificates and keys as PEM text, and files of them that are there whole or not at all."""

import ipaddress
import os
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def key_text(key: PrivateKey) -> bytes:
    """Return a private key as PKCS #8 without a password: whoever reads the file has the key."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def chain_text(chain: Iterable[x509.Certificate]) -> bytes:
    """Return certificates one after another."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)


def same_key(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Tell whether a private key belongs to a certificate."""
    how = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return certificate.public_key().public_bytes(*how) == key.public_key().public_bytes(*how)


def alternative(host: str) -> x509.GeneralName:
    """Return a host name or an address as a certificate names it.  Raises ValueError for what is not ASCII."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the host names, then the addresses, that a certificate is good for; what is no certificate's is none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def write_whole(file: Path, content: bytes, mode: int) -> None:
    """Write a file so that a reader, and a machine that stops meanwhile, sees the old one or the new one."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
