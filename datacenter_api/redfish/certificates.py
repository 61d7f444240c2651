"""The certificate that this service shows its clients, and where certificates are.  Read only.

The server's key never leaves its file and the authority renews by itself, so no request is signed or replaced here.
"""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, told
from datacenter_api.redfish.world import World

OF_SERVICE = f"{ROOT}/Managers/rackwright/NetworkProtocol/HTTPS/Certificates"
_MANAGER = "rackwright"
_ONE = "1"
_NAMES: dict[ObjectIdentifier, str] = {
    NameOID.COMMON_NAME: "CommonName",
    NameOID.ORGANIZATION_NAME: "Organization",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OrganizationalUnit",
    NameOID.LOCALITY_NAME: "City",
    NameOID.STATE_OR_PROVINCE_NAME: "State",
    NameOID.COUNTRY_NAME: "Country",
}
_USES = {
    "digital_signature": "DigitalSignature",
    "content_commitment": "NonRepudiation",
    "key_encipherment": "KeyEncipherment",
    "data_encipherment": "DataEncipherment",
    "key_agreement": "KeyAgreement",
    "key_cert_sign": "KeyCertSign",
    "crl_sign": "CRLSigning",
}
_EXTENDED = {
    ExtendedKeyUsageOID.SERVER_AUTH: "ServerAuthentication",
    ExtendedKeyUsageOID.CLIENT_AUTH: "ClientAuthentication",
}


def build_service(_world: World, uri: str) -> Body:
    """Return the CertificateService."""
    return resource("CertificateService", uri, "Certificates", CertificateLocations=ref(f"{uri}/CertificateLocations"))


def build_locations(world: World, uri: str) -> Body:
    """Return where certificates are: this service's own."""
    held = [f"{OF_SERVICE}/{_ONE}"] if _file(world).exists() else []
    return resource("CertificateLocations", uri, "Where certificates are", Links=refs("Certificates", held))


def build_collection(world: World, uri: str, manager: str) -> Body | None:
    """Return the certificates that clients are shown when they connect; none where another server ends TLS."""
    if manager != _MANAGER:
        return None
    return collection("Certificate", uri, "Certificates of this service", [_ONE] if _file(world).exists() else [])


def build_certificate(world: World, uri: str, manager: str, name: str) -> Body | None:
    """Return the server's certificate with its chain as PEM.  A file that is no certificate is not shown."""
    if manager != _MANAGER or name != _ONE:
        return None
    try:
        text = _file(world).read_text()
        certificate = x509.load_pem_x509_certificate(text.encode())
    except (OSError, ValueError):
        return None
    hashed = certificate.signature_hash_algorithm
    return resource(
        "Certificate",
        uri,
        "HTTPS certificate",
        CertificateString=text,
        CertificateType="PEM" if text.count("BEGIN CERTIFICATE") == 1 else "PEMchain",
        CertificateUsageTypes=["Web"],
        Issuer=_identifier(certificate.issuer, ()),
        Subject=_identifier(certificate.subject, _alternatives(certificate)),
        SerialNumber=certificate.serial_number.to_bytes(20, "big").lstrip(b"\0").hex(":"),
        Fingerprint=certificate.fingerprint(hashes.SHA256()).hex(":"),
        FingerprintHashAlgorithm="TPM_ALG_SHA256",
        KeyUsage=_usage(certificate),
        ValidNotBefore=certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        ValidNotAfter=certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **told(SignatureAlgorithm=None if hashed is None else certificate.signature_algorithm_oid._name),
    )


def _file(world: World) -> Path:
    return world.parts.state / "tls" / "server.pem"


def _identifier(name: x509.Name, alternatives: tuple[str, ...]) -> Body:
    told_: Body = {}
    for part in name:
        if part.oid in _NAMES:
            told_.setdefault(_NAMES[part.oid], str(part.value))
    return {**told_, **({"AlternativeNames": list(alternatives)} if alternatives else {})}


def _alternatives(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def _usage(certificate: x509.Certificate) -> list[str]:
    found: list[str] = []
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage):
            found += [word for name, word in _USES.items() if getattr(value, name)]
        elif isinstance(value, x509.ExtendedKeyUsage):
            found += [_EXTENDED[use] for use in value if use in _EXTENDED]
    return found
