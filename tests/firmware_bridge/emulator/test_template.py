"""Templates: names and sums filled in, slots cut out, collections and reports made, faults in them pointed at."""

from pathlib import Path

import numpy as np
import pytest

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.template import Slot, fill, load_template
from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place

TRAY = load_generation("gb200-nvl72").slots_of(TrayKind.COMPUTE)[0].tray
HEAD = "schema: 1\ndevice: toy\nrepeats: {gpu: {component: gpu}, fan: {first: 1, number: 2}}\nresources:\n"


def template(tmp_path: Path, resources: str) -> dict[str, bytes]:
    (tmp_path / "toy.yaml").write_text(HEAD + resources)
    nodes = load_template("toy", TRAY, tmp_path).nodes
    return {u: b"".join(p if isinstance(p, bytes) else b"<slot>" for p in n.pieces) for u, n in nodes.items()}


def test_names_and_sums_are_filled_in() -> None:
    bound = {"gpu": 5}
    assert fill("GPU_{gpu} {gpu+1} {gpu-1} {gpu/2} {gpu%2} {gpu*3} {other}", bound) == "GPU_5 6 4 2 1 15 {other}"


def test_one_resource_per_part_and_a_collection_of_them(tmp_path: Path) -> None:
    found = template(
        tmp_path,
        "- {collection: /r, body: {Name: All}}\n- {uri: '/r/{gpu}', body: {Id: '{gpu}', N: {$int: '{gpu}'}}}\n",
    )
    assert list(found) == ["/r", "/r/0", "/r/1", "/r/2", "/r/3"]
    assert found["/r/2"] == b'{"@odata.id":"/r/2","Id":"2","N":2}'
    assert b'"Members@odata.count":4' in found["/r"]


def test_a_meter_shakes_in_its_last_digits_and_shows_the_same_for_a_second(tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text(
        HEAD
        + "- {uri: /r, body: {A: {$live: tray.power, noise_share: 0.001}, B: {$live: tray.power, noise_share: 0.001},"
        + " C: {$live: tray.power}, D: {$live: cpu.temperature, noise: 0.03, round: 2}}}\n"
    )
    node = load_template("toy", TRAY, tmp_path).nodes["/r"]
    bench = Bench(load_generation("gb200-nvl72"), [Place("lab/k01")], None)
    slots = [p for p in node.pieces if not isinstance(p, bytes)]
    seen = []
    for _ in range(40):
        values = [s.reader(bench, 0, 3, s.at) for s in slots if s.reader is not None]
        assert values[0] == values[1], "one meter, wherever it is shown"
        assert values == [s.reader(bench, 0, 3, s.at) for s in slots if s.reader is not None]
        seen.append(values)
        bench.advance(1.0)
    shown = np.array(seen, dtype=np.float64)
    assert len(np.unique(shown[:, 0])) == 40
    assert 0.0005 < np.std(shown[:, 0] / shown[:, 2]) < 0.0015
    assert np.abs(shown[:, 0] / shown[:, 2] - 1.0).max() < 0.005
    assert 0.02 < np.std(shown[:, 3]) < 0.05


def test_live_values_become_slots(tmp_path: Path) -> None:
    found = template(tmp_path, "- {uri: /r, body: {A: {B: {$live: gpu.power, at: 1}}, C: {$rating: gpu.limit_max}}}\n")
    assert found["/r"] == b'{"@odata.id":"/r","A":{"B":<slot>},"C":1200}'


def test_a_report_lists_the_sensors_that_a_glob_names(tmp_path: Path) -> None:
    found = template(
        tmp_path,
        "- {uri: /s/power, body: {Reading: {$live: tray.power}}}\n- {uri: /s/none, body: {Reading: null}}\n"
        "- {uri: /report, metrics: ['/s/*'], body: {Id: report}}\n",
    )
    assert found["/report"].count(b"MetricProperty") == 1
    assert b'"MetricProperty":"/s/power","MetricValue":<slot>' in found["/report"]


@pytest.mark.parametrize(
    "resources",
    [
        "- {uri: /r}\n",
        "- {uri: /r, body: {A: {$live: no.such}}}\n",
        "- {uri: /r, body: {A: {$rating: gpu.colour}}}\n",
        "- {uri: '/r/{nobody}', body: {}}\n",
    ],
)
def test_a_bad_template_is_refused(tmp_path: Path, resources: str) -> None:
    with pytest.raises(FileInvalid):
        template(tmp_path, resources)


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        load_template("nothing", TRAY, tmp_path)


@pytest.mark.parametrize(
    ("slot", "value", "shown"),
    [
        (Slot("x", digits=1), 1.26, b"1.3"),
        (Slot("x", scale=0.001, digits=3), 1234.5, b"1.234"),
        (Slot("x", text=True, digits=6), 159.013, b'"159.013000"'),
        (Slot("x", words=("OK", "Critical")), 1, b'"Critical"'),
        (Slot("x"), True, b"true"),
        (Slot("x"), float("nan"), b"null"),
        (Slot("x"), None, b"null"),
        (Slot("x"), "EMU", b'"EMU"'),
    ],
)
def test_values_are_shown_as_json(slot: Slot, value: object, shown: bytes) -> None:
    assert slot.shown(value) == shown
