"""The four drivers against emulated HTTPS endpoints: small trees of our own, each with what real firmware does."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.drivers.redfish.compute_tray import RedfishComputeTray
from firmware_bridge.emulator.faults import REPLY_FAULTS, Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree
from firmware_bridge.vocabulary.circuit import Circuit
from firmware_bridge.vocabulary.errors import ConfigurationError, DeviceError, LoginRefused, ResourceMissing
from firmware_bridge.vocabulary.facts import AspectKind
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds

TRAY = Place("s/a/r01/k01/u12")
ROOT = "/redfish/v1"
Tree = dict[str, Any]


class WallClock:
    def now(self) -> Seconds:
        return Seconds(time.monotonic())

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(time.time_ns())

    async def sleep_until(self, when: Seconds) -> None:
        raise NotImplementedError


def put(tree: Tree, uri: str, schema: str, **properties: Any) -> None:
    body = {"@odata.id": uri, "@odata.type": f"#{schema}.v1_0_0.{schema}", "Id": uri.rsplit("/", 1)[-1]}
    tree[uri] = body | properties


def collect(tree: Tree, uri: str) -> dict[str, str]:
    members = [u for u in tree if u.rsplit("/", 1)[0] == uri]
    tree[uri] = {"@odata.id": uri, "@odata.type": "#X.X", "Members": [{"@odata.id": u} for u in members]}
    return {"@odata.id": uri}


def sensor(tree: Tree, uri: str, kind: str, units: str, reading: Any, **more: Any) -> None:
    put(tree, uri, "Sensor", ReadingType=kind, ReadingUnits=units, Reading=reading, **more)


def rooted(tree: Tree, expand: bool, **links: Any) -> Tree:
    features = {
        "ExpandQuery": {"Levels": expand, "NoLinks": expand, "MaxLevels": 2, "ExpandAll": False, "Links": False}
    }
    put(tree, ROOT, "ServiceRoot", ProtocolFeaturesSupported=features, **links)
    return tree


def compute_tree(expand: bool = True) -> Tree:
    tree: Tree = {}
    chassis, system = f"{ROOT}/Chassis/Main", f"{ROOT}/Systems/Host"
    sensor(tree, f"{chassis}/Sensors/Total", "Power", "kW", 1.25)
    sensor(tree, f"{chassis}/Sensors/Inlet", "Temperature", "Cel", "21.5")
    sensor(tree, f"{chassis}/Sensors/Broken", "Temperature", "Cel", "N/A")
    for name, state in (("L0", "OK"), ("L1", "Critical"), ("L2", "Odd")):
        put(tree, f"{chassis}/LeakDetectors/{name}", "LeakDetector", DetectorState=state)
    put(
        tree,
        chassis,
        "Chassis",
        ChassisType="Shelf",
        Sensors=collect(tree, f"{chassis}/Sensors"),
        LeakDetectors=collect(tree, f"{chassis}/LeakDetectors"),
    )
    for n in range(2):
        gpu = f"{system}/Processors/GPU_{n}"
        metrics = f"{gpu}/EnvironmentMetrics"
        put(tree, gpu, "Processor", ProcessorType="GPU", EnvironmentMetrics={"@odata.id": metrics})
        values = {"PowerWatts": {"Reading": 700 + n}, "PowerLimitWatts": {"SetPoint": 900}, "EnergykWh": {"Reading": 1}}
        put(tree, metrics, "EnvironmentMetrics", **values)
    put(
        tree,
        system,
        "ComputerSystem",
        PowerState="On",
        LocationIndicatorActive=False,
        Actions={"#ComputerSystem.Reset": {"target": f"{system}/Actions/ComputerSystem.Reset"}},
        Processors=collect(tree, f"{system}/Processors"),
    )
    systems, chassis_all = collect(tree, f"{ROOT}/Systems"), collect(tree, f"{ROOT}/Chassis")
    return rooted(tree, expand, Systems=systems, Chassis=chassis_all)


def shelf_tree(total: bool) -> Tree:
    tree: Tree = {}
    chassis = f"{ROOT}/Chassis/shelf"
    supplies = f"{chassis}/PowerSubsystem/PowerSupplies"
    for n in range(2):
        own = [f"{chassis}/Sensors/p{n}_{w}" for w in ("pout", "pin", "vout", "iout", "fan1", "vin", "freqin")]
        kinds = (("Power", "W"), ("Power", "W"), ("Voltage", "V"), ("Current", "A"), ("Rotational", "RPM"))
        kinds += (("Voltage", "V"), ("Frequency", "Hz"))
        for uri, (kind, units), value in zip(own, kinds, (600 + n, "650.5", 50, 12, 5900, 240, 60), strict=True):
            sensor(tree, uri, kind, units, value, **({"ElectricalContext": "LineToLine"} if value == 240 else {}))
        listed = [{"@odata.id": u} for u in own]
        put(tree, f"{supplies}/{n}", "PowerSupply", PowerState=bool(n), Status={"Health": "OK"}, Sensors=listed)
    if total:
        sensor(tree, f"{chassis}/Sensors/chassis_output_power", "Power", "W", 1190)
    put(tree, f"{chassis}/PowerSubsystem", "PowerSubsystem", PowerSupplies=collect(tree, supplies))
    below = {"@odata.id": f"{chassis}/PowerSubsystem"}
    put(tree, chassis, "Chassis", PowerState="On", PowerSubsystem=below, Sensors=collect(tree, f"{chassis}/Sensors"))
    return rooted(tree, False, Chassis=collect(tree, f"{ROOT}/Chassis"))


def driver(served: ServedEndpoint, name: str, password: str = "", **read: Any) -> Any:
    spec = EndpointSpec("bmc", "redfish", name, limits=RequestLimits(timeout=Seconds(1.0)), read=read)
    place = SiteEndpoint(Place(f"{TRAY}/bmc"), served.address, served.port, pin=served.pin)
    return make_driver(spec, TRAY, place, Credential(served.user, password or served.password), WallClock())


def by_name(readings: Sequence[Reading]) -> dict[tuple[str, Quantity], Reading]:
    return {(r.place[len(TRAY) :].lstrip("/"), r.quantity): r for r in readings}


# Faults that a reader of numbers does not meet, and those that are elsewhere or a matter of patience.
READ_ALL_THE_SAME = {
    *(
        FaultKind.SLOW,
        FaultKind.HMC_ABSENT,
        FaultKind.WRONG_ETAG,
        FaultKind.STALE_VERSION,
        FaultKind.CLOCK_1970,
        FaultKind.OTHER_PLACE,
        FaultKind.SAYS,  # a well-formed lie about a property that its text names
        FaultKind.OTHER_NEIGHBOUR,
    ),
    *(FaultKind.HOSTILE_TEXT, FaultKind.FOREIGN_LINK),
}


@pytest.mark.parametrize("expand", [True, False])
async def test_a_compute_tray_delivers_what_its_port_promises(expand: bool) -> None:
    async with serve_tree(compute_tree(expand)) as served:
        tray = driver(served, "redfish/compute_tray")
        series = await tray.discover()
        assert len({(s.place, s.quantity) for s in series}) == len(series)
        safety = by_name(await tray.read(ReadingClass.SAFETY))
        assert [safety[f"leak{n}", Quantity.LEAK].value for n in range(3)] == [0.0, 2.0, None]
        assert safety["leak2", Quantity.LEAK].quality is Quality.REFUSED
        assert safety["", Quantity.POWER_STATE].value == 1.0
        power = by_name(await tray.read(ReadingClass.POWER))
        assert power["", Quantity.POWER].value == 1250.0
        assert [power[f"gpu{n}", Quantity.POWER].value for n in range(2)] == [700, 701]
        assert power["gpu1", Quantity.POWER_LIMIT].value == 900
        assert power["gpu1", Quantity.ENERGY].value == 3_600_000
        assert power["gpu1", Quantity.TEMPERATURE].quality is Quality.MISSING
        slow = by_name(await tray.read(ReadingClass.SLOW))
        assert slow["inlet", Quantity.TEMPERATURE].value == 21.5
        assert slow["broken", Quantity.TEMPERATURE].quality is Quality.REFUSED
        everything = [r for c in ReadingClass for r in await tray.read(c)]
        assert {(r.place, r.quantity) for r in everything} == {(s.place, s.quantity) for s in series}
        await tray.close()


async def test_expanding_saves_requests() -> None:
    async with serve_tree(compute_tree(True)) as served:
        tray = driver(served, "redfish/compute_tray")
        await tray.discover()
        before = sum(served.seen.values())
        await tray.read(ReadingClass.SAFETY)
        assert sum(served.seen.values()) - before == 2
        await tray.close()


async def test_a_hint_names_the_trays_power() -> None:
    tree = compute_tree()
    other = f"{ROOT}/Chassis/Main/Sensors/Other"
    sensor(tree, other, "Power", "W", 77)
    collect(tree, f"{ROOT}/Chassis/Main/Sensors")
    async with serve_tree(tree) as served:
        plain = driver(served, "redfish/compute_tray")
        await plain.discover()
        assert by_name(await plain.read(ReadingClass.POWER))["", Quantity.POWER].quality is Quality.MISSING
        hinted = driver(served, "redfish/compute_tray", power=other)
        await hinted.discover()
        assert by_name(await hinted.read(ReadingClass.POWER))["", Quantity.POWER].value == 77
        await plain.close()
        await hinted.close()


@pytest.mark.parametrize("kind", sorted(REPLY_FAULTS - READ_ALL_THE_SAME - {FaultKind.REBOOT}))
async def test_one_bad_resource_costs_only_its_own_readings(kind: FaultKind) -> None:
    async with serve_tree(compute_tree()) as served:
        tray = driver(served, "redfish/compute_tray")
        await tray.discover()
        served.faults.set([Fault(kind, uri="*/GPU_0/EnvironmentMetrics")])
        began = time.monotonic()
        power = by_name(await tray.read(ReadingClass.POWER))
        assert time.monotonic() - began < 3.0
        assert power["gpu0", Quantity.POWER].value is None
        assert power["gpu1", Quantity.POWER].value == 701
        assert [u.rsplit("/", 2)[-2] for u in tray.faults] == ["GPU_0"]
        served.faults.set([])
        assert by_name(await tray.read(ReadingClass.POWER))["gpu0", Quantity.POWER].value == 700
        assert not tray.faults
        await tray.close()


async def test_when_nothing_can_be_read_the_reason_is_raised_and_a_new_discovery_heals() -> None:
    async with serve_tree(compute_tree()) as served:
        tray = driver(served, "redfish/compute_tray")
        await tray.discover()
        served.faults.set([Fault(FaultKind.RESET)])
        for reading_class in (ReadingClass.SAFETY, ReadingClass.POWER, ReadingClass.SLOW):
            with pytest.raises(DeviceError):
                await tray.read(reading_class)
        served.faults.set([])
        await tray.discover()
        assert await tray.read(ReadingClass.SAFETY)
        await tray.close()


async def test_the_locate_light_is_switched() -> None:
    async with serve_tree(compute_tree()) as served:
        tray = driver(served, "redfish/compute_tray")
        with pytest.raises(ResourceMissing):
            await tray.set_locate(True)
        await tray.discover()
        assert by_name(await tray.read(ReadingClass.SAFETY))["", Quantity.LOCATE].value == 0.0
        await tray.set_locate(True)
        assert by_name(await tray.read(ReadingClass.SAFETY))["", Quantity.LOCATE].value == 1.0
        await tray.close()


@pytest.mark.parametrize("total", [True, False])
async def test_a_shelf_gives_its_total_or_the_sum_of_its_supplies(total: bool) -> None:
    async with serve_tree(shelf_tree(total)) as served:
        shelf = driver(served, "redfish/power_shelf")
        await shelf.discover()
        power = by_name(await shelf.read(ReadingClass.POWER))
        assert power["", Quantity.POWER].value == (1190 if total else 1201)
        assert [power[f"psu{n}", Quantity.POWER].value for n in range(2)] == [600, 601]
        slow = by_name(await shelf.read(ReadingClass.SLOW))
        assert slow["psu0", Quantity.POWER_INPUT].value == 650.5
        assert [slow[f"psu{n}", Quantity.POWER_STATE].value for n in range(2)] == [0.0, 1.0]
        assert slow["psu1", Quantity.HEALTH].value == 0.0
        assert {q for p, q in slow if p == "psu0"} >= {Quantity.VOLTAGE, Quantity.CURRENT, Quantity.FAN_SPEED}
        assert slow["psu1_input", Quantity.VOLTAGE].value == 240
        assert slow["psu1_input", Quantity.FREQUENCY].value == 60
        circuits = {(s.place[len(TRAY) + 1 :], s.quantity): s.circuit for s in await shelf.discover()}
        assert circuits["psu0", Quantity.POWER] == Circuit.TOTAL, "what a supply gives, it gives over all of its output"
        assert circuits["psu0", Quantity.FAN_SPEED] is None
        assert circuits["psu0_input", Quantity.VOLTAGE] == Circuit.LINE_TO_LINE, "what a sensor says of itself counts"
        await shelf.close()


async def test_a_coolant_unit_delivers_both_loops_and_its_pumps() -> None:
    tree: Tree = {}
    unit = f"{ROOT}/ThermalEquipment/CDUs/1"
    for loop, flow in (("Primary", 40), ("Secondary", 80)):
        values = {"FlowLitersPerMinute": {"Reading": flow}, "HeatRemovedkW": {"Reading": 25.5}}
        put(tree, f"{unit}/{loop}CoolantConnectors/1", "CoolantConnector", **values)
    broken = {"State": "UnavailableOffline", "Health": "Critical"}
    put(
        tree, f"{unit}/Pumps/1", "Pump", PumpSpeedPercent={"Reading": 38.5}, Status={"State": "Enabled", "Health": "OK"}
    )
    put(tree, f"{unit}/Pumps/2", "Pump", PumpSpeedPercent={"Reading": 0}, Status=broken)
    put(tree, f"{unit}/LeakDetection/LeakDetectors/Rope", "LeakDetector", DetectorState="Warning")
    leaks = collect(tree, f"{unit}/LeakDetection/LeakDetectors")
    put(tree, f"{unit}/LeakDetection", "LeakDetection", LeakDetectors=leaks)
    put(
        tree,
        unit,
        "CoolingUnit",
        Status={"State": "Enabled", "Health": "OK"},
        PrimaryCoolantConnectors=collect(tree, f"{unit}/PrimaryCoolantConnectors"),
        SecondaryCoolantConnectors=collect(tree, f"{unit}/SecondaryCoolantConnectors"),
        Pumps=collect(tree, f"{unit}/Pumps"),
        LeakDetection={"@odata.id": f"{unit}/LeakDetection"},
    )
    put(tree, f"{ROOT}/ThermalEquipment", "ThermalEquipment", CDUs=collect(tree, f"{ROOT}/ThermalEquipment/CDUs"))
    rooted(tree, True, ThermalEquipment={"@odata.id": f"{ROOT}/ThermalEquipment"})
    async with serve_tree(tree) as served:
        cdu = driver(served, "redfish/coolant_unit")
        await cdu.discover()
        safety = by_name(await cdu.read(ReadingClass.SAFETY))
        assert safety["", Quantity.FLOW].value == 80
        assert safety["primary", Quantity.FLOW].value == 40
        assert safety["", Quantity.HEAT].value == 25_500
        assert safety["", Quantity.TEMPERATURE_SUPPLY].quality is Quality.MISSING
        assert safety["leak0", Quantity.LEAK].value == 1.0
        assert safety["", Quantity.POWER_STATE].value == 1.0
        slow = by_name(await cdu.read(ReadingClass.SLOW))
        assert (slow["pump0", Quantity.PUMP_SPEED].value, slow["pump0", Quantity.HEALTH].value) == (38.5, 0.0)
        assert slow["pump1", Quantity.PUMP_SPEED].quality is Quality.FLAGGED
        assert slow["pump1", Quantity.HEALTH].value == 2.0
        await cdu.close()


@pytest.mark.parametrize(
    ("said", "least", "most"), [(-90, -93, -88), (0, -3, 2), (None, None, None), ("soon", None, None)]
)
async def test_a_report_tells_how_far_the_controllers_clock_is_from_ours(said: Any, least: Any, most: Any) -> None:
    tree = compute_tree()
    at = datetime.now(UTC) + timedelta(seconds=said) if isinstance(said, int) else said
    put(tree, f"{ROOT}/Managers/B", "Manager", DateTime=at.isoformat() if isinstance(at, datetime) else at)
    tree[ROOT]["Managers"] = collect(tree, f"{ROOT}/Managers")
    async with serve_tree(tree) as served:
        tray = driver(served, "redfish/compute_tray")
        offset = (await tray.report()).endpoint["clock_offset_s"]
        assert offset is None if said is None or said == "soon" else least <= offset <= most
        await tray.close()


async def test_a_report_stays_on_the_endpoint_and_ends() -> None:
    tree = compute_tree()
    loop = f"{ROOT}/Chassis/Main/Loop"
    put(
        tree,
        loop,
        "Chassis",
        Links={"Next": {"@odata.id": loop}, "Away": {"@odata.id": "https://evil.host/redfish/v1"}},
    )
    tree[f"{ROOT}/Chassis/Main"]["Oem"] = {"Maker": {"Part": {"@odata.id": loop}}}
    async with serve_tree(tree) as served:
        tray = driver(served, "redfish/compute_tray")
        report = await tray.report()
        assert {i.id for i in report.inventory} == {"GPU_0", "GPU_1", "Main", "Loop"}
        assert [d.state for d in report.leak_detectors] == ["OK", "Critical", "unknown"]
        assert any("evil.host" in n.what for n in report.notes)
        await tray.close()


CERTIFICATES = f"{ROOT}/Managers/B/NetworkProtocol/HTTPS/Certificates"
PEM = "-----BEGIN CERTIFICATE-----\n" + 2 * ("QUJD" * 16 + "\n") + "-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (PEM.replace("\n", "\r\n"), PEM),
        (PEM * 9, None),
        (PEM.replace("CERTIFICATE", "PRIVATE KEY"), None),
        ("see /etc", None),
        (None, None),
    ],
)
async def test_a_report_has_a_controllers_certificate_where_that_is_a_certificate(said: Any, kept: Any) -> None:
    tree = compute_tree()
    put(tree, f"{ROOT}/Managers/B", "Manager", NetworkProtocol={"@odata.id": f"{ROOT}/Managers/B/NetworkProtocol"})
    where = {"Certificates": {"@odata.id": CERTIFICATES}}
    put(tree, f"{ROOT}/Managers/B/NetworkProtocol", "ManagerNetworkProtocol", HTTPS=where)
    put(tree, f"{CERTIFICATES}/1", "Certificate", CertificateString=said)
    put(tree, f"{CERTIFICATES}/2", "Certificate", CertificateString=said)
    put(tree, f"{CERTIFICATES}/3", "Certificate", CertificateString=said)
    collect(tree, CERTIFICATES)
    tree[ROOT]["Managers"] = collect(tree, f"{ROOT}/Managers")
    async with serve_tree(tree) as served:
        tray = driver(served, "redfish/compute_tray")
        found = [a for a in (await tray.report()).aspects if a.kind is AspectKind.CERTIFICATE]
        wanted = [] if kept is None else [("1", "Managers/B", kept), ("2", "Managers/B", kept)]
        assert [(a.id, a.of, a.facts["certificate_pem"]) for a in found] == wanted
        assert f"{CERTIFICATES}/3" not in served.seen, "two are enough"
        await tray.close()


async def test_a_report_has_the_limits_that_a_sensor_states_for_itself() -> None:
    tree = compute_tree()
    tree[f"{ROOT}/Chassis/Main/Sensors/Inlet"]["Thresholds"] = {"UpperCaution": {"Reading": 40}}
    tree[f"{ROOT}/Chassis/Main/Sensors/Total"]["Thresholds"] = {"UpperCritical": {"Reading": 6.5}}
    async with serve_tree(tree) as served:
        tray = driver(served, "redfish/compute_tray")
        await tray.discover()
        limits = {a.id: a.facts for a in (await tray.report()).aspects if a.kind is AspectKind.LIMITS}
        assert limits == {"inlet.temperature": {"upper_caution": 40.0}, "power": {"upper_critical": 6_500.0}}
        await tray.close()


async def test_a_wrong_password_is_named(tmp_path: Any) -> None:
    async with serve_tree(compute_tree()) as served:
        tray = driver(served, "redfish/compute_tray", password="wrong")
        with pytest.raises(LoginRefused):
            await tray.discover()
        await tray.close()


def test_the_factory_refuses_what_it_cannot_make() -> None:
    here = SiteEndpoint(Place(f"{TRAY}/bmc"), "127.0.0.1", 443, pin="sha256//x")
    who = Credential("u", "p")
    with pytest.raises(ConfigurationError, match="redfish/compute_tray"):
        make_driver(EndpointSpec("bmc", "redfish", "redfish/toaster"), TRAY, here, who, WallClock())
    spec = EndpointSpec("bmc", "redfish", "redfish/compute_tray")
    with pytest.raises(ConfigurationError, match="pin"):
        make_driver(spec, TRAY, SiteEndpoint(here.place, "127.0.0.1", 443), who, WallClock())
    wrong = EndpointSpec("bmc", "redfish", "redfish/compute_tray", read={"power": "https://evil.host/x"})
    with pytest.raises(ConfigurationError, match=r"read\.power"):
        make_driver(wrong, TRAY, here, who, WallClock())
    assert isinstance(make_driver(spec, TRAY, here, who, WallClock()), RedfishComputeTray)
