"""Async shells, one module per port and protocol.  No decisions, no hidden retries.

Names are loaded when they are asked for: the agent on a GPU host needs one driver and none of the others' libraries.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firmware_bridge.drivers.building.mqtt_link import BrokerAddress, MqttLink
    from firmware_bridge.drivers.factory import SerialPart, make_console, make_driver, needs_credential
    from firmware_bridge.drivers.modbus.lines import SerialLines
    from firmware_bridge.drivers.redfish.listener import EventListener, ListenAt
    from firmware_bridge.drivers.redfish.pushed import PushPart
    from firmware_bridge.drivers.unfit import UnfitSource

__all__ = [
    "BrokerAddress",
    "EventListener",
    "ListenAt",
    "MqttLink",
    "PushPart",
    "SerialLines",
    "SerialPart",
    "UnfitSource",
    "make_console",
    "make_driver",
    "needs_credential",
]

_HOMES = {
    "BrokerAddress": "building.mqtt_link",
    "EventListener": "redfish.listener",
    "ListenAt": "redfish.listener",
    "MqttLink": "building.mqtt_link",
    "PushPart": "redfish.pushed",
    "SerialLines": "modbus.lines",
    "UnfitSource": "unfit",
}  # every other name is the factory's


def __getattr__(name: str) -> Any:
    """Return one of `__all__`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'factory')}"), name)
