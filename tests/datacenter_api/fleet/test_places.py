"""What people type becomes a place that exists, or a refusal that says what to do."""

import pytest
from support.api import fill
from support.pair import played_pair
from support.play import PlayedRack, played_rack

from datacenter_api.fleet.places import endpoint_in, place_in
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.state import FleetState
from firmware_bridge.vocabulary.errors import BusUnavailable, ConfigurationError, RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.table import make_table


def fleet_of(*racks: PlayedRack) -> FleetState:
    fleet = FleetState()
    for rack in racks:
        fill(fleet.record(rack.name), rack, Seconds(0.0))
    return fleet


@pytest.mark.parametrize("below", ["", "u12", "u12/bmc", "u12/gpu2", "u12/leak1", "u06/psu0"])
def test_what_exists_is_found_in_full_and_from_the_tray_on(record: RackRecord, rack: PlayedRack, below: str) -> None:
    full = f"{rack.place}/{below}".rstrip("/")
    assert place_in(record, full) == full
    if below:
        assert place_in(record, below) == full


@pytest.mark.parametrize("text", ["u99", "u12/gpu9", "u12/nothing", "lab1", "", "../etc", "U12", "a" * 300, "u12/"])
def test_what_does_not_exist_is_unknown(record: RackRecord, text: str) -> None:
    with pytest.raises(TargetUnknown):
        place_in(record, text)


@pytest.mark.parametrize("below", ["building", "building/flow"])
def test_what_the_building_says_has_a_place_although_it_is_no_tray(record: RackRecord, below: str) -> None:
    rack = played_rack()
    flow = Series(Place(f"{rack.place}/building/flow"), Quantity.FLOW, ReadingClass.STATIC)
    rack.table = make_table(rack.place, [*rack.table.series, flow])
    fill(record, rack, Seconds(0.0))
    assert place_in(record, below) == f"{rack.place}/{below}"
    with pytest.raises(TargetUnknown):
        place_in(record, "building/flo")


def test_a_place_of_another_rack_names_that_rack(record: RackRecord) -> None:
    with pytest.raises(TargetUnknown, match=r"is not in rack lab1/a/r01/k01: ask rack lab1/a/r01/k02"):
        place_in(record, "lab1/a/r01/k02/u12")


def test_before_the_layout_is_known_nothing_is_said_of_places() -> None:
    with pytest.raises(BusUnavailable):
        place_in(RackRecord("k01"), "u12")


@pytest.mark.parametrize("text", ["u12/bmc", "u12", "lab1/a/r01/k01/u12"])
def test_a_tray_stands_for_its_only_endpoint(rack: PlayedRack, text: str) -> None:
    record, place = endpoint_in(fleet_of(rack), text)
    assert (record.token, place) == ("k01", f"{rack.place}/u12/bmc")


@pytest.mark.parametrize(
    ("text", "rack", "kind"),
    [
        ("u12/bmc", None, ConfigurationError),
        ("u12/bmc", "k09", TargetUnknown),
        ("u12/gpu0", "k01", TargetUnknown),
        ("lab1/a/r01/k01/u12/bmc", "k02", TargetUnknown),
        ("lab1/a/r01/k01", None, TargetUnknown),
        ("x", "k01", TargetUnknown),
    ],
)
def test_what_could_be_several_or_none_is_refused(text: str, rack: str | None, kind: type[RackwrightError]) -> None:
    with pytest.raises(kind):
        endpoint_in(fleet_of(played_rack(1), played_rack(2)), text, rack)


def test_with_several_racks_the_rack_decides() -> None:
    record, place = endpoint_in(fleet_of(played_rack(1), played_rack(2)), "u12", "k02")
    assert (record.token, place) == ("k02", "lab1/a/r01/k02/u12/bmc")


@pytest.mark.parametrize("text", ["k02", "k02/u12", "k02/u12/gpu2"])
def test_a_place_may_begin_with_the_name_of_its_rack(text: str) -> None:
    fleet = fleet_of(played_rack(1), played_rack(2))
    assert place_in(fleet.find("k02"), text, fleet) == f"lab1/a/r01/{text}"
    with pytest.raises(TargetUnknown, match=r"is not in rack lab1/a/r01/k01: ask rack lab1/a/r01/k02"):
        place_in(fleet.find("k01"), text, fleet)


@pytest.mark.parametrize("text", ["k03/u06/psu3", "k03/u06/pmm", "k03/u06"])
def test_a_unit_stands_for_its_endpoint_and_the_racks_name_decides(text: str) -> None:
    fleet = fleet_of(played_rack(1), *played_pair())
    record, place = endpoint_in(fleet, text)
    assert (record.token, place) == ("k03", "lab1/a/r01/k03/u06/pmm")
    assert endpoint_in(fleet, text.removeprefix("k03/"), "k03")[1] == place
