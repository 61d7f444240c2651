"""Telling people of alarms, put together when there is somebody to tell: till then it costs no memory."""

import asyncio
import time
from typing import TYPE_CHECKING

from datacenter_api.notify.figures import NotifyView, Tried
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import TargetUnknown

if TYPE_CHECKING:
    from datacenter_api.notify.desk import NotifyDesk

FILE = "notify.yaml"
LOOK_EVERY_S = 2.0


class Notifier:
    """Waits for the file, then runs the desk."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._desk: NotifyDesk | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            if (self._services.state / FILE).exists():
                await self._open().run()
            await asyncio.sleep(LOOK_EVERY_S)

    def view(self) -> NotifyView:
        """Return everybody who is told, and how that goes."""
        return NotifyView() if self._desk is None else self._desk.view()

    async def test(self, name: str) -> Tried:
        """Send a test to one target now.  Raises TargetUnknown."""
        if self._desk is None:
            if not (self._services.state / FILE).exists():
                advice = f"write {self._services.state / FILE}, see docs/alarms.md"
                raise TargetUnknown("nobody is told of alarms", advice=advice)
            self._open()
        assert self._desk is not None
        return await self._desk.test(name)

    def _open(self) -> "NotifyDesk":
        if self._desk is None:
            from datacenter_api.notify.desk import NotifyDesk

            self._desk = NotifyDesk(self._services, time.time_ns)
        return self._desk
