"""Who is let in and what is refused, in Redfish's own words: the same accounts, sessions and limits as everywhere."""

from typing import Any

import httpx
import pytest
from support.api import PASSWORD
from support.redfish_hall import Hall

from datacenter_api.auth.limits import MOST_PER_ACCOUNT
from datacenter_api.redfish.door import VIA
from rack_controller.model.roles import Role

SESSIONS = "/redfish/v1/SessionService/Sessions"


def message(answer: httpx.Response) -> str:
    body = answer.json()["error"]
    assert body["code"] == body["@Message.ExtendedInfo"][0]["MessageId"]
    return str(body["code"].rsplit(".", 1)[1])


async def log_in(client: httpx.AsyncClient, user: str = "admin", password: str = PASSWORD) -> httpx.Response:
    return await client.post(SESSIONS, json={"UserName": user, "Password": password})


@pytest.mark.parametrize("path", ["", "/v1", "/v1/", "/v1/odata", "/v1/$metadata"])
async def test_the_root_is_open_to_everybody(hall: Hall, path: str) -> None:
    async with hall.api.client(None) as client:
        answer = await client.get(f"/redfish{path}")
    assert answer.status_code == 200
    assert answer.headers["odata-version"] == "4.0"
    assert answer.headers["content-type"].startswith("application/xml" if "metadata" in path else "application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_metadata_is_xml_and_nothing_else(hall: Hall) -> None:
    async with hall.api.client(None) as client:
        for accept, status in (
            ("application/xml", 200),
            ("application/xml;charset=utf-8", 200),
            ("application/json", 406),
        ):
            answer = await client.get("/redfish/v1/$metadata", headers={"accept": accept})
            assert answer.status_code == status
        assert (await client.get("/redfish/v1", headers={"accept": "text/html"})).status_code == 406
        asked = await client.get("/redfish/v1/$metadata?$select=Name")
        assert (asked.status_code, message(asked)) == (400, "QueryNotSupportedOnResource")


async def test_a_stranger_who_expands_the_root_sees_nothing_behind_it(hall: Hall) -> None:
    async with hall.api.client(None) as client:
        plain = (await client.get("/redfish/v1")).json()
        for wish in ("*($levels=6)", ".", "~"):
            wide = await client.get(f"/redfish/v1?$expand={wish}")
            assert (wide.status_code, wide.json()) == (200, plain)
        wrong = await client.get("/redfish/v1?$expand=*", headers={"x-auth-token": "x"})
        assert wrong.json() == plain
    wide = await hall.get("?$expand=*")
    assert wide["Chassis"]["Members@odata.count"] > 3
    assert wide["Links"]["Sessions"]["Members"] == []


async def test_everything_else_asks_for_a_login(hall: Hall) -> None:
    async with hall.api.client(None) as client:
        for path in ("/Chassis", "/Chassis/k01", "/Nothing", "/SessionService/Sessions"):
            answer = await client.get(f"/redfish/v1{path}")
            assert (answer.status_code, message(answer)) == (401, "NoValidSession")
            assert answer.headers["www-authenticate"].startswith("Basic")
        cookie = {"cookie": f"rackwright_session={(await log_in(client)).headers['x-auth-token']}"}
        assert (await client.get("/redfish/v1/Chassis", headers=cookie)).status_code == 401, "a cookie is a browser's"


async def test_a_session_is_opened_used_seen_and_ended(hall: Hall) -> None:
    async with hall.api.client(None) as client:
        opened = await log_in(client)
        assert opened.status_code == 201
        token, where = opened.headers["x-auth-token"], opened.headers["location"]
        assert token not in opened.text
        headers = {"x-auth-token": token}
        seen = await client.get(where, headers=headers)
        assert (seen.json()["UserName"], seen.json()["Roles"]) == ("admin", ["Administrator"])
        assert {"@odata.id": where} in (await client.get(SESSIONS, headers=headers)).json()["Members"]
        rest = await client.get("/api/v1/session", headers={"authorization": f"Bearer {token}"})
        assert rest.json()["user"] == "admin", "one session for both sides of the API"
        assert (await client.delete(where, headers=headers)).status_code == 204
        assert (await client.get("/redfish/v1/Chassis", headers=headers)).status_code == 401
    audited = [(row["what"], row["outcome"]) for row in hall.api.services.store.audited(10)]
    assert ("login", "ok") in audited
    assert ("session.end", "ok") in audited


async def test_guessing_is_braked_with_a_time_to_wait(hall: Hall) -> None:
    async with hall.api.client(None) as client:
        first = await log_in(client, password="wrong password")
        assert (first.status_code, message(first)) == (401, "ResourceAtUriUnauthorized")
        for _ in range(MOST_PER_ACCOUNT):
            last = await log_in(client, password="wrong password")
        assert last.status_code == 429
        assert int(last.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "MalformedJSON"),
        (b"[]", 400, "MalformedJSON"),
        (b"", 400, "PropertyMissing"),
        (b'{"UserName": "admin"}', 400, "PropertyMissing"),
        (b'{"UserName": 7, "Password": "x"}', 400, "PropertyValueTypeError"),
    ],
)
async def test_a_malformed_login_is_refused(hall: Hall, body: bytes, status: int, code: str) -> None:
    async with hall.api.client(None) as client:
        answer = await client.post(SESSIONS, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, message(answer)) == (status, code)


async def test_methods_that_a_resource_does_not_take_are_405_with_allow(hall: Hall) -> None:
    async with hall.api.client() as client:
        for method, path, allow in (
            ("PUT", "/Chassis", ""),
            ("POST", "/Chassis", "GET, HEAD"),
            ("PATCH", "/Managers/rackwright", "GET, HEAD"),
            ("DELETE", "/Systems/k01-u12", "GET, HEAD, PATCH"),
            ("PATCH", "/Chassis/k01", "GET, HEAD"),
            ("PATCH", "/Chassis/k01-u06", "GET, HEAD"),
            ("PATCH", "/Chassis/k01-u12/Sensors/power", "GET, HEAD"),
        ):
            answer = await client.request(method, f"/redfish/v1{path}", json={})
            assert (answer.status_code, message(answer)) == (405, "OperationNotAllowed")
            assert "GET" in answer.headers["allow"]
            assert not allow or answer.headers["allow"] == allow
        options = await client.options("/redfish/v1/Systems/k01-u12")
        assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, PATCH")


async def test_head_and_etags(hall: Hall) -> None:
    async with hall.api.client() as client:
        full, head = [await client.request(m, "/redfish/v1/Registries") for m in ("GET", "HEAD")]
        assert head.headers["content-length"] == str(len(full.content))
        assert (head.content, head.headers["etag"]) == (b"", full.headers["etag"])
        again = await client.get("/redfish/v1/Registries", headers={"if-none-match": full.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_queries(hall: Hall) -> None:
    hall_ids = [m["@odata.id"] for m in (await hall.get("/Managers"))["Members"]]
    page = await hall.get("/Managers?$top=2&$skip=1")
    assert [m["@odata.id"] for m in page["Members"]] == hall_ids[1:3]
    assert page["Members@odata.count"] == len(hall_ids)
    assert page["Members@odata.nextLink"] == "/redfish/v1/Managers?$skip=3&$top=2"
    chosen = await hall.get("/Chassis/k01-u12?$select=PowerState,Status/State")
    assert set(chosen) == {"@odata.id", "@odata.type", "PowerState", "Status"}
    wide = await hall.get("/Chassis/k01?$expand=*($levels=2)")
    inside = wide["Links"]["Contains"][0]
    assert inside["Sensors"]["Members@odata.count"] > 0
    assert (await hall.get("/AccountService/Accounts?only"))["UserName"] == "admin"
    racks = await hall.get("/Chassis?$filter=ChassisType eq 'Rack' and Status/State eq 'Enabled'")
    assert [m["@odata.id"].rsplit("/", 1)[1] for m in racks["Members"]] == ["k01", "k02", "k03"]
    page = await hall.get("/Chassis?$filter=ChassisType+eq+'Rack'&$top=1&$expand=.")
    assert (page["Members@odata.count"], page["Members"][0]["Id"]) == (3, "k01")
    rest = await hall.get(page["Members@odata.nextLink"].removeprefix("/redfish/v1"))
    assert [m["@odata.id"][-3:] for m in rest["Members"]] == ["k02"]


@pytest.mark.parametrize(
    "path",
    ["//Chassis", "/Chassis%2Fk01", "/Chassis/k01%00", "/Chassis/%2e%2e/k01", "/a" * 1500],
)
async def test_paths_that_mean_two_things_are_refused(hall: Hall, path: str) -> None:
    async with hall.api.client() as client:
        request = client.build_request("GET", "/redfish/v1")
        request.url = request.url.copy_with(raw_path=b"/redfish/v1" + path.encode())
        answer = await client.send(request)
    assert answer.status_code in (400, 414)
    assert message(answer) == "InvalidURI"


async def test_what_nobody_foresaw_is_an_internal_error_without_a_word_of_it(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(hall.world, "stamp", fail)
    async with hall.api.client() as client:
        answer = await client.get("/redfish/v1/Chassis")
    assert (answer.status_code, message(answer)) == (500, "InternalError")
    assert "secret" not in answer.text


async def test_a_request_that_came_through_this_service_already_is_a_loop(hall: Hall) -> None:
    async with hall.api.client() as client:
        answer = await client.get("/redfish/v1/Chassis", headers={VIA.decode(): f"other, {hall.world.uuid}"})
        assert answer.status_code == 508
        passed = await client.get("/redfish/v1/Chassis", headers={VIA.decode(): "other"})
        assert passed.status_code == 200


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_reads_and_only_admins_see_other_accounts(hall: Hall, role: Role) -> None:
    user = hall.api.user_for(role)
    names = [m["@odata.id"].rsplit("/", 1)[1] for m in (await hall.get("/AccountService/Accounts", user))["Members"]]
    assert names == (["admin"] if role is Role.ADMIN else [user])
    privileges: Any = (await hall.get("/AccountService/Roles/Operator", user))["AssignedPrivileges"]
    assert privileges == ["Login", "ConfigureSelf", "ConfigureComponents"]
    async with hall.api.client(user) as client:
        answer = await client.get("/redfish/v1/AccountService/Accounts/admin")
        assert answer.status_code == (200 if role is Role.ADMIN else 403)


async def test_what_is_refused_is_counted_by_status(hall: Hall) -> None:
    async with hall.api.client() as client:
        await client.get("/redfish/v1/Nothing")
        await client.post("/redfish/v1/Chassis", json={})
        await client.get("/redfish/v1/Chassis")
        page = (await client.get("/metrics")).text
    async with hall.api.client(None) as stranger:
        await stranger.get("/redfish/v1/Chassis")
    assert hall.api.services.redfish.refused == {404: 1, 405: 1, 401: 1}
    assert 'rackwright_redfish_refused_total{status="404"} 1' in page
    assert 'rackwright_redfish_pushes_total{outcome="delivered"} 0' in page
