"""Set-points that a device keeps: power limits, a coolant unit's targets.  Asking twice leaves what asking once leaves.

Values are in the unit of each set-point's quantity: W, L/min, °C.
"""

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.set_points import Settable


@runtime_checkable
class SetPointed(Protocol):
    """An endpoint behind which values can be set."""

    @property
    def settable(self) -> Mapping[Place, Settable]:
        """Return where, as the device said when it was last looked at; none before that."""
        ...

    async def ask_values(self, values: Mapping[Place, float]) -> Mapping[Place, DeviceError | None]:
        """Ask for each of these values and return what went wrong with it, None where it was taken.

        Raises DeviceError when the device cannot be asked at all.
        """
        ...

    async def read_values(self, places: Collection[Place]) -> Mapping[Place, float | None]:
        """Return the values that the device keeps now, None where it does not say.  Raises DeviceError."""
        ...
