"""Where an emulated endpoint's management cable is plugged in: one switch per rack, one port per address.  Pure."""

from firmware_bridge.vocabulary.neighbour import Neighbour
from firmware_bridge.vocabulary.place import Place


def cable_of(place: Place, address: str) -> Neighbour:
    """Return the port of the rack's management switch that an endpoint at `address` is plugged into."""
    return Neighbour(f"oob-{place.split('/')[3]}", f"swp{address.rpartition('.')[2]}")


def heard(place: Place, address: str, key: str) -> str:
    """Return what such an endpoint hears of it: a name, a port as text or in octets as Redfish wants it, a MAC."""
    cable = cable_of(place, address)
    match key:
        case "system":
            return cable.system
        case "port":
            return cable.port
        case "port_octets":
            return octets(cable.port)
        case _:
            # Locally administered, of the rack alone: no maker's.
            return "02:52:57:00:00:" + f"{sum(cable.system.encode()) % 256:02x}"


def octets(text: str) -> str:
    """Return a text as Redfish writes an id: `73:77:70:31` (Port, PortId)."""
    return text.encode("ascii", "replace").hex(":").upper()
