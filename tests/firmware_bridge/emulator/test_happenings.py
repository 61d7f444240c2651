"""What happens in the plant is told by the device it happens to, and by no other."""

import json
from pathlib import Path

import pytest

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import running_emulator


@pytest.mark.parametrize("undone", [False, True])
async def test_each_happening_names_its_resource(tmp_path: Path, undone: bool) -> None:
    expected = {
        "u11": (Fault(FaultKind.LEAK, where="*/u11/leak1"), ("LeakDetectedCritical", "LeakDetectedNormal"), "Manifold"),
        "u19": (Fault(FaultKind.TRAY_OFF, where="*/u19"), ("ResourcePoweredOff", "ResourcePoweredOn"), "System_0"),
        "u06": (
            Fault(FaultKind.PSU_FAIL, where="*/u06/psu2"),
            ("ResourceStatusChangedCritical", "ResourceStatusChangedOK"),
            "PowerSupplies/2",
        ),
        "u01": (
            Fault(FaultKind.LEAK, where="*/u01/leak1", level="warning"),
            ("LeakDetectedWarning", "LeakDetectedNormal"),
            "Overflow",
        ),
    }
    async with running_emulator(tmp_path, "gb200-nvl72", speed=0) as emulator:
        hubs = {e.plan.place.split("/")[-2]: e.events for e in emulator.hall.endpoints}
        streams = {name: hub.open_stream("t", "").stream for name, hub in hubs.items() if hub is not None}
        emulator.hall.faults.set([fault for fault, _, _ in expected.values()])
        emulator.hall.advance(0.1)
        if undone:
            for stream in streams.values():
                assert stream is not None
                stream._waiting.clear()
            emulator.hall.faults.set([])
            emulator.hall.advance(0.1)
        for name, stream in streams.items():
            assert stream is not None
            frames = [json.loads(f.partition(b"data: ")[2]) for f in stream._waiting]
            if name not in expected:
                assert frames == [], name
                continue
            _, messages, origin = expected[name]
            (record,) = frames[0]["Events"]
            assert record["MessageId"].endswith(messages[undone])
            assert origin in record["OriginOfCondition"]["@odata.id"]
