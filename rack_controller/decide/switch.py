"""What switches something of a rack, as plans know it."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction


@dataclass(frozen=True, slots=True)
class Switch:
    """The endpoint that switches a tray, and what it offers; nothing as long as it was not looked at."""

    endpoint: Place
    offers: frozenset[PowerAction] = frozenset()
