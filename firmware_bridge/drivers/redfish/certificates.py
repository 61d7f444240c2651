"""The certificate that a controller says it shows its clients, read while stock is taken.  Trusts and pins nothing."""

import re
from collections.abc import Mapping

from firmware_bridge.drivers.redfish.link import BACKGROUND, RedfishLink
from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.facts import Aspect, AspectKind, Fact, FactValue
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of, member_links, resolved, tidy

MOST = 2
"""Certificates of one controller that are read: each is a request."""
_PROTOCOL = "/NetworkProtocol"
_MOST_PEM = 16_384
_PEM = re.compile(r"(?:-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]{64,}-----END CERTIFICATE-----\n?){1,8}")


async def certificates_of(link: RedfishLink, documents: Mapping[str, Document]) -> list[Aspect]:
    """Return the HTTPS certificates of the endpoint's controllers, each of its manager.  Never raises DeviceError.

    A text that is no PEM of certificates is left out (DSP0268 Certificate, CertificateString).
    """
    tree, found = Tree(link, BACKGROUND), list[Aspect]()
    try:
        for uri, document in documents.items():
            listed = link_of(document.get("HTTPS"), "Certificates") if uri.endswith(_PROTOCOL) else None
            if listed is None:
                continue
            owner = uri.removeprefix(f"{ROOT}/").removesuffix(_PROTOCOL)
            for member in member_links(await tree.get(resolved(listed, uri, link.origin)[0]))[:MOST]:
                pem = _pem(await tree.get(member) or {})
                if pem is not None:
                    facts: dict[str, FactValue] = {Fact.CERTIFICATE_PEM.value: pem}
                    found.append(Aspect(AspectKind.CERTIFICATE, tidy(member).rsplit("/", 1)[1], owner, facts=facts))
    except (DeviceError, ValueError):
        return found
    return found


def _pem(document: Document) -> str | None:
    said = document.get("CertificateString")
    if not isinstance(said, str) or len(said) > _MOST_PEM:
        return None
    text = said.replace("\r\n", "\n").strip() + "\n"
    return text if _PEM.fullmatch(text) else None
