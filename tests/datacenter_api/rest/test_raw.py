"""An endpoint's own words: for admins, audited, read only, and never anything but that endpoint's documents."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from support.api import PASSWORD, Api
from support.whole_rack import WholeRack, whole_rack

from datacenter_api.auth.accounts import ensure_admin
from rack_controller.model.roles import Role

RAW = "/api/v1/endpoints/raw"
PLACE = "lab1/a/r01/k01/u11/bmc"


@asynccontextmanager
async def client_of(whole: WholeRack) -> AsyncIterator[httpx.AsyncClient]:
    trusted = ssl.create_default_context(cafile=str(whole.trusted))
    async with httpx.AsyncClient(base_url=whole.url, auth=("admin", PASSWORD), verify=trusted, timeout=30) as client:
        yield client


async def test_a_device_is_shown_as_it_answers_and_leads_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RACKWRIGHT_ADMIN_PASSWORD", PASSWORD)
    ensure_admin(tmp_path)
    async with whole_rack(tmp_path) as whole, client_of(whole) as client:
        seen = await client.get(RAW, params={"place": "u11/bmc", "uri": "/redfish/v1/Systems/System_0"})
        assert (seen.status_code, seen.headers["content-type"]) == (200, "application/json"), seen.text
        assert seen.json()["@odata.id"] == "/redfish/v1/Systems/System_0"
        source = whole.rack.controlled._state._sources[PLACE]  # type: ignore[index]
        assert seen.content == await source.read_raw("/redfish/v1/Systems/System_0")  # type: ignore[attr-defined]
        for uri in ("/etc/passwd", "//192.0.2.1/redfish/v1", "https://192.0.2.1/redfish/v1", "/redfish/v1/../x", "x"):
            refused = await client.get(RAW, params={"place": "u11/bmc", "uri": uri})
            assert (refused.status_code, refused.json()["error"]["code"]) == (422, "arguments_invalid"), uri
        gone = await client.get(RAW, params={"place": "u11/bmc", "uri": "/redfish/v1/Nothing"})
        assert (gone.status_code, gone.json()["error"]["code"]) == (502, "resource_missing")
        assert (await client.get(RAW, params={"place": "u99/bmc", "uri": "/redfish/v1"})).status_code == 404
        rows = [row for row in whole.services.store.audited(20) if row["what"] == "endpoint.raw"]
    assert [(r["actor"], r["target"], r["outcome"]) for r in rows[-1:]] == [("admin", PLACE, "ok")]
    assert {r["outcome"] for r in rows[:-1]} == {"refused"}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TECHNICIAN, Role.OPERATOR, Role.SAFETY])
async def test_nobody_else_sees_it(api: Api, role: Role) -> None:
    async with api.client(api.user_for(role)) as client:
        answer = await client.get(RAW, params={"place": "u12/bmc", "uri": "/redfish/v1"})
        assert answer.status_code == 403
