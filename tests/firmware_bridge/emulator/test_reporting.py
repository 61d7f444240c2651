"""A device sends its metric reports by its events while it is told to, as often as it is told."""

import json
from collections import Counter
from pathlib import Path

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import running_emulator
from firmware_bridge.wire.redfish.intake import device_seconds


async def test_only_who_is_told_to_sends_reports_and_with_live_values(tmp_path: Path) -> None:
    async with running_emulator(tmp_path, "gb200-nvl72", speed=0) as emulator:
        hubs = {e.plan.place.split("/")[-2]: e.events for e in emulator.hall.endpoints if e.events is not None}
        streams = {name: hubs[name].open_stream("t", "").stream for name in ("u11", "u12", "u06")}
        now = Fault(FaultKind.METRIC_REPORT, where="*/u11/bmc", seconds=2.0)
        later = Fault(FaultKind.METRIC_REPORT, where="*/u12/bmc", seconds=2.0, since=100.0)
        emulator.hall.faults.set([now, later])
        for _ in range(5):
            emulator.hall.advance(1.0)
        told = {name: list(stream._waiting) for name, stream in streams.items() if stream is not None}
        assert told["u12"] == told["u06"] == []
        reports = [json.loads(frame.partition(b"data: ")[2]) for frame in told["u11"]]
        assert set(Counter(r["@odata.id"] for r in reports).values()) == {3}
        assert all(r["@odata.type"].startswith("#MetricReport.") and r["Timestamp"] for r in reports)
        ours = [r["MetricValues"] for r in reports if r["Id"] == "HGX_PlatformEnvironmentMetrics_0"]
        assert float(ours[0][0]["MetricValue"]) > 0
        assert ours[0] != ours[-1]
        for report in reports:  # one clock for a report and its values: their age is what lies between them
            made = device_seconds(report["Timestamp"])
            assert made is not None
            assert all(0 <= made - (device_seconds(v["Timestamp"]) or 0) < 5 for v in report["MetricValues"])
