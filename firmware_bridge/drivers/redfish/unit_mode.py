"""A coolant unit over Redfish, enabled and disabled where it offers `#CoolingUnit.SetMode` (DSP0268 CoolingUnit).

No action of the schema cycles a unit's power and lets it be seen that it did: that is not offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firmware_bridge.drivers.redfish.enclosure import Listed
from firmware_bridge.drivers.redfish.powered import read_now
from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.vocabulary.errors import ActionNotOffered, ResourceMissing
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerSight
from firmware_bridge.wire.redfish.links import link_of
from firmware_bridge.wire.redfish.resets import MODE, depth_of, mode_words, supply_state


@dataclass(frozen=True, slots=True)
class UnitPoint:
    """Where a coolant unit is seen, where its mode is set, and the word for each action."""

    uri: str
    target: str
    words: Mapping[PowerAction, str]


async def units_of(tree: Tree) -> Listed:
    """Return the coolant units of an endpoint."""
    equipment = await tree.get(link_of(tree.documents[ROOT], "ThermalEquipment"))
    return await tree.members(link_of(equipment, "CDUs"))


async def unit_point(tree: Tree) -> UnitPoint | None:
    """Return where the unit is switched, None where it offers nothing; of several units none speaks for all."""
    units = await units_of(tree)
    offer = mode_words(units[0][1]) if len(units) == 1 else None
    return None if offer is None else UnitPoint(tree.spelled(units[0][0]), *offer)


class UnitModes:
    """Adds the port CoolantSwitch to a source with `link`, `clock` and `state.unit`."""

    __slots__ = ()

    @property
    def unit_actions(self: Any) -> frozenset[PowerAction]:
        """Return what was offered when the unit was last looked at (see the port)."""
        point: UnitPoint | None = self.state.unit
        return frozenset() if point is None else frozenset(point.words)

    async def observe_unit(self: Any) -> PowerSight:
        """Return what the unit says of itself now (see the port)."""
        point: UnitPoint | None = self.state.unit
        if point is None:
            raise ResourceMissing(self.link.endpoint, "observe_unit", "it offers no mode to be set")
        asked_at = self.clock.now()
        state = supply_state(await read_now(self.link, point.uri))
        return PowerSight(state, depth_of(state), asked_at, "", frozenset(point.words))

    async def switch_unit(self: Any, action: PowerAction) -> PowerAnswer:
        """Ask for one mode, once (see the port)."""
        point: UnitPoint | None = self.state.unit
        if point is None or action not in point.words:
            raise ActionNotOffered(self.link.endpoint, "switch_unit", f"{action} is not offered")
        answer = await self.link.effect(point.target, {MODE: point.words[action]})
        return PowerAnswer(True, answer.status, answer.location or "", point.words[action])
