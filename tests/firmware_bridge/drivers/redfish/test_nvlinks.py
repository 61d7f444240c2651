"""The GPUs' end of NVLinks out of band: one report, or a collection per GPU, and nothing where it would cost more."""

from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers import make_driver
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import running_emulator, serve_tree
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.run.clock import SystemClock

ROOT = "/redfish/v1"
TRAY = Place("s/a/r01/k01/u12")
PORTS = f"{ROOT}/Systems/Host/Processors/GPU_0/Ports"
UP = Quantity.NVLINK_PORTS_UP


def tree_with(states: list[Any], expand: bool) -> dict[str, Any]:
    """Return a tray with one GPU whose NVLinks have these states, beside a port that is none."""
    gpu = PORTS.rpartition("/")[0]
    names = [f"NVLink_{n}" for n in range(len(states))]
    tree: dict[str, Any] = {
        ROOT: {
            "Systems": {"@odata.id": f"{ROOT}/Systems"},
            "ProtocolFeaturesSupported": {"ExpandQuery": {"Levels": expand, "NoLinks": expand}},
        },
        f"{ROOT}/Systems": {"Members": [{"@odata.id": f"{ROOT}/Systems/Host"}]},
        f"{ROOT}/Systems/Host": {"Id": "Host", "SystemType": "Physical", "Processors": {"@odata.id": gpu[:-6]}},
        gpu[:-6]: {"Members": [{"@odata.id": gpu}]},
        gpu: {"Id": "GPU_0", "ProcessorType": "GPU", "Ports": {"@odata.id": PORTS}},
        PORTS: {"Members": [{"@odata.id": f"{PORTS}/{n}"} for n in (*names, "PCIe_0")]},
        f"{PORTS}/PCIe_0": {"Id": "PCIe_0", "PortProtocol": "PCIe", "LinkStatus": "LinkUp"},
    }
    for name, state in zip(names, states, strict=True):
        tree[f"{PORTS}/{name}"] = {"Id": name, "PortProtocol": "NVLink", "LinkStatus": state}
    return {uri: {"@odata.id": uri, **body} for uri, body in tree.items()}


def tray_at(served: Any, tray: Place = TRAY) -> Any:
    spec = EndpointSpec("bmc", "redfish", "redfish/compute_tray", limits=RequestLimits(timeout=Seconds(2.0)))
    place = SiteEndpoint(Place(f"{tray}/bmc"), served.address, served.port, pin=served.pin)
    return make_driver(spec, tray, place, Credential(served.user, served.password), SystemClock())


async def links_of(tray: Any) -> dict[tuple[str, Quantity], Any]:
    return {(r.place.rpartition("/")[2], r.quantity): r for r in await tray.read(ReadingClass.SLOW)}


@pytest.mark.parametrize(
    ("states", "value", "quality"),
    [
        (["LinkUp", "Training", "LinkUp"], 2, Quality.GOOD),
        (["LinkUp", "Sideways", "LinkUp"], None, Quality.REFUSED),
        (["LinkUp", None, "LinkUp"], None, Quality.MISSING),
    ],
)
async def test_a_collection_that_comes_whole_is_counted(states: list[Any], value: int | None, quality: Quality) -> None:
    async with serve_tree(tree_with(states, expand=True)) as served:
        tray = tray_at(served)
        await tray.discover()
        before = dict(served.seen)
        found = (await links_of(tray))["gpu0", UP]
        assert (found.value, found.quality) == (value, quality)
        assert {u.partition("?")[0] for u in served.seen if served.seen[u] != before.get(u)} >= {PORTS}
        assert not any(u.startswith(f"{PORTS}/") for u in served.seen)
        await tray.close()


async def test_ports_are_never_read_one_by_one() -> None:
    async with serve_tree(tree_with(["LinkUp"] * 3, expand=False)) as served:
        tray = tray_at(served)
        assert UP not in {s.quantity for s in await tray.discover()}
        assert not any(u.startswith(PORTS) for u in served.seen)
        await tray.close()


async def test_an_emulated_tray_tells_of_all_its_links_in_one_report(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, "gb200-nvl72", speed=0) as emulator:
        place = emulator.endpoint("k01/u12/bmc")
        slot = next(s for s in load_generation("gb200-nvl72").slots if s.name == "u12")
        spec = next(e for e in slot.tray.endpoints if e.name == "bmc")
        rack = emulator.site.racks[0].place
        credential = emulator.credential(place)
        tray = make_driver(spec, join_place(rack, "u12"), place, credential, SystemClock())
        assert tray is not None
        await tray.discover()
        good = await links_of(tray)
        assert [good[f"gpu{n}", UP].value for n in range(4)] == [18] * 4
        assert good["gpu2", Quantity.NVLINK_PORT_FAULTS].value == 0
        # acp7 of the lowest switch leads to the tray's third GPU (assumed wiring, decision 0020).
        emulator.hall.faults.set([Fault(what=FaultKind.PORT_DOWN, where="*/u19/acp7")])
        emulator.hall.advance(1.0)
        bad = await links_of(tray)
        assert [bad[f"gpu{n}", UP].value for n in range(4)] == [18, 18, 17, 18]
        assert bad["gpu2", Quantity.NVLINK_PORT_FAULTS].value == 1
        assert ("gpu2", Quantity.LINK_DOWNED) not in bad, "the report has no such line, and no port is asked alone"
        assert bad["gpu0", Quantity.NVLINK_SENT].value > good["gpu0", Quantity.NVLINK_SENT].value
        await tray.close()
