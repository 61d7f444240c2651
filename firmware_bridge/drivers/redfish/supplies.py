"""A power shelf's supplies over Redfish: found, and switched one by one where they offer `#PowerSupply.Reset`.

Whether a supply can be switched is what its own document says (DSP0268 PowerSupply), not which device it is in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firmware_bridge.drivers.redfish.enclosure import Enclosure, Listed
from firmware_bridge.drivers.redfish.foreign import collections_of
from firmware_bridge.drivers.redfish.powered import read_now, reset_words
from firmware_bridge.drivers.redfish.tree import ROOT, Tree
from firmware_bridge.vocabulary.errors import ActionNotOffered, ResourceMissing
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerSight
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.links import link_of, tidy
from firmware_bridge.wire.redfish.resets import PARAMETER, SUPPLY_RESETS, depth_of, reset_points, supply_state


@dataclass(frozen=True, slots=True)
class SupplyPoint:
    """Where one supply is seen, and per action the target and the word for it."""

    uri: str
    words: Mapping[PowerAction, tuple[str, str]]


async def find_supplies(tree: Tree, found: Enclosure) -> Listed:
    """Return every power supply: below a PowerSubsystem, below PowerEquipment's shelves, else behind Oem links."""
    subsystems = await tree.many(link_of(d, "PowerSubsystem") for _, d in found.chassis)
    collections = [link_of(d, "PowerSupplies") for d in subsystems if d is not None]
    equipment = await tree.get(link_of(tree.documents[ROOT], "PowerEquipment"))
    for _, shelf in await tree.members(link_of(equipment, "PowerShelves")):
        collections.append(link_of(shelf, "PowerSupplies"))
    if not any(c is not None for c in collections):
        collections += await collections_of(tree, [d for _, d in (*found.chassis, *found.systems)], "PowerSupply")
    supplies: dict[str, Document] = {}
    for collection in dict.fromkeys(tidy(c) for c in collections if c is not None):
        supplies.update(await tree.members(collection))
    return list(supplies.items())


def supply_name(index: int) -> str:
    """Return what the supply at `index` of `find_supplies` is called in places."""
    return f"psu{index}"


async def supply_points(tree: Tree, found: Enclosure) -> dict[str, SupplyPoint]:
    """Return, by name, the supplies that offer to be switched."""
    points = {}
    for index, (uri, document) in enumerate(await find_supplies(tree, found)):
        words = await reset_words(tree, reset_points(document, SUPPLY_RESETS))
        if words:
            points[supply_name(index)] = SupplyPoint(tree.spelled(uri), words)
    return points


class Supplies:
    """Adds the port SupplySwitch to a source with `link`, `clock` and `state.supplies`."""

    __slots__ = ()

    @property
    def supply_actions(self: Any) -> Mapping[str, frozenset[PowerAction]]:
        """Return what each supply offered when the shelf was last looked at (see the port)."""
        return {name: frozenset(point.words) for name, point in self.state.supplies.items()}

    async def observe_supply(self: Any, supply: str) -> PowerSight:
        """Return what the shelf says of one supply now (see the port)."""
        point: SupplyPoint | None = self.state.supplies.get(supply)
        if point is None:
            raise ResourceMissing(self.link.endpoint, "observe_supply", f"{supply} offers no reset")
        asked_at = self.clock.now()
        state = supply_state(await read_now(self.link, point.uri))
        return PowerSight(state, depth_of(state), asked_at, "", frozenset(point.words))

    async def switch_supply(self: Any, supply: str, action: PowerAction) -> PowerAnswer:
        """Ask for one action of one supply, once (see the port)."""
        point: SupplyPoint | None = self.state.supplies.get(supply)
        if point is None or action not in point.words:
            raise ActionNotOffered(self.link.endpoint, "switch_supply", f"{action} of {supply} is not offered")
        target, word = point.words[action]
        answer = await self.link.effect(target, {PARAMETER: word})
        return PowerAnswer(True, answer.status, answer.location or "", word)
