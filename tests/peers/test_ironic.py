"""Ironic standalone: it enrols a compute tray through our service, verifies it, switches it off and on, sets its boot.

One process of Ironic with a database in a file and no message bus, as its documentation calls standalone.
"""

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.api import PASSWORD
from support.patience import PATIENCE
from support.tools import SYSTEM, Ours, Score, eventually, needs
from support.whole_rack import WholeRack

NODE = "/v1/nodes/k01-u11"
VERSION = {"X-OpenStack-Ironic-API-Version": "1.95"}
NONE = ("bios", "raid", "vendor", "console", "rescue", "firmware", "inspect")
"""Interfaces of a node that this test leaves out: firmware, disks and screens are not switched through our service."""
FOLDERS = ("http", "tftp/master", "masters", "images", "locks")
"""What an installer makes for it."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


async def test_ironic_enrols_a_tray_and_switches_it(whole: WholeRack, tmp_path: Path) -> None:
    needs("ironic")
    await asyncio.to_thread(work, Ours(whole, tmp_path), tmp_path / "ironic")


def work(ours: Ours, folder: Path) -> None:
    eventually(lambda: ours.is_("On"))
    score = Score("ironic")
    with standalone(ours, folder) as ironic:

        def node() -> dict[str, Any]:
            found: dict[str, Any] = ironic.get(NODE).json()
            return found

        def is_(name: str, value: str) -> bool:
            """Tell whether the node has come there; what went wrong ends the wait."""
            now = node()
            return now[name] == value or now["last_error"] is not None

        def ask(what: str, name: str, value: str, **wish: object) -> None:
            answer = ironic.put(f"{NODE}/{what}", json=wish)
            if answer.status_code < 300:
                eventually(lambda: is_(name, value), within=120)
            now = node()
            good = answer.status_code < 300 and now[name] == value and now["last_error"] is None
            score.note(f"{what} {wish}", good, f"{answer.status_code} {now['last_error']}")

        told = {
            "redfish_address": ours.whole.url,
            "redfish_system_id": SYSTEM,
            "redfish_username": "admin",
            "redfish_password": PASSWORD,
            "redfish_verify_ca": str(ours.whole.trusted),
        }
        made = ironic.post("/v1/nodes", json={"name": "k01-u11", "driver": "redfish", "driver_info": told})
        score.note("enrol", made.status_code == 201, made.text)
        ask("states/provision", "provision_state", "manageable", target="manage")
        score.note("power state", node()["power_state"] == "power on", str(node()["power_state"]))
        ask("states/power", "power_state", "power off", target="power off")
        score.note("our service shows it off", ours.is_("Off"), str(ours.get(SYSTEM)))
        set_ = ironic.put(f"{NODE}/management/boot_device", json={"boot_device": "pxe", "persistent": False})
        boots = ironic.get(f"{NODE}/management/boot_device").json()
        score.note("boot device", set_.status_code == 204 and boots["boot_device"] == "pxe", f"{set_.text} {boots}")
        ask("states/power", "power_state", "power on", target="power on")
        score.note("our service shows it on", ours.is_("On"), str(ours.get(SYSTEM)))
    score.settle()


@contextmanager
def standalone(ours: Ours, folder: Path) -> Iterator[httpx.Client]:
    """Run Ironic until the block ends and yield a client of its API."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    settings = folder / "ironic.conf"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings.write_text(_settings(folder, port))
    status, said = ours.run([str(needs("ironic-dbsync")), "--config-file", str(settings), "create_schema"])
    assert status == 0, said[-2000:]
    with (folder / "log").open("w") as log:
        words = [str(needs("ironic")), "--config-file", str(settings)]
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=VERSION, timeout=60) as client:
            eventually(lambda: _answers(client) or process.poll() is not None, within=120, every=0.5)
            assert process.poll() is None, (folder / "log").read_text()[-3000:]
            yield client
    finally:
        process.terminate()
        try:
            process.wait(30 * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10 * PATIENCE)


def _answers(client: httpx.Client) -> bool:
    try:
        found = client.get("/v1/drivers")
    except httpx.TransportError:
        return False
    return found.status_code == 200 and bool(found.json()["drivers"])


def _settings(folder: Path, port: int) -> str:
    off = "\n".join(f"enabled_{name}_interfaces = no-{name}" for name in NONE)
    return f"""
[DEFAULT]
auth_strategy = noauth
enabled_hardware_types = redfish
enabled_power_interfaces = redfish
enabled_management_interfaces = redfish
enabled_boot_interfaces = ipxe
enabled_deploy_interfaces = direct
enabled_network_interfaces = noop
enabled_storage_interfaces = noop
{off}
rpc_transport = none
host = standalone
state_path = {folder}
tempdir = {folder}
use_stderr = true
[database]
connection = sqlite:///{folder}/ironic.sqlite
[api]
host_ip = 127.0.0.1
port = {port}
[conductor]
automated_clean = false
[oslo_messaging_notifications]
driver = noop
[oslo_concurrency]
lock_path = {folder}/locks
[deploy]
http_root = {folder}/http
[pxe]
tftp_root = {folder}/tftp
tftp_master_path = {folder}/tftp/master
instance_master_path = {folder}/masters
images_path = {folder}/images
"""
