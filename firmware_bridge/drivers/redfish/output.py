"""A power shelf's output over Redfish: seen as its enclosure says it, switched where its generation says how.

The actions are ones that no resource lists (southbound.md §3.6), so they come as hints: `output_on`, `output_off`.
"""

from typing import Any

from firmware_bridge.drivers.redfish.powered import Powered
from firmware_bridge.vocabulary.errors import ActionNotOffered
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerSight

_HINTS = {PowerAction.ON: "output_on", PowerAction.FORCE_OFF: "output_off"}


class Outputs:
    """Adds the port OutputSwitch to a source with `link`, `hints` and `state.power`."""

    __slots__ = ()

    @property
    def output_actions(self: Any) -> frozenset[PowerAction]:
        """Return what its generation says how to ask for (see the port)."""
        return frozenset(action for action, hint in _HINTS.items() if self.hints.get(hint))

    async def observe_output(self: Any) -> PowerSight:
        """Return what the shelf says of its output now (see the port)."""
        return await Powered.observe_power(self)

    async def switch_output(self: Any, action: PowerAction) -> PowerAnswer:
        """Ask for one action, once (see the port)."""
        target = self.hints.get(_HINTS.get(action, ""))
        if not target:
            raise ActionNotOffered(self.link.endpoint, "switch_output", f"{action} is not offered")
        answer = await self.link.effect(target, {})
        return PowerAnswer(True, answer.status, answer.location or "", str(action))
