"""sushy-tools' emulated BMC read by our bridge: another maker's service, without sessions, over TLS with our pin."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import msgspec
import pytest
from support.patience import PATIENCE

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.link import RedfishLink
from firmware_bridge.emulator.certificates import keep_identity
from firmware_bridge.vocabulary.errors import DeviceError, LoginRefused, TrustRefused
from firmware_bridge.vocabulary.inventory import ItemKind
from rack_controller.inspect import inspect_endpoint

PATIENCE_S = 40.0
USER, PASSWORD = "admin", "another-maker"


pytestmark = pytest.mark.timeout(120)


@dataclass(frozen=True)
class Peer:
    url: str
    port: int
    pin: str


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    folder = tmp_path_factory.mktemp("sushy")
    identity = keep_identity(folder, "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "emulator.conf"
    settings.write_text(_settings(folder, port, identity.pem))
    program = Path(sys.executable).with_name("sushy-emulator")
    command = [str(program), "--config", str(settings), "--fake", "-i", "127.0.0.1", "-p", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _until_it_listens(port, process, folder / "log")
        yield Peer(f"https://127.0.0.1:{port}", port, identity.pin)
    finally:
        process.terminate()
        process.wait(10 * PATIENCE)


def _settings(folder: Path, port: int, pem: Path) -> str:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
    return (
        f"SUSHY_EMULATOR_SSL_CERT = {str(pem)!r}\n"
        f"SUSHY_EMULATOR_SSL_KEY = {str(pem)!r}\n"
        f"SUSHY_EMULATOR_AUTH_FILE = {str(folder / 'htpasswd')!r}\n"
        f"SUSHY_EMULATOR_STATE_DIR = {str(folder)!r}\n"
    )


def _until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.05)


async def test_the_bridge_takes_stock_of_it_and_notes_that_it_has_no_sessions(peer: Peer) -> None:
    report = await inspect_endpoint(peer.url, Credential(USER, PASSWORD), peer.pin)
    assert report.endpoint["trust"] == "pinned"
    kinds = {item.kind for item in report.inventory}
    assert {ItemKind.CHASSIS, ItemKind.BMC} <= kinds
    assert any(n.property == "SessionService" and "no sessions" in n.what for n in report.notes)


async def test_a_wrong_password_and_a_wrong_pin_are_refused(peer: Peer) -> None:
    with pytest.raises(LoginRefused):
        await inspect_endpoint(peer.url, Credential(USER, "wrong"), peer.pin)
    with pytest.raises(TrustRefused):
        await inspect_endpoint(peer.url, Credential(USER, PASSWORD), "sha256//" + "A" * 43 + "=")


async def test_it_is_switched_with_the_password_in_every_request(peer: Peer) -> None:
    link = RedfishLink("peer", "127.0.0.1", peer.port, peer.pin, credential=Credential(USER, PASSWORD))
    try:
        systems = msgspec.json.decode(await link.get("/redfish/v1/Systems"))
        uri = systems["Members"][0]["@odata.id"]

        async def state() -> str:
            return str(msgspec.json.decode(await link.get(uri))["PowerState"])

        before = await state()
        wanted, after = ("ForceOff", "Off") if before == "On" else ("On", "On")
        await link.change("POST", f"{uri}/Actions/ComputerSystem.Reset", {"ResetType": wanted})
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while await state() != after:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        with pytest.raises(DeviceError):
            await link.change("POST", f"{uri}/Actions/ComputerSystem.Reset", {"ResetType": "Explode"})
    finally:
        await link.close()
