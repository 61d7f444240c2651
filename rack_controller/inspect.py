"""One endpoint looked at with no server running: connect, take stock, log out.  Writes nothing, keeps nothing."""

import re
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.console.ssh import read_host_key
from firmware_bridge.drivers.redfish.crawl import crawl
from firmware_bridge.drivers.redfish.link import NORMAL, RedfishLink
from firmware_bridge.drivers.redfish.trust import fetch_leaf
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import DEFAULT_TIMEOUT, RequestLimits
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.site import DEFAULT_CONSOLE_PORT
from firmware_bridge.wire.redfish.inventory import report_of

FIRST_USE = "first-use"
_PIN = re.compile(r"sha256//[A-Za-z0-9+/]{43}=")


async def inspect_endpoint(
    url: str,
    credential: Credential | None,
    trust: str = FIRST_USE,
    limits: RequestLimits | None = None,
) -> EndpointReport:
    """Return everything the endpoint at `url` (`https://address[:port]`) says about itself.

    `trust` is a pin (`sha256//…`), or `first-use`: the certificate shown now is taken as the endpoint's own for this
    look, and its pin is in the report for the operator to compare.  Expired certificates are refused either way.
    Raises ConfigurationError (url, trust) and DeviceError's children.
    """
    address, port = _address_of(url)
    if trust != FIRST_USE and not _PIN.fullmatch(trust):
        raise ConfigurationError(f"trust {trust!r}", advice="first-use, or a pin: sha256//<44 characters of base64>")
    leaf = await fetch_leaf(url, address, port, DEFAULT_TIMEOUT)
    pin = leaf.pin if trust == FIRST_USE else trust
    link = RedfishLink(url, address, port, pin, limits, credential, leaf)
    try:
        found = await crawl(link, NORMAL)
    finally:
        await link.close()
    about: dict[str, str | int | None] = {
        "url": link.origin,
        "pin": leaf.pin,
        "trust": trust if trust == FIRST_USE else "pinned",
        "certificate_subject": leaf.subject,
        "certificate_expires": leaf.not_after.isoformat(),
        "seen": found.seen,
    }
    return report_of(found.documents, endpoint=about, notes=found.notes)


async def read_console_key(address: str) -> str:
    """Return the fingerprint (`SHA256:…`) of the SSH host key at `address[:port]`; logs in nowhere.

    Raises ConfigurationError (address) and EndpointUnreachable.
    """
    try:
        parts = urlsplit(f"ssh://{address}")
        host, port = parts.hostname, parts.port or DEFAULT_CONSOLE_PORT
    except ValueError:
        host, port = None, 0
    if not host or parts.username or parts.path or parts.query:
        raise ConfigurationError(f"address {address!r}", advice="ADDRESS or ADDRESS:PORT")
    return await read_host_key(host, port)


# What `rackwright endpoint inspect -o json` promises: programs read it, so it stays as it is.
PROMISED: dict[str, tuple[str, ...]] = {
    "inventory": ("kind", "id", "name", "part_number", "serial_number", "firmware", "uris"),
    "readings": ("id", "quantity", "unit", "value", "uri"),
    "firmware": ("id", "version", "uri"),
    "leak_detectors": ("id", "state", "uri"),
    "notes": ("uri", "property", "what"),
}


def report_document(report: EndpointReport) -> dict[str, Any]:
    """Return the report as plain JSON values: endpoint, inventory, readings, firmware, leak_detectors, notes.

    What else is known of a part is in the stock report of a running controller (`endpoint show`).
    """
    whole = asdict(report)
    for item in whole["inventory"]:
        item["kind"] = item["kind"].value
    document: dict[str, Any] = {"endpoint": whole["endpoint"]}
    for name, keys in PROMISED.items():
        document[name] = [{key: _plain(item[key]) for key in keys} for item in whole[name]]
    return document


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port or 443
    except ValueError as err:
        raise ConfigurationError(f"url {url!r}", advice="https://address:port") from err
    if (
        parts.scheme != "https"
        or not parts.hostname
        or parts.username
        or parts.path.strip("/") not in ("", "redfish/v1")
    ):
        raise ConfigurationError(f"url {url!r}", advice="https://address:port, without user and path")
    return parts.hostname, port
