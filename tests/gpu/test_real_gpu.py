"""On a machine with a real GPU: everything is read through our driver, judged, and kept as a JSON file.

Where the file goes: `$OUT`, else `tests/gpu/kept` (not in version control).  See docs/gpu-agent.md.  Skips, with the
library's own reason, where there is no GPU.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.wire.nvml.message import HostReport
from firmware_bridge.wire.nvml.plan import READABLE

# In a process of its own: other tests load a stand-in for the library into this one.
READ = """
import asyncio, json, sys
import msgspec
from firmware_bridge.drivers.nvml.host import NvmlHost
from rack_controller.run.clock import SystemClock

async def read():
    host = NvmlHost(SystemClock())
    samples = []
    for _ in range(int(sys.argv[1])):
        samples.append(await host.sample())
        if samples[-1].library != "ok":
            break
        await asyncio.sleep(1.0)
    events = host.happened()
    await host.close()
    return {"samples": msgspec.to_builtins(samples), "events": msgspec.to_builtins(events)}

print(json.dumps(asyncio.run(read())))
"""
SAMPLES = 12


def keep(document: dict[str, object], name: str) -> Path:
    folder = Path(os.environ.get("OUT") or Path(__file__).with_name("kept"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


@pytest.fixture(scope="module")
def samples() -> list[HostReport]:
    environment = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "FAKE_NVML_DATA")}
    if "LD_LIBRARY_PATH" in os.environ and "FAKE_NVML_DATA" not in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    done = subprocess.run(
        [sys.executable, "-c", READ, str(SAMPLES)], env=environment, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    read = msgspec.convert(document["samples"], list[HostReport])
    if read[0].library != "ok":
        pytest.skip(f"no GPU here: {read[0].library}")
    print("kept:", keep(document, f"gpu-{read[0].gpus[0].name.replace(' ', '-').lower()}.json"))
    return read


def test_every_gpu_is_read_and_says_who_it_is(samples: list[HostReport]) -> None:
    for gpu in samples[-1].gpus:
        assert gpu.access == "ok", gpu.reason
        assert gpu.uuid.startswith("GPU-")
        assert gpu.bus_id


def test_what_is_read_is_plausible_and_what_is_not_has_a_reason(samples: list[HostReport]) -> None:
    for gpu in samples[-1].gpus:
        told = set(gpu.values) | set(gpu.failed)
        assert told >= READABLE - {"alarms", "gpu_access", "xids"}
        assert 5 < gpu.values["power_average"] < 2_500
        assert 0 < gpu.values["temperature_core"] < 110
        assert gpu.limits_w["min"] <= gpu.values["power_limit_enforced"] <= gpu.limits_w["max"]
        assert all(SPECS[Quantity(name)].unit for name in gpu.values)


def test_counters_do_not_run_backwards(samples: list[HostReport]) -> None:
    for before, after in itertools.pairwise(samples):
        for old, new in zip(before.gpus, after.gpus, strict=True):
            for name in ("energy_total", "ecc_corrected", "xids"):
                if name in old.values and name in new.values:
                    assert new.values[name] >= old.values[name], name


def test_a_whole_host_is_read_well_within_its_second(samples: list[HostReport]) -> None:
    assert all(gpu.age_s < 0.9 for report in samples for gpu in report.gpus)


# Lowers the first GPU's limit by 10 W, or to its least, and puts it back whatever happens.
SET = """
import json
from firmware_bridge.drivers.nvml import library
from firmware_bridge.drivers.nvml.limits import keep_limit
from firmware_bridge.drivers.nvml.library import NvmlFailure
import msgspec

try:
    library.open_library()
    handle = library.handle_of(0)
    around, before = library.read_limit_range(handle), library.read_limit(handle)
except NvmlFailure as err:
    print(json.dumps({"skip": str(err)}))
else:
    wanted = max(before - 10_000, around["min"])
    try:
        held = keep_limit(handle, 0, wanted * 0.001)
    finally:
        back = keep_limit(handle, 0, before * 0.001)
    said = {"held": msgspec.to_builtins(held), "back": msgspec.to_builtins(back)}
    print(json.dumps({"wanted": wanted, "before": before, **said}))
"""


@pytest.mark.skipif(os.environ.get("RACKWRIGHT_GPU_SETS") != "1", reason="RACKWRIGHT_GPU_SETS=1 lets limits be set")
def test_a_limit_is_set_read_back_and_put_back() -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "FAKE_NVML_DATA")}
    done = subprocess.run([sys.executable, "-c", SET], env=environment, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    if "skip" in said:
        pytest.skip(f"no GPU here: {said['skip']}")
    print("kept:", keep(said, "gpu-limit.json"))
    assert said["back"]["limit_w"] == said["before"] / 1e3
    if said["held"].get("refused"):
        pytest.skip(said["held"]["refused"])
    assert said["held"]["limit_w"] == said["wanted"] / 1e3
    assert said["held"]["enforced_w"] <= said["held"]["limit_w"]
