"""First contact: which certificate does an endpoint show?  Sends no request and no credential."""

import asyncio
import base64
import datetime
import hashlib
import ssl
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmware_bridge.vocabulary.errors import EndpointUnreachable, TrustRefused
from firmware_bridge.vocabulary.text import scrub


@dataclass(frozen=True, slots=True)
class Leaf:
    """The endpoint's own certificate.  `pin` is `sha256//<base64 SHA-256 of the public key>` as libcurl spells it."""

    pem: str
    pin: str
    not_after: datetime.datetime
    subject: str
    not_before: datetime.datetime | None = None

    def expired(self, now: datetime.datetime | None = None) -> bool:
        """Return True once `not_after` has passed."""
        return (now or datetime.datetime.now(datetime.UTC)) >= self.not_after


def leaf_from_der(der: bytes) -> Leaf:
    """Return what we keep of a certificate.  Raises ValueError when it does not parse."""
    certificate = x509.load_der_x509_certificate(der)
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Leaf(
        pem=certificate.public_bytes(Encoding.PEM).decode(),
        pin="sha256//" + base64.b64encode(hashlib.sha256(key).digest()).decode(),
        not_after=certificate.not_valid_after_utc,
        subject=scrub(certificate.subject.rfc4514_string(), 200),
        not_before=certificate.not_valid_before_utc,
    )


def leaf_from_pem(pem: str) -> Leaf:
    """Return what we keep of a certificate in PEM.  Raises ValueError when it does not parse."""
    return leaf_from_der(ssl.PEM_cert_to_DER_cert(pem))


async def fetch_leaf(endpoint: str, address: str, port: int, timeout: float) -> Leaf:
    """Return the certificate that `address:port` shows, without judging it.

    Raises EndpointUnreachable (no connection, no TLS within `timeout` seconds) and TrustRefused (no certificate that
    can be read).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(address, port, ssl=context, ssl_shutdown_timeout=0.2)
    except (TimeoutError, OSError) as err:
        what = "no TLS" if isinstance(err, ssl.SSLError) else "no connection"
        raise EndpointUnreachable(endpoint, "connect", f"{what} at {address}:{port} ({type(err).__name__})") from err
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    try:
        return leaf_from_der(der or b"")
    except ValueError as err:
        raise TrustRefused(endpoint, "connect", "shows a certificate that cannot be read") from err


def check_leaf(endpoint: str, leaf: Leaf, pin: str) -> None:
    """Raise TrustRefused when `leaf` is not the pinned one, or has expired."""
    if leaf.pin != pin:
        raise TrustRefused(
            endpoint,
            "connect",
            f"the certificate's pin is {leaf.pin}, expected {pin}",
            advice="find out why it changed before pinning the new one",
        )
    if leaf.expired():
        raise TrustRefused(
            endpoint,
            "connect",
            f"the certificate expired on {leaf.not_after:%Y-%m-%d}",
            advice="renew it on the endpoint, then pin the new one",
        )
