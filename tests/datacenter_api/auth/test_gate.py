"""The door: who is let in, what a role may do, where a cookie is good, for http and websocket alike."""

import re
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from support.api import PASSWORD, Api

from datacenter_api.auth.doorkeeper import COOKIE
from datacenter_api.auth.gate import MOST_BODY_BYTES, Gate
from datacenter_api.auth.limits import MOST_PER_ACCOUNT
from datacenter_api.routes import ROUTES, Rule, allowed
from rack_controller.model.roles import Role, may_not, whom_to_ask

CHECKED = [r for r in ROUTES if r.method != "WEBSOCKET" and not r.path.endswith("/stream") and r.privilege is not None]


def address(rule: Rule) -> str:
    return re.sub(r"\{[a-z_]+(:path)?\}", "k01", rule.path)


async def token_of(api: Api, user: str = "admin") -> str:
    async with api.client(None) as client:
        answer = await client.post("/api/v1/login", json={"user": user, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])


@pytest.mark.parametrize("role", list(Role))
async def test_every_route_asks_for_its_privilege(api: Api, role: Role) -> None:
    token = await token_of(api, api.user_for(role))
    for rule in CHECKED:
        if rule.path.endswith("logout"):
            continue  # would end the session that the test needs
        async with api.client(None) as client:
            answer = await client.request(rule.method, address(rule), headers={"authorization": f"Bearer {token}"})
        assert (answer.status_code == 403) == (not allowed(rule, role)), (rule, answer.status_code, answer.text)
        if answer.status_code == 403 and not rule.path.startswith("/redfish") and rule.privilege is not None:
            error = answer.json()["error"]
            said = (error["message"], error["advice"])
            assert said == (may_not(role, rule.privilege), whom_to_ask(rule.privilege)), rule
            assert "/api/" not in error["message"]
        assert answer.status_code != 401


@pytest.mark.parametrize("rule", CHECKED, ids=lambda r: f"{r.method} {r.path}")
async def test_without_a_login_nothing_but_the_open_routes_answers(api: Api, rule: Rule) -> None:
    async with api.client(None) as client:
        answer = await client.request(rule.method, address(rule))
    assert answer.status_code == 401
    redfish = {"code", "message", "@Message.ExtendedInfo"}
    ours = {"code", "message", "advice", "message_id"}
    assert set(answer.json()["error"]) == (redfish if rule.path.startswith("/redfish") else ours)


async def test_an_unplanned_path_tells_strangers_nothing(api: Api) -> None:
    async with api.client(None) as client:
        assert (await client.get("/secret")).status_code == 401
    async with api.client() as client:
        assert (await client.get("/secret")).status_code == 404
        answer = await client.put("/api/v1/racks")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_a_page_leads_to_the_login_form(api: Api) -> None:
    async with api.client(None) as client:
        answer = await client.get("/console/rack/k01", headers={"accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/console/rack/k01")


async def test_wrong_passwords_read_alike_and_are_braked(api: Api) -> None:
    async with api.client("admin", "wrong password") as wrong, api.client("nobody", PASSWORD) as unknown:
        first, second = await wrong.get("/api/v1/racks"), await unknown.get("/api/v1/racks")
        assert (first.status_code, first.json()) == (second.status_code, second.json())
        for _ in range(MOST_PER_ACCOUNT):
            last = await wrong.get("/api/v1/racks")
        assert last.status_code == 429
        assert int(last.headers["retry-after"]) > 0
    async with api.client() as right:
        assert (await right.get("/api/v1/racks")).status_code == 429, "the account is braked as a whole"


async def test_a_remembered_login_is_not_locked_out_by_others_guessing(api: Api) -> None:
    async with api.client() as right, api.client("admin", "wrong password") as wrong:
        assert (await right.get("/api/v1/racks")).status_code == 200
        for _ in range(MOST_PER_ACCOUNT + 1):
            await wrong.get("/api/v1/racks")
        assert (await right.get("/api/v1/racks")).status_code == 200


async def test_a_cookie_is_only_good_from_our_own_pages(api: Api) -> None:
    cookie = {"cookie": f"{COOKIE}={await token_of(api)}"}
    body = {"verb": "locate", "target": "u12"}
    async with api.client(None) as client:
        assert (await client.get("/api/v1/racks", headers=cookie)).status_code == 200
        for origin in ({}, {"origin": "https://evil.test"}, {"origin": "http://api.test"}, {"origin": "null"}):
            answer = await client.post("/api/v1/racks/k01/commands", json=body, headers={**cookie, **origin})
            assert answer.status_code == 403, origin
        answer = await client.post(
            "/api/v1/racks/k01/commands", json=body, headers={**cookie, "origin": "https://api.test"}
        )
        assert answer.status_code == 503, "let in; only the bus is missing"


async def test_a_login_form_sent_from_elsewhere_is_refused(api: Api) -> None:
    async with api.client(None) as client:
        form = {"user": "admin", "password": PASSWORD}
        answer = await client.post("/login", data=form, headers={"origin": "https://evil.test"})
        assert answer.status_code == 403
        answer = await client.post("/login", data={**form, "next": "//evil.test/"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
        flags = answer.headers["set-cookie"].lower()
        assert all(flag in flags for flag in ("secure", "httponly", "samesite=strict"))


async def test_security_headers_stand_on_every_answer(api: Api) -> None:
    async with api.client() as client:
        for path in ("/healthz", "/api/v1/racks", "/nothing", "/docs", "/login"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "unsafe-eval" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        ([], False),
        ([(b"authorization", b"Bearer nonsense")], False),
        ([(b"cookie", b"TOKEN")], False),
        ([(b"cookie", b"TOKEN"), (b"origin", b"https://evil.test")], False),
        ([(b"cookie", b"TOKEN"), (b"origin", b"https://api.test")], True),
    ],
)
async def test_a_websocket_needs_a_login_and_our_own_origin(
    api: Api, headers: list[tuple[bytes, bytes]], let_in: bool
) -> None:
    token = f"{COOKIE}={await token_of(api)}".encode()
    reached = False

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        nonlocal reached
        reached = True

    api.gate.app = inner
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "scheme": "wss",
        "path": "/console/_nicegui_ws/socket.io/",
        "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"api.test"), *((k, v.replace(b"TOKEN", token)) for k, v in headers)],
        "extensions": {"websocket.http.response": {}},
    }
    await api.gate(scope, receive, send)
    assert reached is let_in
    if not let_in:
        assert sent[0]["status"] in (401, 403)


async def test_a_body_without_a_length_is_cut_off_at_the_cap(api: Api) -> None:
    read = 0

    async def hungry(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal read
        while (message := await receive())["type"] == "http.request":
            read += len(message.get("body", b""))

    async def endless() -> Message:
        return {"type": "http.request", "body": bytes(64 * 1024), "more_body": True}

    async def nowhere(_message: Message) -> None:
        pass

    scope = {"type": "http", "method": "POST", "path": "/api/v1/login", "headers": [], "scheme": "https"}
    await Gate(hungry, api.gate.doorkeeper)(scope, endless, nowhere)
    assert read <= MOST_BODY_BYTES
