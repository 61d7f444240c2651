"""Requests that nobody should send, many of them: every answer is one of ours, nothing fails, nothing leaks.

A few hundred with a fixed seed here, many more in `make soak`.
"""

import base64
import json
import random
import time
from typing import Any

import orjson
import pytest
from support.api import PASSWORD
from support.redfish_hall import Hall

from firmware_bridge.redfish_service.messages import SPECS
from rack_controller.model.roles import Role

ROOT = "/redfish/v1"
KNOWN = (
    *("", "/Chassis", "/Chassis/k01", "/Chassis/k01-u12", "/Chassis/k01-u12/Sensors", "/Systems/k01-u12", "/odata"),
    *("/Managers/rackwright", "/EventService", "/EventService/Subscriptions", "/AccountService/Accounts/admin"),
    *("/EventService/Actions/EventService.SubmitTestEvent", "/SessionService/Sessions", "/TaskService/Tasks"),
    *("/UpdateService", "/AggregationService", "/Registries", "/JsonSchemas", "/$metadata", "/CertificateService"),
)
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PATCH", "PUT", "DELETE", "TRACE", "PROPFIND")
PIECES = (
    *("..", ".", "%2e%2e", "%2E%2E%2f", "%2f", "%5c", "\\", "//", "%00", "%0d%0aX:%20y", "%25", "%", "%zz", ";", "~"),
    *("%c0%ae", "%ff", "\xff", "{}", "<script>", "'\"", "$", "*", "@odata.id", "Members", "Members/0", " ", "a" * 300),
    *("Actions/Chassis.Reset", "Actions/ComputerSystem.Reset", "Actions/Nothing.AtAll", "k01", "0", "-1", "null"),
)
QUERIES = (
    *("", "$expand=*", "$expand=.($levels=6)", "$expand=*($levels=99)", "$expand=x", "$select=", "$select=a/b,,c"),
    *(
        "$top=-1",
        "$top=99999999999999",
        "$skip=x",
        "only",
        "only=1",
        "excerpt",
        "$filter=",
        "$filter=((((",
        "&&&=",
        "%",
    ),
    *("$filter=" + "not " * 50 + "a eq 1", "$filter=Id eq '" + "x" * 2000, "$orderby=a", "$format=xml", "a=b&a=c"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, 10**30, "", "x" * 5000, "\u0000", "../../etc/passwd", [], {}, [[]], [None], {"a": {}}),
    *(["x"] * 100, "k01", "On", "ForceOff", {"@odata.id": f"{ROOT}/Chassis/k01"}),
)
NAMES = (
    *("LocationIndicatorActive", "ResetType", "UserName", "Password", "RoleId", "Destination", "Protocol", "Context"),
    *("MessageId", "Members", "Id", "@odata.id", "Boot", "Oem", "", "\u2603", "HttpHeaders", "DeliveryRetryAttempts"),
)
BODIES = (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 5000, b'{"a":' * 500 + b"1" + b"}" * 500, b"{}" * 2)
TYPES = ("application/json", "text/plain", "application/json; charset=utf-16", "multipart/form-data", "")


def path_of(chance: random.Random) -> bytes:
    parts = [ROOT + chance.choice(KNOWN), *(chance.choice(PIECES) for _ in range(chance.choice((0, 0, 1, 2))))]
    text = "/".join(parts) if chance.random() < 0.7 else "".join(parts)
    if chance.random() < 0.15:
        at = chance.randrange(len("/redfish/"), len(text))
        text = text[:at] + chance.choice(PIECES) + text[at:]
    return text.encode("latin-1")


def body_of(chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return chance.choice(BODIES)
    return json.dumps({chance.choice(NAMES): chance.choice(VALUES) for _ in range(chance.randrange(4))}).encode()


async def ask(hall: Hall, chance: random.Random, user: str) -> tuple[int, dict[bytes, bytes], bytes, str]:
    """Send one request through the gate as an ASGI server would, and return status, headers, body and what it was."""
    raw, method, query = path_of(chance), chance.choice(METHODS), chance.choice(QUERIES)
    body = body_of(chance) if method not in ("GET", "HEAD") else b""
    login = base64.b64encode(f"{user}:{PASSWORD}".encode())
    headers = [(b"authorization", b"Basic " + login), (b"content-type", chance.choice(TYPES).encode())]
    if chance.random() < 0.2:
        headers.append((chance.choice((b"if-match", b"if-none-match", b"accept", b"odata-version")), b'"x"'))
    scope = {
        "type": "http",
        "method": method,
        "scheme": "https",
        "path": raw.decode("latin-1"),
        "raw_path": raw,
        "query_string": query.encode("latin-1"),
        "client": ("192.0.2.7", 4711),
        "headers": headers,
    }
    status, got, out = 0, {}, b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, got, out
        if message["type"] == "http.response.start":
            status, got = message["status"], dict(message["headers"])
        out += message.get("body", b"")

    await hall.api.gate(scope, receive, send)
    return status, got, out, f"{method} {raw!r}?{query} {body[:200]!r}"


def judge(status: int, headers: dict[bytes, bytes], body: bytes, what: str) -> None:
    assert 200 <= status < 500 or status in (501, 503), (status, what, body[:500])
    assert headers[b"x-content-type-options"] == b"nosniff", what
    if status >= 400 and not what.startswith("HEAD"):
        told = orjson.loads(body)["error"]
        name = told["code"].rsplit(".", 1)[1]
        assert name in SPECS or name == "GeneralError", (what, told)
        assert name != "InternalError", (what, told)
    if status == 405:
        assert headers[b"allow"], what
    assert b"Traceback" not in body, what
    assert PASSWORD.encode() not in body, what


async def fuzz(hall: Hall, seed: int, number: int) -> set[int]:
    chance, seen = random.Random(seed), set()
    users = ["admin", hall.api.user_for(Role.VIEWER), hall.api.user_for(Role.OPERATOR)]
    for _ in range(number):
        status, headers, body, what = await ask(hall, chance, chance.choice(users))
        judge(status, headers, body, what)
        seen.add(status)
        if not hall.api.services.accounts.enabled("admin"):
            pytest.fail(f"the last admin is gone after {what}")
    return seen


async def test_what_nobody_should_send_gets_an_answer_of_ours(hall: Hall) -> None:
    assert {200, 400, 403, 404, 405} <= await fuzz(hall, 7, 500)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_great_many_of_them_do_too(hall: Hall) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    await fuzz(hall, seed, 20_000)
