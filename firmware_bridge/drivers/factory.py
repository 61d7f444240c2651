"""From a generation's driver name to the object that talks to the device.  Knows names, no devices."""

from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.console.ssh import SshConsole
from firmware_bridge.drivers.console.tty import TtyConsole
from firmware_bridge.drivers.modbus.battery_shelf import SerialBatteryShelf
from firmware_bridge.drivers.modbus.coolant_unit import SerialCoolantUnit
from firmware_bridge.drivers.modbus.lines import SerialLines
from firmware_bridge.drivers.modbus.power_shelf import SerialPowerShelf
from firmware_bridge.drivers.modbus.source import SerialSource
from firmware_bridge.drivers.modbus.unit import SerialUnit
from firmware_bridge.drivers.nvml.gpu_host import AgentGpuHost
from firmware_bridge.drivers.nvue.link import NvueLink
from firmware_bridge.drivers.nvue.switch_os import BEATS, NvueSwitchTray
from firmware_bridge.drivers.redfish.compute_tray import RedfishComputeTray
from firmware_bridge.drivers.redfish.coolant_unit import RedfishCoolantUnit
from firmware_bridge.drivers.redfish.link import RedfishLink
from firmware_bridge.drivers.redfish.power_shelf import RedfishPowerShelf
from firmware_bridge.drivers.redfish.pushed import PushPart
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.drivers.redfish.switch_tray import RedfishSwitchTray
from firmware_bridge.generations.register_maps import load_register_map
from firmware_bridge.ports.hosts import Console
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import ConsoleProtocol, ConsoleSpec, EndpointSpec, Unit
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import SiteConsole, SiteEndpoint
from firmware_bridge.wire.modbus.register_map import RegisterMap
from firmware_bridge.wire.nvml.message import MOST_GPUS
from firmware_bridge.wire.redfish.links import local_path

_REDFISH: dict[str, Callable[..., RedfishSource]] = {
    "redfish/compute_tray": RedfishComputeTray,
    "redfish/switch_tray": RedfishSwitchTray,
    "redfish/power_shelf": RedfishPowerShelf,
    "redfish/coolant_unit": RedfishCoolantUnit,
}
_NVUE: dict[str, Callable[..., NvueSwitchTray]] = {"nvue/switch_tray": NvueSwitchTray}
_SERIAL: dict[str, Callable[..., SerialSource]] = {
    "modbus/power_shelf": SerialPowerShelf,
    "modbus/battery_shelf": SerialBatteryShelf,
    "modbus/coolant_unit": SerialCoolantUnit,
}
_AGENTS = frozenset(("nvml/gpu_host",))


@dataclass(frozen=True, slots=True)
class SerialPart:
    """What a driver on a serial line needs besides: the process's lines, the tray's units, whether it may write."""

    lines: SerialLines
    units: tuple[Unit, ...]
    may_write: bool = False
    maps: Callable[[str], RegisterMap] = load_register_map


def make_driver(
    spec: EndpointSpec,
    slot_place: Place,
    endpoint: SiteEndpoint,
    credential: Credential | None,
    clock: Clock,
    serial: SerialPart | None = None,
    push: PushPart | None = None,
) -> TelemetrySource:
    """Return the driver that `spec.driver` names, ready for `discover()`; no byte is sent before that.

    `slot_place` is the tray (`tx1/a/r03/k07/u12`), under which the readings appear; `endpoint` says where the
    controller answers and carries the pin; without `push` no device is asked to send its events.

    Raises ConfigurationError for a driver name nobody knows, an endpoint without an address and one without a pin: what
    is not pinned is not read.
    """
    if spec.driver in _SERIAL:
        return _serial_driver(spec, slot_place, endpoint, clock, serial)
    if spec.driver in _AGENTS:
        return AgentGpuHost(slot_place, endpoint.place, _numbers(spec, endpoint), clock)
    kind = _REDFISH.get(spec.driver)
    system = _NVUE.get(spec.driver)
    if kind is None and system is None:
        known = ", ".join(driver_names())
        raise ConfigurationError(f"{endpoint.place}: driver {spec.driver!r}", advice=f"one of {known}")
    if endpoint.address is None or endpoint.port is None or endpoint.pin is None:
        raise ConfigurationError(f"{endpoint.place}: no address, port or pin", advice="complete its entry in site.yaml")
    if system is not None:
        _check_beats(spec)
        own = NvueLink(endpoint.place, endpoint.address, endpoint.port, endpoint.pin, spec.limits, credential)
        return system(tray=slot_place, link=own, clock=clock, hints=dict(spec.read))
    assert kind is not None
    _check_hints(spec)
    link = RedfishLink(endpoint.place, endpoint.address, endpoint.port, endpoint.pin, spec.limits, credential)
    return kind(tray=slot_place, link=link, clock=clock, hints=dict(spec.read), push=push)


def _check_hints(spec: EndpointSpec) -> None:
    for name, hint in spec.read.items():
        for uri in hint if isinstance(hint, list) else [hint]:
            try:
                local_path(uri if isinstance(uri, str) else "")
            except ValueError as err:
                raise ConfigurationError(f"{spec.driver}: read.{name}", advice="a path: /redfish/v1/…") from err


def _check_beats(spec: EndpointSpec) -> None:
    for name, beat in spec.read.items():
        if name not in BEATS or isinstance(beat, bool) or not isinstance(beat, int | float) or not 1 <= beat <= 600:
            raise ConfigurationError(f"{spec.driver}: read.{name}", advice=f"{', '.join(BEATS)}: 1 to 600 s")


def make_console(
    spec: ConsoleSpec, console: SiteConsole, credential: Credential | Callable[[], Credential] | None
) -> Console:
    """Return the console that the site file says, ready for `open()`; no byte is sent before that.

    Raises ConfigurationError for one that lacks what its protocol needs.
    """
    if spec.protocol is ConsoleProtocol.TTY:
        if console.tty is None:
            raise ConfigurationError(f"{console.place}: no tty", advice="name its serial device in site.yaml")
        return TtyConsole(console.place, console.tty, console.line or spec.line)
    if console.address is None or console.port is None or credential is None:
        advice = "complete its entry under `consoles` in site.yaml"
        raise ConfigurationError(f"{console.place}: no address or credential", advice=advice)
    return SshConsole(console.place, console.address, console.port, console.host_key, credential)


def driver_names() -> tuple[str, ...]:
    """Return the driver names that a generation may use."""
    return tuple(sorted({*_REDFISH, *_NVUE, *_SERIAL, *_AGENTS}))


def needs_credential(spec: EndpointSpec) -> bool:
    """Tell whether the endpoint asks for a login: a serial line has none, an agent logs into the bus."""
    return spec.driver not in _SERIAL and spec.driver not in _AGENTS


def _serial_driver(
    spec: EndpointSpec, tray: Place, endpoint: SiteEndpoint, clock: Clock, serial: SerialPart | None
) -> TelemetrySource:
    if endpoint.tty is None:
        raise ConfigurationError(f"{endpoint.place}: no tty", advice="name its serial device in site.yaml")
    if serial is None or not serial.units:
        advice = "the generation lists too few addresses for its trays"
        raise ConfigurationError(f"{endpoint.place}: no units on its serial line", advice=advice)
    units = []
    for unit in serial.units:
        bus = serial.lines.bus(endpoint.tty)
        maps = tuple(serial.maps(name) for name in unit.maps)
        _check_address(endpoint, unit, maps)
        made = SerialUnit(endpoint.place, tray, unit.part, unit.address, maps, bus, clock, endpoint.line)
        serial.lines.claim(bus, unit.address, made.place, maps)
        units.append(made)
    return _SERIAL[spec.driver](tray, endpoint.place, units, serial.lines, clock, serial.may_write, dict(spec.read))


def _check_address(endpoint: SiteEndpoint, unit: Unit, maps: tuple[RegisterMap, ...]) -> None:
    strange = [m.name for m in maps if not m.covers(unit.address)]
    if strange:
        raise ConfigurationError(
            f"{endpoint.place}: {unit.part or 'unit'} at {unit.address:#04x} is outside the addresses of {strange[0]}",
            advice="correct the generation's units or the register map's addresses",
        )


def _numbers(spec: EndpointSpec, endpoint: SiteEndpoint) -> tuple[int, ...]:
    """Return the agent's number of each of a tray's GPUs, gpu0 first."""
    order = spec.read.get("order")
    numbers = order if isinstance(order, list) else []
    if not numbers or not all(type(n) is int and 0 <= n < MOST_GPUS for n in numbers) or len({*numbers}) < len(numbers):
        advice = f"a list of different numbers from 0 to {MOST_GPUS - 1}, gpu0 first"
        raise ConfigurationError(f"{endpoint.place}: {spec.driver}: read.order", advice=advice)
    return tuple(numbers)
