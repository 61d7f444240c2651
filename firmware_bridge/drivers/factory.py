"""From a generation's driver name to the object that talks to the device.  Knows names, no devices."""

from collections.abc import Callable

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.compute_tray import RedfishComputeTray
from firmware_bridge.drivers.redfish.coolant_unit import RedfishCoolantUnit
from firmware_bridge.drivers.redfish.link import RedfishLink
from firmware_bridge.drivers.redfish.power_shelf import RedfishPowerShelf
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.drivers.redfish.switch_tray import RedfishSwitchTray
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import EndpointSpec
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.wire.redfish.links import local_path

_REDFISH: dict[str, Callable[..., RedfishSource]] = {
    "redfish/compute_tray": RedfishComputeTray,
    "redfish/switch_tray": RedfishSwitchTray,
    "redfish/power_shelf": RedfishPowerShelf,
    "redfish/coolant_unit": RedfishCoolantUnit,
}


def make_driver(
    spec: EndpointSpec, slot_place: Place, endpoint: SiteEndpoint, credential: Credential | None, clock: Clock
) -> TelemetrySource:
    """Return the driver that `spec.driver` names, ready for `discover()`; no byte is sent before that.

    `slot_place` is the tray (`tx1/a/r03/k07/u12`), under which the readings appear; `endpoint` says where the
    controller answers and carries the pin.  Raises ConfigurationError for a driver name nobody knows, an endpoint
    without an address and one without a pin: what is not pinned is not read.
    """
    kind = _REDFISH.get(spec.driver)
    if kind is None:
        known = ", ".join(sorted(_REDFISH))
        raise ConfigurationError(f"{endpoint.place}: driver {spec.driver!r}", advice=f"one of {known}")
    if endpoint.address is None or endpoint.port is None or endpoint.pin is None:
        raise ConfigurationError(f"{endpoint.place}: no address, port or pin", advice="complete its entry in site.yaml")
    _check_hints(spec)
    link = RedfishLink(endpoint.place, endpoint.address, endpoint.port, endpoint.pin, spec.limits, credential)
    return kind(tray=slot_place, link=link, clock=clock, hints=dict(spec.read))


def _check_hints(spec: EndpointSpec) -> None:
    for name, hint in spec.read.items():
        for uri in hint if isinstance(hint, list) else [hint]:
            try:
                local_path(uri if isinstance(uri, str) else "")
            except ValueError as err:
                raise ConfigurationError(f"{spec.driver}: read.{name}", advice="a path: /redfish/v1/…") from err


def driver_names() -> tuple[str, ...]:
    """Return the driver names that a generation may use."""
    return tuple(sorted(_REDFISH))
