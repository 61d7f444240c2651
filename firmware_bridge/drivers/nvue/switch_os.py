"""An NVLink switch tray's operating system over NVUE: ports, fabric manager, health become Readings.  Decides nothing.

Asked no more often than its hints say (`health_s`, `ports_s`, `counters_s`; s), whatever the class' period is: NVOS
answers slowly, and NVIDIA's own collector asks every 300 s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from firmware_bridge.drivers.nvue.examine import PLATFORM, examine
from firmware_bridge.drivers.nvue.link import NvueLink
from firmware_bridge.drivers.nvue.stock import take_stock
from firmware_bridge.drivers.redfish.link import NORMAL, PATIENT, URGENT
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointRefused, EndpointUnreachable, ReplyMalformed
from firmware_bridge.vocabulary.identity import Certificate, Identity
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading, Series, again
from firmware_bridge.vocabulary.settings import Examination, Question, Scalar
from firmware_bridge.wire.nvue.identity import identity_of
from firmware_bridge.wire.nvue.ports import Port, PortMemory
from firmware_bridge.wire.nvue.series import (
    OF_PORT_COUNTERS,
    OF_TRAY_COUNTERS,
    Key,
    app_readings,
    chips_of,
    health_readings,
    partition_readings,
    port_readings,
    ports_series,
    system_series,
    temperature_readings,
    unanswered,
)
from firmware_bridge.wire.nvue.system import apps_of, health_of, partitions_of, temperatures_of, version_of

INTERFACE, HEALTH, VERSION = "/interface", "/system/health", "/system/version"
APPS, PARTITION, TEMPERATURE = "/cluster/apps", "/sdn/partition", "/platform/environment/temperature"
BEATS = {"health_s": 2.0, "ports_s": 10.0, "counters_s": 20.0}
_SLACK = 0.25  # s: a beat that comes a little early still counts
_STATE_PARTS = ("type", *(f"link/{p}" for p in ("state", "physical-state", "speed", "supported-speed", "diagnostics")))
_COUNTER_PARTS = ("link/counters", "link/phy-detail")
_COUNTED = frozenset((*OF_PORT_COUNTERS, *OF_TRAY_COUNTERS))


@dataclass(slots=True)
class _State:
    """What changes while a driver lives.  `narrow` false: this firmware refuses to show parts of its interfaces."""

    version: str = ""
    ports: frozenset[str] = frozenset()
    wanted: dict[str, tuple[Key, ...]] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)
    faults: dict[str, DeviceError] = field(default_factory=dict)
    narrow: bool = True
    answers: dict[str, PortMemory] = field(default_factory=dict)  # by path
    said: dict[bool, tuple[list[Port], list[Reading]]] = field(default_factory=dict)  # with and without counters


@dataclass(frozen=True, slots=True)
class NvueSwitchTray:
    """The NVOS of one switch tray."""

    tray: Place
    link: NvueLink
    clock: Clock
    hints: Mapping[str, Any] = field(default_factory=dict)
    state: _State = field(default_factory=_State)

    @property
    def endpoint(self) -> Place:
        """Return the endpoint's place."""
        return Place(self.link.endpoint)

    @property
    def faults(self) -> Mapping[str, DeviceError]:
        """Return what went wrong last with each path that cannot be read now."""
        return self.state.faults

    @property
    def version(self) -> str:
        """Return the version of NVOS as it was last read, empty before."""
        return self.state.version

    @property
    def pin(self) -> str:
        """Return the pin that this endpoint must show."""
        return self.link.pin

    async def shown_certificate(self) -> Certificate:
        """Return the certificate it shows now, trusted or not.  Raises EndpointUnreachable, TrustRefused."""
        return await self.link.shown_certificate()

    async def identify(self) -> Identity:
        """Return which tray NVOS says it runs on, read anew.  Raises DeviceError."""
        return identity_of(await self.link.get(PLATFORM))

    async def examine(self, questions: Sequence[Question]) -> Examination:
        """Return what NVOS says to each question, and which tray it runs on; a path it refuses is left out.

        Raises DeviceError when the platform cannot be read or NVOS goes silent.
        """
        return await examine(self.link, questions)

    async def set_value(self, uri: str, pointer: str, value: Scalar) -> None:
        """Refuse: nothing is written to a switch's operating system."""
        raise EndpointRefused(
            self.endpoint, "set_value", "nothing is written to NVOS", advice="set it by its own means"
        )

    async def discover(self) -> Sequence[Series]:
        """Log in by looking: version, ports, chips.  Raises DeviceError when NVOS or its ports cannot be read."""
        state = self.state
        state.version = version_of(await self.link.get(VERSION))
        ports = await self._ports(counters=True, urgency=NORMAL)
        if not ports:  # while it starts; met again until its ports are there
            raise ReplyMalformed(self.endpoint, f"GET {INTERFACE}", "shows no NVLink port yet")
        temperatures: dict[str, float | None] = {}
        state.faults.clear()
        try:
            temperatures = temperatures_of(await self.link.get(TEMPERATURE))
        except EndpointUnreachable:
            raise
        except DeviceError as err:
            state.faults[TEMPERATURE] = err
        of_ports = ports_series(self.tray, ports)
        of_system = system_series(self.tray, chips_of(temperatures))
        state.ports = frozenset(p.name for p in ports)
        state.wanted = _wanted(of_ports, of_system)
        state.asked.clear()
        state.said.clear()
        return (*of_ports, *of_system)

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        """Read what is due of one class.  One path that fails costs its own readings.

        Raises the named error when nothing that was due could be read.
        """
        match reading_class:
            case ReadingClass.SAFETY:
                return await self._health()
            case ReadingClass.SLOW:
                return await self._slow()
            case ReadingClass.STATIC:
                self.state.version = version_of(await self.link.get(VERSION, PATIENT))
        return ()

    async def report(self) -> EndpointReport:
        """Take stock: platform, firmware, ports, applications, issues.  Raises DeviceError."""
        return await take_stock(self.link)

    async def close(self) -> None:
        """Drop every connection.  Never raises."""
        await self.link.close()

    async def _health(self) -> list[Reading]:
        if not self._due("health_s"):
            return []
        found = health_of(await self.link.get(HEALTH, URGENT))
        self._done("health_s")
        return health_readings(self.tray, found, self.clock.now())

    async def _slow(self) -> list[Reading]:
        readings: list[Reading] = []
        errors: list[DeviceError] = []
        for path, read in (
            (INTERFACE, self._read_ports),
            (APPS, self._read_apps),
            (PARTITION, self._read_partitions),
            (TEMPERATURE, self._read_temperatures),
        ):
            try:
                found = await read()
            except DeviceError as err:
                errors.append(err)
                self.state.faults[path] = err
                found = []
                if isinstance(err, EndpointUnreachable):
                    break  # it is silent: the other paths would only wait as long again
            else:
                self.state.faults.pop(path, None)
            readings += found
        if errors and not readings:
            raise errors[0]
        now = self.clock.now()
        lost = [k for path in self.state.faults for k in self.state.wanted.get(path + "+", self._keys(path))]
        return readings + unanswered(lost, readings, now)

    def _keys(self, path: str) -> tuple[Key, ...]:
        return self.state.wanted.get(path, ())

    async def _read_ports(self) -> list[Reading]:
        if not self._due("ports_s"):
            return []
        counters = self._due("counters_s")
        ports = await self._ports(counters, PATIENT)
        self._done("ports_s")
        if counters:
            self._done("counters_s")
        strange = sorted({p.name for p in ports} - self.state.ports)
        if strange:
            what = f"ports that were not there before: {len(strange)} ({strange[0]}, …)"
            self.state.faults[f"{INTERFACE}?new"] = ReplyMalformed(self.endpoint, "read", what, advice="rescan it")
        return self._readings_of(ports, counters)

    async def _ports(self, counters: bool, urgency: int) -> list[Port]:
        """Ask for the parts that are needed; a firmware that cannot show parts is asked for all, from then on."""
        parts = (*_STATE_PARTS, *(_COUNTER_PARTS if counters else ()))
        query = f"{INTERFACE}?filter_=type%3Dnvl"
        if self.state.narrow:
            try:
                included = "".join(f"&include=%2F*%2F{p.replace('/', '%2F')}" for p in parts)
                return await self._ports_at(query + included, urgency)
            except EndpointRefused as err:
                if err.status not in (400, 404, 422, 501):
                    raise
                self.state.narrow = False
        return await self._ports_at(query, urgency)

    async def _ports_at(self, path: str, urgency: int) -> list[Port]:
        memory, limits = self.state.answers.setdefault(path, PortMemory()), self.link.limits
        return await self.link.get_decoded(
            path, partial(memory.ports, most_bytes=limits.most_bytes, most_depth=limits.most_depth), urgency
        )

    def _readings_of(self, ports: list[Port], counters: bool) -> list[Reading]:
        """Return the readings of an answer; one that is the one of before needs only another time."""
        now, said = self.clock.now(), self.state.said.get(counters)
        if said is not None and said[0] is ports:
            return again(said[1], now)
        readings = port_readings(self.tray, [p for p in ports if p.name in self.state.ports], now, counters)
        wanted = self.state.wanted[INTERFACE + "+" if counters else INTERFACE]
        readings += unanswered(wanted, readings, now)
        self.state.said[counters] = (ports, readings)
        return readings

    async def _read_apps(self) -> list[Reading]:
        return app_readings(self.tray, apps_of(await self.link.get(APPS, PATIENT)), self.clock.now())

    async def _read_partitions(self) -> list[Reading]:
        found = partitions_of(await self.link.get(PARTITION, PATIENT))
        return partition_readings(self.tray, found, self.clock.now())

    async def _read_temperatures(self) -> list[Reading]:
        if not self._keys(TEMPERATURE):
            return []
        found = temperatures_of(await self.link.get(TEMPERATURE, PATIENT))
        readings = temperature_readings(self.tray, found, self.clock.now())
        return readings + unanswered(self._keys(TEMPERATURE), readings, self.clock.now())

    def _due(self, what: str) -> bool:
        every = float(self.hints.get(what, BEATS[what]))
        return self.clock.now() - self.state.asked.get(what, float("-inf")) >= every - _SLACK

    def _done(self, what: str) -> None:
        self.state.asked[what] = self.clock.now()


def _wanted(of_ports: Sequence[Series], of_system: Sequence[Series]) -> dict[str, tuple[Key, ...]]:
    """Return which series each path owes; `/interface+` is the answer with counters."""
    keys = tuple((s.place, s.quantity) for s in of_ports)
    slow = [(s.place, s.quantity) for s in of_system if s.reading_class is ReadingClass.SLOW]
    chips = tuple(k for k in slow if k[1] is Quantity.TEMPERATURE)
    manager = tuple(k for k in slow if k[1] is Quantity.FABRIC_MANAGER)
    return {
        INTERFACE: tuple(k for k in keys if k[1] not in _COUNTED),
        INTERFACE + "+": keys,
        TEMPERATURE: chips,
        APPS: manager,
        PARTITION: tuple(k for k in slow if k not in chips and k not in manager),
    }
