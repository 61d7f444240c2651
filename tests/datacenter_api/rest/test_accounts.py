"""Accounts and sessions over REST."""

from support.api import PASSWORD, Api

from rack_controller.model.roles import Role

V1 = "/api/v1"


async def test_an_account_lives_and_dies(api: Api) -> None:
    async with api.client() as admin:
        made = await admin.post(f"{V1}/accounts", json={"user": "ann", "password": PASSWORD, "role": "viewer"})
        assert made.status_code == 201
        login = {"user": "ann", "password": PASSWORD}
        token = (await admin.post(f"{V1}/login", json=login)).json()["token"]
        async with api.client(None) as ann:
            bearer = {"authorization": f"Bearer {token}"}
            assert (await ann.get(f"{V1}/session", headers=bearer)).json()["role"] == "viewer"
            assert (await ann.get(f"{V1}/accounts", headers=bearer)).status_code == 403
            changed = await admin.patch(f"{V1}/accounts/ann", json={"role": "operator"})
            assert changed.json()["role"] == "operator"
            assert (await ann.get(f"{V1}/session", headers=bearer)).status_code == 401, "a new role ends old sessions"
        assert (await admin.delete(f"{V1}/accounts/ann")).status_code == 204
        assert (await admin.post(f"{V1}/login", json=login)).status_code == 401
        assert (await admin.delete(f"{V1}/accounts/admin")).status_code == 412


async def test_ones_own_password_needs_the_old_one(api: Api) -> None:
    user = api.user_for(Role.TECHNICIAN)
    async with api.client(user) as client:
        wrong = await client.post(f"{V1}/account/password", json={"old": "not this one", "new": "another password"})
        assert wrong.status_code == 403
        right = await client.post(f"{V1}/account/password", json={"old": PASSWORD, "new": "another password"})
        assert right.status_code == 204
        assert (await client.get(f"{V1}/session")).status_code == 401
    async with api.client(user, "another password") as client:
        assert (await client.get(f"{V1}/session")).status_code == 200


async def test_one_sees_and_ends_only_ones_own_sessions(api: Api) -> None:
    user = api.user_for(Role.VIEWER)
    services = api.services
    _, theirs = services.sessions.open("admin", "10.0.0.1")
    _, mine = services.sessions.open(user, "10.0.0.2")
    async with api.client(user) as client:
        assert [s["id"] for s in (await client.get(f"{V1}/sessions")).json()] == [mine.id]
        assert (await client.delete(f"{V1}/sessions/{theirs.id}")).status_code == 404
        assert (await client.delete(f"{V1}/sessions/{mine.id}")).status_code == 204
    async with api.client() as admin:
        assert {s["id"] for s in (await admin.get(f"{V1}/sessions")).json()} == {theirs.id}
