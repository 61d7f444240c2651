"""What of a rack can be switched: trays by their power switch, shelves by their output."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_bridge.ports.power import OutputSwitch, PowerSwitch
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerSight
from rack_controller.run.find import find_source


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


def output_of(sources: Mapping[Place, object], shelf: Place) -> tuple[Place, PowerSwitch]:
    """Return the endpoint of a shelf and what switches its output.  Raises TargetUnknown."""
    endpoint, source = find_source(sources, shelf, OutputSwitch)
    return endpoint, OutputAsSwitch(source)


def switch_at(sources: Mapping[Place, object], place: Place) -> PowerSwitch:
    """Return what switches at an endpoint.  Raises TargetUnknown."""
    source = sources.get(place)
    if isinstance(source, OutputSwitch):
        return OutputAsSwitch(source)
    return find_source(sources, place, PowerSwitch)[1]
