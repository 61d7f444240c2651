"""What the layers above learn of a rack: golden wire forms."""

from pathlib import Path

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.vocabulary.facts import Aspect, AspectKind
from firmware_bridge.vocabulary.inventory import (
    EndpointReport,
    FirmwareItem,
    Item,
    ItemKind,
    LeakDetectorItem,
    Note,
    SensorValue,
)
from rack_controller.model.event import Event, Severity, decode_event, encode_event
from rack_controller.model.layout import EndpointStatus, Layout, RackState, StateChanged, StateRequest, make_layout
from rack_controller.model.report import StoredReport, stored_report

GOLDEN = Path(__file__).parents[2] / "golden"
STATE = RackState(
    "lab1/a/r01/k01",
    7,
    42,
    "boot1",
    [EndpointStatus("lab1/a/r01/k01/u11/bmc", "on", "degraded", 3.5, None, "EndpointUnreachable: no reply", 2)],
)
EVENT = Event("1-k01-000001", 1, "lab1/a/r01/k01/u11/leak0", "leak.critical", Severity.CRITICAL, "u11 leaks")
REPORT = stored_report(
    EndpointReport(
        {"place": "x", "resources": 1, "vendor": None},
        (
            Item(
                *(ItemKind.GPU, "GPU_0", "GPU", None, "S1", "97.00", ("/redfish/v1/Systems/H/Processors/GPU_0",)),
                {"cores": 72, "failure_predicted": False, "speeds_mhz": (6400,)},
            ),
        ),
        (SensorValue("P", "power", "W", 640.5, "/redfish/v1/Chassis/C/Sensors/P"),),
        (FirmwareItem("FW_0", "1.0", "/redfish/v1/UpdateService/FirmwareInventory/FW_0"),),
        (LeakDetectorItem("L0", "OK", "/redfish/v1/Chassis/C/LeakDetectors/L0"),),
        (Note("/redfish/v1", "", "odd"),),
        (Aspect(AspectKind.ADDRESS, "eth0", "Managers/BMC_0/EthernetInterfaces/eth0", 1, {"prefix_length": 64}),),
    ),
    1,
    2.5,
    True,
    "EndpointUnreachable",
)


def golden_layout() -> Layout:
    site = read_site(GOLDEN / "site_v1.yaml")
    (rack,) = site.racks
    return make_layout(rack, load_generation(rack.generation), site.endpoints_of(rack.place))


def test_the_layout_of_a_recorded_site_stays_as_it_is() -> None:
    assert msgspec.json.encode(golden_layout()) == (GOLDEN / "layout_v1.json").read_bytes().strip()


def test_state_messages_stay_as_they_are() -> None:
    lines = [
        msgspec.json.encode(message)
        for message in (STATE, StateChanged("lab1/a/r01/k01", 7, 42, "boot1"), StateRequest("report", "x"), REPORT)
    ]
    assert b"\n".join([*lines, encode_event(EVENT)]) == (GOLDEN / "state_v1.jsonl").read_bytes().strip()
    assert decode_event(encode_event(EVENT)) == EVENT
    assert msgspec.json.decode(msgspec.json.encode(REPORT), type=StoredReport) == REPORT


def test_a_layout_reads_back() -> None:
    layout = golden_layout()
    assert msgspec.json.decode(msgspec.json.encode(layout), type=Layout) == layout
    listed = {e.place: e for t in layout.trays for e in t.endpoints}
    assert listed["lab1/a/r01/k01/u11/bmc"].address == "192.0.2.11:443"
    assert not listed["lab1/a/r01/k01/u11/dpu0"].enabled
    assert not listed["lab1/a/r01/k01/u12/bmc"].enabled
