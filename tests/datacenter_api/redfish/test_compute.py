"""A compute tray as its reports describe it: memory, drives, adapters, ports, controllers; nothing odd gets through."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from support.api import fill
from support.play import PlayedRack
from support.redfish_hall import Hall

from datacenter_api.redfish import shown
from datacenter_api.redfish.stock import STATE_HOLDS
from firmware_bridge.vocabulary.facts import TYPES, FactType
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.table import make_table

TRAY = "/Systems/k01-u12"
Q = Quantity


async def missing(hall: Hall, *paths: str) -> None:
    async with hall.api.client() as client:
        for path in paths:
            assert (await client.get(f"/redfish/v1{path}")).status_code == 404, path


def test_words_and_patterns_are_for_texts_and_each_path_is_filled_once() -> None:
    for rows in shown.PROPERTIES.values():
        assert len({row.path for row in rows}) == len(rows)
        assert all(TYPES[row.fact] in (FactType.TEXT, FactType.ADDRESS) for row in rows if row.allowed is not None)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("Memory", {"memory_device": "DDR9", "error_correction": "Odd", "capacity_mib": -1}),
        ("EthernetInterface", {"mac": "no mac", "link": "Up"}),
        ("IPv4", {"address": "300.1.1.1", "gateway": "10.0.0"}),
        ("Manager", {"uuid": "x", "time_offset": "+9", "reset_at": "yesterday"}),
        ("SecureBoot", {"secure_boot_mode": "Odd"}),
        ("ComputerSystem", {"power_restore": "Whatever"}),
    ],
)
def test_what_the_schema_has_no_word_for_is_left_out(kind: str, facts: dict[str, Any]) -> None:
    assert shown.shown(kind, facts) == {}


async def test_a_system_is_the_machine_that_can_be_reset_and_its_views_fill_in(hall: Hall) -> None:
    await hall.read_stock()
    system = await hall.get(TRAY)
    assert system["ProcessorSummary"] == {"CoreCount": 144, "Model": "ARMv9", "Count": 2}
    assert system["MemorySummary"] == {"TotalSystemMemoryGiB": 960}
    assert system["SerialConsole"]["SSH"] == {"ServiceEnabled": True, "Port": 22}
    assert "UUID" not in system, "no UUID by its look"
    assert (await hall.get(f"{TRAY}/SecureBoot"))["SecureBootMode"] == "SetupMode"


async def test_a_tray_is_the_enclosure_that_its_controller_names(hall: Hall) -> None:
    await hall.read_stock()
    tray = await hall.get("/Chassis/k01-u12")
    assert [tray[n] for n in ("SerialNumber", "PartNumber", "Model", "SKU")] == ["T-1", "P-T", "Sled 9", "K"]
    boards = (await hall.get("/Chassis/k01-u12/Assembly"))["Assemblies"]
    assert [(b["MemberId"], b["Name"], b["PartNumber"]) for b in boards] == [("0", "Main board", "P-B")]
    await missing(hall, "/Chassis/k01/Assembly")


async def test_memory_and_drives_are_those_of_the_report_with_the_words_that_are_known(hall: Hall) -> None:
    await missing(hall, f"{TRAY}/Memory", f"{TRAY}/Storage")
    await hall.read_stock()
    module = await hall.get(f"{TRAY}/Memory/dimm_0")
    assert (module["CapacityMiB"], module["MemoryDeviceType"]) == (1024, "DDR5")
    assert "ErrorCorrection" not in module
    drives = (await hall.get("/Chassis/k01-u12/Drives"))["Members"]
    assert drives == (await hall.get(f"{TRAY}/Storage/drives"))["Drives"]
    assert (await hall.get("/Chassis/k01-u12"))["Drives"]["@odata.id"].endswith("/Chassis/k01-u12/Drives")
    drive = await hall.get("/Chassis/k01-u12/Drives/ssd0")
    assert (drive["MediaType"], drive["SerialNumber"], drive["Status"]) == ("SSD", "D", {"State": "Enabled"})
    await missing(hall, f"{TRAY}/Memory/none", f"{TRAY}/Storage/x", "/Chassis/k01-u12/Drives/x", "/Chassis/k01/Drives")


async def test_an_adapter_that_two_items_claim_to_be_is_not_shown(hall: Hall) -> None:
    await hall.read_stock()
    at = "/Chassis/k01-u12/NetworkAdapters"
    assert [m["@odata.id"].rsplit("/", 1)[1] for m in (await hall.get(at))["Members"]] == ["cx_0"]
    port = await hall.get(f"{at}/cx_0/Ports/p0")
    assert (port["PortProtocol"], port["CurrentSpeedGbps"]) == ("Ethernet", 400.0)
    await missing(hall, f"{at}/cx_1", f"{at}/cx_0/Ports/p1")


async def test_a_processor_has_the_ports_that_its_own_id_lists(hall: Hall) -> None:
    await hall.read_stock()
    gpu = await hall.get(f"{TRAY}/Processors/gpu0")
    assert (gpu["Manufacturer"], gpu["Model"]) == ("Maker", "B2")
    assert (await hall.get(f"{TRAY}/Processors/gpu0/Ports/nvlink_0"))["LinkStatus"] == "LinkUp"
    await missing(hall, f"{TRAY}/Processors/gpu1/Ports", f"{TRAY}/Processors/gpu0/Ports/nvlink_9")


async def test_a_manager_is_the_controller_that_answers_and_not_the_one_behind_it(hall: Hall) -> None:
    await hall.read_stock()
    manager = await hall.get("/Managers/k01-u12-bmc")
    assert manager["UUID"].startswith("11111111")
    behind = datetime.now(UTC).timestamp() - datetime.fromisoformat(manager["DateTime"]).timestamp()
    assert behind == pytest.approx(3600, abs=30)
    assert (await hall.get("/Managers/k01-u12-bmc/NetworkProtocol"))["HostName"] == "tray"
    interface = await hall.get("/Managers/k01-u12-bmc/EthernetInterfaces/eth0")
    assert interface["IPv4Addresses"] == [{"Address": "10.0.0.9", "SubnetMask": "255.0.0.0"}]
    assert interface["IPv6Addresses"] == [{"Address": "fe80::9", "PrefixLength": 64}]
    assert interface["DHCPv6"] == {"OperatingMode": "Enabled"}, "the word that replaced Stateful"
    assert interface["Status"] == {"State": "Enabled"}, "a link that is up is no statement on health"
    await missing(hall, "/Managers/k01-u12-bmc/EthernetInterfaces/eth9", "/Managers/k01-u12-dpu0/NetworkProtocol")


async def test_interfaces_of_a_host_are_its_own_and_a_controller_may_report_none(hall: Hall) -> None:
    await missing(hall, f"{TRAY}/EthernetInterfaces")
    await hall.read_stock()
    assert (await hall.get(f"{TRAY}/EthernetInterfaces"))["Members@odata.count"] == 1
    assert (await hall.get(f"{TRAY}/EthernetInterfaces/nic0"))["MACAddress"] == "02:00:00:00:00:02"
    await missing(hall, f"{TRAY}/EthernetInterfaces/eth0", "/Managers/k01-u12-bmc/EthernetInterfaces/nic0")


async def test_integrity_is_what_an_endpoint_offers_in_words_that_are_known(hall: Hall) -> None:
    await hall.read_stock()
    members = [m["@odata.id"] for m in (await hall.get("/ComponentIntegrity"))["Members"]]
    assert "/redfish/v1/ComponentIntegrity/k01-u12.rot_0" in members
    assert not [m for m in members if m.endswith("rot_1")]
    assert (await hall.get("/ComponentIntegrity/k01-u12.rot_0"))["TargetComponentURI"] == "/redfish/v1/Chassis/k01-u12"


async def test_a_state_that_only_a_report_tells_is_not_shown_for_ever_nor_of_a_tray_that_is_away(hall: Hall) -> None:
    await hall.read_stock()
    at = "/Chassis/k01-u12/Drives/ssd0"
    assert (await hall.get(at))["Status"] == {"State": "Enabled"}
    stock = hall.world.stock
    for shelf in stock._shelves.values():
        shelf.taken_at -= STATE_HOLDS
    stock.changes += 1
    assert (await hall.get(at))["Status"] == {"State": "UnavailableOffline"}
    assert (await hall.get("/UpdateService/FirmwareInventory/k01-u12.fw_bmc_0"))["Status"] == {
        "State": "UnavailableOffline"
    }
    port = await hall.get(f"{TRAY}/Processors/gpu0/Ports/nvlink_0")
    assert "LinkStatus" not in port


async def test_errors_of_a_gpus_memory_are_what_its_driver_counts(hall: Hall) -> None:
    lines = hall.world.tray("k01-u12").parts["gpu0"]  # type: ignore[union-attr]
    view = hall.world.rack("k01").view  # type: ignore[union-attr]
    counted = any(view.columns.series[n].quantity is Q.ECC_CORRECTED for n in lines)  # type: ignore[union-attr]
    path = f"{TRAY}/Processors/gpu0/MemorySummary/MemoryMetrics"
    if not counted:
        await missing(hall, path)
        return
    assert set(await hall.get(path)) >= {"CurrentPeriod", "LifeTime"}


async def test_each_tray_and_endpoint_has_the_log_of_its_own_events(hall: Hall) -> None:
    entries = (await hall.get(f"{TRAY}/LogServices/events/Entries"))["Members"]
    assert [e["MessageId"] for e in entries] == ["Rackwright.1.0.Event", "Rackwright.1.0.LeakCritical"]
    assert re.match("Events of k01-u12", (await hall.get(f"{TRAY}/LogServices/events/Entries"))["Description"])
    assert (await hall.get("/Managers/k01-u12-bmc/LogServices/events/Entries"))["Members"] == []
    await missing(hall, "/Managers/k01-u12-x/LogServices", f"{TRAY}/LogServices/other", "/Systems/k01-u01/LogServices")


async def test_this_service_is_its_own_software(hall: Hall) -> None:
    item = await hall.get("/UpdateService/SoftwareInventory/rackwright")
    assert (item["Manufacturer"], item["Updateable"]) == ("Rackwright", False)
    await missing(hall, "/UpdateService/SoftwareInventory/other")


async def test_a_limit_that_a_part_holds_is_a_control_of_its_tray(hall: Hall) -> None:
    members = [m["@odata.id"].rsplit("/", 1)[1] for m in (await hall.get("/Chassis/k01-u12/Controls"))["Members"]]
    assert "gpu0.power_limit" in members
    control = await hall.get("/Chassis/k01-u12/Controls/gpu0.power_limit")
    held = await hall.get(f"{TRAY}/Processors/gpu0/EnvironmentMetrics")
    assert control["SetPoint"] == held["PowerLimitWatts"]["SetPoint"] > 0
    assert control["RelatedItem"] == [{"@odata.id": f"/redfish/v1{TRAY}/Processors/gpu0"}]
    hall.racks["k01"].set("u12/gpu0", Q.POWER_LIMIT, None)
    hall.say("k01")
    control = await hall.get("/Chassis/k01-u12/Controls/gpu0.power_limit")
    assert (control["SetPoint"], control["Status"]) == (None, {"State": "UnavailableOffline"})
    await missing(
        hall, "/Chassis/k01-u12/Controls/gpu9.power_limit", "/Chassis/k01/Controls", "/Chassis/k01-u01/Controls"
    )


def with_ports(hall: Hall) -> None:
    """Let the first switch tray of k01 read its 144 ports, all up."""
    first = hall.racks["k01"]
    ports = [Series(Place(f"{first.place}/u19/acp{n + 1}"), Q.LINK, ReadingClass.SLOW) for n in range(144)]
    rack = PlayedRack(first.layout, make_table(Place(first.place), [*first.table.series, *ports]), revision=2)
    for n in range(144):
        rack.set(f"u19/acp{n + 1}", Q.LINK, 1.0)
    hall.racks["k01"] = rack
    fill(hall.api.services.fleet.record("k01"), rack, Seconds(time.monotonic()))
    hall.world._looks.clear()


async def test_a_switch_chip_has_its_share_of_the_trays_ports(hall: Hall) -> None:
    with_ports(hall)
    at = "/Fabrics/k01.nvl0/Switches/k01-u19-nvswitch"
    first, second = [
        [m["@odata.id"].rsplit("/", 1)[1] for m in (await hall.get(f"{at}{n}/Ports"))["Members"]] for n in (0, 1)
    ]
    assert (first[0], first[-1], second[0], second[-1]) == ("acp1", "acp72", "acp73", "acp144")
    port = await hall.get(f"{at}0/Ports/acp1")
    assert (port["PortProtocol"], port["LinkStatus"]) == ("NVLink", "LinkUp")
    hall.racks["k01"].set("u19/acp1", Q.LINK, 0.0)
    hall.racks["k01"].set("u19/acp2", Q.LINK, None)
    hall.say("k01")
    down, unknown = await hall.get(f"{at}0/Ports/acp1"), await hall.get(f"{at}0/Ports/acp2")
    assert (down["LinkStatus"], down["Status"]["Health"]) == ("LinkDown", "Warning")
    assert (unknown["LinkStatus"], unknown["Status"]) == (None, {"State": "UnavailableOffline"})
    await missing(hall, f"{at}0/Ports/acp73", f"{at}7/Ports", "/Fabrics/k01.nvl0/Switches/k01-u20-nvswitch0/Ports")


async def test_a_gpus_port_says_what_it_had_carried_while_that_is_not_too_old(hall: Hall) -> None:
    await hall.read_stock()
    port = f"{TRAY}/Processors/gpu0/Ports/nvlink_0"
    metrics = (await hall.get(port))["Metrics"]["@odata.id"].removeprefix("/redfish/v1")
    shown = await hall.get(metrics)
    assert (shown["RXBytes"], shown["TXBytes"]) == (7_000, 8)
    for shelf in hall.world.stock._shelves.values():
        shelf.taken_at -= STATE_HOLDS + 60
    hall.world.changed += 1
    assert (await hall.get(metrics))["RXBytes"] is None
    assert "Metrics" not in await hall.get("/Chassis/k01-u12/NetworkAdapters/cx_0/Ports/p0")
    await missing(hall, "/Chassis/k01-u12/NetworkAdapters/cx_0/Ports/p0/Metrics", f"{port}x/Metrics")
