"""Answers of the hot routes: msgspec writes them once, and their schemas stand in the OpenAPI page all the same."""

from typing import Any

import msgspec
from starlette.responses import Response

_REF = "#/components/schemas/{name}"
_described: dict[str, Any] = {}


def json_answer(content: Any) -> Response:
    """Return `content` (structs, lists, dicts; NaN becomes null) as a JSON answer."""
    return Response(msgspec.json.encode(content), media_type="application/json")


def describes(kind: Any) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses=` for a route that answers with `json_answer` of this type."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template=_REF)
    _described.update(components)
    return {200: {"description": "OK", "content": {"application/json": {"schema": schema}}}}


def described() -> dict[str, Any]:
    """Return the schemas of every type named with `describes`."""
    return dict(_described)
