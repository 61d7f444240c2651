"""The engine as a client sees it: methods, headers, conditions, errors, sessions."""

import base64
import json
from typing import Any

import pytest
from support.asgi import ask

from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.service import RedfishService
from firmware_bridge.redfish_service.sessions import COLLECTION, SessionTable
from firmware_bridge.redfish_service.source import READ, READ_PATCH, Document, Outcome, Principal
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.units import Seconds

FEATURES = {"ExpandQuery": {"NoLinks": True, "Levels": True}, "SelectQuery": True, "OnlyMemberQuery": True}


class Shelf:
    """A small source with one changeable resource and one action."""

    def __init__(self) -> None:
        self.lit = False

    def get(self, uri: str, principal: Principal | None) -> Document | None:
        bodies: dict[str, Any] = {
            "/redfish/v1": {"@odata.id": "/redfish/v1", "ProtocolFeaturesSupported": FEATURES},
            "/redfish/v1/Chassis": {"@odata.id": "/redfish/v1/Chassis", "Members": [{"@odata.id": "/redfish/v1/C/1"}]},
            "/redfish/v1/C/1": {
                "@odata.id": "/redfish/v1/C/1",
                "@odata.type": "#Chassis.v1_2_0.Chassis",
                "Lit": self.lit,
            },
        }
        body = bodies.get(uri)
        return None if body is None else Document.of(body, READ_PATCH if "Lit" in body else READ)

    def methods(self, uri: str) -> str:
        return "POST" if uri == "/redfish/v1/C/1/Actions/Chassis.Reset" else ""

    def privilege(self, uri: str, method: str) -> str:
        return "ConfigureComponents"

    async def patch(self, uri: str, changes: dict[str, Any], principal: Principal) -> Document | None:
        for name in changes:
            if name != "Lit":
                raise RequestRefused("PropertyUnknown", name, related=(f"#/{name}",))
        self.lit = bool(changes["Lit"])
        return self.get(uri, principal)

    async def post(self, uri: str, body: dict[str, Any], principal: Principal) -> Outcome:
        if body.get("ResetType") == "Burn":
            raise EnvironmentUnfit("no fire", advice="buy matches")
        return Outcome(204)

    async def delete(self, uri: str, principal: Principal) -> Outcome:
        raise RequestRefused("OperationNotAllowed")


class Accounts:
    async def verify(self, user: str, password: str) -> Principal | None:
        if password != "secret":
            return None
        return (
            Principal(user, "ReadOnly", frozenset({"Login", "ConfigureSelf"})) if user == "guest" else Principal(user)
        )


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(clock: Clock) -> RedfishService:
    return RedfishService(Shelf(), Accounts(), sessions=SessionTable(Seconds(60.0)), now=clock)


async def test_a_get_has_the_headers_that_the_standard_asks_for(service: RedfishService) -> None:
    answer = await ask(service, "GET", "/redfish/v1/C/1")
    assert answer.status == 200
    assert answer.headers["odata-version"] == "4.0"
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["allow"] == "GET, HEAD, PATCH"
    assert "rel=describedby" in answer.headers["link"]
    assert "Chassis.v1_2_0" in answer.headers["link"]
    assert int(answer.headers["content-length"]) == len(answer.raw)


async def test_head_is_get_without_a_body(service: RedfishService) -> None:
    got, head = await ask(service, "GET", "/redfish/v1/C/1"), await ask(service, "HEAD", "/redfish/v1/C/1")
    assert head.raw == b""
    assert head.headers == got.headers


async def test_trailing_slashes_do_not_matter(service: RedfishService) -> None:
    assert (await ask(service, "GET", "/redfish/v1/C/1/")).body["@odata.id"] == "/redfish/v1/C/1"


async def test_etags_save_unchanged_answers_and_guard_writes(service: RedfishService) -> None:
    etag = (await ask(service, "GET", "/redfish/v1/C/1")).headers["etag"]
    assert (await ask(service, "GET", "/redfish/v1/C/1", if_none_match=etag)).status == 304
    changed = await ask(service, "PATCH", "/redfish/v1/C/1", {"Lit": True}, if_match=etag)
    assert changed.status == 200
    assert changed.body["Lit"] is True
    stale = await ask(service, "PATCH", "/redfish/v1/C/1", {"Lit": False}, if_match=etag)
    assert stale.status == 412
    assert stale.message == "Base.1.19.PreconditionFailed"
    assert (await ask(service, "GET", "/redfish/v1/C/1", if_none_match=etag)).status == 200


@pytest.mark.parametrize(
    ("method", "target", "status", "message"),
    [
        ("GET", "/redfish/v1/Nowhere", 404, "ResourceMissingAtURI"),
        ("GET", "/redfish/v1/../etc", 400, "InvalidURI"),
        ("DELETE", "/redfish/v1/C/1", 405, "OperationNotAllowed"),
        ("PUT", "/redfish/v1/C/1", 405, "OperationNotAllowed"),
        ("GET", "/redfish/v1/C/1/Actions/Chassis.Reset", 405, "OperationNotAllowed"),
        ("POST", "/redfish/v1/Nowhere", 404, "ResourceMissingAtURI"),
        ("GET", "/redfish/v1/C/1?$filter=x", 501, "QueryNotSupported"),
        ("GET", "/redfish/v1/C/1?$top=1", 400, "QueryNotSupportedOnResource"),
    ],
)
async def test_errors_carry_message_ids(
    service: RedfishService, method: str, target: str, status: int, message: str
) -> None:
    answer = await ask(service, method, target, None if method == "GET" else {})
    assert (answer.status, answer.message) == (status, f"Base.1.19.{message}")
    assert answer.body["error"]["code"] == answer.message
    if status == 405:
        assert answer.headers["allow"] in ("GET, HEAD, PATCH", "POST")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[1]", {}, 400),
        (b'{"Lit": NaN}', {}, 400),
        (b'{"Lit": true}', {"content_type": "text/plain"}, 415),
        (b'{"Other": 1}', {}, 400),
        (b" " * (1 << 20) + b"{}", {}, 413),
    ],
)
async def test_bad_bodies_are_refused(service: RedfishService, body: bytes, headers: Any, status: int) -> None:
    assert (await ask(service, "PATCH", "/redfish/v1/C/1", body, **headers)).status == status


async def test_errors_of_our_own_tree_keep_status_message_and_advice(service: RedfishService) -> None:
    answer = await ask(service, "POST", "/redfish/v1/C/1/Actions/Chassis.Reset", {"ResetType": "Burn"})
    assert (answer.status, answer.message) == (503, "Base.1.19.ServiceTemporarilyUnavailable")
    assert answer.body["error"]["@Message.ExtendedInfo"][0]["Resolution"] == "buy matches"


async def test_headers_that_ask_for_the_impossible(service: RedfishService) -> None:
    assert (await ask(service, "GET", "/redfish/v1/C/1", accept="text/html")).status == 406
    assert (await ask(service, "GET", "/redfish/v1/C/1", accept="application/json;q=0.5, */*")).status == 200
    assert (await ask(service, "GET", "/redfish/v1/C/1", odata_version="3.0")).status == 412
    assert (await ask(service, "GET", "/redfish/v1/C/1", odata_version="4.0")).status == 200


async def test_only_the_root_is_open(service: RedfishService) -> None:
    assert (await ask(service, "GET", "/redfish", auth=None)).body == {"v1": "/redfish/v1/"}
    assert (await ask(service, "GET", "/redfish/v1/", auth=None)).status == 200
    for method, target in (("GET", "/redfish/v1/Chassis"), ("GET", COLLECTION), ("PATCH", "/redfish/v1/C/1")):
        answer = await ask(service, method, target, auth=None)
        assert answer.status == 401
        assert "www-authenticate" in answer.headers
    assert (await ask(service, "GET", "/redfish/v1/Nowhere", auth=None)).status == 401


async def test_wrong_credentials_are_refused_even_where_it_is_open(service: RedfishService) -> None:
    assert (await ask(service, "GET", "/redfish/v1/C/1", auth="root:wrong")).status == 401
    assert (await ask(service, "GET", "/redfish/v1", auth="root:wrong")).status == 401
    assert (await ask(service, "GET", "/redfish/v1/C/1", auth=None, authorization="Basic !!")).status == 400
    unknown = base64.b64encode(b"nocolon").decode()
    assert (await ask(service, "GET", "/redfish/v1/C/1", auth=None, authorization=f"Basic {unknown}")).status == 401
    assert (await ask(service, "GET", "/redfish/v1/C/1", auth=None, x_auth_token="made-up")).status == 401


async def test_a_reader_may_not_change(service: RedfishService) -> None:
    assert (await ask(service, "GET", "/redfish/v1/C/1", auth="guest:secret")).status == 200
    answer = await ask(service, "PATCH", "/redfish/v1/C/1", {"Lit": True}, auth="guest:secret")
    assert (answer.status, answer.message) == (403, "Base.1.19.InsufficientPrivilege")


async def test_a_session_from_login_to_logout(service: RedfishService, clock: Clock) -> None:
    made = await ask(service, "POST", COLLECTION, {"UserName": "root", "Password": "secret"}, auth=None)
    assert made.status == 201
    token, where = made.headers["x-auth-token"], made.headers["location"]
    assert made.body["@odata.id"] == where
    assert "Password" not in made.body
    listed = await ask(service, "GET", COLLECTION, auth=None, x_auth_token=token)
    assert listed.body["Members"] == [{"@odata.id": where}]
    assert token not in json.dumps(listed.body)
    assert (await ask(service, "GET", where, auth=None, x_auth_token=token)).body["UserName"] == "root"
    assert (await ask(service, "DELETE", where, auth=None, x_auth_token=token)).status == 204
    assert (await ask(service, "GET", COLLECTION, auth=None, x_auth_token=token)).status == 401


async def test_sessions_expire_and_wrong_logins_fail(service: RedfishService, clock: Clock) -> None:
    token = (await ask(service, "POST", COLLECTION, {"UserName": "root", "Password": "secret"}, auth=None)).headers[
        "x-auth-token"
    ]
    clock.seconds += 61
    assert (await ask(service, "GET", "/redfish/v1/C/1", auth=None, x_auth_token=token)).status == 401
    wrong = await ask(service, "POST", COLLECTION, {"UserName": "root", "Password": "no"}, auth=None)
    assert (wrong.status, wrong.message) == (401, "Base.1.19.ResourceAtUriUnauthorized")
    missing = await ask(service, "POST", COLLECTION, {"UserName": "root"}, auth=None)
    assert (missing.status, missing.message) == (400, "Base.1.19.PropertyMissing")


async def test_one_user_does_not_end_anothers_session(service: RedfishService) -> None:
    made = await ask(service, "POST", COLLECTION, {"UserName": "root", "Password": "secret"}, auth=None)
    where = made.headers["location"]
    assert (await ask(service, "DELETE", where, auth="guest:secret")).status == 403
    assert (await ask(service, "DELETE", where, auth="root:secret")).status == 204


async def test_queries_reach_sub_resources(service: RedfishService) -> None:
    answer = await ask(service, "GET", "/redfish/v1/Chassis?$expand=.&$select=Lit")
    assert answer.body["Members"][0]["Lit"] is False
    assert (await ask(service, "GET", "/redfish/v1/Chassis?only")).body["@odata.id"] == "/redfish/v1/C/1"


async def test_a_stranger_may_read_the_root_but_not_expand_what_stands_behind_it(service: RedfishService) -> None:
    assert (await ask(service, "GET", "/redfish/v1", auth=None)).status == 200
    assert (await ask(service, "GET", "/redfish/v1?$select=Id", auth=None)).status == 200
    for wish in ("$expand=.", "$expand=.($levels=2)", "$select=Id&$expand=."):
        answer = await ask(service, "GET", f"/redfish/v1?{wish}", auth=None)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert "Chassis" not in answer.body
    assert (await ask(service, "GET", "/redfish/v1?$expand=.")).status == 200


async def test_options_tells_what_is_allowed(service: RedfishService) -> None:
    answer = await ask(service, "OPTIONS", "/redfish/v1/C/1")
    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, PATCH")
    assert (await ask(service, "OPTIONS", "/redfish/v1/C/1/Actions/Chassis.Reset")).headers["allow"] == "POST"


async def test_members_are_put_in_as_they_are(service: RedfishService) -> None:
    plain = (await ask(service, "GET", "/redfish/v1/C/1")).body
    answer = (await ask(service, "GET", "/redfish/v1/Chassis?$expand=.")).body
    assert answer == {"@odata.id": "/redfish/v1/Chassis", "Members": [plain]}
    assert (await ask(service, "GET", "/redfish/v1?$expand=.")).body["@odata.id"] == "/redfish/v1"


async def test_a_read_with_a_token_is_answered_at_once(service: RedfishService, clock: Clock) -> None:
    made = await ask(service, "POST", COLLECTION, {"UserName": "root", "Password": "secret"}, auth=None)
    token = made.headers["x-auth-token"].encode()
    now = service.read_now(b"/redfish/v1/C/1", b"", {b"x-auth-token": token})
    assert now is not None
    slow = await ask(service, "GET", "/redfish/v1/C/1")
    assert (now[0], now[2]) == (slow.status, slow.raw)
    assert service.read_now(b"/redfish/v1/C/1", b"", {}) is None
    for path, status in ((b"/redfish/v1/Nowhere", 404), (b"/redfish//v1", 400)):
        refused = service.read_now(path, b"", {b"x-auth-token": token})
        assert refused is not None
        assert refused[0] == status
    clock.seconds += 61
    expired = service.read_now(b"/redfish/v1/C/1", b"", {b"x-auth-token": token})
    assert expired is not None
    assert expired[0] == 401
