"""Other makers' clients switch a tray through our own service: model, controller, driver and an emulated tray."""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sushy
from support.api import PASSWORD
from support.validators import PEERS
from support.whole_rack import WholeRack
from sushy.auth import SessionAuth

SYSTEM = "/redfish/v1/Systems/k01-u11"
OFF, ON = sushy.SYSTEM_POWER_STATE_OFF, sushy.SYSTEM_POWER_STATE_ON

pytestmark = pytest.mark.timeout(120)


def eventually(look: Callable[[], bool], within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def sushy_at(whole: WholeRack) -> Iterator[Any]:
    auth = SessionAuth("admin", PASSWORD)
    root = sushy.Sushy(whole.url, auth=auth, verify=str(whole.trusted), server_side_retries=0)
    try:
        yield root
    finally:
        auth.close()


def switch_with_sushy(whole: WholeRack) -> None:
    with sushy_at(whole) as root:
        system = root.get_system(SYSTEM)

        def is_(state: Any) -> bool:
            system.refresh(force=True)
            return bool(system.power_state == state)

        def boots() -> Any:
            system.refresh(force=True)
            return system.boot.enabled

        eventually(lambda: is_(ON))
        chassis = root.get_chassis("/redfish/v1/Chassis/k01-u11")
        assert chassis.thermal.temperatures
        assert chassis.power.identity == "Power"
        assert sushy.RESET_TYPE_FORCE_OFF in system.get_allowed_reset_system_values()
        system.reset_system(sushy.RESET_TYPE_FORCE_OFF)
        eventually(lambda: is_(OFF))
        target = sushy.BOOT_SOURCE_TARGET_PXE
        system.set_system_boot_options(target=target, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE)
        assert boots() == sushy.BOOT_SOURCE_ENABLED_ONCE
        assert system.boot.target == target
        system.reset_system(sushy.RESET_TYPE_ON)
        eventually(lambda: is_(ON))
        eventually(lambda: boots() == sushy.BOOT_SOURCE_ENABLED_DISABLED)


async def test_sushy_switches_a_tray_and_chooses_what_it_boots(whole: WholeRack) -> None:
    await asyncio.to_thread(switch_with_sushy, whole)


@pytest.mark.soak
async def test_redfishtool_switches_a_tray(whole: WholeRack) -> None:
    tool = PEERS / "redfishtool"
    if not tool.exists():
        pytest.skip("needs .venv-peers: run `make conformance`")
    login = ["-r", whole.url.removeprefix("https://"), "-u", "admin", "-p", PASSWORD, "-S", "Always"]

    def run(*words: str) -> dict[str, Any]:
        done = subprocess.run(
            [str(tool), *login, "Systems", "-I", "k01-u11", *words],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "REQUESTS_CA_BUNDLE": str(whole.trusted)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout.lstrip().startswith("{") else {}
        return found

    def is_(state: str) -> bool:
        return bool(run()["PowerState"] == state)

    def work() -> None:
        run("reset", "ForceOff")
        eventually(lambda: is_("Off"))
        run("reset", "On")
        eventually(lambda: is_("On"))

    await asyncio.to_thread(work)
