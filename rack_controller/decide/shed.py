"""Which trays go off when shelves deliver too much and caps were not enough: the least important first.  Pure.

Only hosts are shed.  A switch tray would take a whole domain with it, and a shelf is what must be spared.
"""

from collections.abc import Collection
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place


@dataclass(frozen=True, slots=True)
class Host:
    """A tray that may be shed: what it draws, in W, and its priority; the smaller one stays on longer."""

    place: Place
    power_w: float
    priority: int


def decide_shed(hosts: Collection[Host], excess_w: float) -> tuple[Place, ...]:
    """Return the hosts to switch off so that at least `excess_w` is drawn no more; all where that is too little.

    The least important first; of equal ones that which draws most, so that few jobs end.
    """
    chosen: list[Place] = []
    left = excess_w
    for host in sorted(hosts, key=lambda h: (-h.priority, -h.power_w, h.place)):
        if left <= 0:
            break
        chosen.append(host.place)
        left -= host.power_w
    return tuple(chosen)
