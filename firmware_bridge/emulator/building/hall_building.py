"""The emulated building of a whole hall: what it measures at each rack, and what its valves and breakers do there."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.building.building import EmulatedBuilding
from firmware_bridge.emulator.building.client import BuildingClient
from firmware_bridge.emulator.building.valves import Feeds
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import Fault, FaultTable
from firmware_bridge.emulator.layout import RackPlan
from firmware_bridge.generations.building import load_building_contract
from firmware_bridge.plant.coolant import pressures
from firmware_bridge.vocabulary.place import Place, rack_name

INTEGRATION = "RACKWRIGHT"
WANTED_KPA = 180.0  # assumption: what the building's control holds; only said, nothing follows it


class HallBuilding:
    """One building for every emulated rack.  It connects once the bus of the state directory is there."""

    def __init__(
        self,
        state: Path,
        plans: Sequence[RackPlan],
        benches: Mapping[str, Bench],
        faults: FaultTable,
        emulated: Callable[[], float],
        search: Sequence[Path] = (),
    ) -> None:
        self._benches = {p.place: benches[p.generation] for p in plans}
        self.called = {p.place: rack_name(p.place).upper() for p in plans}
        self.feeds = {p.place: Feeds(p.place, benches[p.generation].generation) for p in plans}
        self.building = EmulatedBuilding(
            load_building_contract(search), INTEGRATION, self.called, self.feeds, self._measure, faults, emulated
        )
        for place, feeds in self.feeds.items():
            feeds.faults = self._struck(place)
        self.client = BuildingClient(self.building, state / "nats")
        self._task: asyncio.Task[None] | None = None

    @property
    def site_entry(self) -> dict[str, Any]:
        """Return what the site file agrees with this building."""
        return {"integration": INTEGRATION, "racks": {str(place): name for place, name in self.called.items()}}

    def start(self) -> None:
        """Connect as soon as there is a bus."""
        self._task = asyncio.create_task(self.client.run(), name="building")

    async def stop(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def in_plant(self, bench: Bench) -> tuple[Fault, ...]:
        """Return what closed valves and open breakers do to the racks of a bench."""
        return tuple(f for place, feeds in self.feeds.items() if place in bench.racks for f in feeds.in_plant())

    def told(self) -> dict[str, Any]:
        """Return how it stands, for whoever drives the emulator."""
        racks = [
            {
                "place": place,
                "liquid": {"asked": feeds.liquid.asked, "isolated": feeds.liquid.isolated, "says": feeds.liquid.says},
                "electrical": {
                    "asked": feeds.electrical.asked,
                    "isolated": feeds.electrical.isolated,
                    "says": feeds.electrical.says,
                },
            }
            for place, feeds in self.feeds.items()
        ]
        return {"connected": self.client.connected, "published": self.client.published, "racks": racks}

    def _struck(self, place: Place) -> Callable[[], frozenset[FaultKind]]:
        return lambda: frozenset(self.building.strikes(place))

    def _measure(self, place: Place) -> dict[str, float]:
        bench = self._benches[place]
        state, rack = bench.state, bench.racks.index(place)
        if not self.feeds[place].generation.coolant.flow_rated:
            return {"power": float(state.psu_input[rack].sum()) / 1000}
        supply, back = pressures(state)
        return {
            "supply": float(state.supply[rack]),
            "return": float(state.outlet[rack]),
            "flow": float(state.flow[rack]),
            "pressure": float(supply[rack] - back[rack]),
            "pressure_wanted": WANTED_KPA,
            "valve": 0.0 if self.feeds[place].liquid.isolated else 100.0,
            "power": float(state.psu_input[rack].sum()) / 1000,
        }
