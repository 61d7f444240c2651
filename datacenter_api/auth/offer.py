"""A certificate offered in place of our own: read, and held against every rule before anything is kept.  No files.

Rules: CA/Browser Forum's for keys (RSA of 2,048 bits, P-256 and above), RFC 5280 for dates, names and uses.
"""

import datetime
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from datacenter_api.auth.pem import PrivateKey, hosts_of, same_key
from firmware_bridge.vocabulary.errors import ConfigurationError

LEAST_RSA_BITS, LEAST_CURVE_BITS, MOST_LINKS = 2048, 256, 10
_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_WEAK_HASHES = (hashes.MD5, hashes.SHA1)


@dataclass(frozen=True, slots=True)
class Offer:
    """`chain`: the server's certificate, then who issued it, up to but without the root.  `root` signed the last."""

    chain: tuple[x509.Certificate, ...]
    key: PrivateKey
    root: x509.Certificate


def read_offer(
    text: str,
    password: str | None,
    keys: Sequence[PrivateKey],
    roots: Iterable[x509.Certificate],
    now: datetime.datetime,
) -> Offer:
    """Return what a PEM text offers.  `keys` are ours, for a chain without one; `roots` those known to this machine.

    Raises ConfigurationError with the first rule that it breaks.
    """
    try:
        return _offer(_links(text), _key(text, password), keys, roots, now)
    except (ValueError, UnsupportedAlgorithm) as err:
        raise ConfigurationError(f"a certificate cannot be read: {err}", advice="have it issued again") from err


def _offer(
    links: list[x509.Certificate],
    own: PrivateKey | None,
    keys: Sequence[PrivateKey],
    roots: Iterable[x509.Certificate],
    now: datetime.datetime,
) -> Offer:
    _check_leaf(links[0])
    for one in links:
        _check_dates(one, now)
    for one, above in itertools.pairwise(links):
        if not _issued(one, above):
            raise ConfigurationError(
                f"{_name(one)} was not issued by {_name(above)}, which follows it",
                advice="put the server's certificate first, then each one's issuer",
            )
    key = next((k for k in ([own] if own is not None else keys) if same_key(links[0], k)), None)
    if key is None:
        raise ConfigurationError(
            "the private key in the text belongs to another certificate"
            if own is not None
            else "no key of ours belongs to this certificate",
            advice="put its private key into the text, or have the newest signing request signed",
        )
    return _with_root(links, key, roots)


def _links(text: str) -> list[x509.Certificate]:
    try:
        links = x509.load_pem_x509_certificates(text.encode())
    except ValueError as err:
        raise ConfigurationError(f"no certificate can be read: {err}", advice="send PEM text") from err
    if len(links) > MOST_LINKS:
        raise ConfigurationError(f"{len(links)} certificates are more than a chain has", advice="send one chain")
    return links


def _key(text: str, password: str | None) -> PrivateKey | None:
    found = _KEY.search(text)
    if found is None:
        return None
    try:
        key = serialization.load_pem_private_key(found[0].encode(), password.encode() if password else None)
    except (ValueError, TypeError) as err:
        raise ConfigurationError("the private key cannot be read", advice="check the key and its password") from err
    if not isinstance(key, PrivateKey):
        raise ConfigurationError("the private key is neither RSA nor of an elliptic curve", advice="make another key")
    return key


def _check_leaf(leaf: x509.Certificate) -> None:
    public = leaf.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        weak, found = public.key_size < LEAST_RSA_BITS, f"RSA with {public.key_size} bits"
    elif isinstance(public, ec.EllipticCurvePublicKey):
        weak, found = public.curve.key_size < LEAST_CURVE_BITS, f"a curve of {public.curve.key_size} bits"
    else:
        weak, found = True, "of another kind than RSA and elliptic curves"
    if weak:
        raise ConfigurationError(f"the key is too weak: {found}", advice="use RSA of 2,048 bits or P-256, or more")
    if not hosts_of(leaf):
        raise ConfigurationError("it names no host", advice="have it issued with alternative names: clients read those")
    _check_use(leaf)


def _check_use(leaf: x509.Certificate) -> None:
    for extension in leaf.extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage) and not (
            {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(value)
        ):
            raise ConfigurationError("it is not for servers", advice="have it issued for server authentication")
        if isinstance(value, x509.KeyUsage) and not value.digital_signature:
            raise ConfigurationError("its key may not sign", advice="have it issued for digital signatures")


def _check_dates(one: x509.Certificate, now: datetime.datetime) -> None:
    if one.not_valid_after_utc < now:
        raise ConfigurationError(f"{_name(one)} expired on {one.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC")
    if one.not_valid_before_utc > now:
        raise ConfigurationError(
            f"{_name(one)} is not valid before {one.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC",
            advice="check this machine's clock",
        )


def _with_root(links: list[x509.Certificate], key: PrivateKey, roots: Iterable[x509.Certificate]) -> Offer:
    """Return the offer with the root taken off its chain, or found among those that are known."""
    last = links[-1]
    if _issued(last, last):
        chain, root = links[:-1] or links, last
    else:
        known = next((r for r in roots if _issued(last, r)), None)
        if known is None:
            raise ConfigurationError(
                f"nobody here knows {last.issuer.rfc4514_string()}, who issued it",
                advice="append the certificates of its issuers up to the root",
            )
        chain, root = links, known
    for one in chain:
        if isinstance(one.signature_hash_algorithm, _WEAK_HASHES):
            raise ConfigurationError(f"{_name(one)} is signed with {one.signature_hash_algorithm.name}")
    return Offer(tuple(chain), key, root)


def _issued(one: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _name(one: x509.Certificate) -> str:
    return one.subject.rfc4514_string() or "the certificate"
