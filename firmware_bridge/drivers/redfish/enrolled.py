"""Which certificate a Redfish endpoint shows, and which part it says it is.  Judges neither."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from firmware_bridge.drivers.redfish.examine import examine, nested
from firmware_bridge.drivers.redfish.identify import read_identity
from firmware_bridge.drivers.redfish.link import NORMAL
from firmware_bridge.drivers.redfish.tree import Tree
from firmware_bridge.drivers.redfish.trust import Leaf, fetch_leaf
from firmware_bridge.vocabulary.identity import Certificate, Identity
from firmware_bridge.vocabulary.settings import Examination, Question, Scalar
from firmware_bridge.wire.redfish.guard import parse

__all__ = ["Enrolled", "certificate_of", "read_identity"]


class Enrolled:
    """Adds what enrolment asks to a source that has a `link`."""

    __slots__ = ()

    @property
    def pin(self: Any) -> str:
        """Return the pin that this endpoint must show."""
        pin: str = self.link.pin
        return pin

    async def shown_certificate(self: Any) -> Certificate:
        """Return the certificate it shows now.  Raises EndpointUnreachable, TrustRefused."""
        link = self.link
        parts = urlsplit(link.origin)
        leaf = await fetch_leaf(link.endpoint, parts.hostname or "", parts.port or 443, link.limits.timeout)
        return certificate_of(leaf)

    async def identify(self: Any) -> Identity:
        """Return who the endpoint says it is, read anew.  Raises DeviceError."""
        tree = Tree(self.link, NORMAL)
        await tree.root()
        return await read_identity(tree)

    async def examine(self: Any, questions: Sequence[Question]) -> Examination:
        """Return what the endpoint says to each question, and which part it is.  Raises DeviceError."""
        follower = self.state.follower
        own = frozenset() if follower is None else follower.own
        found: Examination = await examine(self.link, self.clock, questions, own)
        return found

    async def set_value(self: Any, uri: str, pointer: str, value: Scalar) -> None:
        """Write one property (PATCH, If-Match where the resource has a tag).  Raises DeviceError."""
        document = await self.link.get_decoded(uri, lambda raw: parse(raw), NORMAL)
        tag = document.get("@odata.etag")
        await self.link.change("PATCH", uri, nested(pointer, value), tag if isinstance(tag, str) else "")


def certificate_of(leaf: Leaf) -> Certificate:
    """Return what people compare of a certificate."""
    return Certificate(leaf.pin, leaf.subject, leaf.not_before, leaf.not_after)
