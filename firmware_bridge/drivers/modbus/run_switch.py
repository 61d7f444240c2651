"""A unit on a serial line, stopped, started and power-cycled by the bits that its register map names; nothing else is
written, and whether that may be is decided elsewhere."""

from collections.abc import Iterable

from firmware_bridge.drivers.modbus.unit import SerialUnit
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ActionNotOffered, EndpointRefused, ReplyMalformed
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import COUNTED, PowerAction, PowerAnswer, PowerDepth, PowerSight, PowerState
from firmware_bridge.wire.modbus.register_map import RunSwitch


def switched(units: Iterable[SerialUnit]) -> tuple[SerialUnit, RunSwitch] | None:
    """Return the one unit that was met and has a switch, None where there is none, or more than one."""
    found = [(unit, unit.map.switch) for unit in units if unit.met and unit.map.switch is not None]
    return found[0] if len(found) == 1 else None


def offered(switch: RunSwitch) -> frozenset[PowerAction]:
    """Return what a switch can be asked."""
    actions = {PowerAction.ON, PowerAction.FORCE_OFF}
    return frozenset(actions | {PowerAction.FORCE_RESTART} if switch.cycle else actions)


async def observe(unit: SerialUnit, switch: RunSwitch, clock: Clock) -> PowerSight:
    """Return whether a unit runs: its stop bit and what turns.  Raises DeviceError."""
    asked_at = clock.now()
    times = [r for r in (switch.up_time, switch.on_for) if r is not None]
    seen = await unit.read_numbers([switch.register, *switch.turns, *times])
    word = seen.get(switch.register.name)
    turning = [seen[r.name] for r in switch.turns if r.name in seen]
    state = _state(word, switch.stop, turning)
    depth = PowerDepth.HOST_OFF if state is PowerState.OFF else PowerDepth.NONE
    return PowerSight(state, depth, asked_at, _marker(seen, switch), offered(switch))


async def ask(unit: SerialUnit, switch: RunSwitch, action: PowerAction, endpoint: Place) -> PowerAnswer:
    """Ask for one action in one write; the bits beside it stay as the unit has them (see the port)."""
    if action not in offered(switch):
        raise ActionNotOffered(endpoint, "switch_unit", f"{action} is not offered")
    word = (await unit.read_numbers([switch.register])).get(switch.register.name)
    if word is None:
        raise ReplyMalformed(endpoint, "switch_unit", f"{switch.register.name} is no number")
    kept, stopped = int(word) & switch.keeps, int(word) & switch.stop
    if action is PowerAction.FORCE_RESTART and stopped:
        raise EndpointRefused(endpoint, "switch_unit", "it is stopped: its power is cycled while it runs")
    lit = {PowerAction.FORCE_OFF: switch.stop, PowerAction.FORCE_RESTART: switch.cycle}.get(action, 0)
    await unit.write_word(switch.register, kept | lit)
    return PowerAnswer(True, 0, "", str(action))


def _state(word: float | None, stop: int, turning: list[float]) -> PowerState:
    if word is None or not turning:
        return PowerState.UNKNOWN
    stopped, turns = bool(int(word) & stop), any(speed > 0 for speed in turning)
    if stopped:
        return PowerState.POWERING_OFF if turns else PowerState.OFF
    return PowerState.ON if turns else PowerState.POWERING_ON


def _marker(seen: dict[str, float], switch: RunSwitch) -> str:
    """Return for how long it ran before its last start, in s: it differs after every start."""
    if switch.up_time is None or switch.on_for is None:
        return ""
    total, since = seen.get(switch.up_time.name), seen.get(switch.on_for.name)
    return "" if total is None or since is None else f"{COUNTED}{total - since:.0f}"
