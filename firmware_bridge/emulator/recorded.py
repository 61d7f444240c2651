"""A recorded tree served exactly as it is: nothing is added, corrected or brought to life."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import READ, READ_PATCH, Document, Outcome, Principal
from firmware_bridge.vocabulary.errors import FileInvalid


class RecordedTree:
    """A ResourceSource over `{uri: body}`; URIs may end in a slash or not.

    A URI with a query (`…/Sensors?$skip=75`) is a further page of its collection, and is served for that query only.

    `writable` names properties that a PATCH may change (the locate light); everything else is refused.
    """

    def __init__(self, tree: dict[str, Any], writable: tuple[str, ...] = ("LocationIndicatorActive",)) -> None:
        pages: dict[str, dict[str, bytes]] = {}
        for uri, body in tree.items():
            bare, mark, query = uri.partition("?")
            if mark:
                pages.setdefault(_canonical(bare), {})[query] = orjson.dumps(body)
        self._documents = {
            at: Document(orjson.dumps(body), _allow(body, writable), pages=pages.get(at, {}))
            for uri, body in tree.items()
            if "?" not in uri and (at := _canonical(uri))
        }
        self._writable = writable

    def get(self, uri: str, principal: Principal | None) -> Document | None:
        """Return the recorded resource."""
        return self._documents.get(uri)

    def methods(self, uri: str) -> str:
        """Return nothing: what was not recorded is not there."""
        return ""

    def privilege(self, uri: str, method: str) -> str:
        """Return the one privilege that a change of the locate light needs."""
        return "ConfigureComponents"

    async def patch(self, uri: str, changes: dict[str, Any], principal: Principal) -> Document | None:
        """Change the writable properties that the resource has."""
        document = self._documents[uri]
        for name, value in changes.items():
            if name not in document.body:
                raise RequestRefused("PropertyUnknown", name, related=(f"#/{name}",))
            if name not in self._writable:
                raise RequestRefused("PropertyNotWritable", name, related=(f"#/{name}",))
            if type(value) is not type(document.body[name]):
                raise RequestRefused("PropertyValueTypeError", str(value), name, related=(f"#/{name}",))
        changed = replace(document, raw=orjson.dumps({**document.body, **changes}))
        self._documents[uri] = changed
        return changed

    async def post(self, uri: str, body: dict[str, Any], principal: Principal) -> Outcome:
        """Refuse: a recording has no actions."""
        raise RequestRefused("ActionNotSupported", uri)

    async def delete(self, uri: str, principal: Principal) -> Outcome:
        """Refuse: a recording is not taken apart."""
        raise RequestRefused("OperationNotAllowed")


def read_tree(path: Path) -> dict[str, Any]:
    """Read a recorded tree.  Raises FileInvalid when it is not `{uri: body}`, or holds what JSON cannot carry."""
    try:
        raw = path.read_bytes()
        tree = json.loads(raw, parse_constant=_no_number)
    except OSError as err:
        raise FileInvalid(str(path), 1, "file", f"expected a readable file ({err.strerror})") from err
    except ValueError as err:
        raise FileInvalid(str(path), getattr(err, "lineno", 1), "file", f"expected JSON ({_reason(err)})") from err
    except RecursionError as err:
        raise FileInvalid(str(path), 1, "file", "expected JSON that is not nested so deeply") from err
    if not isinstance(tree, dict) or not all(
        u.startswith("/redfish") and isinstance(b, (dict, list)) for u, b in tree.items()
    ):
        raise FileInvalid(str(path), 1, "tree", "expected an object of Redfish URIs and their bodies")
    for uri, body in tree.items():
        reason = _unservable(body)
        if reason:
            line = raw[: max(raw.find(json.dumps(uri).encode()), 0)].count(b"\n") + 1
            raise FileInvalid(str(path), line, _place(uri, body), f"expected what can be served ({reason})")
    return tree


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _reason(err: ValueError) -> str:
    return err.msg if isinstance(err, json.JSONDecodeError) else str(err)


def _unservable(value: Any) -> str:
    try:
        orjson.dumps(value)
    except TypeError as err:  # a whole number beyond 64 bits, a lone surrogate, too deep
        return str(err)
    return ""


def _place(uri: str, value: Any) -> str:
    """Return where the innermost value stands that cannot be served, as `uri#/pointer`."""
    pointer = f"{uri}#"
    while isinstance(value, dict | list):
        named = value.items() if isinstance(value, dict) else enumerate(value)
        found = next(((name, inner) for name, inner in named if _unservable(inner)), None)
        if found is None:
            break
        pointer += f"/{found[0]}"
        value = found[1]
    return ascii(pointer)[1:-1]


def _canonical(uri: str) -> str:
    return uri.rstrip("/") or "/"


def _allow(body: Any, writable: tuple[str, ...]) -> str:
    return READ_PATCH if isinstance(body, dict) and any(name in body for name in writable) else READ
