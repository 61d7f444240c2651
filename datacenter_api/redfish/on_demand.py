"""The Redfish service, put together when its first client comes: its modules are no part of everybody's start."""

import logging
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from datacenter_api.problem import problem_of
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from datacenter_api.redfish.door import RedfishDoor
    from firmware_bridge.redfish_service.replies import Reply


class OnDemand:
    """An ASGI application that becomes the door of the service with the first request."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._door: RedfishDoor | None = None

    def open(self) -> "RedfishDoor":
        """Return the door, making it at first call.  Raises EnvironmentUnfit: the state directory cannot be written."""
        if self._door is None:
            from datacenter_api.redfish.service import open_service

            self._door = open_service(self._services)
        return self._door

    def wake(self) -> None:
        """Put the service together at start when subscriptions are waiting for events; otherwise its first client does.

        A file that cannot be used is logged: the API serves without it, and says why to Redfish clients.
        """
        if not (self._services.state / "api" / "redfish-subscriptions.json").exists():
            return
        try:
            self.open()
        except RackwrightError as err:
            log.error("no events are pushed: %s", err)

    async def close(self) -> None:
        """End what runs in the background."""
        if self._door is not None:
            await self._door.world.desk.close()

    def read_now(self, raw_path: bytes, query: bytes, headers: dict[bytes, bytes], address: str) -> "Reply | None":
        """Answer a GET that needs no waiting, None for any other, and while the service is not put together."""
        return None if self._door is None else self._door.read_now(raw_path, query, headers, address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request below `/redfish`."""
        try:
            door = self.open()
        except RackwrightError as err:
            await problem_of(err)(scope, receive, send)
            return
        await door(scope, receive, send)
