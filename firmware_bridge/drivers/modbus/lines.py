"""Every serial line that this process owns: one bus per tty, and who claims which address on it."""

import asyncio
import os
from collections.abc import Mapping

from firmware_bridge.drivers.modbus.bus import SerialBus
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.modbus.register_map import RegisterMap


class SerialLines:
    """Hands out the bus of a tty; notices when two units claim one address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buses: dict[str, SerialBus] = {}
        self._claims: dict[tuple[int, int], list[Place]] = {}
        self._users: dict[SerialBus, int] = {}
        self._maps: dict[int, tuple[RegisterMap, ...]] = {}  # what speaks at an address, on whichever line

    def bus(self, tty: str) -> SerialBus:
        """Return the bus of a tty, however it is spelled."""
        real = os.path.realpath(tty)
        bus = self._buses.setdefault(real, SerialBus(tty, self._clock))
        self._users[bus] = self._users.get(bus, 0) + 1
        return bus

    def claim(self, bus: SerialBus, address: int, place: Place, maps: tuple[RegisterMap, ...]) -> None:
        """Note that the unit at `place` is said to have this address and to speak one of `maps`."""
        self._maps[address] = maps
        self._claims.setdefault((id(bus), address), []).append(place)

    def rivals(self, bus: SerialBus, address: int, place: Place) -> list[Place]:
        """Return who else is said to have this address on that bus: whose answer would it be?"""
        return [p for p in self._claims.get((id(bus), address), ()) if p != place]

    def claimed(self, bus: SerialBus) -> frozenset[int]:
        """Return the addresses that some tray is said to have on that bus."""
        return frozenset(address for (of, address), places in self._claims.items() if of == id(bus) and places)

    def known(self) -> Mapping[int, tuple[RegisterMap, ...]]:
        """Return every address that some tray has had on any line, and what is spoken there."""
        return self._maps

    async def release(self, bus: SerialBus, address: int, place: Place) -> None:
        """Give up a unit's claim; close a bus once its last user is gone."""
        claims = self._claims.get((id(bus), address), [])
        if place in claims:
            claims.remove(place)  # one of two: a tray that is read anew has claimed it again already
        self._users[bus] = self._users.get(bus, 1) - 1
        if self._users[bus] <= 0:
            await asyncio.shield(bus.close())
