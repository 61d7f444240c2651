"""Other makers' clients against our emulated BMCs over TLS that they verify: sushy, and DMTF's own."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redfish
import sushy
from sushy.auth import SessionAuth

from firmware_bridge.emulator.harness import RunningEmulator, running_emulator

R = "/redfish/v1"
FAST = 50.0  # emulated seconds per second: a host that takes 4 s is off in 80 ms
PATIENCE_S = 20.0
OTHERS = [("u06/pmc", "powershelf"), ("u01/bmc", "CDU"), ("u19/bmc", "MGX_BMC_0")]
T = TypeVar("T")

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def rack(tmp_path: Path) -> AsyncIterator[RunningEmulator]:
    async with running_emulator(tmp_path, "gb200-nvl72", speed=FAST) as running:
        yield running


@dataclass(frozen=True)
class WayIn:
    """Address, user, password, and the file with the certificate to trust."""

    url: str
    user: str
    password: str
    trusted: str

    @contextmanager
    def sushy(self) -> Iterator[Any]:
        """Log in with sushy, and out again: its own destructor would do it at any time."""
        auth = SessionAuth(self.user, self.password)
        root = sushy.Sushy(self.url, auth=auth, verify=self.trusted, server_side_retries=0)
        try:
            yield root
        finally:
            auth.close()


def way_in(rack: RunningEmulator, ending: str) -> WayIn:
    endpoint = rack.endpoint(ending)
    credential = rack.credential(endpoint)
    trusted = rack.state / "certificates" / f"{endpoint.address}.pem"
    return WayIn(endpoint.url, credential.user, credential.secret, str(trusted))


async def apart(work: Callable[[], T]) -> T:
    """Run a blocking client beside the emulator's loop."""
    return await asyncio.wait_for(asyncio.to_thread(work), 60)


def eventually(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def test_sushy_switches_a_compute_tray_and_chooses_what_it_boots(rack: RunningEmulator) -> None:
    way = way_in(rack, "u11/bmc")

    def work() -> dict[str, Any]:
        with way.sushy() as root:
            system = root.get_system(f"{R}/Systems/System_0")

            def is_(state: Any) -> bool:
                system.refresh(force=True)
                return bool(system.power_state == state)

            assert is_(sushy.PowerState.ON)
            system.reset_system(sushy.ResetType.FORCE_OFF)
            eventually(lambda: is_(sushy.PowerState.OFF))
            system.reset_system(sushy.ResetType.ON)
            eventually(lambda: is_(sushy.PowerState.ON))
            system.set_system_boot_options(target=sushy.BootSource.PXE, enabled=sushy.BootSourceOverrideEnabled.ONCE)
            system.refresh(force=True)
            return {
                "boot": (system.boot["target"], system.boot["enabled"]),
                "managers": [m.identity for m in root.get_manager_collection().get_members()],
                "processors": [p.identity for p in system.processors.get_members()],
            }

    seen = await apart(work)
    assert seen["boot"] == (sushy.BootSource.PXE, sushy.BootSourceOverrideEnabled.ONCE)
    assert seen["managers"] == ["BMC_0", "HGX_BMC_0"]
    assert seen["processors"] == ["CPU_0", "CPU_1"]


async def test_sushy_is_told_why_it_is_refused(rack: RunningEmulator) -> None:
    way = way_in(rack, "u12/bmc")

    def wrong_password() -> None:
        sushy.Sushy(way.url, auth=SessionAuth(way.user, "wrong"), verify=way.trusted, server_side_retries=0)

    def wrong_certificate() -> None:
        other = way_in(rack, "u13/bmc").trusted
        sushy.Sushy(way.url, auth=SessionAuth(way.user, way.password), verify=other, server_side_retries=0)

    with pytest.raises(sushy.exceptions.AccessError):
        await apart(wrong_password)
    with pytest.raises(sushy.exceptions.ConnectionError):
        await apart(wrong_certificate)


async def test_dmtfs_client_reads_sensors_and_sets_a_limit(rack: RunningEmulator) -> None:
    way = way_in(rack, "u14/bmc")
    gpu = f"{R}/Systems/HGX_Baseboard_0/Processors/GPU_2/EnvironmentMetrics"

    def work() -> dict[str, Any]:
        client = redfish.redfish_client(
            way.url, way.user, way.password, f"{R}/", cafile=way.trusted, max_retry=0, timeout=10
        )
        client.login(auth="session")
        try:
            sensors = client.get(f"{R}/Chassis/Chassis_0/Sensors?$expand=.($levels=1)").dict["Members"]
            before = client.get(gpu)
            limit = {"PowerLimitWatts": {"SetPoint": 700}}
            stale = client.patch(gpu, body=limit, headers={"If-Match": '"no-such-tag"'})
            set_to = client.patch(gpu, body=limit)
            wrong = client.patch(gpu, body={"PowerLimitWatts": {"SetPoint": 7000}})
            return {
                "watts": [s["Reading"] for s in sensors if s["Id"] == "Chassis_0_TotalHSC_Power_0"],
                "limit": (before.dict["PowerLimitWatts"]["SetPoint"], set_to.dict["PowerLimitWatts"]["SetPoint"]),
                "statuses": (stale.status, set_to.status, wrong.status),
                "message": wrong.dict["error"]["code"],
            }
        finally:
            client.logout()

    seen = await apart(work)
    assert len(seen["watts"]) == 1
    assert seen["watts"][0] > 500
    assert seen["limit"] == (1200, 700)
    assert seen["statuses"] == (412, 200, 400)
    assert "PropertyValueOutOfRange" in seen["message"]
    table = next(e for e in rack.hall.endpoints if e.plan.place.endswith("u14/bmc")).sessions
    assert not table.listing(0.0)  # logged out


async def test_sushy_reads_every_other_kind(rack: RunningEmulator) -> None:
    def work(way: WayIn) -> list[str]:
        with way.sushy() as root:
            return [c.identity for c in root.get_chassis_collection().get_members()]

    for ending, chassis in OTHERS:
        way = way_in(rack, ending)
        assert chassis in await apart(lambda way=way: work(way))  # type: ignore[misc]
