"""The power switch of a tray and the boot source of its host: effects, asked once and never repeated by a driver."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from firmware_bridge.vocabulary.power import (
    BootFor,
    BootSight,
    ControllerRestart,
    PowerAction,
    PowerAnswer,
    PowerProof,
    PowerSight,
)


@runtime_checkable
class PowerSwitch(Protocol):
    """A tray whose host can be switched, and seen to be on or off."""

    @property
    def power_actions(self) -> frozenset[PowerAction]:
        """Return what was offered when the device was last looked at, nothing before that."""
        ...

    async def observe_power(self) -> PowerSight:
        """Return what the controller says of its host now.  Reads only; raises DeviceError.

        EndpointUnreachable is silence, never "off".
        """
        ...

    async def switch_power(self, action: PowerAction) -> PowerAnswer:
        """Ask for one action in one request.  An effect: recorded before it is called, and never repeated here.

        Raises ActionNotOffered (nothing was sent), EndpointUnreachable and TrustRefused (before anything was sent),
        EndpointRefused with its status (it was heard and not done), and OutcomeUnknown when the request went out and
        nobody can tell whether the device heard it: look, do not repeat.
        """
        ...


@runtime_checkable
class PowerProving(Protocol):
    """A tray that can show that a power action would be let in, without being asked for it."""

    async def prove_power(self, action: PowerAction) -> PowerProof:
        """Go the whole way of `switch_power` but for its request: connection, trust, login, and the action's words read
        anew.  Reads only.  Raises what `switch_power` raises, ActionNotOffered where the device lists it no more.
        """
        ...


@runtime_checkable
class OutputSwitch(Protocol):
    """A power shelf whose output can be switched, and seen to be on or off.

    Not a PowerSwitch: what switches trays must never meet a shelf by mistake.
    """

    @property
    def output_actions(self) -> frozenset[PowerAction]:
        """Return what can be asked: on, force_off, both or nothing."""
        ...

    async def observe_output(self) -> PowerSight:
        """Return what the shelf says of its output now.  Reads only; raises DeviceError."""
        ...

    async def switch_output(self, action: PowerAction) -> PowerAnswer:
        """Ask for one action in one request; otherwise as `PowerSwitch.switch_power`."""
        ...


@runtime_checkable
class SupplySwitch(Protocol):
    """A power shelf whose supplies can be switched one by one, each named as in places (`psu3`)."""

    @property
    def supply_actions(self) -> Mapping[str, frozenset[PowerAction]]:
        """Return what can be asked of each supply that offers it: on, force_off or both; nothing before a look."""
        ...

    async def observe_supply(self, supply: str) -> PowerSight:
        """Return what the shelf says of one supply now.  Reads only; raises DeviceError.

        A supply that failed is neither on nor off.
        """
        ...

    async def switch_supply(self, supply: str, action: PowerAction) -> PowerAnswer:
        """Ask for one action of one supply in one request; otherwise as `PowerSwitch.switch_power`."""
        ...


@runtime_checkable
class CoolantSwitch(Protocol):
    """A coolant unit that can be stopped, started or have its power cycled.

    Not a PowerSwitch: what switches trays must never meet a unit that cools them by mistake.
    """

    @property
    def unit_actions(self) -> frozenset[PowerAction]:
        """Return what can be asked: force_off stops it, on starts it, force_restart cycles its power; or nothing."""
        ...

    async def observe_unit(self) -> PowerSight:
        """Return whether the unit runs now.  Reads only; raises DeviceError."""
        ...

    async def switch_unit(self, action: PowerAction) -> PowerAnswer:
        """Ask for one action in one request; otherwise as `PowerSwitch.switch_power`."""
        ...


@runtime_checkable
class Restartable(Protocol):
    """A tray whose management controller can be restarted by itself.  Its host goes on meanwhile, unseen."""

    @property
    def restarts(self) -> frozenset[ControllerRestart]:
        """Return what was offered when the device was last looked at, nothing before that."""
        ...

    async def restart_controller(self, how: ControllerRestart) -> PowerAnswer:
        """Ask for one restart in one request: an effect, raising what `PowerSwitch.switch_power` raises."""
        ...


@runtime_checkable
class Bootable(Protocol):
    """A host whose next boot source can be chosen."""

    @property
    def boot(self) -> BootSight | None:
        """Return the override as it was last seen, None where there is none."""
        ...

    async def read_boot(self) -> BootSight:
        """Return the boot source override and what the device takes.  Raises ResourceMissing where there is none."""
        ...

    async def set_boot(self, target: str, span: BootFor, mode: str = "") -> None:
        """Set the override: a target in Redfish's spelling, for how long, and a mode where one is meant.

        A set-point: asking twice leaves what asking once leaves.  Raises DeviceError.
        """
        ...
