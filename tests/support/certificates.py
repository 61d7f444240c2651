"""Certificates as a site's authority issues them, good ones and wrong ones."""

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from datacenter_api.auth.pem import PrivateKey, alternative, chain_text, key_text

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def text(self) -> str:
        return chain_text([self.certificate]).decode()

    @property
    def key_text(self) -> str:
        return key_text(self.key).decode()


def authority(name: str = "Site authority", above: Issued | None = None) -> Issued:
    """A root, or below `above` an authority between."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Issued(_sign(key, name, above, key, ca=True), key)


def certificate(
    by: Issued | None,
    hosts: tuple[str, ...] = ("127.0.0.1", "rack.example"),
    key: PrivateKey | dsa.DSAPrivateKey | None = None,
    days: tuple[float, float] = (-1, 300),
    use: ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    name: str = "rack.example",
    signs: bool = True,
    parts: int = 1,
) -> Issued:
    """A server's certificate, valid from and until `days` from now; without `by` signed by itself.

    Its subject has the name `parts` times.
    """
    made = key or ec.generate_private_key(ec.SECP256R1())
    signed = _sign(made, name, by, made, hosts=hosts, days=days, use=use, signs=signs, parts=parts)  # type: ignore[arg-type]
    return Issued(signed, made)  # type: ignore[arg-type]


def signed_request(by: Issued, text: str) -> str:
    """The certificate (PEM) that an authority makes from a signing request, names and all."""
    request = x509.load_pem_x509_csr(text.encode())
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(by.certificate.subject, request.subject, request.public_key(), 7)
    builder = builder.not_valid_before(now - DAY).not_valid_after(now + 90 * DAY)
    for extension in request.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return chain_text([builder.sign(by.key, hashes.SHA256())]).decode()


def weak_key() -> PrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=1024)


def _sign(
    key: PrivateKey,
    name: str,
    by: Issued | None,
    own: PrivateKey,
    *,
    ca: bool = False,
    hosts: tuple[str, ...] = (),
    days: tuple[float, float] = (-1, 300),
    use: ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    signs: bool = True,
    parts: int = 1,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] * parts)
    issuer, signer = (by.certificate.subject, by.key) if by is not None else (subject, own)
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(signs, False, not signs, False, False, ca, ca, False, False), critical=True)
    )
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative(h) for h in hosts]), critical=False)
    return builder.sign(signer, hashes.SHA256())
