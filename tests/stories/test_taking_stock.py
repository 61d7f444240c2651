"""A recorded GB200 tray behind the controller: stock is taken beside polling, once, and nobody waits for it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.bus_server import until

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from rack_controller.model.layout import StateRequest, make_layout
from rack_controller.model.report import StoredReport
from rack_controller.run.bus import Bus, BusAddress
from rack_controller.run.clock import SystemClock
from rack_controller.run.ending import end
from rack_controller.run.journal import Journal
from rack_controller.run.rack import RackUnderControl

CAPTURE = Path(__file__).parents[3] / "shared/data/captures/gb200-compute-tray/tree.json"
RACK = Place("lab1/a/r01/k01")
BMC = Place(f"{RACK}/u11/bmc")
# A quicker device than the 13 requests a second of a real one, so that the story is told in seconds.
LIMITS = RequestLimits(requests_per_second=60.0)

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CAPTURE.exists(), reason="the recorded trees are not beside this checkout"),
]


@dataclass
class Controlled:
    """A rack with one recorded tray, asked as the bus would ask it."""

    served: ServedEndpoint
    rack: RackUnderControl
    bus: Bus

    async def report(self) -> dict[str, Any]:
        answer = self.bus._answers[self.rack.subjects.state]
        said: dict[str, Any] = json.loads(await answer(msgspec.json.encode(StateRequest("report", BMC))))
        return said

    def oldest_safety_age(self) -> float:
        snapshot = self.rack._view.snapshot
        assert snapshot is not None
        safety = [n for n, s in enumerate(snapshot.table.series) if s.reading_class is ReadingClass.SAFETY]
        return float(snapshot.now - np.nanmin(snapshot.taken_at[safety]))


@asynccontextmanager
async def controlled(folder: Path) -> AsyncIterator[Controlled]:
    clock, generation = SystemClock(), load_generation("gb200-nvl72")
    async with serve_tree(json.loads(CAPTURE.read_bytes())) as served:
        spec = EndpointSpec("bmc", "redfish", "redfish/compute_tray", limits=LIMITS)
        endpoint = SiteEndpoint(BMC, served.address, served.port, pin=served.pin)
        driver = make_driver(spec, tray_of(BMC), endpoint, Credential(served.user, served.password), clock)
        layout = make_layout(SiteRack(RACK, generation.name, armed=False), generation, (endpoint,))
        journal = Journal(folder / "journal.db")
        rack = RackUnderControl(layout, generation.periods, {BMC: driver}, journal, clock, "boot1")
        bus = Bus(BusAddress("nats://127.0.0.1:1", folder / "none.nk"), "lab1", "test")
        rack.attach(bus)
        running = asyncio.create_task(rack.run(bus))
        try:
            yield Controlled(served, rack, bus)
        finally:
            await end([running])
            journal.close()


async def test_two_viewers_of_a_real_tray_share_one_look_and_safety_readings_stay_fresh(tmp_path: Path) -> None:
    async with controlled(tmp_path) as story:
        await until(lambda: story.rack._board.contacts[BMC].last_success is not None)
        ages: list[float] = []

        async def view() -> dict[str, Any]:
            while (said := await story.report()).get("code") == "NotReadYet":
                assert "being read for the first time" in said["error"]
                ages.append(story.oldest_safety_age())
            return said

        first, second = await asyncio.gather(view(), view())
        assert story.oldest_safety_age() < 3.0
        assert all(age < 3.0 for age in ages), ages
        report = msgspec.convert(first, StoredReport)
        assert sum(i.kind == "gpu" for i in report.inventory) == 4
        assert len(report.leak_detectors) == 4
        assert report.taken_unix_ns == second["taken_unix_ns"]
        # One look each: when the endpoint was met, and the crawl.  Polled resources apart, nothing is asked twice.
        firmware = [n for uri, n in story.served.seen.items() if "/FirmwareInventory/" in uri]
        assert max(firmware, default=0) <= 1

        asked, began = sum(story.served.seen.values()), time.monotonic()
        again = await story.report()
        assert time.monotonic() - began < 1.0
        assert (again["taken_unix_ns"], again["reading_again"]) == (report.taken_unix_ns, False)
        assert again["age_s"] > report.age_s
        assert sum(story.served.seen.values()) - asked < 10
