"""Clients of other teams, unchanged and over verified TLS: DMTF's `redfish` and OpenStack's `sushy`."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import redfish
import sushy
from support.patience import PATIENCE
from support.play import stage
from support.running import PASSWORD, RunningApi, running_api
from sushy import auth as sushy_auth


@asynccontextmanager
async def served(state: Path) -> AsyncIterator[RunningApi]:
    """Serve one played rack."""
    async with stage(state) as scene:
        with running_api(state, "--no-console") as api:
            (rack,) = scene.racks.values()
            deadline = time.monotonic() + 25
            while not (await asyncio.to_thread(api.health))["racks_live"]:
                assert time.monotonic() < deadline
                await scene.say(rack)
                await asyncio.sleep(0.1)
            yield api


async def statuses(api: RunningApi, *lines: bytes) -> list[bytes]:
    """Return the status line of the answer to each request line."""
    found = []
    context = ssl.create_default_context(cafile=str(api.state / "tls" / "ca.pem"))
    for line in lines:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]), ssl=context)
        writer.write(line + b" HTTP/1.1\r\nhost: test\r\n\r\n")
        found.append((await asyncio.wait_for(reader.readline(), 20 * PATIENCE)).split(b" ", 2)[1])
        writer.close()
    return found


async def test_other_peoples_clients_read_a_rack(tmp_path: Path) -> None:
    async with served(tmp_path) as api:
        wrong = await statuses(api, b"FROBNICATE /redfish/v1/", b"PUT /redfish/v1/", b"GET")
        assert wrong == [b"501", b"401", b"400"]
        ca = str(api.state / "tls" / "ca.pem")
        await asyncio.to_thread(read_with_redfish, api.url, ca)
        await asyncio.to_thread(read_with_sushy, api.url, ca)


def read_with_redfish(url: str, ca: str) -> None:
    client = redfish.redfish_client(url, "admin", PASSWORD, cafile=ca, timeout=20)
    client.login(auth="session")
    systems = client.get("/redfish/v1/Systems").dict["Members"]
    assert len(systems) == 18
    tray = client.get(systems[0]["@odata.id"]).dict
    gpus = client.get(f"{tray['Processors']['@odata.id']}?$expand=.").dict["Members"]
    assert sum(g["ProcessorType"] == "GPU" for g in gpus) == 4
    client.logout()
    assert client.get("/redfish/v1/Systems").status == 401


def read_with_sushy(url: str, ca: str) -> None:
    login = sushy_auth.SessionAuth("admin", PASSWORD)
    root = sushy.Sushy(url, verify=ca, auth=login)
    systems = root.get_system_collection().get_members()
    assert len(systems) == 18
    tray = root.get_system("/redfish/v1/Systems/k01-u12")
    assert tray.power_state == sushy.PowerState.ON
    assert tray.chassis[0].identity == "k01-u12"
    assert {c.chassis_type for c in root.get_chassis_collection().get_members()} >= {sushy.CHASSIS_TYPE_RACK}
    assert "rackwright" in {m.identity for m in root.get_manager_collection().get_members()}
    assert {p.processor_type for p in tray.processors.get_members()} == {
        sushy.ProcessorType.CPU,
        sushy.ProcessorType.GPU,
    }
    login.close()  # or it is closed whenever memory is tidied up, against a server that has gone
