"""The shipped device trees: whole, without dangling links, and made only of what a capture or a document has."""

import datetime
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.patience import PATIENCE

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.device import Device, wall_text
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.template import load_template
from firmware_bridge.generations.load import load_generation
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Principal
from firmware_bridge.vocabulary.place import Place

CAPTURES = Path(__file__).resolve().parents[4] / "shared/data/captures"
SHAPED_AFTER = {
    "gb200-compute-tray": ["gb200-compute-tray", "gh200-node"],
    "gb200-switch-tray": ["gb200-compute-tray", "dgx-h100-8gpu"],
    "liteon-power-shelf": ["liteon-power-shelf"],
    "cdu": ["dmtf-cdu"],
}
RACK = Place("emu/a/r01/k01")
GENERATION = load_generation("gb200-nvl72")
ROOT = Principal("root")
R = "/redfish/v1"
SERVED_ELSEWHERE = {
    f"{R}/SessionService/Sessions",
    f"{R}/EventService/Subscriptions",
    f"{R}/TaskService/Tasks",
}


@pytest.fixture(scope="module")
def bench() -> Bench:
    made = Bench(GENERATION, [RACK], None)
    made.set_demand(0.8)
    made.advance(120)
    return made


def device(bench: Bench, name: str, index: int = 0) -> Device:
    slot, spec = next(
        (s, e) for s in GENERATION.slots for e in s.tray.endpoints if e.device == name and s.index == index
    )
    return Device(load_template(name, slot.tray), bench, 0, slot, Place(f"{RACK}/{slot.name}/{spec.name}"))


def bodies(source: Device) -> dict[str, Any]:
    found = {}
    for uri in source.template.nodes:
        document = source.get(uri, None)
        assert document is not None
        found[uri] = document.body
    return found


def links(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("@odata.id", "DataSourceUri", "MetricProperty", "@Redfish.ActionInfo") and isinstance(
                inner, str
            ):
                yield inner
            else:
                yield from links(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from links(inner)


def paths(value: Any, above: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield "/".join((*above, key))
            yield from paths(inner, (*above, key))
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, above)


def kind_of(body: dict[str, Any]) -> str:
    return re.sub(r"\.v[0-9_]+", "", str(body.get("@odata.type", "")))


@pytest.mark.parametrize("name", SHAPED_AFTER)
def test_every_link_leads_somewhere(bench: Bench, name: str) -> None:
    tree = bodies(device(bench, name))
    named = {link.partition("#")[0] for body in tree.values() for link in links(body)}
    assert named - set(tree) <= SERVED_ELSEWHERE


@pytest.mark.parametrize("name", SHAPED_AFTER)
def test_every_resource_names_itself_and_its_type(bench: Bench, name: str) -> None:
    for uri, body in bodies(device(bench, name)).items():
        assert body["@odata.id"] == uri
        assert body["@odata.type"].startswith("#")
        assert body["Name"]


@pytest.mark.parametrize("name", SHAPED_AFTER)
def test_no_property_is_invented(bench: Bench, name: str) -> None:
    captures = [CAPTURES / c / "tree.json" for c in SHAPED_AFTER[name]]
    if not all(c.exists() for c in captures):
        pytest.skip("needs the shared captures")
    known: dict[str, set[str]] = {}
    for capture in captures:
        for body in json.loads(capture.read_bytes()).values():
            if isinstance(body, dict):
                known.setdefault(kind_of(body), set()).update(paths(body))
    source = device(bench, name)
    invented = [
        (uri, path)
        for uri, body in bodies(source).items()
        for path in set(paths(body)) - known.get(kind_of(body), set())
        if not any(path == c or path.startswith(c + "/") for c in source.template.nodes[uri].cited)
    ]
    assert invented == []


def test_the_compute_tray_has_what_the_captured_one_has(bench: Bench) -> None:
    tree = bodies(device(bench, "gb200-compute-tray"))
    assert len(tree[f"{R}/Chassis"]["Members"]) == 42
    assert len(tree[f"{R}/UpdateService/FirmwareInventory"]["Members"]) == 30
    assert len(tree[f"{R}/Systems/HGX_Baseboard_0/Processors"]["Members"]) == 6
    assert len(tree[f"{R}/Systems/System_0/Processors"]["Members"]) == 2
    assert len(tree[f"{R}/Chassis/Chassis_0/ThermalSubsystem/LeakDetection/LeakDetectors"]["Members"]) == 4
    serials = {tree[f"{R}/Systems/{s}/Processors/CPU_0"]["SerialNumber"] for s in ("System_0", "HGX_Baseboard_0")}
    assert len(serials) == 1


def test_the_shelf_keeps_its_quirks(bench: Bench) -> None:
    tree = bodies(device(bench, "liteon-power-shelf"))
    supply = tree[f"{R}/Chassis/powershelf/PowerSubsystem/PowerSupplies/0"]
    assert supply["CapacityWatts"] == "5500"
    assert supply["PowerState"] is True
    sensors = [u for u in tree if "/Sensors/" in u]
    assert len(sensors) == 78
    assert all(tree[u]["Id"] != u.rsplit("/", 1)[1] for u in sensors)
    assert not any(tree[R]["ProtocolFeaturesSupported"]["ExpandQuery"].values())


def test_live_values_are_the_plants(bench: Bench) -> None:
    tree = bodies(device(bench, "gb200-compute-tray"))
    gpus = [tree[f"{R}/Systems/HGX_Baseboard_0/Processors/GPU_{n}/EnvironmentMetrics"] for n in range(4)]
    assert sum(g["PowerWatts"]["Reading"] for g in gpus) == pytest.approx(bench.state.gpu_power[0, 0].sum(), abs=0.01)
    total = tree[f"{R}/Chassis/Chassis_0/Sensors/Chassis_0_TotalHSC_Power_0"]["Reading"]
    assert total == pytest.approx(bench.state.tray_power[0, 0], abs=0.001)
    values = tree[f"{R}/TelemetryService/MetricReports/HGX_PlatformEnvironmentMetrics_0"]["MetricValues"]
    reported = {v["MetricProperty"]: v["MetricValue"] for v in values}
    assert float(reported[f"{R}/Chassis/HGX_GPU_2/Sensors/HGX_GPU_2_Power_0"]) == pytest.approx(
        gpus[2]["PowerWatts"]["Reading"], abs=0.001
    )


def test_shelves_together_carry_the_rack(bench: Bench) -> None:
    outputs = [
        bodies(device(bench, "liteon-power-shelf", n))[f"{R}/Chassis/powershelf/Sensors/power_chassis_output_power"]
        for n in range(8)
    ]
    load = bench.state.tray_power.sum() + bench.state.switch_power.sum()
    assert sum(o["Reading"] for o in outputs) == pytest.approx(load, abs=1.0)


def test_serial_numbers_are_unique_by_place_and_obviously_emulated(bench: Bench) -> None:
    first, second = (device(bench, "gb200-compute-tray", n) for n in (0, 1))
    uri = f"{R}/Systems/HGX_Baseboard_0/Processors/GPU_0"
    serials = [bodies(d)[uri]["SerialNumber"] for d in (first, second)]
    assert serials == ["EMU-EMU_A_R01_K01_U11-GPU0", "EMU-EMU_A_R01_K01_U12-GPU0"]


async def test_a_power_limit_is_written_read_back_and_kept_in_range(bench: Bench) -> None:
    tray = device(bench, "gb200-compute-tray", 2)
    uri = f"{R}/Systems/HGX_Baseboard_0/Processors/GPU_1/EnvironmentMetrics"
    changed = await tray.patch(uri, {"PowerLimitWatts": {"SetPoint": 700}}, ROOT)
    assert changed is not None
    assert changed.body["PowerLimitWatts"]["SetPoint"] == 700
    bench.advance(1.0)
    assert bench.state.gpu_power[0, 2, 1] <= 700.5
    assert bench.state.gpu_power[0, 2, 0] > 800
    for wrong, message in ((300, "PropertyValueOutOfRange"), ("much", "PropertyValueTypeError")):
        with pytest.raises(RequestRefused) as refused:
            await tray.patch(uri, {"PowerLimitWatts": {"SetPoint": wrong}}, ROOT)
        assert refused.value.message == message
    await tray.patch(uri, {"PowerLimitWatts": {"SetPoint": 1200}}, ROOT)


async def test_a_clock_is_set_by_its_manager_runs_on_and_belongs_to_one_endpoint(bench: Bench) -> None:
    one, other = (device(bench, "gb200-compute-tray", n) for n in (0, 1))
    uri = f"{R}/Managers/BMC_0"

    def off_by(shown: Device) -> float:
        document = shown.get(uri, None)
        assert document is not None
        return datetime.datetime.fromisoformat(document.body["DateTime"]).timestamp() - time.time()

    await one.patch(uri, {"DateTime": "2020-02-29T12:00:00+01:00"}, ROOT)
    stood = datetime.datetime(2020, 2, 29, 11, tzinfo=datetime.UTC).timestamp()
    assert off_by(one) == pytest.approx(stood - time.time(), abs=2.0)
    assert off_by(other) == pytest.approx(0.0, abs=2.0)
    await one.patch(uri, {"DateTime": wall_text()}, ROOT)
    assert off_by(one) == pytest.approx(0.0, abs=2.0)
    wrong = (
        (5, "PropertyValueTypeError"),
        ("noon", "PropertyValueFormatError"),
        ("2020-01-01T00:00:00", "PropertyValueFormatError"),
    )
    for value, message in wrong:
        with pytest.raises(RequestRefused) as refused:
            await one.patch(uri, {"DateTime": value}, ROOT)
        assert refused.value.message == message
    assert off_by(one) == pytest.approx(0.0, abs=2.0), "what is refused changes nothing"


async def test_the_locate_light_belongs_to_one_endpoint(bench: Bench) -> None:
    one, other = (device(bench, "gb200-switch-tray", n) for n in (0, 1))
    uri = f"{R}/Systems/System_0"
    changed = await one.patch(uri, {"LocationIndicatorActive": True}, ROOT)
    assert changed is not None
    assert changed.body["LocationIndicatorActive"] is True
    assert bodies(other)[uri]["LocationIndicatorActive"] is False


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"LocationIndicatorActive": "on"}, "PropertyValueTypeError"),
        ({"PowerState": "Off"}, "PropertyNotWritable"),
        ({"Colour": "blue"}, "PropertyUnknown"),
        ({"LocationIndicatorActive": True, "Id": "x"}, "PropertyNotWritable"),
    ],
)
async def test_a_wrong_patch_changes_nothing(bench: Bench, changes: dict[str, Any], message: str) -> None:
    tray = device(bench, "gb200-compute-tray", 5)
    with pytest.raises(RequestRefused) as refused:
        await tray.patch(f"{R}/Systems/System_0", changes, ROOT)
    assert refused.value.message == message
    assert bodies(tray)[f"{R}/Systems/System_0"]["LocationIndicatorActive"] is False


async def test_reset_switches_the_host_and_refuses_what_it_does_not_know(bench: Bench) -> None:
    tray = device(bench, "gb200-compute-tray", 9)
    target = f"{R}/Systems/System_0/Actions/ComputerSystem.Reset"
    await tray.post(target, {"ResetType": "ForceOff"}, ROOT)
    bench.advance(5.0)
    assert bodies(tray)[f"{R}/Systems/System_0"]["PowerState"] == "Off"
    assert bench.state.tray_power[0, 9] < 1.0
    await tray.post(target, {"ResetType": "On"}, ROOT)
    bench.advance(5.0)
    assert bodies(tray)[f"{R}/Systems/System_0"]["PowerState"] == "On"
    for body in ({}, {"ResetType": "Explode"}, {"ResetType": "On", "Why": 1}):
        with pytest.raises(RequestRefused):
            await tray.post(target, body, ROOT)


def test_plant_faults_show_where_a_person_would_look() -> None:
    bench = Bench(GENERATION, [RACK], None)
    faults = (
        Fault(what=FaultKind.LEAK, where="*/u11/leak2"),
        Fault(what=FaultKind.LEAK, where="*/u19", level="warning"),
        Fault(what=FaultKind.PSU_FAIL, where="*/u06/psu3"),
        Fault(what=FaultKind.PUMP_FAIL, where="*/u01/pump1"),
        Fault(what=FaultKind.TRAY_OFF, where="*/u12"),
        Fault(what=FaultKind.DAMP_AIR, where="*/u01", celsius=35.0, humidity=78.0),
        Fault(what=FaultKind.WARM_WATER, where="*", kelvin=3.0),
    )
    usual = float(bench.state.conditions.facility_supply[0])
    dry = bodies(device(bench, "cdu"))[f"{R}/ThermalEquipment/CDUs/1/EnvironmentMetrics"]
    # Its meters shake by 0.1 K and 0.15 %.
    assert dry["TemperatureCelsius"]["Reading"] == pytest.approx(26.1, abs=0.5)
    assert dry["HumidityPercent"]["Reading"] == pytest.approx(37.4, abs=0.7)
    bench.advance(10.0, faults)
    assert float(bench.state.conditions.facility_supply[0]) == usual + 3.0
    damp = bodies(device(bench, "cdu"))[f"{R}/ThermalEquipment/CDUs/1/EnvironmentMetrics"]
    assert damp["TemperatureCelsius"]["Reading"] == pytest.approx(35.0, abs=0.5)
    assert damp["HumidityPercent"]["Reading"] == pytest.approx(78.0, abs=0.7)
    wet = bodies(device(bench, "gb200-compute-tray"))
    detectors = f"{R}/Chassis/Chassis_0/ThermalSubsystem/LeakDetection/LeakDetectors/Chassis_0_LeakDetector"
    assert wet[f"{detectors}_1_ColdPlate"]["DetectorState"] == "Critical"
    assert wet[f"{detectors}_0_ColdPlate"]["DetectorState"] == "OK"
    assert wet[f"{R}/Chassis/Chassis_0/Sensors/Chassis_0_LeakDetector_1_ColdPlate"]["Reading"] < 1.617
    switch = bodies(device(bench, "gb200-switch-tray"))
    at = f"{R}/Chassis/MGX_BMC_0/ThermalSubsystem/LeakDetection/LeakDetectors"
    states = [switch[f"{at}/LeakDetector_{n}"]["DetectorState"] for n in range(1, 9)]
    assert states == ["Warning"] + ["OK"] * 7
    shelf = bodies(device(bench, "liteon-power-shelf"))
    assert shelf[f"{R}/Chassis/powershelf/PowerSubsystem/PowerSupplies/3"]["PowerState"] is False
    assert shelf[f"{R}/Chassis/powershelf/Sensors/power_p3_pout"]["Reading"] == 0.0
    pumps = bodies(device(bench, "cdu"))
    assert pumps[f"{R}/ThermalEquipment/CDUs/1/Pumps/2"]["Status"]["Health"] == "Critical"
    assert bodies(device(bench, "gb200-compute-tray", 1))[f"{R}/Systems/System_0"]["PowerState"] == "Off"
    bench.advance(1.0)
    assert bodies(device(bench, "gb200-compute-tray"))[f"{detectors}_1_ColdPlate"]["DetectorState"] == "OK"


def sound(name: str) -> dict[str, Any]:
    slot = next(s for s in GENERATION.slots for e in s.tray.endpoints if e.device == name)
    bench = Bench(GENERATION, [RACK], None)
    return bodies(Device(load_template(name, slot.tray, sound=True), bench, 0, slot, Place(f"{RACK}/{slot.name}/x")))


def test_a_sound_shelf_has_no_oddities_and_the_recorded_one_keeps_them(bench: Bench) -> None:
    uri = f"{R}/Chassis/powershelf/PowerSubsystem/PowerSupplies/3"
    recorded, well = bodies(device(bench, "liteon-power-shelf")), sound("liteon-power-shelf")
    assert (recorded[uri]["CapacityWatts"], recorded[uri]["PowerState"]) == ("5500", True)
    assert not {"CapacityWatts", "PowerState", "Sensors", "InputSourceNum"} & well[uri].keys()
    assert well[uri]["PowerCapacityWatts"] == 5500
    assert well[uri]["Status"]["State"] == "Enabled"
    assert well[f"{uri}/Metrics"]["OutputPowerWatts"]["Reading"] > 0
    assert f"{uri}/Metrics" not in recorded
    sensors = [u for u in well if "/Sensors/" in u]
    assert [well[u]["Id"] for u in sensors] == [u.rsplit("/", 1)[1] for u in sensors]
    assert recorded[sensors[0]]["Id"] != sensors[0].rsplit("/", 1)[1]


@pytest.mark.parametrize("name", SHAPED_AFTER)
def test_every_link_of_a_sound_tree_leads_somewhere(name: str) -> None:
    tree = sound(name)
    named = {link.partition("#")[0] for body in tree.values() for link in links(body)}
    assert named - set(tree) <= SERVED_ELSEWHERE


def test_the_wall_clock_of_a_device_moves() -> None:
    first, deadline = wall_text(), time.monotonic() + 5 * PATIENCE
    while wall_text() == first:
        assert time.monotonic() < deadline, "a device whose clock stands still would be found wrong by everybody"
    assert wall_text(0.0) == wall_text(0.0) == "1970-01-01T00:00:00.000+00:00"


def test_an_endpoint_shows_its_own_address_and_a_mac_address_that_is_no_makers(bench: Bench) -> None:
    first, second = device(bench, "gb200-compute-tray"), device(bench, "gb200-compute-tray", 1)
    first.address = "127.8.0.9"
    at = f"{R}/Managers/BMC_0/EthernetInterfaces/eth0"
    one, other = (source.get(at, None) for source in (first, second))
    assert one is not None
    assert other is not None
    assert one.body["IPv4Addresses"][0]["Address"] == "127.8.0.9"
    assert re.fullmatch("02(:[0-9a-f]{2}){5}", one.body["MACAddress"])
    assert one.body["MACAddress"] != other.body["MACAddress"]
