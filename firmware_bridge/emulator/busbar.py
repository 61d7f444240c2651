"""What hangs on a busbar loses everything when every shelf is switched off, its controller too, until one is on again.

Shelves' own controllers live on their feeds and go on answering.  A bar that is without power for another reason
(failed supplies, the building's breaker) is the plant's and the building's to play.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.device import Device
from firmware_bridge.vocabulary.generation import TrayKind

_HANGS_ON_IT = (TrayKind.COMPUTE, TrayKind.SWITCH)


@dataclass(slots=True)
class Busbars:
    """The busbars of a hall.  `devices` are all that listen there."""

    devices: Callable[[], Iterable[Device]]
    _dark: set[tuple[int, int]] = field(default_factory=set)  # bench and rack

    def look(self, bench: Bench) -> None:
        """Take power from trays whose bar has gone dark, and give it back to those whose bar has not been long."""
        for rack in range(len(bench.racks)):
            key, dark = (id(bench), rack), is_dark(bench, rack)
            if dark is (key in self._dark):
                continue
            self._dark ^= {key}
            for device in self.devices():
                if device.bench is bench and device.rack == rack and device.slot.tray.kind in _HANGS_ON_IT:
                    _lose(device, math.inf if dark else 0.0)


def _lose(device: Device, seconds: float) -> None:
    """Take a tray's power, or a second controller's that switches nothing, for so long."""
    if device.switches:
        device.lose_mains(seconds)
    else:
        device.life.restart(seconds + device.template.power.bmc_s, device.template.power.login_s)


def is_dark(bench: Bench, rack: int) -> bool:
    """Tell whether every shelf of a rack has an output that is switched off, and no battery carries the bar."""
    shelves = bench.design.shelves
    outputs = [bench.hosts.get((TrayKind.POWER_SHELF, rack, n)) for n in range(shelves)]
    off = bool(outputs) and all(output is not None and not output.powered for output in outputs)
    return off and not bool((bench.state.bbu_energy[rack] > 0.0).any())
