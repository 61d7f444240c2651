"""What may not be aimed at from here: the racks' endpoints, and the ports of this product itself."""

import re
from pathlib import Path

from datacenter_api.redfish.push.guard import Guard, around
from datacenter_api.redfish.push.settings import Network, PushSettings
from datacenter_api.services import Services

_PORT = re.compile(r"//[^/\s\"]*:(\d{1,5})")


def open_guard(services: Services, settings: PushSettings) -> Guard:
    """Return the guard of whatever is sent from here on its own accord."""
    return Guard(settings, lambda: management_networks(services), lambda: own_ports(services.state))


def management_networks(services: Services) -> set[Network]:
    """Return the networks that the racks' endpoints lie in, as their layouts say."""
    layouts = [record.layout for record in services.fleet if record.layout is not None]
    return around(e.address for layout in layouts for tray in layout.trays for e in tray.endpoints)


def own_ports(state: Path) -> set[int]:
    """Return the ports that this product's processes listen at, as the state directory says."""
    ports: set[int] = set()
    for file in (state / "server.json", state / "nats" / "url"):
        try:
            ports |= {int(port) for port in _PORT.findall(file.read_text())}
        except OSError:
            continue
    return ports
