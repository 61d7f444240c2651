"""One rack's limits in band: granted to the agents of its hosts over the bus, renewed while they hold.

A grant that cannot be said is over by itself; nobody waits for one here, and nothing else depends on it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from firmware_bridge.ports.hosts import InBand
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import CommandRefused
from firmware_bridge.vocabulary.kept import Kept
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.budget.design import Array, Index
from rack_controller.decide.budget.in_band import InBandSight
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.model.power_view import InBandView
from rack_controller.model.subjects import RackSubjects
from rack_controller.run.operate.lease_book import LeaseBook

_log = logging.getLogger(__name__)

HOLDER = "power budget, in band"
LEASE_S = 5.0
RENEW_S = Seconds(0.9)  # agents speak once a second, and a grant answers what they said
HEARD_S = Seconds(2.5)
AGAIN_S = Seconds(1.5)  # an agent looks at its limits once a second
NEVER = Seconds(float("-inf"))
STATES = KEPT, STANDING, SILENT, REFUSED, NONE = "kept", "standing", "silent", "refused", "none"
"""How a host's agent stands to grants; see `InBandView`."""
Say = Callable[[str, bytes], Awaitable[None]]


@dataclass(slots=True)
class _Told:
    """What one host was granted last."""

    watts: dict[Place, tuple[float, float]]
    at: Seconds


@dataclass(frozen=True, slots=True)
class _Host:
    """A host whose agent can keep limits: `gpus` are those of its tray, each with its number in the roster's order."""

    place: Place
    agent: InBand
    gpus: tuple[tuple[int, Place], ...]


@dataclass(slots=True)
class HostGrants:
    """See the module.  `places` are the rack's GPUs as in the roster; `epoch` is this controller's."""

    places: Sequence[Place]
    sources: Mapping[Place, TelemetrySource]
    leases: LeaseBook
    clock: Clock
    epoch: int
    say: Say | None = None
    subjects: RackSubjects | None = None
    refused: dict[Place, str] = field(default_factory=dict)  # by host: why nothing was granted there
    sent: int = 0
    _number: int = 0
    _doubted: dict[Place, Seconds] = field(default_factory=dict)  # GPUs that began anew, and when that was seen
    _told: dict[Place, _Told] = field(default_factory=dict)
    _running: "set[asyncio.Task[None]]" = field(default_factory=set)
    _known: tuple[TelemetrySource, ...] = ()
    _hosts: list[_Host] = field(default_factory=list)

    def attach(self, say: Say, subjects: RackSubjects) -> None:
        """Say grants by `say` from now on."""
        self.say, self.subjects = say, subjects

    def hosts(self) -> list[_Host]:
        """Return the rack's hosts, which may be other ones than a moment ago."""
        now = tuple(self.sources.values())
        if now != self._known:
            self._known, self._hosts = now, []
            for place, source in sorted(self.sources.items()):
                held: object = source
                if isinstance(held, InBand):
                    tray = tray_of(place)
                    gpus = tuple((n, gpu) for n, gpu in enumerate(self.places) if tray_of(gpu) == tray)
                    self._hosts.append(_Host(place, held, gpus))
        return self._hosts

    def doubt(self, places: Sequence[Place]) -> None:
        """Believe nothing of what was said of these GPUs: they began anew."""
        self._doubted |= dict.fromkeys(places, self.clock.now())

    def see(self) -> InBandSight:
        """Return what agents keep of this controller's grants, as far as they said so of late."""
        sight, now = InBandSight.nothing(len(self.places)), self.clock.now()
        for host in self.hosts():
            said = host.agent.kept()
            if said is None or said.epoch != self.epoch or now - said.heard_at > HEARD_S:
                continue
            for n, gpu in host.gpus:
                if gpu in said.limits and said.heard_at - self._doubted.get(gpu, NEVER) >= AGAIN_S:
                    sight.read[n], sight.number[n], sight.live[n] = said.limits[gpu], said.number, True
        return sight

    def grant(self, told: Array, standing: Array, lasts: Seconds) -> tuple[Array, Index]:
        """Grant (n,) W each with standing limits, as far as that is new or must be renewed; return what was sent, W,
        NaN for nothing, and by which grant."""
        done, numbers = np.full(len(self.places), np.nan), np.zeros(len(self.places), dtype=np.int64)
        for host in self.hosts():
            wanted = {gpu: (float(told[n]), float(standing[n])) for n, gpu in host.gpus}
            if self._is_due(host.place, wanted) and self._send(host, wanted, lasts):
                for n, gpu in host.gpus:
                    done[n], numbers[n] = wanted[gpu][0], self._number
        return done, numbers

    def release(self, most: Array, lasts: Seconds) -> None:
        """Give back what agents still keep, of whichever controller: a limit that nobody wants any more is none."""
        for host in self.hosts():
            said = host.agent.kept()
            if said is not None and any(said.limits.get(gpu, most[n]) < most[n] for n, gpu in host.gpus):
                wanted = {gpu: (float(most[n]), float(most[n])) for n, gpu in host.gpus}
                if self._is_due(host.place, wanted):
                    self._send(host, wanted, lasts)

    def views(self) -> list[InBandView]:
        """Return how every host stands, for people."""
        now, unix, found = self.clock.now(), self.clock.unix_ns(), []
        for host in self.hosts():
            kept = host.agent.kept()
            state, why = self._state(host.place, kept, now)
            left = 0.0 if kept is None else max(kept.ends_at - now, 0.0)
            found.append(InBandView(host.place, state, unix + int(left * 1e9) if state == KEPT else 0, why))
        return found

    async def close(self) -> None:
        """End what is being said."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _state(self, place: Place, kept: Kept | None, now: Seconds) -> tuple[str, str]:
        if kept is None:
            return NONE, self.refused.get(place, "")
        if now - kept.heard_at > HEARD_S:
            return SILENT, "its agent is not heard"
        if kept.refused:
            gpu, why = next(iter(kept.refused.items()))
            return REFUSED, why if gpu == place else f"{leaf_of(gpu)}: {why}"
        if kept.epoch != self.epoch:
            return STANDING, "it keeps what another controller left behind"
        return (KEPT, "") if kept.ends_at > now else (STANDING, "its grant is over")

    def _is_due(self, place: Place, wanted: Mapping[Place, tuple[float, float]]) -> bool:
        last = self._told.get(place)
        return last is None or last.watts != wanted or self.clock.now() - last.at >= RENEW_S

    def _send(self, host: _Host, wanted: dict[Place, tuple[float, float]], lasts: Seconds) -> bool:
        if self.say is None or self.subjects is None:
            return False
        place, last = host.place, self._told.get(host.place)
        before = {} if last is None else last.watts
        raised = any(watts > before.get(gpu, (0.0, 0.0))[0] for gpu, (watts, _) in wanted.items())
        try:
            direction = Direction.ENERGISED if raised else Direction.SAFE
            wish = Wish(place, Facet.POWER_LIMIT, LeaseClass.INVENTORY, HOLDER, direction)
            self.leases.give_back(self.leases.take(wish, LEASE_S))
        except CommandRefused as err:
            self.refused[place] = err.what
            return False
        body = host.agent.grant(self.epoch, self._number + 1, lasts, wanted)
        if not body:
            self.refused[place] = "its agent is not heard"
            return False
        self.refused.pop(place, None)
        self._number += 1
        self.sent += 1
        self._told[place] = _Told(wanted, self.clock.now())
        subject = self.subjects.agent_cap(leaf_of(tray_of(place)))
        task = asyncio.get_running_loop().create_task(_say(self.say, subject, body))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return True


async def _say(say: Say, subject: str, body: bytes) -> None:
    try:
        await say(subject, body)
    except Exception:  # noqa: BLE001 - the bus is away: the grant is over by itself
        _log.debug("a grant was not said", exc_info=True)
