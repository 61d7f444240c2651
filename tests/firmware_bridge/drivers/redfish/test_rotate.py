"""Changing a password on real TLS: what a device says of it, what it leaves open, and links that it must not lay."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish import rotate
from firmware_bridge.drivers.redfish.contact import Door
from firmware_bridge.drivers.redfish.rotate import ACCOUNTS, PinnedAccounts
from firmware_bridge.drivers.redfish.session import SESSIONS
from firmware_bridge.emulator.certificates import keep_identity, server_context
from firmware_bridge.emulator.door import Doorway, port_of
from firmware_bridge.vocabulary.errors import EndpointRefused, ResourceMissing

OURS = f"{ACCOUNTS}/2"
TASK = "/redfish/v1/TaskService/TaskMonitors/7"


@dataclass
class Device:
    """Logs anybody in; answers a change of password with `status`, and its task with 202 `task_takes` times.

    With `slash` it knows its resources with a slash behind them only, and sends everybody else there.
    """

    status: int = 200
    task_takes: int = 0
    slash: bool = False
    members: tuple[str, ...] = (OURS,)
    asked: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, str], dict[str, Any]]:
        self.asked.append(f"{method} {path}")
        if self.slash and not path.endswith("/"):
            return 308, {"Location": f"{path}/"}, {}
        path = path.rstrip("/")
        if path == "/redfish/v1":
            return 200, {}, {"Links": {"Sessions": {"@odata.id": f"{SESSIONS}/"}}}
        if (method, path) == ("POST", SESSIONS):
            return 201, {"X-Auth-Token": "t", "Location": f"{SESSIONS}/1"}, {}
        if path == ACCOUNTS:
            return 200, {}, {"Members": [{"@odata.id": uri} for uri in self.members]}
        if method == "PATCH":
            self.passwords.append(body["Password"])
            message = f"no to {body['Password']}"
            return self.status, {"Location": TASK}, {"error": {"message": message}}
        if path == TASK:
            self.task_takes -= 1
            return (202 if self.task_takes >= 0 else 200), {}, {}
        return 200, {}, {"UserName": "root"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", scope["type"] == "http"
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        status, headers, said = self.answer(scope["method"], scope["path"], json.loads(body or b"{}"))
        content = json.dumps(said).encode()
        lines = {**headers, "Content-Length": str(len(content))}
        raw = [(name.lower().encode(), value.encode()) for name, value in lines.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})


@asynccontextmanager
async def accounts_of(device: Device, folder: Path) -> AsyncIterator[PinnedAccounts]:
    identity, doorway = keep_identity(folder, "127.0.0.1"), Doorway.make()
    server = await doorway.listen(device, "127.0.0.1", 0, server_context(identity))
    try:
        yield PinnedAccounts(Door("r/u12/bmc", "127.0.0.1", port_of(server)), identity.pin)
    finally:
        server.close()
        doorway.drop_connections()


async def change(device: Device, folder: Path) -> None:
    async with accounts_of(device, folder) as accounts:
        login = await accounts.log_in(Credential("root", "old"))
        await accounts.set_password(login, "root", "Secret-17")


async def test_a_device_that_wants_a_slash_behind_everything_gets_it(tmp_path: Path) -> None:
    device = Device(slash=True)
    await change(device, tmp_path)
    assert device.passwords == ["Secret-17"]
    assert [line for line in device.asked if line.startswith("PATCH")] == [f"PATCH {OURS}/"]


@pytest.mark.parametrize("status", [200, 204, 500, 503, 302, 408])
async def test_what_may_have_been_done_is_left_to_the_proof(tmp_path: Path, status: int) -> None:
    device = Device(status)
    await change(device, tmp_path)
    assert device.passwords == ["Secret-17"], "asked once"


@pytest.mark.parametrize("status", [400, 401, 403, 405, 412, 429])
async def test_a_no_is_a_no_and_never_shows_the_password(tmp_path: Path, status: int) -> None:
    with pytest.raises(EndpointRefused, match="no to …") as refused:
        await change(Device(status), tmp_path)
    assert (refused.value.verb, refused.value.status) == ("set_password", status)


async def test_the_task_behind_a_change_is_followed_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotate, "TASK_EVERY", 0.01)
    device = Device(202, task_takes=3)
    await change(device, tmp_path)
    assert device.asked.count(f"GET {TASK}") == 4


async def test_a_task_that_never_ends_is_followed_no_longer_than_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotate, "TASK_EVERY", 0.01)
    monkeypatch.setattr(rotate, "TASK_WITHIN", 0.2)
    device = Device(202, task_takes=10**6)
    await change(device, tmp_path)
    assert f"GET {TASK}" in device.asked


async def test_accounts_elsewhere_are_not_asked(tmp_path: Path) -> None:
    walking = (
        f"{ACCOUNTS}/../../Systems/1",
        "https://10.0.0.1/redfish/v1/Accounts/2",
        "//evil/2",
        f"{ACCOUNTS}/%2e%2e",
    )
    device = Device(members=(*walking, OURS))
    await change(device, tmp_path)
    assert device.asked[1:] == [f"GET {ACCOUNTS}", f"GET {OURS}", f"PATCH {OURS}"]
    with pytest.raises(ResourceMissing):
        await change(Device(members=walking), tmp_path)
