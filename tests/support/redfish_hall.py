"""An API whose fleet holds three racks of two designs, with reports of what their endpoints are made of."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datacenter_api.redfish.world import World
from firmware_bridge.vocabulary.inventory import EndpointReport, FirmwareItem, Item, ItemKind
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.event import Event, Severity
from rack_controller.model.report import stored_report
from support.api import Api, fill
from support.pair import played_pair
from support.play import PlayedRack, played_rack


def report_of(place: str) -> bytes:
    """One GPU with a serial number, one that two items claim to be, and the controller's firmware."""
    items = (
        Item(ItemKind.GPU, "GPU0", serial_number=f"S-{place.split('/')[4]}", part_number="P-1", firmware="97.0"),
        Item(ItemKind.GPU, "GPU1", serial_number="one"),
        Item(ItemKind.GPU, "GPU1", serial_number="other"),
    )
    report = EndpointReport(
        {"place": place, "vendor": "Maker", "product": "Tray 9", "firmware": "1.2.3"},
        items,
        firmware=(FirmwareItem("FW_BMC 0", "1.2.3", "/x"), FirmwareItem("FW_CPLD", None, "/y")),
    )
    return msgspec.json.encode(stored_report(report, time.time_ns(), 1.0))


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
