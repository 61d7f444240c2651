"""Wrong input to every route of the description: an answer below 500, and a problem body where it is refused."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from support.api import PASSWORD, Api
from support.play import PlayedRack

from datacenter_api.problem import problem_of_reply
from firmware_bridge.vocabulary.errors import CommandRefused, error_classes
from rack_controller.model.command import INTERNAL, Reply

V1 = "/api/v1"
WRONG = [
    *("", "x", "../../etc/passwd", "a/b/c/d/e/f/g/h", "%00", "\x00", "\u202e\U0001f4a5", "null", "true", "NaN", "-1"),
    *("1e999", "9" * 40, "-" + "9" * 40, "0001-01-01T00:00:00", "9999-12-31T23:59:59-23:59", "x" * 5_000, "[]", "'--"),
]
BODIES = [None, 0, -1, 10**30, 1e308, True, "", "x" * 300, "\x00", "\ud800", [], [[]], {}, {"a": None}]


async def described(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = (await client.get("/openapi.json")).json()
    return paths


def check(answer: httpx.Response, what: object) -> None:
    unanswered = (
        answer.status_code == 503 and "bus_unavailable" in answer.text
    )  # well-formed, and no controller is here
    assert answer.status_code < 500 or unanswered, (what, answer.text[:300])
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"code", "message", "advice", "message_id"}, what
        assert answer.json()["error"]["message_id"] != "Base.1.19.InternalError", what


def put_in(path: str, parameters: list[dict[str, Any]], name: str, value: str) -> str:
    for one in parameters:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(value, safe="/") if one["name"] == name else "k01")
    return path


async def test_wrong_parameters(api: Api) -> None:
    asked = 0
    async with api.client() as client:
        description = await described(client)
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                parameters = operation.get("parameters", [])
                if path == f"{V1}/events/stream":
                    continue  # any header is a good one, and the answer has no end
                for one in parameters:
                    for value in WRONG:
                        if one["in"] == "header":
                            continue
                        target = put_in(path, parameters, one["name"], value)
                        query = {p["name"]: "power" for p in parameters if p["in"] == "query" and p.get("required")}
                        query |= {one["name"]: value} if one["in"] == "query" else {}
                        answer = await client.request(method, target, params=query)
                        check(answer, (method, target, query))
                        asked += 1
    assert asked > 300


async def test_wrong_bodies(api: Api) -> None:
    asked = 0
    async with api.client() as client:
        description = await described(client)
        schemas = description["components"]["schemas"]
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                content = operation.get("requestBody", {}).get("content", {}).get("application/json")
                if content is None:
                    continue
                target = path.replace("{rack}", "k01").replace("{user}", "nobody")
                fields = schemas[content["schema"]["$ref"].rsplit("/", 1)[1]]["properties"]
                good = {"verb": "locate", "target": "u12", "user": "nobody", "password": PASSWORD, "role": "viewer"}
                full = {name: good.get(name) for name in fields}
                tries = [*BODIES, *({**full, name: value} for name in fields for value in BODIES)]
                tries += [{**full, "arguments": {"on": value}} for value in BODIES if "verb" in fields]
                for body in tries:
                    raw = json.dumps(body).encode()
                    if body == full or "logout" in path:
                        continue
                    answer = await client.request(
                        method, target, content=raw, headers={"content-type": "application/json"}
                    )
                    if answer.status_code == 503 and answer.json()["error"]["code"] == "bus_unavailable":
                        continue  # the wish was a good one after all; there is no bus here to send it on
                    check(answer, (method, target, raw[:200]))
                    asked += 1
    assert asked > 100


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/endpoints/report?place=x", 404),
        ("GET", "/endpoints/report?place=u12/gpu0", 404),
        ("GET", "/endpoints/report?place=lab1/a", 404),
        ("GET", "/racks/k01/readings?place=u99", 404),
        ("GET", "/racks/k01/readings?place=", 404),
        ("GET", "/racks/k01/readings?place=lab1/a/r01/k02/u12", 404),
        ("GET", "/racks/k01/readings?limit=0", 422),
        ("GET", "/top?quantity=charm", 422),
        ("GET", "/top?quantity=power&n=0", 422),
        ("GET", "/events?since=yesterday", 422),
        ("GET", "/events?rack=k99", 404),
        ("GET", "/audit?limit=99999999", 422),
    ],
)
async def test_what_is_wrong_is_refused_and_not_just_empty(api: Api, method: str, target: str, status: int) -> None:
    async with api.client() as client:
        answer = await client.request(method, V1 + target)
    check(answer, target)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("wish", "status", "said"),
    [
        ({"verb": "explode", "target": "u12"}, 404, "no verb"),
        ({"verb": "locate", "target": "u99"}, 404, "nothing at 'u99'"),
        ({"verb": "locate", "target": "lab1/a/r01/k02/u12"}, 404, "not in rack lab1/a/r01/k01"),
        ({"verb": "locate", "target": "u12", "arguments": {"on": "maybe"}}, 422, "true or false"),
        ({"verb": "locate", "target": "u12", "arguments": {"colour": "red"}}, 422, "no argument 'colour'"),
        ({"verb": "rescan", "target": "u12", "precondition_revision": -1}, 422, "greater than"),
    ],
)
async def test_a_wrong_command_is_refused_before_it_is_sent(
    api: Api, rack: PlayedRack, wish: dict[str, Any], status: int, said: str
) -> None:
    async with api.client() as client:
        answer = await client.post(f"{V1}/racks/k01/commands", json=wish)
    check(answer, wish)
    assert (answer.status_code, said in answer.json()["error"]["message"]) == (status, True), answer.text


@pytest.mark.parametrize("kind", list(error_classes(CommandRefused)), ids=lambda c: c.__name__)
def test_a_refusal_of_the_controller_keeps_its_status_and_message_id(kind: type[CommandRefused]) -> None:
    answer = problem_of_reply(Reply("c1", accepted=False, code=kind.code, reason="because", advice="do this"))
    error = json.loads(bytes(answer.body))["error"]
    assert answer.status_code == kind.http_status
    assert error == {"code": kind.code, "message": "because", "advice": "do this", "message_id": kind.message_id}


@pytest.mark.parametrize(("code", "status"), [("device_error", 502), (INTERNAL, 500), ("held", 409), ("new_one", 409)])
def test_codes_without_a_class_have_a_status_too(code: str, status: int) -> None:
    assert problem_of_reply(Reply("c1", accepted=False, code=code)).status_code == status
