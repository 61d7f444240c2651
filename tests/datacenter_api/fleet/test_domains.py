"""A domain over two racks is one: counted once, partial when one of them is silent, missing when it is not there."""

import msgspec
import pytest
from support.play import PlayedRack, played_rack

from datacenter_api.fleet.domains import DomainSummary, summarise_domains
from datacenter_api.fleet.record import RackRecord
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import DomainView

NOW = Seconds(100.0)


def record_of(rack: PlayedRack, domain: DomainView, heard_at: Seconds = NOW) -> RackRecord:
    """Return what the API holds of a rack whose trays belong to `domain`."""
    record = RackRecord(rack.name)
    record.hear_layout(msgspec.structs.replace(rack.layout, domains=[domain]))
    record.hear_table(rack.table)
    record.hear_frame(rack.frame(), heard_at)
    record.hear_state(rack.state(), heard_at)
    return record


def pair(second_heard_at: Seconds = NOW) -> list[DomainSummary]:
    shared = DomainView("nvl0", 144, 2, "k01.nvl0")
    first, second = played_rack(1), played_rack(2)
    second.set("u12/gpu0", Quantity.POWER, 500.0)
    return summarise_domains([record_of(first, shared), record_of(second, shared, second_heard_at)], NOW)


def test_two_racks_of_one_domain_are_one() -> None:
    (domain,) = pair()
    assert (domain.id, domain.gpus_present, domain.gpus_planned, domain.racks_missing) == ("k01.nvl0", 144, 144, 0)
    assert [(r.name, r.gpus, len(r.trays), r.live) for r in domain.racks] == [
        ("k01", 72, 27, True),
        ("k02", 72, 27, True),
    ]
    assert (domain.gpu_power_w.quality, domain.gpu_power_w.total) == ("good", 144)


def test_a_silent_rack_makes_the_sum_partial() -> None:
    (whole,), (domain,) = pair(), pair(Seconds(NOW - 60.0))
    assert (domain.gpu_power_w.quality, domain.gpu_power_w.good) == ("partial", 72)
    assert domain.gpu_power_w.value is not None
    assert domain.gpu_power_w.value < (whole.gpu_power_w.value or 0.0)
    assert [r.live for r in domain.racks] == [True, False]


def test_a_rack_that_the_site_does_not_have_is_missing() -> None:
    (domain,) = summarise_domains([record_of(played_rack(), DomainView("nvl0", 144, 2, "k01.nvl0"))], NOW)
    assert (domain.racks_missing, domain.gpus_present) == (1, 72)


def test_racks_with_domains_of_their_own_stay_apart_also_from_an_older_controller() -> None:
    records = [record_of(played_rack(n), DomainView("nvl0", 72, 1)) for n in (1, 2)]
    assert [d.id for d in summarise_domains(records, NOW)] == ["k01.nvl0", "k02.nvl0"]


@pytest.mark.parametrize("records", [[], [RackRecord("k01")]], ids=["none", "unheard"])
def test_nothing_heard_is_no_domain(records: list[RackRecord]) -> None:
    assert summarise_domains(records, NOW) == []
