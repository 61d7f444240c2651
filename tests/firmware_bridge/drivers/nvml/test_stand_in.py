"""Unmodified pynvml, in a process of its own, on the stand-in library: the fake is held to the real client."""

import json
import os
import subprocess
import sys
from pathlib import Path

from support.nvml import FakeGpus

READ = """
import json, os, pynvml
said = {}
try:
    pynvml.nvmlInit()
    h = pynvml.nvmlDeviceGetHandleByIndex(1)
    said["count"] = pynvml.nvmlDeviceGetCount()
    said["serial"] = str(pynvml.nvmlDeviceGetSerial(h))
    said["bus"] = str(pynvml.nvmlDeviceGetPciInfo(h).busId)
    said["temperature"] = pynvml.nvmlDeviceGetTemperatureV(h, 0)
    values = pynvml.nvmlDeviceGetFieldValues(h, [185, (186, 1), 9999])
    said["fields"] = [[v.nvmlReturn, v.value.uiVal] for v in values]
    info = pynvml.c_nvmlGpuFabricInfo_v3_t()
    pynvml.nvmlDeviceGetGpuFabricInfoV(h, pynvml.byref(info))
    said["fabric"] = [info.state, info.cliqueId, info.healthMask]
    events = pynvml.nvmlEventSetCreate()
    pynvml.nvmlDeviceRegisterEvents(h, pynvml.nvmlEventTypeXidCriticalError, events)
    open(os.environ["FAKE_NVML_DATA"], "a").write("1 xid 5 79\\n")
    said["xid"] = pynvml.nvmlEventSetWait_v2(events, 1000).eventData
    said["clock"] = pynvml.nvmlDeviceGetClockInfo(h, 1)
except pynvml.NVMLError as err:
    said["error"] = err.value
print(json.dumps(said))
"""


def read(library_path: str, data: Path) -> dict[str, object]:
    environment = {**os.environ, "LD_LIBRARY_PATH": library_path, "FAKE_NVML_DATA": str(data)}
    done = subprocess.run([sys.executable, "-c", READ], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


def test_pynvml_reads_values_events_and_failures(nvml_folder: Path, tmp_path: Path) -> None:
    gpus = FakeGpus(tmp_path / "nvml.txt").set(1, "code", "nvmlDeviceGetClockInfo", 16)
    said = read(str(nvml_folder), gpus.path)
    assert said == {
        "count": 4,
        "serial": "SN1",
        "bus": "00000001:01:00.0",
        "temperature": 42,
        "fields": [[0, 812_500], [0, 1_190_000], [3, 0]],
        "fabric": [3, 7, 0x11AA],
        "xid": 79,
        "error": 16,
    }


def test_without_the_library_pynvml_says_so(tmp_path: Path) -> None:
    assert read("", tmp_path / "none.txt") == {"error": 12}
