"""One metric report instead of many resources: only where it is prompt, complete and in known units."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import serve_tree
from firmware_bridge.emulator.recorded import RecordedTree
from firmware_bridge.redfish_service.event_hub import SERVICE, SUBSCRIPTIONS, EventHub
from firmware_bridge.vocabulary.errors import ReplyMalformed
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.run.clock import SystemClock

ROOT = "/redfish/v1"
TRAY = Place("s/a/r01/k01/u12")
REPORT = f"{ROOT}/TelemetryService/MetricReports/Env"
ON_REQUEST = {"MetricReportDefinitionType": "OnRequest"}


def link(uri: str) -> dict[str, str]:
    return {"@odata.id": uri}


def tree_with(definition: dict[str, Any], power: str = "700.5", fragment: str = "") -> dict[str, Any]:
    """Return a tray with two GPUs (one sensor in kW) whose sensors also stand in a report."""
    system, sensors = f"{ROOT}/Systems/Host", f"{ROOT}/Chassis/C/Sensors"
    tree: dict[str, Any] = {
        ROOT: {
            "Systems": link(f"{ROOT}/Systems"),
            "Chassis": link(f"{ROOT}/Chassis"),
            "TelemetryService": link(f"{ROOT}/TelemetryService"),
        },
        f"{ROOT}/Systems": {"Members": [link(system)]},
        system: {"Id": "Host", "SystemType": "Physical", "Processors": link(f"{system}/Processors")},
        f"{system}/Processors": {"Members": [link(f"{system}/Processors/GPU_{n}") for n in range(2)]},
        f"{ROOT}/Chassis": {"Members": [link(f"{ROOT}/Chassis/C")]},
        f"{ROOT}/Chassis/C": {"Id": "C", "ChassisType": "Module", "Sensors": link(sensors)},
        sensors: {"Members": [link(f"{sensors}/P{n}") for n in range(2)]},
        f"{ROOT}/TelemetryService": {"MetricReportDefinitions": link(f"{ROOT}/TelemetryService/Definitions")},
        f"{ROOT}/TelemetryService/Definitions": {"Members": [link(f"{ROOT}/TelemetryService/Definitions/Env")]},
        f"{ROOT}/TelemetryService/Definitions/Env": {
            "MetricProperties": [f"{sensors}/{{Any}}"],
            "MetricReport": link(REPORT),
            **definition,
        },
        REPORT: {
            "MetricValues": [
                {"MetricProperty": f"{sensors}/P0{fragment}", "MetricValue": power},
                {"MetricProperty": f"{sensors}/P1{fragment}", "MetricValue": "0.25"},
                {"MetricProperty": f"{ROOT}/Systems/Host#/PowerState", "MetricValue": "On"},
                "odd",
            ]
        },
    }
    for n, unit in enumerate(("W", "kW")):
        gpu = f"{system}/Processors/GPU_{n}"
        tree[gpu] = {"Id": f"GPU_{n}", "ProcessorType": "GPU", "EnvironmentMetrics": link(f"{gpu}/EnvironmentMetrics")}
        tree[f"{gpu}/EnvironmentMetrics"] = {
            "PowerWatts": {"Reading": 100 + n, "DataSourceUri": f"{sensors}/P{n}"},
            "PowerLimitWatts": {"SetPoint": 900 + n},
        }
        tree[f"{sensors}/P{n}"] = {"Id": f"P{n}", "ReadingType": "Power", "ReadingUnits": unit, "Reading": 0.1}
    return tree


def tray_at(served: Any, clock: Any = None) -> Any:
    spec = EndpointSpec("bmc", "redfish", "redfish/compute_tray", limits=RequestLimits(timeout=Seconds(1.0)))
    place = SiteEndpoint(Place(f"{TRAY}/bmc"), served.address, served.port, pin=served.pin)
    return make_driver(spec, TRAY, place, Credential(served.user, served.password), clock or SystemClock())


async def values_of(tray: Any, reading_class: ReadingClass) -> dict[tuple[str, Quantity], Any]:
    readings = await tray.read(reading_class)
    return {(r.place[len(TRAY) :].lstrip("/"), r.quantity): r for r in readings}


async def test_a_report_that_calls_its_values_stale_is_not_believed_and_the_parts_are_asked() -> None:
    tree = tree_with(ON_REQUEST)
    tree[REPORT]["MetricValues"][0]["Oem"] = {"Maker": {"MetricValueStale": True}}
    async with serve_tree(tree) as served:
        tray = tray_at(served)
        await tray.discover()
        power = await values_of(tray, ReadingClass.POWER)
        assert [power[f"gpu{n}", Quantity.POWER].value for n in range(2)] == [100, 101]
        assert {power[f"gpu{n}", Quantity.POWER].quality for n in range(2)} == {Quality.GOOD}
        assert "stale" in str(tray.faults[REPORT])
        asked = served.seen[REPORT]
        await values_of(tray, ReadingClass.POWER)
        assert served.seen[REPORT] == asked, "left alone for a while"
        await tray.close()


@pytest.mark.parametrize("fragment", ["", "#/Reading"])
@pytest.mark.parametrize(
    "definition",
    [ON_REQUEST, {"MetricReportDefinitionType": "Periodic", "Schedule": {"RecurrenceInterval": "PT0.25S"}}],
)
async def test_a_prompt_report_is_read_instead_of_every_processor(definition: dict[str, Any], fragment: str) -> None:
    async with serve_tree(tree_with(definition, fragment=fragment)) as served:
        tray = tray_at(served)
        series = await tray.discover()
        before = dict(served.seen)
        power = await values_of(tray, ReadingClass.POWER)
        assert {u for u in served.seen if served.seen[u] != before.get(u)} == {REPORT}
        assert [power[f"gpu{n}", Quantity.POWER].value for n in range(2)] == [700.5, 250.0]
        slow = await values_of(tray, ReadingClass.SLOW)
        assert [slow[f"gpu{n}", Quantity.POWER_LIMIT].value for n in range(2)] == [900, 901]
        everything = [r for c in ReadingClass for r in await tray.read(c)]
        assert sorted((r.place, r.quantity) for r in everything) == sorted((s.place, s.quantity) for s in series)
        await tray.close()


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"MetricReportDefinitionType": "OnChange"},
        {"MetricReportDefinitionType": "Periodic", "Schedule": {"RecurrenceInterval": "PT30S"}},
        {"MetricReportDefinitionType": "Periodic", "Schedule": {"RecurrenceInterval": 1}},
        ON_REQUEST | {"MetricReportDefinitionEnabled": False},
        ON_REQUEST | {"MetricProperties": "all"},
    ],
)
async def test_a_report_of_unknown_age_is_left_alone(definition: dict[str, Any]) -> None:
    async with serve_tree(tree_with(definition)) as served:
        tray = tray_at(served)
        await tray.discover()
        power = await values_of(tray, ReadingClass.POWER)
        assert [power[f"gpu{n}", Quantity.POWER].value for n in range(2)] == [100, 101]
        assert power["gpu1", Quantity.POWER_LIMIT].value == 901
        await tray.close()


async def test_a_sensor_that_is_switched_off_is_asked_itself() -> None:
    tree = tree_with(ON_REQUEST)
    tree[f"{ROOT}/Chassis/C/Sensors/P0"]["Status"] = {"State": "Disabled"}
    async with serve_tree(tree) as served:
        tray = tray_at(served)
        await tray.discover()
        assert (await values_of(tray, ReadingClass.POWER))["gpu0", Quantity.POWER].value == 100
        await tray.close()


@pytest.mark.parametrize("text", ["nan", "N/A", "", "1e400"])
async def test_a_value_that_is_no_number_is_refused(text: str) -> None:
    async with serve_tree(tree_with(ON_REQUEST, power=text)) as served:
        tray = tray_at(served)
        await tray.discover()
        power = await values_of(tray, ReadingClass.POWER)
        assert power["gpu0", Quantity.POWER].quality is Quality.REFUSED
        assert power["gpu1", Quantity.POWER].value == 250.0
        await tray.close()


@dataclass
class SteppedClock:
    """A clock that a test moves."""

    at: float = 1000.0

    def now(self) -> Seconds:
        return Seconds(self.at)


async def powers(tray: Any) -> list[Any]:
    readings = await tray.read(ReadingClass.POWER)
    found = {(r.place[len(TRAY) :].lstrip("/"), r.quantity): r for r in readings}
    assert len(found) == len(readings)  # no series twice
    return [found[f"gpu{n}", Quantity.POWER].value for n in range(2)]


@pytest.mark.parametrize("kind", [FaultKind.HALF_BODY, FaultKind.STATUS])
async def test_a_report_that_breaks_is_named_and_replaced_by_its_sensors_until_it_works_again(kind: FaultKind) -> None:
    async with serve_tree(tree_with(ON_REQUEST)) as served:
        clock = SteppedClock()
        tray = tray_at(served, clock)
        await tray.discover()
        assert await powers(tray) == [700.5, 250.0]
        served.faults.set([Fault(kind, uri="*/MetricReports/*")])
        assert await powers(tray) == [100, 101]
        assert list(tray.faults) == [REPORT]
        asked = served.seen[REPORT]
        assert await powers(tray) == [100, 101]
        assert served.seen[REPORT] == asked  # what fails is not asked every second
        served.faults.set([])
        clock.at += 61
        assert await powers(tray) == [700.5, 250.0]
        assert not tray.faults
        await tray.close()


async def test_a_report_that_lost_a_value_is_replaced_too_and_with_everything_broken_the_class_fails() -> None:
    tree = tree_with(ON_REQUEST)
    async with serve_tree(tree) as served:
        tray = tray_at(served)
        await tray.discover()
        served.faults.set([Fault(FaultKind.HALF_BODY)])
        with pytest.raises(ReplyMalformed):
            await tray.read(ReadingClass.POWER)
        await tray.close()
    async with serve_tree(short := RecordedTree(tree)) as served:
        tray = tray_at(served)
        await tray.discover()
        short._documents[REPORT] = replace(short._documents[REPORT], raw=b'{"MetricValues": []}')
        assert await powers(tray) == [100, 101]
        assert "lacks values" in tray.faults[REPORT].detail
        await tray.close()


async def test_a_report_that_comes_by_the_stream_is_a_reading_at_once_and_saves_its_requests() -> None:
    events = EventHub(f"{SERVICE}/SSE", lambda: "2026-01-01T00:00:00Z")
    tree = tree_with(ON_REQUEST)
    tree[ROOT]["EventService"] = link(SERVICE)
    tree[SERVICE] = {"Subscriptions": link(SUBSCRIPTIONS), "ServerSentEventUri": f"{SERVICE}/SSE"}
    async with serve_tree(tree, events=events) as served:
        tray = tray_at(served)
        await tray.discover()
        heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def listen() -> None:
            async for readings in tray.pushes():
                heard.put_nowait({r.place.rsplit("/", 1)[1]: r for r in readings if r.quantity is Quantity.POWER})

        listening = asyncio.create_task(listen())
        async with asyncio.timeout(20):
            while not events.subscriptions:  # noqa: ASYNC110 - the other end's value, not an event of ours
                await asyncio.sleep(0.02)
            await tray.read(ReadingClass.POWER)
            asked = dict(served.seen)
            newer = [{**v, "MetricValue": "0.5"} for v in tree[REPORT]["MetricValues"][:2]]
            said = {"@odata.id": REPORT, "Timestamp": "2026-01-01T00:00:00Z", "MetricValues": newer}
            events.publish_report(said)
            while "gpu1" not in (told := await heard.get()):
                continue
        assert {name: r.value for name, r in told.items()} == {"gpu0": 0.5, "gpu1": 500.0}
        power = await values_of(tray, ReadingClass.POWER)
        assert served.seen[REPORT] == asked[REPORT]
        assert [power[f"gpu{n}", Quantity.POWER].value for n in range(2)] == [0.5, 500.0]
        again = await values_of(tray, ReadingClass.POWER)  # nothing came since: it is asked for
        assert served.seen[REPORT] == asked[REPORT] + 1
        assert [again[f"gpu{n}", Quantity.POWER].value for n in range(2)] == [700.5, 250.0]
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await tray.close()
