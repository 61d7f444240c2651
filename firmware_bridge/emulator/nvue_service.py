"""One emulated NVOS as an ASGI application: Basic auth, GET below `/nvue_v1`, `filter_` and `include`.

Its documents are a device template's resources; a path above them is the collection of what lies below, a path inside
one is that part of it.  What is null in a template is not there, and neither is the entry that holds it.
"""

import base64
import binascii
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from firmware_bridge.emulator.accounts import SoleAccount
from firmware_bridge.emulator.device import Device
from firmware_bridge.redfish_service.replies import Receive, Reply
from firmware_bridge.redfish_service.service import Scope, Send

ROOT = "/nvue_v1"
_JSON = (b"content-type", b"application/json")
_TITLES = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed"}
_QUERIES = frozenset(("rev", "filter_", "include"))


class NvueService:
    """Answers for one device; knows no model."""

    def __init__(self, device: Device, account: SoleAccount) -> None:
        self._device, self._account = device, account

    def read_now(self, raw_path: bytes, query_string: bytes, headers: dict[bytes, bytes]) -> Reply:
        """Answer a GET at once."""
        if not self._knows(headers.get(b"authorization", b"")):
            status, more, body = _refusal(401, "the login is not valid")
            return status, [*more, (b"www-authenticate", b'Basic realm="NVUE"')], body
        asked = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
        strange = [name for name, _ in asked if name not in _QUERIES]
        if strange:
            return _refusal(400, f"unknown parameter {strange[0]!r}")
        found = self._find(unquote(raw_path.decode("latin-1")).rstrip("/"))
        if found is None:
            return _refusal(404, "the path does not exist")
        for name, value in asked:
            if name == "filter_":
                found = _filtered(found, value)
        includes = [value for name, value in asked if name == "include"]
        if includes:
            found = _included(found, [i.strip("/").split("/") for i in includes])
        return 200, [_JSON], orjson.dumps(found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; only reading is offered."""
        if scope["method"] in ("GET", "HEAD"):
            status, headers, body = self.read_now(
                scope.get("raw_path") or scope["path"].encode(), scope["query_string"], dict(scope["headers"])
            )
        else:
            status, headers, body = _refusal(405, "this emulated system is only read")
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _knows(self, header: bytes) -> bool:
        kind, _, token = header.partition(b" ")
        try:
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return kind.lower() == b"basic" and self._account.fits(user, password)

    def _find(self, path: str) -> Any:
        nodes = self._device.template.nodes
        head = path
        while head.startswith(ROOT) and head not in nodes:
            head = head.rpartition("/")[0]
        if head in nodes:
            found = self._document(head)
            for part in path[len(head) :].strip("/").split("/") if path != head else ():
                found = found.get(part) if isinstance(found, dict) else None
            return found
        below = [uri for uri in nodes if uri.startswith(path + "/")] if path.startswith(ROOT) else []
        return _nested(path, {uri: self._document(uri) for uri in below}) if below else None

    def _document(self, uri: str) -> Any:
        shown = self._device.get(uri, None)
        return _spoken(shown.raw) if shown is not None else {}


@lru_cache(maxsize=4096)
def _spoken(raw: bytes) -> Any:
    """Return a document as NVUE says it, for nobody to change: ports of a fabric are alike, and rarely another."""
    document = orjson.loads(raw)
    document.pop("@odata.id", None)
    return _pruned(document)


def _pruned(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {k: v for k, v in value.items() if v is not None and not (isinstance(v, dict) and None in v.values())}
    return {k: _pruned(v) for k, v in kept.items()}


def _nested(path: str, found: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for uri, document in found.items():
        at = tree
        *ways, leaf = uri[len(path) :].strip("/").split("/")
        for way in ways:
            at = at.setdefault(way, {})
        at[leaf] = document
    return tree


def _filtered(found: Any, condition: str) -> Any:
    """Keep the members whose property has the value: `type=nvl`."""
    name, _, wanted = condition.partition("=")
    members = found.items() if isinstance(found, dict) else ()
    return {k: v for k, v in members if isinstance(v, dict) and str(v.get(name)) == wanted}


def _included(found: Any, patterns: list[list[str]]) -> Any:
    """Keep what one of the paths names; `*` stands for any member."""
    if not isinstance(found, dict):
        return found
    kept: dict[str, Any] = {}
    for key, value in found.items():
        below = [p[1:] for p in patterns if p[0] in ("*", key)]
        if any(not rest for rest in below):
            kept[key] = value
        elif below:
            kept[key] = _included(value, below)
    return kept


def _refusal(status: int, detail: str) -> Reply:
    body = {"detail": detail, "status": status, "title": _TITLES[status], "type": "about:blank"}
    return status, [_JSON], orjson.dumps(body)
