"""Errors as answers: one JSON shape for all of them, filled from the error tree.  No traceback ever leaves."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from firmware_bridge.vocabulary.errors import CommandRefused, RackwrightError, error_classes
from rack_controller.model.command import CLASSES, Reply

_WORDS = {
    400: ("bad_request", "Base.1.19.GeneralError"),
    401: ("authentication_required", "Base.1.19.NoValidSession"),
    403: ("forbidden", "Base.1.19.InsufficientPrivilege"),
    404: ("not_found", "Base.1.19.ResourceNotFound"),
    405: ("method_not_allowed", "Base.1.19.OperationNotAllowed"),
    409: ("conflict", "Base.1.19.ResourceAlreadyExists"),
    413: ("body_too_large", "Base.1.19.PayloadTooLarge"),
    422: ("invalid_request", "Base.1.19.PropertyValueError"),
    429: ("too_many_attempts", "Base.1.19.SessionLimitExceeded"),
    503: ("unavailable", "Base.1.19.ServiceTemporarilyUnavailable"),
}
_FIELDS = ("code", "message", "advice", "message_id")
PROBLEM_SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"$ref": "#/components/schemas/ProblemError"}},
    },
    "ProblemError": {
        "type": "object",
        "required": list(_FIELDS),
        "properties": {name: {"type": "string"} for name in _FIELDS},
    },
}
PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "Refused: `message` says why, `advice` what to do, `code` and `message_id` are stable",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def problem(
    status: int, message: str, *, advice: str = "", code: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error answer for what is not one of our exceptions."""
    word, message_id = _WORDS.get(status, ("internal_error", "Base.1.19.InternalError"))
    return _answer(status, code or word, message, advice, message_id, headers)


def problem_of(error: RackwrightError) -> Response:
    """Return the answer that carries an error of the tree."""
    code = error.code if isinstance(error, CommandRefused) else _snake(type(error).__name__)
    return _answer(error.http_status, code, error.what, error.advice, error.message_id, None)


def problem_of_invalid(fault: Mapping[str, Any]) -> Response:
    """Return the answer to a request with a wrong field; `fault` is what pydantic says of it."""
    where = ".".join(str(part) for part in fault["loc"] if part not in ("query", "path", "body"))
    if fault["type"] == "enum":
        given = str(fault["input"])[:64]
        return problem(422, f"{where}: there is no {given!r}", advice=f"one of {fault['ctx']['expected']}")
    return problem(422, f"{where or 'body'}: {fault['msg']}", advice="see /docs")


def problem_of_reply(reply: Reply) -> Response:
    """Return the answer that carries a controller's refusal: status and message id are those of its code's class."""
    kind = class_of_code(reply.code)
    return _answer(kind.http_status, reply.code, reply.reason, reply.advice, kind.message_id, None)


def class_of_code(code: str) -> type[RackwrightError]:
    """Return the class of our error tree that a controller's refusal names by its code."""
    if code in CLASSES:
        return CLASSES[code]
    # One that this program does not know is a refusal like any other.
    refused = [kind for kind in error_classes(CommandRefused) if kind.__dict__.get("code") == code]
    return refused[0] if refused else CommandRefused


def _answer(
    status: int, code: str, message: str, advice: str, message_id: str, headers: Mapping[str, str] | None
) -> Response:
    body = {"error": {"code": code, "message": message, "advice": advice, "message_id": message_id}}
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type="application/json")


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
