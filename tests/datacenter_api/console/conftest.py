"""A hall of two generations: k01 alone, k02 and k03 in one domain."""

import gc
from dataclasses import dataclass, field

import pytest
from support.api import fill
from support.pair import played_pair
from support.play import PlayedRack, played_rack

from datacenter_api.console.floor import HallRack
from datacenter_api.fleet.domains import DomainSummary, summarise_domains
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.summary import summarise
from datacenter_api.fleet.view import view_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import WornLink
from rack_controller.model.power_view import BudgetGlance

NOW = Seconds(100.0)


@pytest.fixture(autouse=True, scope="module")
def _gathered() -> None:
    """Leave what lives by now out of the search for garbage before every simulated page: it looks at all there is."""
    gc.collect()
    gc.freeze()


@dataclass
class PlayedHall:
    """Racks as they are played, and what the console sees of them."""

    racks: dict[str, PlayedRack]
    heard_at: dict[str, Seconds]
    worn: dict[str, list[WornLink]] = field(default_factory=dict)
    budgets: dict[str, BudgetGlance] = field(default_factory=dict)

    def records(self) -> list[RackRecord]:
        records = []
        for name, rack in self.racks.items():
            record = RackRecord(name)
            fill(record, rack, self.heard_at.get(name, NOW))
            record.worn = self.worn.get(name, [])
            record.budget = self.budgets.get(name)
            records.append(record)
        return records

    def seen(self) -> tuple[list[HallRack], list[DomainSummary]]:
        records, seen = self.records(), []
        for record in records:
            summary = summarise(record, NOW)
            assert summary is not None
            assert record.layout is not None
            seen.append(HallRack(summary, record.layout, view_of(record, NOW)))
        return seen, summarise_domains(records, NOW)


@pytest.fixture
def hall() -> PlayedHall:
    first, second = played_pair()
    return PlayedHall({"k01": played_rack(1), "k02": first, "k03": second}, {})
