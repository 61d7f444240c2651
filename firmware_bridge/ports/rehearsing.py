"""A leak played through a driver: what its device would have said, made from what it says."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.reading import Reading


@runtime_checkable
class LeakPlaying(Protocol):
    """An endpoint whose detectors can be played wet."""

    async def play_leak(self, detector: Place) -> Sequence[Reading]:
        """Read a detector now and return what it would have read, had the device said that it leaks.

        The device's own bytes go through the driver's own decoding; the device is only read, and nobody else hears of
        it.  Raises DeviceError, ResourceMissing where the detector is none of this endpoint.
        """
        ...
