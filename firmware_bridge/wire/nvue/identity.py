"""Who an NVOS says it is (`/platform`), and what it answers to a question about one of its properties.  Pure."""

from typing import Any

from firmware_bridge.vocabulary.identity import NOT_SERIALS, Identity
from firmware_bridge.vocabulary.settings import Found, Scalar
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.nvue.values import first
from firmware_bridge.wire.redfish.guard import Document

_MOST_TEXT = 128


def identity_of(platform: Document) -> Identity:
    """Return the tray behind an NVOS, from its platform document; what it leaves open or fills with dashes is None."""
    serial = _text(platform, "serial-number")
    return Identity(
        serial=serial,
        serials=(serial,) if serial else (),
        manufacturer=_text(platform, "manufacturer"),
        model=_text(platform, "product-name") or scrub(first(platform, "asic-model"), _MOST_TEXT) or None,
        part_number=_text(platform, "part-number"),
        uuid=_text(platform, "system-uuid"),
    )


def answer_of(document: Document, uri: str, pointer: str) -> tuple[Found, ...]:
    """Return the property at a JSON pointer, nothing where the document has none, or no single value, there."""
    value: Any = document
    for step in pointer.strip("/").split("/"):
        value = value.get(step) if isinstance(value, dict) else None
    return () if value is None or isinstance(value, (dict, list)) else (Found(uri, pointer, _scalar(value)),)


def _scalar(value: Any) -> Scalar:
    return scrub(value, 200) if isinstance(value, str) else value


def _text(document: Document, name: str) -> str | None:
    value = document.get(name)
    text = scrub(value, _MOST_TEXT).strip() if isinstance(value, str) else ""
    return text if text.casefold() not in NOT_SERIALS and text.strip("-") else None
