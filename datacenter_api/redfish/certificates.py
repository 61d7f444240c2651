"""Certificates that this service and the endpoints' controllers show their clients, and what its actions take.

Reads only; a private key is never part of what is shown.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from datacenter_api.auth.pem import chain_text, hosts_of
from datacenter_api.auth.signing_request import CURVE, CURVES, NAME_PARTS, RSA, RSA_BITS
from datacenter_api.redfish.interfaces import certificates_of
from datacenter_api.redfish.managers import find_endpoint
from datacenter_api.redfish.shapes import ROOT, Body, collection, ref, refs, resource, told
from datacenter_api.redfish.world import World
from firmware_bridge.vocabulary.facts import Fact

OF_SERVICE = f"{ROOT}/Managers/rackwright/NetworkProtocol/HTTPS/Certificates"
_MANAGER = "rackwright"
_ONE = "1"
SHOWN = f"{OF_SERVICE}/{_ONE}"
SERVICE = f"{ROOT}/CertificateService"
GENERATE, REPLACE = "CertificateService.GenerateCSR", "CertificateService.ReplaceCertificate"
TYPES = ("PEM", "PEMchain")
_NAMES = {oid: part for part, oid in NAME_PARTS.items()}
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
    """Return the CertificateService with its actions."""
    actions = {
        f"#{name}": {"target": f"{uri}/Actions/{name}", "@Redfish.ActionInfo": f"{uri}/{name.split('.')[1]}ActionInfo"}
        for name in (GENERATE, REPLACE)
    }
    locations = ref(f"{uri}/CertificateLocations")
    return resource("CertificateService", uri, "Certificates", Actions=actions, CertificateLocations=locations)


def build_generate_info(_world: World, uri: str) -> Body:
    """Return what a signing request can be asked for."""
    parameters = [
        *(_parameter(part, required=part == "CommonName") for part in NAME_PARTS),
        _parameter("AlternativeNames", "StringArray"),
        _parameter("CertificateCollection", "Object", required=True),
        _parameter("KeyPairAlgorithm", AllowableValues=[CURVE, RSA]),
        _parameter("KeyCurveId", AllowableValues=list(CURVES)),
        _parameter("KeyBitLength", "Number", AllowableNumbers=[str(bits) for bits in RSA_BITS]),
    ]
    return resource("ActionInfo", uri, "What a signing request holds", Parameters=parameters)


def build_replace_info(_world: World, uri: str) -> Body:
    """Return what replacing a certificate takes."""
    parameters = [
        _parameter("CertificateString", required=True),
        _parameter("CertificateType", required=True, AllowableValues=list(TYPES)),
        _parameter("CertificateUri", "Object", required=True),
        _parameter("Password"),
    ]
    return resource("ActionInfo", uri, "What replacing a certificate takes", Parameters=parameters)


def build_locations(world: World, uri: str) -> Body:
    """Return where certificates are: this service's own."""
    held = [SHOWN] if world.parts.certificate.chain() else []
    return resource("CertificateLocations", uri, "Where certificates are", Links=refs("Certificates", held))


def build_collection(world: World, uri: str, manager: str) -> Body | None:
    """Return the certificates that a manager shows its clients; none of our own where another server ends TLS."""
    if manager == _MANAGER:
        held = [_ONE] if world.parts.certificate.chain() else []
        return collection("Certificate", uri, "Certificates of this service", held)
    found = _reported(world, manager)
    return collection("Certificate", uri, f"Certificates of {manager}", sorted(found)) if found else None


def build_certificate(world: World, uri: str, manager: str, name: str) -> Body | None:
    """Return a certificate with its chain as PEM.  A text that is no certificate is not shown."""
    chain = _reported(world, manager).get(name)
    if manager == _MANAGER:
        chain = world.parts.certificate.chain() if name == _ONE else None
    return certificate_body(uri, "HTTPS certificate", chain, ["Web"]) if chain else None


def certificate_body(uri: str, title: str, chain: Sequence[x509.Certificate], uses: Sequence[str]) -> Body:
    """Return a certificate with its chain as the Certificate at a URI; `uses` are its CertificateUsageTypes."""
    certificate = chain[0]
    hashed = certificate.signature_hash_algorithm
    return resource(
        "Certificate",
        uri,
        title,
        CertificateString=chain_text(chain).decode(),
        CertificateType=TYPES[len(chain) > 1],
        CertificateUsageTypes=list(uses),
        Issuer=_identifier(certificate.issuer, ()),
        Subject=_identifier(certificate.subject, hosts_of(certificate)),
        SerialNumber=certificate.serial_number.to_bytes(20, "big").lstrip(b"\0").hex(":"),
        Fingerprint=certificate.fingerprint(hashes.SHA256()).hex(":"),
        FingerprintHashAlgorithm="TPM_ALG_SHA256",
        KeyUsage=_usage(certificate),
        ValidNotBefore=certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        ValidNotAfter=certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **told(SignatureAlgorithm=None if hashed is None else certificate.signature_algorithm_oid._name),
    )


def _reported(world: World, manager: str) -> dict[str, list[x509.Certificate]]:
    """Return the certificates of an endpoint's controller as its report has them; what does not parse is left out."""
    found = find_endpoint(world, manager)
    report = world.stock.report(found[1].place) if found is not None else None
    chains = certificates_of(report) if report is not None else {}
    read = {name: _read(str(aspect.facts.get(Fact.CERTIFICATE_PEM, ""))) for name, aspect in chains.items()}
    return {name: chain for name, chain in read.items() if chain}


def _read(pem: str) -> list[x509.Certificate]:
    """Return a device's certificates, none where any of them is not one that can be shown whole."""
    try:
        chain = x509.load_pem_x509_certificates(pem.encode())
        for certificate in chain:
            certificate_body("/", "", [certificate], ())
    except (ValueError, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm):
        return []
    return chain


def _parameter(name: str, kind: str = "String", *, required: bool = False, **more: object) -> Body:
    return {"Name": name, "Required": required, "DataType": kind, **more}


def _identifier(name: x509.Name, alternatives: tuple[str, ...]) -> Body:
    told_: Body = {}
    for part in name:
        if part.oid in _NAMES:
            told_.setdefault(_NAMES[part.oid], str(part.value))
    return {**told_, **({"AlternativeNames": list(alternatives)} if alternatives else {})}


def _usage(certificate: x509.Certificate) -> list[str]:
    found: list[str] = []
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage):
            found += [word for name, word in _USES.items() if getattr(value, name)]
        elif isinstance(value, x509.ExtendedKeyUsage):
            found += [_EXTENDED[use] for use in value if use in _EXTENDED]
    return found
