"""What a Redfish client may change: accounts, and the locate light through the rack's controller."""

import asyncio
import contextlib
from pathlib import Path

import httpx
import pytest
from support.api import PASSWORD, Api
from support.play import stage, until
from support.redfish_hall import Hall

from rack_controller.model.command import Command, Reply
from rack_controller.model.roles import Role

ACCOUNTS = "/redfish/v1/AccountService/Accounts"
ADA = {"UserName": "ada", "Password": "difference engine", "RoleId": "Operator"}


def message(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"].rsplit(".", 1)[1])


async def test_an_account_is_made_changed_and_removed(hall: Hall) -> None:
    async with hall.api.client() as client:
        made = await client.post(ACCOUNTS, json=ADA)
        assert (made.status_code, made.headers["location"]) == (201, f"{ACCOUNTS}/ada")
        assert (made.json()["RoleId"], made.json()["Password"]) == ("Operator", None)
        again = await client.post(ACCOUNTS, json=ADA)
        assert (again.status_code, message(again)) == (409, "ResourceAlreadyExists")
        etag = (await client.get(f"{ACCOUNTS}/ada")).headers["etag"]
        changed = await client.patch(f"{ACCOUNTS}/ada", json={"RoleId": "ReadOnly"}, headers={"if-match": etag})
        assert (changed.status_code, changed.json()["RoleId"]) == (200, "ReadOnly")
        stale = await client.patch(f"{ACCOUNTS}/ada", json={"Enabled": False}, headers={"if-match": etag})
        assert (stale.status_code, message(stale)) == (412, "PreconditionFailed")
    async with hall.api.client("ada", ADA["Password"]) as ada:
        assert (await ada.get("/redfish/v1/Chassis")).status_code == 200
    async with hall.api.client() as client:
        assert (await client.delete(f"{ACCOUNTS}/ada")).status_code == 204
        assert (await client.get(f"{ACCOUNTS}/ada")).status_code == 404
    whats = [row["what"] for row in hall.api.services.store.audited(20)]
    assert {"account.create", "account.change", "account.remove"} <= set(whats)


async def test_of_several_changes_under_one_etag_exactly_one_is_made(hall: Hall) -> None:
    async with hall.api.client() as client:
        etag = (await client.post(ACCOUNTS, json=ADA)).headers["etag"]
        wishes = [{"Password": f"difference engine {n}"} for n in range(4)]
        changes = [client.patch(f"{ACCOUNTS}/ada", json=wish, headers={"if-match": etag}) for wish in wishes]
        statuses = [answer.status_code for answer in await asyncio.gather(*changes)]
        assert sorted(statuses) == [200, 412, 412, 412]
        assert (await client.get(f"{ACCOUNTS}/ada")).json()["@odata.etag"] != etag


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**ADA, "RoleId": "King"}, "PropertyValueNotInList"),
        ({**ADA, "Password": "short"}, "PropertyValueFormatError"),
        ({**ADA, "UserName": "Ada L"}, "PropertyValueFormatError"),
        ({**ADA, "Enabled": "yes"}, "PropertyValueTypeError"),
        ({**ADA, "Shoe": 38}, "PropertyUnknown"),
        ({"UserName": "ada", "Password": "difference engine"}, "PropertyMissing"),
    ],
)
async def test_a_wrong_account_is_refused_by_the_property_at_fault(hall: Hall, body: object, code: str) -> None:
    async with hall.api.client() as client:
        answer = await client.post(ACCOUNTS, json=body)
    assert (answer.status_code, message(answer)) == (400, code)
    assert "short" not in answer.text


async def test_each_wrong_property_has_its_own_message(hall: Hall) -> None:
    async with hall.api.client() as client:
        made = await client.post(ACCOUNTS, json={"UserName": 7, "Password": ["secret"], "Shoe": 38})
        error = made.json()["error"]
        told = {i["RelatedProperties"][0]: i["MessageId"].rsplit(".", 1)[1] for i in error["@Message.ExtendedInfo"]}
        assert (made.status_code, error["code"]) == (400, "Base.1.19.GeneralError")
        assert told == {
            "#/RoleId": "PropertyMissing",
            "#/UserName": "PropertyValueTypeError",
            "#/Password": "PropertyValueTypeError",
            "#/Shoe": "PropertyUnknown",
        }
        assert "secret" not in made.text
        many = await client.post(ACCOUNTS, json={f"p{n}": n for n in range(1_000)})
        assert len(many.json()["error"]["@Message.ExtendedInfo"]) == 32


async def test_everybody_changes_their_own_password_and_nothing_else(hall: Hall) -> None:
    user = hall.api.user_for(Role.VIEWER)
    async with hall.api.client(user) as client:
        assert (await client.post(ACCOUNTS, json=ADA)).status_code == 403
        assert (await client.patch(f"{ACCOUNTS}/{user}", json={"RoleId": "Administrator"})).status_code == 403
        assert (await client.patch(f"{ACCOUNTS}/admin", json={"Password": "a new password"})).status_code == 403
        assert (await client.delete(f"{ACCOUNTS}/admin")).status_code == 403
        refused = [row["target"] for row in hall.api.services.store.audited(20) if row["outcome"] == "forbidden"]
        assert f"DELETE {ACCOUNTS}/admin" in refused
        assert (await client.patch(f"{ACCOUNTS}/{user}", json={"Password": "a new password"})).status_code == 200
    async with hall.api.client(user, "a new password") as client:
        assert (await client.get(ACCOUNTS)).status_code == 200


async def test_the_last_admin_stays(hall: Hall) -> None:
    async with hall.api.client() as client:
        answer = await client.delete(f"{ACCOUNTS}/admin")
        assert 400 <= answer.status_code < 500
        assert (await client.get(f"{ACCOUNTS}/admin")).status_code == 200


async def test_the_locate_light_goes_through_the_controller(state: Path) -> None:
    async with stage(state) as scene:
        api = Api(state)
        link = asyncio.create_task(api.services.bus.run())
        try:
            await until(lambda: any(r.layout and r.columns for r in api.services.fleet), within=25)
            async with api.client(api.user_for(Role.TECHNICIAN)) as client:
                lit = await client.patch("/redfish/v1/Chassis/k01-u12", json={"LocationIndicatorActive": True})
                assert lit.status_code == 204, lit.text
                for body, code in (
                    ({"LocationIndicatorActive": "on"}, "PropertyValueTypeError"),
                    ({"AssetTag": "x"}, "PropertyUnknown"),
                    ({}, "PropertyMissing"),
                ):
                    wrong = await client.patch("/redfish/v1/Chassis/k01-u12", json=body)
                    assert (wrong.status_code, message(wrong)) == (400, code)
            async with api.client(api.user_for(Role.VIEWER)) as client:
                refused = await client.patch("/redfish/v1/Systems/k01-u12", json={"LocationIndicatorActive": True})
                assert refused.status_code == 403
        finally:
            link.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await link
            api.services.store.close()
        assert scene.racks["k01"].commands == ["locate lab1/a/r01/k01/u12 by technician"]


async def test_without_a_bus_the_light_is_unavailable_and_not_silently_lost(hall: Hall) -> None:
    async with hall.api.client() as client:
        answer = await client.patch("/redfish/v1/Chassis/k01-u12", json={"LocationIndicatorActive": True})
    assert answer.status_code == 503
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(("code", "status"), [("device_error", 502), ("target_unknown", 404), ("new_code", 409)])
async def test_what_the_controller_refuses_is_told_with_its_reason(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    async def command(_rack: str, wish: Command) -> Reply:
        return Reply(wish.id, accepted=False, code=code, reason="the lamp is broken")

    monkeypatch.setattr(hall.api.services.bus, "command", command)
    async with hall.api.client() as client:
        answer = await client.patch("/redfish/v1/Chassis/k01-u12", json={"LocationIndicatorActive": True})
    assert answer.status_code == status, answer.text
    assert "the lamp is broken" in answer.text
