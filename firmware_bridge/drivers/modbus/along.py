"""Who answers on a tray's line besides its own units?  Asks the addresses that nobody claims; only reads, goes last.

A module in another shelf, or a cable in the wrong port, shows as silence at one address and an answer at another.
"""

from collections.abc import Sequence

from firmware_bridge.drivers.modbus.bus import PROBE_WAIT, Ask, Urgency
from firmware_bridge.drivers.modbus.lines import SerialLines
from firmware_bridge.drivers.modbus.unit import SerialUnit
from firmware_bridge.vocabulary.errors import DeviceError, EndpointRefused, EndpointUnreachable
from firmware_bridge.vocabulary.line import LineLook
from firmware_bridge.wire.modbus.register_map import RegisterMap


async def look_along(units: Sequence[SerialUnit], lines: SerialLines) -> LineLook:
    """Ask every address that the families of these units may have and that no tray of the site has on this line.

    Where none of them answers, perhaps the line is another one: the addresses of the site's other lines are asked too.
    An address that two trays claim is in no list: whose answer would it be?  Raises EndpointUnreachable when the tty
    cannot be opened.
    """
    bus = units[0].bus
    own = [u for u in units if not lines.rivals(bus, u.address, u.place)]
    present = {u.address for u in own if not u.life.is_failing or await _any_answers(u, u.address, u.maps)}
    silent = {u.address for u in own} - present
    families = {m.name: m for u in units for m in u.maps}.values()
    wanted = {a: [m for m in families if m.covers(a)] for a in range(1, 256)}
    if not present:
        wanted |= {a: [*{m.name: m for m in (*wanted[a], *maps)}.values()] for a, maps in lines.known().items()}
    unclaimed = [a for a in wanted if a not in lines.claimed(bus)]
    strangers = [a for a in unclaimed if await _any_answers(units[0], a, wanted[a])]
    return LineLook(bus.tty, tuple(sorted(present)), tuple(sorted(silent)), tuple(strangers))


async def _any_answers(asker: SerialUnit, address: int, maps: Sequence[RegisterMap]) -> bool:
    """Tell whether somebody is at an address.  A refusal is an answer; what came garbled may be anybody's."""
    for candidate in maps:
        line = asker.line or candidate.line
        try:
            ask = Ask(asker.endpoint, address, candidate.probe, 1, line, (), PROBE_WAIT)
            await asker.bus.read(ask, Urgency.BACKGROUND)
        except EndpointRefused:
            return True
        except EndpointUnreachable as err:
            if err.verb == "open":
                raise
        except DeviceError:
            continue
        else:
            return True
    return False
