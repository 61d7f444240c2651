"""Certificates that a subscriber's listener may show, or that signed it: what a client gives for one subscription.

Where there are any, `VerifyCertificate` trusts these and no others (Redfish EventDestination, Certificates).
"""

from collections.abc import Mapping
from typing import Any

from cryptography import x509

from datacenter_api.auth.pem import chain_text
from datacenter_api.redfish.certificates import TYPES, certificate_body
from datacenter_api.redfish.push.subscription import Subscription
from datacenter_api.redfish.shapes import Body, collection
from firmware_bridge.redfish_service.messages import RequestRefused, refuse

MOST_KEPT, MOST_IN_CHAIN, MOST_TEXT = 4, 8, 32_768
_STRING, _TYPE = "CertificateString", "CertificateType"
_TAKEN = (_STRING, _TYPE, "Name", "Id")


def certificates_body(kept: Subscription, uri: str) -> Body:
    """Return the certificates that a subscription's listener is trusted by."""
    return collection("Certificate", uri, f"Certificates of the listener of {kept.id}", sorted(kept.certificates))


def trusted_body(kept: Subscription, uri: str) -> Body | None:
    """Return one of them, None where there is none."""
    pem = kept.certificates.get(uri.rsplit("/", 1)[1])
    if pem is None:
        return None
    return certificate_body(uri, "Certificate of a listener", x509.load_pem_x509_certificates(pem.encode()), ["Web"])


def add_certificate(kept: Subscription, body: Mapping[str, Any]) -> str:
    """Keep a certificate, or a chain, and return its id.  Raises RequestRefused by the property at fault."""
    pem = _checked(body)
    if len(kept.certificates) >= MOST_KEPT:
        raise RequestRefused("CreateLimitReachedForResource")
    name = str(max(map(int, kept.certificates), default=0) + 1)
    kept.certificates[name] = pem
    return name


def _checked(body: Mapping[str, Any]) -> str:
    faults = [("PropertyUnknown", n) for n in body if n not in _TAKEN and not n.startswith("@odata.")]
    faults += [("PropertyMissing", name) for name in (_STRING, _TYPE) if name not in body]
    refuse([RequestRefused(message, name, related=(f"#/{name}",)) for message, name in faults])
    for name in (_STRING, _TYPE):
        if not isinstance(body[name], str):
            raise RequestRefused("PropertyValueTypeError", "(not shown)", name, related=(f"#/{name}",))
    if body[_TYPE] not in TYPES:
        raise RequestRefused("PropertyValueNotInList", body[_TYPE][:64], _TYPE, related=(f"#/{_TYPE}",))
    return _read(body[_STRING], body[_TYPE])


def _read(text: str, kind: str) -> str:
    """Return the text as it is kept: certificates alone, whatever stood around them."""
    at = (f"#/{_STRING}",)
    if len(text) > MOST_TEXT:
        raise RequestRefused("StringValueTooLong", _STRING, str(MOST_TEXT), related=at)
    if "PRIVATE KEY" in text:
        raise RequestRefused("PropertyValueFormatError", "(not shown)", _STRING, related=at, detail="It holds a key.")
    try:
        chain = x509.load_pem_x509_certificates(text.encode())
        certificate_body("/", "", chain, ())
    except (ValueError, x509.UnsupportedGeneralNameType) as err:
        raise RequestRefused("PropertyValueFormatError", "(not shown)", _STRING, related=at) from err
    if len(chain) > (MOST_IN_CHAIN if kind == TYPES[1] else 1):
        what = f"It holds {len(chain)} certificates."
        raise RequestRefused("PropertyValueIncorrect", _TYPE, kind, related=(f"#/{_TYPE}",), detail=what)
    return chain_text(chain).decode()
