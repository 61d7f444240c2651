"""Metric reports that emulated devices send by their events, for as long as `metric_report` is in force on them."""

from dataclasses import dataclass, field

from firmware_bridge.emulator.device import Device, time_text
from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import FaultTable
from firmware_bridge.redfish_service.event_hub import EventHub

REPORTS = "/redfish/v1/TelemetryService/MetricReports"


@dataclass(slots=True)
class Reporting:
    """Who sends reports, and when each did last.  Times are emulated seconds."""

    faults: FaultTable
    _senders: list[tuple[Device, EventHub]] = field(default_factory=list)
    _sent: dict[str, float] = field(default_factory=dict)

    def join(self, device: Device, hub: EventHub) -> None:
        """Let a device send its reports where it has any."""
        if any(uri.startswith(f"{REPORTS}/") for uri in device.template.nodes):
            self._senders.append((device, hub))

    def look(self) -> None:
        """Send every report that is due."""
        if not any(f.what is FaultKind.METRIC_REPORT for f in self.faults.all()):
            return
        for device, hub in self._senders:
            now = device.bench.time
            armed = [a for a in self.faults.on_events(device.place) if a.fault.what is FaultKind.METRIC_REPORT]
            for entry in armed:
                due = self._sent.get(device.place, float("-inf")) + entry.fault.seconds
                if entry.fault.is_on(now) and now >= due:
                    self._sent[device.place] = now
                    entry.struck += 1
                    self._send(device, hub)

    def _send(self, device: Device, hub: EventHub) -> None:
        for uri in device.template.nodes:
            document = device.get(uri, None) if uri.startswith(f"{REPORTS}/") else None
            if document is not None:
                # By the clock that its values are dated by: a device knows no other.
                hub.publish_report({**document.body, "Timestamp": time_text(device.bench.time)})
