"""Shelves and coolant units: ratings of their design, what they say of themselves, circuits, filters, detectors."""

from typing import Any

import msgspec
import pytest
from support.redfish_hall import Hall, report_of

from datacenter_api.redfish.older import LINKS_VARIABLE, links_wanted
from datacenter_api.redfish.plates import RESERVOIR, SUPPLY, WHOLE, plate
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.inventory import EndpointReport, FirmwareItem, Item, ItemKind, LeakDetectorItem
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.report import stored_report

Q = Quantity
UUID = "5a0e1b4c-0000-4000-8000-000000000001"
SHELF, UNIT = "/PowerEquipment/PowerShelves/k01-u06", "/ThermalEquipment/CDUs/k01-u01"


def reports(place: str) -> bytes:
    """Return a shelf with one supply that says much, a coolant unit with a filter, and others as the hall has them."""
    slot = place.split("/")[4]
    if slot not in ("u06", "u01"):
        return report_of(place)
    supply = {"manufacturer": "Maker", "type": "AC", "line_input": "Fine", "power_capacity_w": 5_000.0}
    unit = {"schema": "CoolingUnit", "model": "C250", "fluid_density": 1_021.0, "uuid": UUID}
    old = {"schema": "Filter", "service_hours_rated": 10_000.0, "replaceable": True, "serviced_on": "01/2026"}
    items = {
        "u06": (
            Item(ItemKind.PSU, "psu0", facts=supply),
            Item(ItemKind.CHASSIS, "shelf", part_number="PF", facts={"model": "S6", "uuid": "none"}),
        ),
        "u01": (
            Item(ItemKind.OTHER, "1", "Rack unit", firmware="2.0", facts=unit),
            Item(ItemKind.OTHER, "1", "Loop filter", facts=old),
        ),
    }[slot]
    leaks = (LeakDetectorItem("Rope", "OK", "/x", {"type": "Moisture"}),)
    report = EndpointReport({"place": place, "firmware": "1.0"}, items, (), (FirmwareItem("a", "1", "/y"),), leaks)
    return msgspec.json.encode(stored_report(report, 0, 1.0))


@pytest.fixture
async def stocked(hall: Hall) -> Hall:
    async def ask(_rack: str, _want: str, place: str) -> bytes:
        return reports(place)

    hall.world.stock.ask = ask
    await hall.read_stock()
    return hall


async def test_a_supply_shows_what_it_says_and_else_what_its_design_is_rated_for(stocked: Hall) -> None:
    at = "/Chassis/k01-u06/PowerSubsystem/PowerSupplies"
    told, silent = await stocked.get(f"{at}/psu0"), await stocked.get(f"{at}/psu1")
    assert (told["PowerCapacityWatts"], told["Manufacturer"], told["PowerSupplyType"]) == (5_000.0, "Maker", "AC")
    assert "LineInputStatus" not in told, "Fine is no word of Redfish"
    assert silent["PowerCapacityWatts"] == 5_500.0
    assert "Manufacturer" not in silent
    assert silent["OutputRails"] == [{"NominalVoltage": 50.0, "PhysicalContext": "DCBus"}]
    assert silent["ElectricalSourceNames"] == ["a"]
    assert silent["Location"]["PartLocation"]["LocationOrdinalValue"] == 1


async def test_a_shelf_shows_its_feeds_its_output_and_its_load(stocked: Hall) -> None:
    shelf = await stocked.get(SHELF)
    assert (shelf["FirmwareVersion"], shelf["Model"], shelf["PartNumber"]) == ("1.0", "S6", "PF")
    assert shelf["Location"]["Placement"]["RackOffsetUnits"] == "EIA_310"
    (feed,) = (await stocked.get(f"{SHELF}/Mains"))["Members"]
    mains = await stocked.get(feed["@odata.id"].removeprefix("/redfish/v1"))
    assert (mains["CircuitType"], mains["ElectricalSourceName"], mains["VoltageType"]) == ("Mains", "a", "AC")
    assert "NominalVoltage" not in mains, "Redfish has no word for 415 V"
    output = await stocked.get(f"{SHELF}/Branches/busbar")
    power = (await stocked.get("/Chassis/k01-u06/Sensors/power"))["Reading"]
    assert output["PowerWatts"]["Reading"] == power
    load = (await stocked.get(f"{SHELF}/Metrics"))["PowerLoadPercent"]["Reading"]
    assert load == pytest.approx(100 * power / 33_000, abs=0.01)


async def test_what_a_feed_carries_is_not_told_where_a_shelf_has_two(hall: Hall) -> None:
    feed = await hall.get("/PowerEquipment/PowerShelves/k02-u06/Mains/b")
    assert "PowerWatts" not in feed
    assert feed["NominalVoltage"] == "AC480V"


async def test_a_coolant_unit_shows_its_ratings_its_coolant_and_its_filter(stocked: Hall) -> None:
    unit = await stocked.get(UNIT)
    assert (unit["Model"], unit["FirmwareVersion"]) == ("C250", "2.0")
    assert "UUID" not in unit, "Redfish has none for a coolant unit"
    assert unit["CoolingCapacityWatts"] == 250_000
    assert isinstance(unit["CoolingCapacityWatts"], int), "Redfish wants whole watts"
    assert unit["Coolant"] == {
        "CoolantType": "Water",
        "AdditiveName": "propylene glycol",
        "AdditivePercent": 25.0,
        "DensityKgPerCubicMeter": 1_021.0,
    }
    (member,) = (await stocked.get(f"{UNIT}/Filters"))["Members"]
    found = await stocked.get(member["@odata.id"].removeprefix("/redfish/v1"))
    assert (found["Name"], found["RatedServiceHours"], found["Replaceable"]) == ("Loop filter", 10_000.0, True)
    assert "ServicedDate" not in found, "a month is no moment"
    rack = await stocked.get(f"{UNIT}/SecondaryCoolantConnectors/rack")
    assert rack["RatedFlowLitersPerMinute"] == 250.0
    assert rack["Coolant"] == unit["Coolant"]


async def test_a_coolant_units_detectors_are_below_its_chassis(stocked: Hall) -> None:
    (group,) = (await stocked.get(f"{UNIT}/LeakDetection"))["LeakDetectorGroups"]
    for row in group["Detectors"]:
        detector = await stocked.get(row["DataSourceUri"].removeprefix("/redfish/v1"))
        assert detector["DetectorState"] == row["DetectorState"]
        assert row["DataSourceUri"].startswith("/redfish/v1/Chassis/k01-u01/LeakDetectors/")


async def test_a_unit_that_reports_no_filter_has_none(hall: Hall) -> None:
    async with hall.api.client() as client:
        for path in (f"{UNIT}/Filters", f"{UNIT}/Filters/filter0", f"{SHELF}/Mains/b", f"{SHELF}/Branches/other"):
            assert (await client.get(f"/redfish/v1{path}")).status_code == 404


async def test_a_rack_sums_its_shelves_and_says_on_while_one_feeds_it(hall: Hall) -> None:
    sensor = await hall.get("/Chassis/k01/Sensors/power")
    assert sensor["Reading"] == (await hall.get("/Chassis/k01/EnvironmentMetrics"))["PowerWatts"]["Reading"]
    assert (await hall.get("/Chassis/k01"))["PowerState"] == "On"
    hall.racks["k01"].set("u06", Q.POWER, None)
    hall.say("k01")
    assert (await hall.get("/Chassis/k01/Sensors/power"))["Reading"] is None, "a partial sum looks like a small one"


async def test_older_clients_find_power_and_thermal_where_they_know_them_and_nothing_leads_there(stocked: Hall) -> None:
    power = await stocked.get("/Chassis/k01-u06/Power")
    supply = power["PowerSupplies"][0]
    newer = await stocked.get("/Chassis/k01-u06/PowerSubsystem/PowerSupplies/psu0/Metrics")
    assert supply["@odata.id"] == "/redfish/v1/Chassis/k01-u06/Power#/PowerSupplies/0"
    assert (supply["MemberId"], supply["Manufacturer"], supply["PowerCapacityWatts"]) == ("0", "Maker", 5_000.0)
    assert supply["PowerOutputWatts"] == newer["OutputPowerWatts"]["Reading"]
    assert "Power" not in await stocked.get("/Chassis/k01-u06")
    rack = await stocked.get("/Chassis/k01/Power")
    drawn = (await stocked.get("/Chassis/k01/Sensors/power"))["Reading"]
    assert rack["PowerControl"][0]["PowerConsumedWatts"] == drawn
    stocked.racks["k01"].set("u12/gpu2", Q.TEMPERATURE, None)
    stocked.say("k01")
    rows = (await stocked.get("/Chassis/k01-u12/Thermal"))["Temperatures"]
    assert {r["Name"]: r["ReadingCelsius"] for r in rows}["GPU2"] is None
    assert len({r["MemberId"] for r in rows}) == len(rows)
    assert (await stocked.get("/Chassis/k01/Thermal"))["Fans"] == [], (
        "an array that is there, for clients that ask each"
    )


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"type": "AC"}, {"PowerSupplyType": "AC"}),
        ({"type": "Solar"}, {}),
        ({"produced_on": "2026-01-05T00:00:00Z"}, {"ProductionDate": "2026-01-05T00:00:00Z"}),
        ({"produced_on": "2026-01-05"}, {}),
        ({"produced_on": 2026}, {}),
    ],
)
def test_only_what_redfish_has_a_word_for_is_shown(facts: dict[str, Any], shown: dict[str, Any]) -> None:
    assert plate(facts, SUPPLY) == shown
    assert plate({"level_state": "Sloshing"}, RESERVOIR) == {}
    assert plate({"uuid": "not one"}, WHOLE) == {}


async def test_a_chassis_links_to_power_and_thermal_only_where_that_is_wanted(stocked: Hall) -> None:
    assert not {"Power", "Thermal"} & set(await stocked.get("/Chassis/k01-u12"))
    stocked.world.older_links = True
    stocked.world.changed += 1
    for chassis in ("k01", "k01-u12", "k01-u06"):
        body = await stocked.get(f"/Chassis/{chassis}")
        for name in ("Power", "Thermal"):
            assert (await stocked.get(body[name]["@odata.id"].removeprefix("/redfish/v1")))["Id"] == name


def test_what_is_wanted_of_older_links_is_a_yes_or_a_no() -> None:
    assert [links_wanted({LINKS_VARIABLE: word}) for word in ("", "0", "1", " 1 ")] == [False, False, True, True]
    with pytest.raises(ConfigurationError):
        links_wanted({LINKS_VARIABLE: "perhaps"})
