"""What is offered in place of our certificate: every rule, each broken by itself."""

import datetime
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from support.certificates import Issued, authority, certificate, weak_key

from datacenter_api.auth.offer import Offer, read_offer
from firmware_bridge.vocabulary.errors import ConfigurationError

ROOT = authority()
BETWEEN = authority("Between", ROOT)
GOOD = certificate(BETWEEN)
ABOVE = BETWEEN.text + ROOT.text


def read(
    text: str, password: str | None = None, known: tuple[Issued, ...] = (), ours: tuple[Issued, ...] = ()
) -> Offer:
    roots = [one.certificate for one in known]
    return read_offer(text, password, [one.key for one in ours], roots, datetime.datetime.now(datetime.UTC))


def test_a_chain_is_taken_without_its_root_and_the_key_from_wherever_it_is() -> None:
    for text, known, ours in (
        (GOOD.text + ABOVE + GOOD.key_text, (), ()),
        (GOOD.key_text + GOOD.text + BETWEEN.text, (ROOT,), ()),
        (GOOD.text + ABOVE, (), (certificate(ROOT), GOOD)),
    ):
        offer = read(text, None, known, ours)
        assert offer.chain == (GOOD.certificate, BETWEEN.certificate)
        assert offer.root == ROOT.certificate
        assert offer.key.private_numbers() == GOOD.key.private_numbers()


def test_what_signed_itself_is_its_own_root() -> None:
    alone = certificate(None)
    offer = read(alone.text + alone.key_text)
    assert offer.chain == (offer.root,)


def test_a_key_with_a_password_needs_it() -> None:
    locked = GOOD.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    ).decode()
    assert read(GOOD.text + ABOVE + locked, "secret").chain
    for password in (None, "wrong", "\ud800"):
        with pytest.raises(ConfigurationError, match="key cannot be read"):
            read(GOOD.text + ABOVE + locked, password)


WRONG: dict[str, tuple[Callable[[], str], str]] = {
    "nothing": (lambda: "", "no certificate"),
    "rubbish": (lambda: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "can be read"),
    "half a surrogate": (lambda: "\ud800", "can be read"),
    "another's key": (lambda: GOOD.text + ABOVE + BETWEEN.key_text, "belongs to another"),
    "no key": (lambda: GOOD.text + ABOVE, "no key of ours"),
    "unknown root": (lambda: GOOD.text + BETWEEN.text + GOOD.key_text, "nobody here knows"),
    "out of order": (lambda: GOOD.text + ROOT.text + BETWEEN.text + GOOD.key_text, "was not issued by"),
    "too many": (lambda: GOOD.text + ROOT.text * 10 + GOOD.key_text, "more than a chain"),
    "broken key": (lambda: GOOD.text + ABOVE + GOOD.key_text[:60] + GOOD.key_text[-26:], "key cannot be read"),
    "expired": (lambda: whole(certificate(ROOT, days=(-9, -1))), "expired on"),
    "not yet": (lambda: whole(certificate(ROOT, days=(1, 9))), "not valid before"),
    "weak": (lambda: whole(certificate(ROOT, key=weak_key())), "too weak: RSA with 1024"),
    "small curve": (lambda: whole(certificate(ROOT, key=ec.generate_private_key(ec.SECP192R1()))), "192 bits"),
    "no host": (lambda: whole(certificate(ROOT, hosts=())), "names no host"),
    "of a client": (lambda: whole(certificate(ROOT, use=ExtendedKeyUsageOID.CLIENT_AUTH)), "not for servers"),
    "may not sign": (lambda: whole(certificate(ROOT, signs=False)), "may not sign"),
}


def whole(issued: Issued) -> str:
    return issued.text + ROOT.text + issued.key_text


@pytest.mark.parametrize("case", WRONG)
def test_each_wrong_offer_is_refused_with_its_reason(case: str) -> None:
    text, reason = WRONG[case]
    with pytest.raises(ConfigurationError, match=reason):
        read(text())


def test_a_key_of_another_kind_is_refused() -> None:
    odd = certificate(ROOT, key=dsa.generate_private_key(2048))
    with pytest.raises(ConfigurationError, match="neither RSA nor"):
        read(odd.text + ROOT.text + odd.key_text)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="another kind"):
        read(odd.text + ROOT.text)
