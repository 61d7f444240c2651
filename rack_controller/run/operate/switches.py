"""What of a rack can be switched: trays by their power switch, shelves by their output, supplies and coolant units by
themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.ports.offered import offers
from firmware_bridge.ports.power import CoolantSwitch, OutputSwitch, PowerSwitch, SupplySwitch
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerSight
from rack_controller.run.find import find_source, trays_with


@dataclass(frozen=True, slots=True)
class OutputAsSwitch:
    """A shelf's output as the worker switches it."""

    shelf: OutputSwitch

    @property
    def power_actions(self) -> frozenset[PowerAction]:
        """Return what can be asked."""
        return self.shelf.output_actions

    async def observe_power(self) -> PowerSight:
        """Return what the shelf says of its output."""
        return await self.shelf.observe_output()

    async def switch_power(self, action: PowerAction) -> PowerAnswer:
        """Ask for one action, once."""
        return await self.shelf.switch_output(action)


@dataclass(frozen=True, slots=True)
class SupplyAsSwitch:
    """One power supply (`psu3`) as the worker switches it."""

    shelf: SupplySwitch
    supply: str

    @property
    def power_actions(self) -> frozenset[PowerAction]:
        """Return what can be asked."""
        return self.shelf.supply_actions.get(self.supply, frozenset())

    async def observe_power(self) -> PowerSight:
        """Return what the shelf says of the supply."""
        return await self.shelf.observe_supply(self.supply)

    async def switch_power(self, action: PowerAction) -> PowerAnswer:
        """Ask for one action, once."""
        return await self.shelf.switch_supply(self.supply, action)


@dataclass(frozen=True, slots=True)
class UnitAsSwitch:
    """A coolant unit as the worker switches it."""

    unit: CoolantSwitch

    @property
    def power_actions(self) -> frozenset[PowerAction]:
        """Return what can be asked."""
        return self.unit.unit_actions

    async def observe_power(self) -> PowerSight:
        """Return whether the unit runs."""
        return await self.unit.observe_unit()

    async def switch_power(self, action: PowerAction) -> PowerAnswer:
        """Ask for one action, once."""
        return await self.unit.switch_unit(action)


def supply_at(sources: Mapping[Place, object], place: Place) -> tuple[Place, SupplyAsSwitch] | None:
    """Return the endpoint that is asked for a supply and what switches it; None where none is at `place`, or no
    endpoint of its shelf switches single supplies."""
    shelf = tray_of(place)
    found = None if place in sources or place == shelf else trays_with(sources, SupplySwitch).get(shelf)
    return None if found is None else (found[0], SupplyAsSwitch(found[1], leaf_of(place)))


def output_of(sources: Mapping[Place, object], shelf: Place) -> tuple[Place, PowerSwitch]:
    """Return the endpoint of a shelf and what switches its output.  Raises TargetUnknown."""
    endpoint, source = find_source(sources, shelf, OutputSwitch)
    return endpoint, OutputAsSwitch(source)


def switch_at(sources: Mapping[Place, object], place: Place) -> PowerSwitch:
    """Return what switches at an endpoint, a coolant unit's too, or a supply by its place.  Raises TargetUnknown."""
    source = sources.get(place)
    if isinstance(source, OutputSwitch):
        return OutputAsSwitch(source)
    if isinstance(source, CoolantSwitch):
        return UnitAsSwitch(source)
    supply = supply_at(sources, place)
    return find_source(sources, place, PowerSwitch)[1] if supply is None else supply[1]


def outputs_of(source: object) -> dict[str, list[str]]:
    """Return what of a shelf or a coolant unit can be switched at an endpoint: by supply, and by the empty name for all
    of its output, or for the unit."""
    found: dict[str, list[str]] = {}
    if offers(source, OutputSwitch) and source.output_actions:
        found[""] = sorted(source.output_actions)
    if offers(source, CoolantSwitch) and source.unit_actions:
        found[""] = sorted(source.unit_actions)
    if offers(source, SupplySwitch):
        found |= {supply: sorted(actions) for supply, actions in source.supply_actions.items() if actions}
    return found
