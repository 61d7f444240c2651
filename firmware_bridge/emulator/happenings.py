"""What happens in the plant becomes Redfish events of the device it happens to.

After each step the arrays of a rack design are compared with those of the step before, all racks at once: endpoints
cost nothing while nothing happens.  The resource that an event names is found in the device's template: the one that
shows the live value.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.template import DeviceTemplate, Slot
from firmware_bridge.redfish_service.event_hub import EventHub
from firmware_bridge.vocabulary.generation import Slot as RackSlot
from firmware_bridge.vocabulary.generation import TrayKind

Codes = NDArray[np.int8]
Message = tuple[str, str, str]
"""MessageId, severity, text with `{0}` for the resource."""

# Environmental 1.1, ResourceEvent 1.3 and SensorEvent 1.0: message names as in DMTF's registries, texts ours.
_LEAK: dict[int, Message] = {
    0: ("Environmental.1.1.0.LeakDetectedNormal", "OK", "Leak detector '{0}' is dry again."),
    1: ("Environmental.1.1.0.LeakDetectedWarning", "Warning", "Leak detector '{0}' reports a small leak."),
    2: ("Environmental.1.1.0.LeakDetectedCritical", "Critical", "Leak detector '{0}' reports a leak."),
}
_POWER: dict[int, Message] = {
    0: ("ResourceEvent.1.3.1.ResourcePoweredOff", "OK", "'{0}' was switched off."),
    1: ("ResourceEvent.1.3.1.ResourcePoweredOn", "OK", "'{0}' was switched on."),
}
_SUPPLY: dict[int, Message] = {
    0: ("ResourceEvent.1.3.1.ResourceStatusChangedCritical", "Critical", "The health of '{0}' is now Critical."),
    1: ("ResourceEvent.1.3.1.ResourceStatusChangedOK", "OK", "The health of '{0}' is now OK."),
}
_WARM: dict[int, Message] = {
    0: ("SensorEvent.1.0.1.SensorReadingNormalRange", "OK", "Sensor '{0}' is back in its normal range."),
    1: ("SensorEvent.1.0.1.ReadingAboveUpperCautionThreshold", "Warning", "Sensor '{0}' is above a caution threshold."),
}
_TOLD_OF_FIRST = ("/Systems/", "/Sensors/", "/LeakDetectors/")
RETURN_CAUTION_C = 60.0  # as the coolant unit's template says of its return sensor


@dataclass(frozen=True, slots=True)
class Watch:
    """One live value that events tell of: codes of every rack, (R, slots, parts), and what each code is called."""

    kind: TrayKind
    name: str
    codes: Callable[[Bench], Codes]
    messages: Mapping[int, Message]


def _leaks(kind: TrayKind) -> Callable[[Bench], Codes]:
    return lambda bench: bench.leaks[kind]


WATCHES = (
    Watch(TrayKind.COMPUTE, "tray.leak", _leaks(TrayKind.COMPUTE), _LEAK),
    Watch(TrayKind.SWITCH, "switch.leak", _leaks(TrayKind.SWITCH), _LEAK),
    Watch(TrayKind.COOLANT_UNIT, "cdu.leak", _leaks(TrayKind.COOLANT_UNIT), _LEAK),
    Watch(TrayKind.COMPUTE, "tray.on", lambda b: _whole(b.state.conditions.tray_on), _POWER),
    Watch(TrayKind.SWITCH, "switch.on", lambda b: _whole(b.state.conditions.switch_on), _POWER),
    Watch(TrayKind.POWER_SHELF, "psu.on", lambda b: b.state.conditions.psu_ok.astype(np.int8), _SUPPLY),
    Watch(TrayKind.COOLANT_UNIT, "pump.code", lambda b: _one_unit(b.state.conditions.pump_ok), _SUPPLY),
    Watch(TrayKind.COOLANT_UNIT, "loop.return", lambda b: _warm(b.state.outlet), _WARM),
)


def _whole(trays: NDArray[np.bool_]) -> Codes:
    return trays.astype(np.int8)[:, :, np.newaxis]


def _one_unit(parts: NDArray[np.bool_]) -> Codes:
    return parts.astype(np.int8)[:, np.newaxis, :]


def _warm(outlet: NDArray[np.float64]) -> Codes:
    return (outlet >= RETURN_CAUTION_C).astype(np.int8)[:, np.newaxis, np.newaxis]


class Happenings:
    """Who is to be told of what, for every rack of one process."""

    def __init__(self) -> None:
        self._hubs: dict[tuple[int, int, TrayKind, int], list[tuple[EventHub, DeviceTemplate]]] = {}
        self._seen: dict[tuple[int, int], Codes] = {}
        self._origins: dict[int, dict[tuple[str, int], str]] = {}

    def join(self, bench: Bench, rack: int, tray: RackSlot, hub: EventHub, template: DeviceTemplate) -> None:
        """Have `hub` told what happens to this tray in row `rack` of the bench."""
        self._hubs.setdefault((id(bench), rack, tray.tray.kind, tray.index), []).append((hub, template))

    def look(self, bench: Bench) -> None:
        """Tell what has changed since the last look at this bench; the first look only remembers."""
        for number, watch in enumerate(WATCHES):
            codes, key = watch.codes(bench), (id(bench), number)
            seen, self._seen[key] = self._seen.get(key), codes.copy()
            if seen is None or np.array_equal(seen, codes):
                continue
            for rack, index, part in np.argwhere(seen != codes).tolist():
                code = int(codes[rack, index, part])
                for hub, template in self._hubs.get((id(bench), rack, watch.kind, index), ()):
                    origin = self._origin(template, watch.name, part)
                    if origin:
                        hub.publish([_record(watch.messages[code], origin)])

    def _origin(self, template: DeviceTemplate, name: str, part: int) -> str:
        found = self._origins.get(id(template))
        if found is None:
            found = self._origins[id(template)] = {}
            for key, uri in _shown_at(template):
                found.setdefault(key, uri)
        return found.get((name, part), "")


def _shown_at(template: DeviceTemplate) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield where each watched value is shown; a host, a sensor and a detector come before what sums them up."""
    names = {watch.name for watch in WATCHES}
    for uri in sorted(template.nodes, key=lambda u: not any(part in u for part in _TOLD_OF_FIRST)):
        for piece in template.nodes[uri].pieces:
            if isinstance(piece, Slot) and piece.name in names and "/Controls/" not in uri:
                yield (piece.name, piece.at), uri


def _record(message: Message, origin: str) -> dict[str, object]:
    message_id, severity, text = message
    name = origin.rsplit("/", 1)[-1]
    return {
        "MessageId": message_id,
        "MessageSeverity": severity,
        "Severity": severity,
        "Message": text.format(name),
        "MessageArgs": [name],
        "OriginOfCondition": {"@odata.id": origin},
    }
