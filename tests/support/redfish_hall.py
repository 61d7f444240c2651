"""An API whose fleet holds three racks of two designs, with reports of what their endpoints are made of."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datacenter_api.redfish.world import World
from firmware_bridge.emulator.certificates import make_pem
from firmware_bridge.vocabulary.facts import Aspect, AspectKind
from firmware_bridge.vocabulary.inventory import EndpointReport, FirmwareItem, Item, ItemKind
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.event import Event, Severity
from rack_controller.model.report import stored_report
from support.api import Api, fill
from support.pair import played_pair
from support.play import PlayedRack, played_rack


def report_of(place: str) -> bytes:
    """One GPU with a serial number, one that two items claim to be, firmware; of a BMC also the tray's own facts."""
    made = {"manufacturer": "Maker", "model": "B2", "state": "Enabled", "health": "OK"}
    items = (
        Item(
            ItemKind.GPU,
            "GPU0",
            serial_number=f"S-{place.split('/')[4]}",
            part_number="P-1",
            firmware="97.0",
            facts=made,
        ),
        Item(ItemKind.GPU, "GPU1", serial_number="one"),
        Item(ItemKind.GPU, "GPU1", serial_number="other"),
        Item(ItemKind.CHASSIS, "Tray", "", "P-T", "T-1", facts={"model": "Sled 9", "sku": "K"}),
        Item(ItemKind.CHASSIS, "Board", serial_number="T-2"),
        Item(ItemKind.MEMORY, "DIMM 0", facts={"capacity_mib": 1024, "memory_device": "DDR5", "error_correction": "?"}),
        Item(ItemKind.DRIVE, "SSD0", serial_number="D", facts={"media": "SSD", "protocol": "NVMe", "state": "Enabled"}),
        Item(ItemKind.NIC, "CX_0", facts={"manufacturer": "Maker", "state": "Enabled"}),
        Item(ItemKind.NIC, "CX_1"),
        Item(ItemKind.NIC, "CX_1"),
    )
    leaf = place.rsplit("/", 1)[1]
    report = EndpointReport(
        {
            "place": place,
            "vendor": "Maker",
            "product": "Tray 9",
            "firmware": "1.2.3",
            "clock_offset_s": -3600,
            **({"enclosure": "Tray", "system": "S0", "controller": "B0"} if leaf == "bmc" else {}),
        },
        items if leaf in ("bmc", "pmc", "cdu") else items[:3],
        firmware=(
            FirmwareItem("FW_BMC 0", "1.2.3", "/x", {"manufacturer": "Maker", "state": "Enabled", "health": "OK"}),
            FirmwareItem("FW_CPLD", None, "/y"),
        ),
        aspects=(*ASPECTS, *certificates_at(place)) if leaf == "bmc" else (),
    )
    return msgspec.json.encode(stored_report(report, time.time_ns(), 1.0))


K = AspectKind
ON = "Enabled"
ETH0 = {"mac": "02:00:00:00:00:01", "link": "LinkUp", "state": ON, "dhcp6": "Stateful"}
ASPECTS = (
    Aspect(K.SYSTEM, "HGX", facts={"uuid": "no uuid", "processor_model": "ARMv9", "cores": 1}),
    Aspect(K.SYSTEM, "S0", facts={"memory_total_gib": 960, "cores": 144, "console_ssh": True, "console_ssh_port": 22}),
    Aspect(K.SECURE_BOOT, "SecureBoot", "Systems/S0", facts={"secure_boot": False, "secure_boot_mode": "SetupMode"}),
    Aspect(K.CONTROLLER, "B0", facts={"uuid": "11111111-2222-3333-4444-555555555555", "time_offset": "+00:00"}),
    Aspect(K.CONTROLLER, "B1", facts={"uuid": "99999999-2222-3333-4444-555555555555"}),
    Aspect(K.PROTOCOLS, "NetworkProtocol", "Managers/B0", facts={"host_name": "tray", "https_port": 443}),
    Aspect(K.PROTOCOLS, "NetworkProtocol", "Managers/B1", facts={"host_name": "other"}),
    Aspect(K.INTERFACE, "eth0", "Managers/B0", facts=ETH0),
    Aspect(K.INTERFACE, "nic0", "Systems/S0", facts={"mac": "02:00:00:00:00:02"}),
    Aspect(K.ADDRESS, "eth0", "Managers/B0/EthernetInterfaces/eth0", 0, {"address": "10.0.0.9", "mask": "255.0.0.0"}),
    Aspect(K.ADDRESS, "eth0", "Managers/B0/EthernetInterfaces/eth0", 1, {"address": "fe80::9", "prefix_length": 64}),
    Aspect(K.ADDRESS, "eth0", "Managers/B0/EthernetInterfaces/eth0", 2, {"address": "no address", "mask": "x"}),
    Aspect(K.PORT, "NVLink_0", "Systems/HGX/Processors/GPU0", facts={"protocol": "NVLink", "link": "LinkUp"}),
    Aspect(K.PORT_COUNTS, "NVLink_0", "Systems/HGX/Processors/GPU0", facts={"received_bytes": 7_000, "sent_bytes": 8}),
    Aspect(K.PORT, "P0", "Chassis/IO/NetworkAdapters/CX_0", facts={"protocol": "Ethernet", "speed_gbps": 400.0}),
    Aspect(K.INTEGRITY, "RoT_0", facts={"type": "SPDM", "type_version": "1.1.0", "enabled": True}),
    Aspect(K.INTEGRITY, "RoT_1", facts={"type": "Guess", "type_version": "1.1.0"}),
    Aspect(K.BOARD, "Assembly", "Chassis/Tray", 0, {"label": "Main board", "part_number": "P-B"}),
    Aspect(K.LIMITS, "gpu0.temperature", facts={"upper_critical": 92.0, "lower_caution": -5.0, "upper_fatal": "hot"}),
    Aspect(K.BOARD, "Assembly", "Chassis/Board", 0, {"label": "Another chassis' board"}),
)


def certificates_at(place: str) -> tuple[Aspect, ...]:
    """A BMC shows a certificate, and something that is none."""
    pem = make_pem("10.0.0.9").decode().partition("-----END PRIVATE KEY-----\n")[2]
    bad = {"certificate_pem": pem.replace("MI", "AA", 1)}
    facts = ({"certificate_pem": pem}, bad) if place.endswith("/k01/u12/bmc") else ()
    return tuple(Aspect(K.CERTIFICATE, str(n), "Managers/B0", facts=said) for n, said in enumerate(facts, 1))


@dataclass
class Hall:
    """The API, its racks as they are played, and the world that the service sees."""

    api: Api
    racks: dict[str, PlayedRack]

    @property
    def world(self) -> World:
        world: World = self.api.gate.redfish.open().world  # type: ignore[union-attr]
        return world

    def say(self, name: str, age: float = 0.0) -> None:
        """Let the API hear the rack's next frame, said `age` seconds ago."""
        rack, record = self.racks[name], self.api.services.fleet.record(name)
        record.hear_frame(rack.frame(), Seconds(time.monotonic() - age))
        record.hear_state(rack.state(), Seconds(time.monotonic() - age))
        self.world._looks.clear()

    async def get(self, path: str, user: str = "admin", **headers: str) -> Any:
        async with self.api.client(user) as client:
            answer = await client.get(f"/redfish/v1{path}", headers=headers)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    async def read_stock(self) -> None:
        """Have every report read, as a client's first look does in the background."""
        for record in self.api.services.fleet:
            self.world.stock._looked.clear()
            self.world.stock.want(record)
            await self.world.stock._busy[record.token]


@pytest.fixture
def hall(state: Path) -> Iterator[Hall]:
    first, second = played_pair()
    made = Hall(Api(state), {"k01": played_rack(1), "k02": first, "k03": second})
    for name, rack in made.racks.items():
        fill(made.api.services.fleet.record(name), rack, Seconds(time.monotonic()))

    async def ask(_rack: str, _want: str, place: str) -> bytes:
        return report_of(place)

    made.world.stock.ask = ask
    at = f"{made.racks['k01'].place}/u12"
    made.api.services.events.add(
        Event("1-k01-1", 1_700_000_000_123_000_000, at, "leak.critical", Severity.CRITICAL, "x")
    )
    made.api.services.events.add(Event("2-k01-2", 1_700_000_001_000_000_000, at, "odd.kind", Severity.OK, "y", "now"))
    yield made
    made.api.services.store.close()
