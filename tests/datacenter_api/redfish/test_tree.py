"""The whole tree: every link leads somewhere, every resource is what its schema says, nothing is invented."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from support.redfish_hall import Hall

from datacenter_api.redfish.shapes import VERSIONS
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.layout import WornLink


def links(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("@odata.id", "DataSourceUri", "Uri", "MetricProperty") and isinstance(inner, str):
                yield inner.partition("#")[0].rstrip("/")
            else:
                yield from links(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from links(inner)


async def crawl(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return every resource that is linked from the root."""
    found: dict[str, Any] = {}
    wanted = ["/redfish/v1"]
    while wanted:
        uri = wanted.pop()
        if uri in found:
            continue
        answer = await client.get(uri)
        assert answer.status_code == 200, (uri, answer.text)
        found[uri] = answer.json()
        wanted += [at for at in links(found[uri]) if at not in found]
    return found


@pytest.mark.timeout(120)
async def test_every_link_leads_to_a_resource_that_knows_its_place_and_schema(hall: Hall) -> None:
    await hall.read_stock()
    async with hall.api.client() as client:
        found = await crawl(client)
    assert len(found) > 2_000
    for uri, body in found.items():
        if uri.endswith(".json"):
            continue
        assert body["@odata.id"] == uri
        kind = body["@odata.type"].removeprefix("#").split(".")
        if len(kind) == 3:
            assert kind[1] == VERSIONS[kind[0]]
            assert body["Id"] == uri.rsplit("/", 1)[1] or uri == "/redfish/v1"
        else:
            assert len(body["Members"]) == body["Members@odata.count"]


async def test_a_rack_says_where_everything_stands(hall: Hall) -> None:
    rack = await hall.get("/Chassis/k01")
    assert len(rack["Links"]["Contains"]) == 36
    assert (rack["ChassisType"], rack["RackMountCapacityUnits"]) == ("Rack", 48)
    tray = await hall.get("/Chassis/k01-u12")
    placement = tray["Location"]["Placement"]
    assert (placement["Row"], placement["Rack"], placement["RackOffset"]) == ("r01", "k01", 12)
    assert tray["Links"]["ContainedBy"] == {"@odata.id": "/redfish/v1/Chassis/k01"}


async def test_equipment_on_a_serial_line_looks_like_any_other(hall: Hall) -> None:
    shelves = {m["@odata.id"].rsplit("/", 1)[1] for m in (await hall.get("/PowerEquipment/PowerShelves"))["Members"]}
    battery = next(t for t in hall.racks["k02"].layout.trays if t.kind == "battery_shelf")
    name = f"k02-{battery.place.rsplit('/', 1)[1]}"
    assert name in shelves
    assert (await hall.get(f"/PowerEquipment/PowerShelves/{name}"))["EquipmentType"] == "BatteryShelf"
    metrics = await hall.get(f"/Chassis/{name}/PowerSubsystem/Batteries/bbu0/Metrics")
    assert metrics["ChargePercent"]["Reading"] == 97.0
    manager = await hall.get(f"/Managers/{name}-pmm")
    assert manager["ManagerType"] == "ManagementController"


async def test_a_domain_that_spans_racks_is_one_fabric(hall: Hall) -> None:
    switches = (await hall.get("/Fabrics/k02.nvl0/Switches"))["Members"]
    assert {s["@odata.id"].rsplit("/", 1)[1][:3] for s in switches} == {"k02", "k03"}
    assert len(switches) == 36


async def test_a_fabric_has_the_health_that_both_ends_of_its_links_say(hall: Hall) -> None:
    assert (await hall.get("/Fabrics/k01.nvl0"))["Status"] == {"State": "Enabled"}, "what is not seen has no health"
    rack = hall.racks["k01"]
    worn = [WornLink(f"{rack.place}/u19/acp1", "ber.high", "acp1 wears out")]
    state = msgspec.structs.replace(rack.state(), worn=worn, revision=rack.revision + 1)
    hall.api.services.fleet.record("k01").hear_state(state, Seconds(time.monotonic()))
    assert (await hall.get("/Fabrics/k01.nvl0"))["Status"] == {"State": "Enabled", "Health": "Warning"}
    assert (await hall.get("/Fabrics/k02.nvl0"))["Status"] == {"State": "Enabled"}


async def test_parts_have_the_identity_that_their_endpoint_reports_and_an_ambiguous_one_has_none(hall: Hall) -> None:
    at = "/Systems/k01-u12/Processors"
    assert "SerialNumber" not in await hall.get(f"{at}/gpu0"), "nothing was read yet"
    await hall.read_stock()
    assert (await hall.get(f"{at}/gpu0"))["SerialNumber"] == "S-u12"
    assert "SerialNumber" not in await hall.get(f"{at}/gpu1")
    assert (await hall.get("/Chassis/k01-u12"))["Manufacturer"] == "Maker"
    assert (await hall.get("/Managers/k01-u12-bmc"))["FirmwareVersion"] == "1.2.3"
    item = await hall.get("/UpdateService/FirmwareInventory/k01-u12.fw_bmc_0")
    assert (item["SoftwareId"], item["Version"], item["Updateable"]) == ("FW_BMC 0", "1.2.3", False)


async def test_events_are_log_entries_of_their_rack(hall: Hall) -> None:
    at = "/Chassis/k01/LogServices/events/Entries"
    newest, leak = (await hall.get(at))["Members"]
    assert newest["MessageId"] == "Rackwright.1.0.Event"
    assert "EventTimestamp" not in newest, "the device's word for a time is no time"
    assert (leak["MessageId"], leak["Severity"], leak["Created"]) == (
        "Rackwright.1.0.LeakCritical",
        "Critical",
        "2023-11-14T22:13:20.123Z",
    )
    assert leak["Links"]["OriginOfCondition"]["@odata.id"] == "/redfish/v1/Chassis/k01-u12"
    assert await hall.get(f"{at}/1-k01-1") == leak
    assert (await hall.get("/Chassis/k02/LogServices/events/Entries"))["Members"] == []


@pytest.mark.parametrize(
    "path",
    [
        *("/Chassis/k09", "/Chassis/k01-u99", "/Chassis/k01-", "/Chassis/-", "/Systems/k01-u01", "/Systems/k01"),
        *("/Managers/k01-u12", "/Managers/k01-u12-pmc", "/Chassis/k01-u12/Sensors/power_state", "/Nothing"),
        *("/Chassis/k01-u12/Sensors/gpu0.", "/Chassis/k01-u12/Sensors/gpu9.power", "/Chassis/k01/Sensors/flow"),
        *("/ThermalEquipment/CDUs/k01-u01/Pumps/pump9", "/TelemetryService/MetricReports/k01-leak"),
        *("/Fabrics/nvl0", "/Fabrics/k02.nvl0/Switches/k02-u23-nvswitch9", "/AccountService/Accounts/nobody"),
    ],
)
async def test_what_is_not_there_is_404(hall: Hall, path: str) -> None:
    async with hall.api.client() as client:
        answer = await client.get(f"/redfish/v1{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["@Message.ExtendedInfo"][0]["MessageId"] == "Base.1.19.ResourceMissingAtURI"
