"""One power request, asked once."""

from firmware_bridge.ports.power import PowerSwitch
from firmware_bridge.vocabulary.errors import LoginRefused
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer

SESSION_OVER = 401


async def ask_once(switch: PowerSwitch, action: PowerAction) -> PowerAnswer:
    """Ask; once more only when the session had ended, for then the device has not even looked at it.

    Raises what `PowerSwitch.switch_power` raises.
    """
    try:
        return await switch.switch_power(action)
    except LoginRefused as err:
        if err.status != SESSION_OVER:
            raise
    return await switch.switch_power(action)
