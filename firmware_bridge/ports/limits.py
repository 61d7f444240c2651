"""Power limits: set-points that a device keeps.  Asking twice leaves what asking once leaves."""

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.limits import LimitPoint
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Watts


@runtime_checkable
class PowerLimited(Protocol):
    """An endpoint behind which power can be limited."""

    @property
    def limit_points(self) -> Mapping[Place, LimitPoint]:
        """Return where, as the device said when it was last looked at; none before that."""
        ...

    async def set_limits(self, watts: Mapping[Place, Watts]) -> Mapping[Place, DeviceError | None]:
        """Ask for each of these limits and return what went wrong with it, None where it was taken.

        Raises DeviceError when the device cannot be asked at all.
        """
        ...

    async def read_limits(self, places: Collection[Place]) -> Mapping[Place, Watts | None]:
        """Return the limits that the device keeps now, None where it does not say.  Raises DeviceError."""
        ...
