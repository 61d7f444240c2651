"""One look at an endpoint, as `rackwright endpoint inspect` takes it."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import serve_tree
from firmware_bridge.vocabulary.errors import ConfigurationError, EndpointUnreachable, LoginRefused, TrustRefused
from firmware_bridge.vocabulary.inventory import Note
from firmware_bridge.wire.redfish.inventory import report_of
from rack_controller.inspect import inspect_endpoint, report_document

REPOSITORY = Path(__file__).resolve().parents[2]
CAPTURES = REPOSITORY.parent / "shared" / "data" / "captures"
SHAPES = sorted((REPOSITORY / "tests/firmware_bridge/wire/redfish/shapes").glob("*.yaml"))
LOADED = {path: yaml.safe_load(path.read_text()) for path in SHAPES}
# A path with an escape, or with a space that wants one.
ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|/[A-Za-z]+/[^\"/ ]+ [^\"/]*\"")
ROOT = "/redfish/v1"


def small_tree() -> dict[str, Any]:
    shelf, supply = f"{ROOT}/Chassis/shelf", f"{ROOT}/Chassis/shelf/PowerSubsystem/PowerSupplies/0"
    watts = f"{shelf}/Sensors/power_out"
    return {
        ROOT: {
            "@odata.id": ROOT,
            "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot",
            "Chassis": {"@odata.id": f"{ROOT}/Chassis"},
        },
        f"{ROOT}/Chassis": {"Members": [{"@odata.id": shelf}, {"@odata.id": f"{ROOT}/Chassis/gone"}]},
        shelf: {
            "@odata.id": shelf,
            "@odata.type": "#Chassis.v1_22_0.Chassis",
            "Id": "shelf",
            "Name": "Shelf",
            "SerialNumber": "S1",
            "Sensors": {"@odata.id": f"{shelf}/Sensors"},
            "Oem": {"Maker": {"Supply": {"@odata.id": supply}}},
        },
        f"{shelf}/Sensors": {"Members": [{"@odata.id": watts}]},
        watts: {"@odata.type": "#Sensor.v1_2_0.Sensor", "Id": "out", "Reading": "640", "ReadingType": "Power"},
        supply: {"@odata.type": "#PowerSupply.v1_5_0.PowerSupply", "Id": "0", "CapacityWatts": "5500"},
    }


async def test_the_document_has_exactly_the_promised_shape() -> None:
    async with serve_tree(small_tree()) as served:
        report = await inspect_endpoint(served.url, Credential(served.user, served.password))
        document = json.loads(json.dumps(report_document(report)))
    assert list(document) == ["endpoint", "inventory", "readings", "firmware", "leak_detectors", "notes"]
    assert document["endpoint"]["pin"] == served.pin
    shelf, supply = document["inventory"]
    assert list(shelf) == ["kind", "id", "name", "part_number", "serial_number", "firmware", "uris"]
    assert (shelf["kind"], shelf["serial_number"], shelf["part_number"]) == ("chassis", "S1", None)
    assert supply["kind"] == "psu"
    assert document["readings"][0] == {
        "id": "out",
        "quantity": "power",
        "unit": "W",
        "value": 640.0,
        "uri": f"{ROOT}/Chassis/shelf/Sensors/power_out",
    }
    assert document["readings"][1]["value"] == 5500.0
    assert {tuple(n) for n in document["notes"]} == {("uri", "property", "what")}
    assert any(n["uri"].endswith("/gone") for n in document["notes"])


async def test_a_look_that_met_errors_says_that_it_saw_a_part() -> None:
    async with serve_tree(small_tree()) as served:
        whole = await inspect_endpoint(served.url, Credential(served.user, served.password))
    refusing = Fault(FaultKind.STATUS, uri="*/Sensors", status=503)
    async with serve_tree(small_tree(), faults=[refusing]) as served:
        part = await inspect_endpoint(served.url, Credential(served.user, served.password))
    # A listed member that is not there hides nothing; a collection that refuses may.
    assert (whole.endpoint["seen"], part.endpoint["seen"]) == ("whole", "part")
    assert any(n.uri.endswith("/Sensors") and "503" in n.what for n in part.notes)


async def test_a_pin_is_kept_to() -> None:
    async with serve_tree(small_tree()) as served:
        who = Credential(served.user, served.password)
        assert (await inspect_endpoint(served.url, who, served.pin)).inventory
        with pytest.raises(TrustRefused):
            await inspect_endpoint(served.url, who, "sha256//" + "A" * 43 + "=")


async def test_an_expired_certificate_is_refused_even_at_first_use() -> None:
    async with serve_tree(small_tree(), faults=[Fault(FaultKind.EXPIRED_CERTIFICATE)]) as served:
        with pytest.raises(TrustRefused, match="expired"):
            await inspect_endpoint(served.url, Credential(served.user, served.password))


async def test_failures_have_names() -> None:
    async with serve_tree(small_tree()) as served:
        with pytest.raises(LoginRefused):
            await inspect_endpoint(served.url, Credential(served.user, "wrong"))
    with pytest.raises(EndpointUnreachable):
        await inspect_endpoint("https://127.0.0.1:1", None)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "https://", "https://u:p@127.0.0.1", "https://h:x", "https://h/else"]
)
async def test_a_url_that_is_none_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ConfigurationError):
        await inspect_endpoint(url, None)
    with pytest.raises(ConfigurationError):
        await inspect_endpoint("https://127.0.0.1:1", None, trust="yes")


@pytest.mark.skipif(not CAPTURES.exists(), reason="the recorded trees are not on this machine")
@pytest.mark.parametrize(
    ("name", "kinds", "sensors", "firmware"),
    [
        ("gb200-compute-tray", {"gpu": 4, "cpu": 2, "chassis": 42}, 227, 30),
        ("liteon-power-shelf", {"psu": 6, "chassis": 1}, 78, 2),
        ("gh200-node", {"gpu": 2, "cpu": 2, "chassis": 23}, 246, 19),
        ("dmtf-cdu", {"pump": 2, "chassis": 1}, 18, 0),
    ],
)
async def test_a_capture_served_and_read_back(name: str, kinds: dict[str, int], sensors: int, firmware: int) -> None:
    tree = json.loads((CAPTURES / name / "tree.json").read_bytes())
    async with serve_tree(tree) as served:
        report = await inspect_endpoint(served.url, Credential(served.user, served.password))
    assert all(sum(i.kind.value == k for i in report.inventory) == n for k, n in kinds.items())
    # A supply's rated watts stand beside the sensors, under the supply's own URI: the one place of the JSON contract
    # that holds a number with a unit.  What is counted as a sensor has the URI of a sensor.
    assert sum(r.quantity != "power_capacity" for r in report.readings) == sensors
    assert sum("/Sensors/" in r.uri for r in report.readings) == sensors
    assert len(report.firmware) == firmware
    if name == "gb200-compute-tray":
        assert Counter(d.state for d in report.leak_detectors) == {"OK": 3, "Critical": 1}


@pytest.mark.skipif(not CAPTURES.exists(), reason="the recorded trees are not on this machine")
@pytest.mark.parametrize("name", ["dgx-h100-8gpu", "dmtf-rackmount", "dmtf-power-shelf"])
async def test_a_served_capture_says_the_same_as_its_file(name: str) -> None:
    tree = json.loads((CAPTURES / name / "tree.json").read_bytes())
    # In this recording no link leads to the chassis' power subsystem: what is not linked is not there for a client.
    lost = f"{ROOT}/Chassis/PowerShelf/PowerSubsystem" if name == "dmtf-power-shelf" else "nothing"
    from_file = report_of({u: b for u, b in tree.items() if not u.startswith(lost)})
    async with serve_tree(tree) as served:
        read_back = await inspect_endpoint(served.url, Credential(served.user, served.password))
    assert sorted(read_back.readings, key=str) == sorted(from_file.readings, key=str)
    # The DMTF's examples hold islands (outlets, a root of trust) that no link leads to.
    assert {i.uris for i in read_back.inventory} <= {i.uris for i in from_file.inventory}
    assert {f.uri for f in read_back.firmware} <= {f.uri for f in from_file.firmware}
    if name == "dgx-h100-8gpu":
        assert len(read_back.inventory) == len(from_file.inventory)
        assert len(read_back.firmware) == len(from_file.firmware)


@pytest.mark.parametrize("path", SHAPES, ids=[p.stem for p in SHAPES])
async def test_a_shape_read_over_the_wire_says_the_same_as_its_file(path: Path) -> None:
    loaded = LOADED[path]
    if ESCAPED.search(json.dumps(loaded["documents"])):
        pytest.skip("our service refuses escapes in a path, and cannot play a maker that has them")
    tree = {f"{ROOT}/{uri}".rstrip("/"): body for uri, body in loaded["documents"].items()}
    from_file = report_of(tree)
    async with serve_tree(tree) as served:
        report = await inspect_endpoint(served.url, Credential(served.user, served.password))
    assert set(report.readings) == set(from_file.readings)
    assert {(i.kind, i.uris) for i in report.inventory} == {(i.kind, i.uris) for i in from_file.inventory}
    assert {f.uri for f in report.firmware} == {f.uri for f in from_file.firmware}
    assert {(d.uri, d.state) for d in report.leak_detectors} == {(d.uri, d.state) for d in from_file.leak_detectors}
    # Over the wire the device itself says that a member is not there.
    wanted = [
        [uri, name, what.removeprefix("listed in a collection, but ")] for uri, name, what in loaded["expect"]["notes"]
    ]
    missing = [n for n in wanted if not any(has(n, note) for note in report.notes)]
    assert missing == []


def has(wanted: list[str], note: Note) -> bool:
    return note.uri.endswith(wanted[0]) and note.property == wanted[1] and wanted[2] in note.what


async def test_a_recorded_page_is_served_as_recorded_and_its_members_count_once() -> None:
    sensors = "/redfish/v1/Chassis/C/Sensors"
    members = [{"@odata.id": f"{sensors}/{n}"} for n in range(4)]
    page = {"@odata.id": sensors, "Members": members[2:], "Members@odata.count": 4}
    tree: dict[str, object] = {
        "/redfish/v1": {"@odata.id": "/redfish/v1", "Chassis": {"@odata.id": "/redfish/v1/Chassis"}},
        "/redfish/v1/Chassis": {"Members": [{"@odata.id": "/redfish/v1/Chassis/C"}]},
        "/redfish/v1/Chassis/C": {"ChassisType": "Shelf", "Id": "C", "Sensors": {"@odata.id": sensors}},
        # The first page overlaps the second, as some services have it.
        sensors: {"Members": members[:3], "Members@odata.nextLink": f"{sensors}?$skip=2"},
        f"{sensors}?$skip=2": page,
    }
    for n, member in enumerate(members):
        tree[member["@odata.id"]] = {"Id": str(n), "ReadingType": "Power", "ReadingUnits": "W", "Reading": n}
    async with serve_tree(tree) as served:
        report = await inspect_endpoint(served.url, Credential(served.user, served.password))
    assert sorted(r.value for r in report.readings) == [0, 1, 2, 3]
