"""Puts the Redfish service together over the API's parts; nothing is built before somebody asks."""

import uuid
from collections.abc import Callable
from pathlib import Path

from datacenter_api.redfish.door import RedfishDoor
from datacenter_api.redfish.events import publish
from datacenter_api.redfish.older import links_wanted
from datacenter_api.redfish.push.aim import open_guard
from datacenter_api.redfish.push.desk import Desk
from datacenter_api.redfish.push.http_post import Poster
from datacenter_api.redfish.source import RackSource
from datacenter_api.redfish.stock import StockRoom
from datacenter_api.redfish.world import World
from datacenter_api.services import Services
from firmware_bridge.redfish_service.service import RedfishService
from firmware_bridge.redfish_service.source import Principal
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.model.event import Event


class _NoLogin:
    """The gate has asked already: the engine never sees a password."""

    async def verify(self, user: str, password: str) -> Principal | None:
        """Return nobody."""
        return None


def open_service(services: Services) -> RedfishDoor:
    """Return the door of the service.  Raises EnvironmentUnfit when the state directory cannot be written."""
    name = service_uuid(services.state / "api" / "redfish-uuid")
    world = World(
        services, StockRoom(services.bus.ask, services.now), name, open_desk(services), older_links=links_wanted()
    )
    service = RedfishService(RackSource(world), _NoLogin(), owns_sessions=False)
    services.bus.on_event = _also_streamed(world, services.bus.on_event)
    return RedfishDoor(service, world, services.doorkeeper)


def _also_streamed(world: World, before: Callable[[Event], None]) -> Callable[[Event], None]:
    def take(event: Event) -> None:
        before(event)
        publish(world, event)

    return take


def open_desk(services: Services) -> Desk:
    """Return the desk of pushed subscriptions.  Raises EnvironmentUnfit."""
    return Desk(services, open_guard(services, services.push), Poster(services.state / "tls" / "listeners.pem"))


def service_uuid(file: Path) -> str:
    """Return the UUID of this service, made at its first start and kept in the state directory."""
    try:
        if file.exists():
            return str(uuid.UUID(file.read_text().strip()))
        made = str(uuid.uuid4())
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text(made + "\n")
    except ValueError as err:
        raise EnvironmentUnfit(f"{file} holds no UUID", advice="remove the file; a new one is made") from err
    except OSError as err:
        raise EnvironmentUnfit(f"cannot use {file}: {err.strerror}", advice="free space or fix permissions") from err
    return made
