"""Firmware that can be looked at and replaced: an effect, asked once and never repeated by a driver."""

from typing import Protocol, runtime_checkable

from firmware_bridge.vocabulary.firmware import FirmwareSight, UpdateSight


@runtime_checkable
class FirmwareTarget(Protocol):
    """An endpoint whose firmware can be listed and replaced."""

    async def observe_firmware(self, part: str = "") -> FirmwareSight:
        """Return what runs on its parts now and which updates it remembers; of one part only when `part` (its URI) is
        named.  Reads only; raises DeviceError.
        """
        ...

    async def push_image(self, image: bytes, part: str) -> str:
        """Send one image for one part in one request and return the device's task, empty when it made none.

        An effect: recorded before it is called, and never repeated here.  Raises as `PowerSwitch.switch_power` does.
        """
        ...

    async def observe_update(self, task: str) -> UpdateSight:
        """Return how far an update is.  Reads only; raises DeviceError."""
        ...
