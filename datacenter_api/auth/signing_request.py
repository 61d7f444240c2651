"""Requests for a certificate: a key of our own and a text that an authority signs.  Writes nothing."""

from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from datacenter_api.auth.pem import PrivateKey, alternative
from firmware_bridge.vocabulary.errors import ConfigurationError

# How Redfish calls the parts of a name.
NAME_PARTS: dict[str, ObjectIdentifier] = {
    "CommonName": NameOID.COMMON_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "City": NameOID.LOCALITY_NAME,
    "State": NameOID.STATE_OR_PROVINCE_NAME,
    "Country": NameOID.COUNTRY_NAME,
    "Email": NameOID.EMAIL_ADDRESS,
}
CURVES: dict[str, type[ec.EllipticCurve]] = {"TPM_ECC_NIST_P256": ec.SECP256R1, "TPM_ECC_NIST_P384": ec.SECP384R1}
RSA_BITS = (2048, 3072, 4096)
CURVE, RSA = "TPM_ALG_ECDSA", "TPM_ALG_RSA"
"""Algorithms and curves are called as in TCG's algorithm registry."""


def make_key(algorithm: str = CURVE, curve: str = "TPM_ECC_NIST_P256", bits: int = RSA_BITS[1]) -> PrivateKey:
    """Return a new private key; RSA takes up to seconds.  The arguments must be ones that are offered above."""
    if algorithm == RSA:
        return rsa.generate_private_key(public_exponent=65_537, key_size=bits)
    return ec.generate_private_key(CURVES[curve]())


def request_text(key: PrivateKey, name: Mapping[str, str], hosts: Sequence[str]) -> str:
    """Return the signing request (PEM) of a key for a name (by NAME_PARTS) and the hosts that it is to be good for.

    Raises ConfigurationError for what a certificate cannot hold.
    """
    try:
        subject = x509.Name([x509.NameAttribute(NAME_PARTS[part], value) for part, value in name.items()])
        made = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(subject)
            .add_extension(x509.SubjectAlternativeName([alternative(h) for h in hosts]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(key, hashes.SHA256())
        )
    except ValueError as err:
        raise ConfigurationError(f"a certificate cannot say this: {err}") from err
    return made.public_bytes(serialization.Encoding.PEM).decode()
