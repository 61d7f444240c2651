"""A host's power as a table: what is asked in which state leads where, and for how long.  Pure; time is its owner's.

Asked while it is on its way, a host refuses (409), as BMCs do that guard their sequencer.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from firmware_bridge.vocabulary.errors import ConfigurationError


class Power(StrEnum):
    """Redfish's Resource.PowerState, without Paused."""

    OFF = "Off"
    ON = "On"
    POWERING_OFF = "PoweringOff"
    POWERING_ON = "PoweringOn"


POWER_CODES = tuple(Power)
"""The order in which a device file's `words` name the states: Off, On, PoweringOff, PoweringOn."""


class Ask(StrEnum):
    """Redfish's ResetType, as far as emulated devices know it."""

    ON = "On"
    FORCE_ON = "ForceOn"
    FORCE_OFF = "ForceOff"
    GRACEFUL_SHUTDOWN = "GracefulShutdown"
    FORCE_RESTART = "ForceRestart"
    GRACEFUL_RESTART = "GracefulRestart"
    POWER_CYCLE = "PowerCycle"
    NMI = "Nmi"


@dataclass(frozen=True, slots=True)
class PowerData:
    """What a kind of device takes, in emulated seconds; `power:` of its device file.

    `off_s`, `graceful_s`: until a host that is switched off, or asked to shut down, is off.  `on_s`: until one that is
    switched on draws its load.  `dark_s`: how long a cycle stays off.  `reports`: `accepted` says Off (or On) as soon
    as the request is taken, `done` when it is so.  `bmc_s`: how long the BMC is gone when it restarts, `login_s`: how
    much longer until a login works, `hmc_s`: the same for the manager behind it.  `aux_s`: how long the BMC is gone
    when the tray's auxiliary power is cycled; `after_aux`: what the host does then.
    """

    off_s: float = 3.0
    graceful_s: float = 8.0
    on_s: float = 4.0
    dark_s: float = 2.0
    reports: Literal["accepted", "done"] = "done"
    bmc_s: float = 40.0
    login_s: float = 10.0
    hmc_s: float = 30.0
    aux_s: float = 90.0
    after_aux: Literal["on", "off", "last"] = "last"


@dataclass(frozen=True, slots=True)
class Move:
    """Where a request leads: to `through`, for the time that `takes` names; `again`: off and then on."""

    through: Power
    takes: str
    again: bool = False


_OFF = Move(Power.POWERING_OFF, "off_s")
_ON = Move(Power.POWERING_ON, "on_s")
MOVES: dict[tuple[Power, Ask], Move | None] = {
    (Power.ON, Ask.ON): None,
    (Power.ON, Ask.FORCE_ON): None,
    (Power.ON, Ask.FORCE_OFF): _OFF,
    (Power.ON, Ask.GRACEFUL_SHUTDOWN): Move(Power.POWERING_OFF, "graceful_s"),
    (Power.ON, Ask.FORCE_RESTART): Move(Power.POWERING_OFF, "off_s", again=True),
    (Power.ON, Ask.GRACEFUL_RESTART): Move(Power.POWERING_OFF, "graceful_s", again=True),
    (Power.ON, Ask.POWER_CYCLE): Move(Power.POWERING_OFF, "off_s", again=True),
    (Power.ON, Ask.NMI): None,
    (Power.OFF, Ask.ON): _ON,
    (Power.OFF, Ask.FORCE_ON): _ON,
    (Power.OFF, Ask.FORCE_OFF): None,
    (Power.OFF, Ask.GRACEFUL_SHUTDOWN): None,
    (Power.OFF, Ask.FORCE_RESTART): _ON,
    (Power.OFF, Ask.GRACEFUL_RESTART): _ON,
    (Power.OFF, Ask.POWER_CYCLE): _ON,
    (Power.OFF, Ask.NMI): None,
}
"""None: it is so already.  A pair that is not here is refused: the host is on its way."""


def power_data(stated: dict[str, object]) -> PowerData:
    """Return a device file's `power`.  Raises ConfigurationError for what cannot be."""
    try:
        data = PowerData(**stated)  # type: ignore[arg-type]  # checked below
    except TypeError as err:
        raise ConfigurationError(f"power: {err}", advice="see seeds/devices/README.md") from err
    for name in PowerData.__dataclass_fields__:
        value = getattr(data, name)
        if name.endswith("_s") and not (isinstance(value, int | float) and 0 <= value <= 3600):
            raise ConfigurationError(f"power: {name}: {value!r}", advice="write seconds from 0 to 3600")
    if data.reports not in ("accepted", "done") or data.after_aux not in ("on", "off", "last"):
        raise ConfigurationError(f"power: {data.reports!r}, {data.after_aux!r}", advice="see seeds/devices/README.md")
    return data
