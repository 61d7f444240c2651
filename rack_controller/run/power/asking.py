"""One power request, asked once."""

from collections.abc import Awaitable, Callable
from functools import partial

from firmware_bridge.ports.power import PowerSwitch
from firmware_bridge.vocabulary.errors import LoginRefused
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer

SESSION_OVER = 401


def _always() -> None:
    return


async def ask_once(switch: PowerSwitch, action: PowerAction, check: Callable[[], None] = _always) -> PowerAnswer:
    """Ask for a power action.  Raises what `PowerSwitch.switch_power` raises."""
    return await once(partial(switch.switch_power, action), check)


async def once(ask: Callable[[], Awaitable[PowerAnswer]], check: Callable[[], None] = _always) -> PowerAnswer:
    """Ask; once more only when the session had ended, for then the device has not even looked at it.

    `check` is called right before each request: what it raises leaves nothing sent.
    """
    check()
    try:
        return await ask()
    except LoginRefused as err:
        if err.status != SESSION_OVER:
            raise
    check()
    return await ask()
