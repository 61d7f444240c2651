"""Makes a site's side of its building: the agreement of the site file, the points, and the broker that both meet at."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from firmware_bridge.drivers import BrokerAddress, MqttLink
from firmware_bridge.generations.building import building_side, load_building_contract
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.site import Site
from firmware_bridge.wire.building import filters
from rack_controller.run.building.station import BuildingStation

USER = "rackwright"
LOOPBACK, MQTT_PORT = "127.0.0.1", 1883


def building_station(site: Site, bus: Path, clock: Clock, search: Sequence[Path] = ()) -> BuildingStation | None:
    """Return the station, None where the site file names no integration.  `bus`: the bus's folder.

    Raises ConfigurationError or FileInvalid: a building that cannot be understood is told at the start.
    """
    side = building_side(site.building, [rack.place for rack in site.racks])
    if side is None:
        return None
    contract = load_building_contract(search)
    link = MqttLink(lambda: broker_of(bus), f"rackwright-{site.name}", filters(contract), clock)
    return BuildingStation(side, contract, link, clock)


def broker_of(bus: Path) -> BrokerAddress:
    """Return where the bus takes MQTT, and our login there.  Raises ConfigurationError until it was set up."""
    try:
        url = urlsplit((bus / "mqtt").read_text().strip())
        authority = bus / "tls" / "ca.pem" if url.scheme == "mqtts" else None
        password = (bus / f"{USER}.password").read_text().strip()
        return BrokerAddress(url.hostname or LOOPBACK, url.port or MQTT_PORT, USER, password, authority)
    except (OSError, ValueError) as err:
        raise ConfigurationError(f"{bus} does not say where MQTT is taken ({err})", advice="start the bus") from err
