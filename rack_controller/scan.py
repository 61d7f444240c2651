"""One serial line looked at with no server running: who answers, how fast, and what it says it is.  Writes nothing.

Every known register map is tried at its own speed and parity over the addresses that its family may have; where
families overlap, the first that answers is kept (facebook/openbmc rackmon2 probes the same way, 70 ms each).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from firmware_bridge.drivers.modbus.bus import LATE, PROBE_WAIT, Ask, SerialBus, Urgency
from firmware_bridge.drivers.modbus.unit import SerialUnit
from firmware_bridge.generations.register_maps import load_register_map, register_map_files
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointRefused, EndpointUnreachable
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.modbus.register_map import RegisterMap

_NOWHERE = Place("line")


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """One unit that answered: address, the map it answered to, the line's settings, and its identity texts."""

    address: int
    map: str
    title: str
    line: str
    identity: dict[str, str] = field(default_factory=dict)
    note: str = ""


async def scan_line(
    tty: str,
    clock: Clock,
    addresses: Sequence[int] | None = None,
    maps: Iterable[str] | None = None,
    search: Sequence[Path] = (),
    told: Callable[[str], None] = lambda _: None,
) -> list[FoundUnit]:
    """Return every unit that answers on `tty`, by address.

    `addresses` and `maps` narrow the search; `told` hears which family is being tried.  Raises ConfigurationError
    for an unknown map and EndpointUnreachable when the tty cannot be opened.
    """
    known = [load_register_map(name, search) for name in (maps or sorted(register_map_files(search)))]
    bus = SerialBus(tty, clock)
    found: dict[int, FoundUnit] = {}
    refused: dict[int, FoundUnit] = {}
    try:
        for register_map in known:
            wanted = [a for a in range(1, 256) if register_map.covers(a) and (addresses is None or a in addresses)]
            if wanted:
                # What was silent a moment ago may still answer the family before.
                await clock.sleep_until(Seconds(clock.now() + LATE))
                told(f"{register_map.name} at {register_map.line}: {len(wanted)} addresses")
            for address in wanted:
                if address in found:
                    continue
                try:
                    if await _answers(bus, register_map, address):
                        found[address] = await _met(bus, clock, register_map, address)
                except EndpointRefused as err:
                    # Somebody is there, but perhaps of another family.
                    refused.setdefault(address, _stranger(register_map, address, err.detail))
    finally:
        await bus.close()
    everybody = {**refused, **found}
    return [everybody[address] for address in sorted(everybody)]


def found_document(found: FoundUnit) -> dict[str, Any]:
    """Return a unit as plain JSON values."""
    return {**asdict(found), "address_hex": f"{found.address:#04x}"}


async def _answers(bus: SerialBus, register_map: RegisterMap, address: int) -> bool:
    ask = Ask(f"{bus.tty}", address, register_map.probe, 1, register_map.line, (), PROBE_WAIT)
    try:
        await bus.read(ask, Urgency.BACKGROUND)
    except EndpointRefused:
        raise
    except EndpointUnreachable as err:
        if err.verb == "open":
            raise
        return False
    except DeviceError:
        return False
    return True


def _stranger(register_map: RegisterMap, address: int, why: str) -> FoundUnit:
    return FoundUnit(address, register_map.name, register_map.title, str(register_map.line), {}, f"refuses: {why}")


async def _met(bus: SerialBus, clock: Clock, register_map: RegisterMap, address: int) -> FoundUnit:
    unit = SerialUnit(_NOWHERE, _NOWHERE, "", address, (register_map,), bus, clock)
    identity: dict[str, str] = {}
    note = ""
    try:
        identity = await unit.identity(Urgency.BACKGROUND)
    except DeviceError as err:
        note = err.detail
    return FoundUnit(address, register_map.name, register_map.title, str(register_map.line), identity, note)
