"""A budget's limits on their way to one rack's devices: asked for, read back at once; never asked twice at a time.

Nothing is written down: a grant that was not read back counts as its most, also for the next controller, which reads
what stands.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.ports.set_points import SetPointed
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import CommandRefused, DeviceError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.run.ending import end
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook

_log = logging.getLogger(__name__)

HOLDER = "power budget"
RANK = LeaseClass.INVENTORY
"""No person waits for the budget: whoever asks meanwhile asks for the lower of both anyway (`SetPoints.granted`)."""
LEASE_S = 10.0
LOOK_EVERY_S = Seconds(5.0)
KNOWN_S = 1.0
NEVER = Seconds(float("-inf"))


@dataclass(slots=True)
class Grants:
    """One rack's.  `read`: what was read back after a write, W, and when it was asked for."""

    limits: Limits
    leases: LeaseBook
    clock: Clock
    read: dict[Place, tuple[float, Seconds]] = field(default_factory=dict)
    failed: dict[Place, str] = field(default_factory=dict)  # by endpoint: why it did not take the last one
    sent: int = 0
    _known: dict[Place, Place] = field(default_factory=dict)
    _known_at: Seconds = NEVER
    _looked: dict[Place, Seconds] = field(default_factory=dict)
    busy: set[Place] = field(default_factory=set)  # endpoints that are being asked: reading back keeps nobody waiting
    _running: "set[asyncio.Task[None]]" = field(default_factory=set)

    def able(self) -> dict[Place, Place]:
        """Return every place whose limit can be written now, with its endpoint.

        Which there are, and which are left alone, is found out once a second.
        """
        now = self.clock.now()
        if now - self._known_at >= KNOWN_S:
            self._known_at = now
            points = {place: endpoint for place, (endpoint, _) in self.limits.points().items()}
            spared = {endpoint for endpoint in set(points.values()) if self.limits.spared(endpoint)}
            self._known = {place: endpoint for place, endpoint in points.items() if endpoint not in spared}
        return self._known

    def send(
        self,
        watts: Mapping[Place, float],
        raised: frozenset[Place],
        able: Mapping[Place, Place],
        first: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Begin to ask for limits, all endpoints at once; `raised` are those that go up; `first`: what is waited for
        before any is lowered."""
        by_endpoint: dict[Place, dict[Place, float]] = {}
        for place, value in watts.items():
            by_endpoint.setdefault(able[place], {})[place] = value
        self.sent += len(watts)
        for endpoint, wanted in by_endpoint.items():
            direction = Direction.ENERGISED if raised & set(wanted) else Direction.SAFE
            self.busy.add(endpoint)
            ask = self._ask(endpoint, wanted, direction)
            self._begin(ask if first is None or direction is Direction.ENERGISED else _after(first, ask))

    def look(self, places: Collection[Place], able: Mapping[Place, Place]) -> None:
        """Begin to read back limits of which nothing is known, each at most every `LOOK_EVERY_S`."""
        now, by_endpoint = self.clock.now(), dict[Place, list[Place]]()
        for place in places:
            if now - self._looked.get(place, -LOOK_EVERY_S) >= LOOK_EVERY_S and able[place] not in self.busy:
                by_endpoint.setdefault(able[place], []).append(place)
                self._looked[place] = now
        for endpoint, mine in by_endpoint.items():
            self._begin(self._looking(endpoint, mine))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _looking(self, endpoint: Place, places: Collection[Place]) -> None:
        source = self.limits.sources_of().get(endpoint)
        try:
            if source is not None:
                await self._read_back(source, places)
        except DeviceError as err:
            _log.info("%s does not say its limits: %s", endpoint, err)

    async def close(self) -> None:
        """End what is under way.  Devices keep what they were told."""
        await end(list(self._running))

    async def _ask(self, endpoint: Place, wanted: Mapping[Place, float], direction: Direction) -> None:
        """Ask once; whoever stands in the way is named, and it is asked again in a later cycle."""
        source = self.limits.sources_of().get(endpoint)
        if source is None:
            self.busy.discard(endpoint)
            return
        try:
            lease = self.leases.take(Wish(endpoint, Facet.POWER_LIMIT, RANK, HOLDER, direction), LEASE_S)
        except CommandRefused as err:
            self.busy.discard(endpoint)
            self._note(endpoint, err.what)
            return
        try:
            await self._asked(endpoint, source, wanted)
        except DeviceError as err:
            self._note(endpoint, err.detail or err.what)
        except Exception:  # noqa: BLE001 - logged whole; what was not read back counts as its most
            _log.exception("%s: its limits were not written", endpoint)
        finally:
            self.busy.discard(endpoint)
            self.leases.give_back(lease)

    async def _asked(self, endpoint: Place, source: SetPointed, wanted: Mapping[Place, float]) -> None:
        ends = await source.ask_values(wanted)
        self.busy.discard(endpoint)  # what is asked for next need not wait for the reading back
        taken = [place for place in wanted if ends[place] is None]
        said = next((end.detail or end.what for end in ends.values() if end is not None), "")
        if taken:
            await self._read_back(source, taken)
        self._note(endpoint, said)

    async def _read_back(self, source: SetPointed, places: Collection[Place]) -> None:
        asked_at = self.clock.now()
        for place, value in (await source.read_values(places)).items():
            if value is not None:
                self.read[place] = (float(value), asked_at)

    def _note(self, endpoint: Place, said: str) -> None:
        if said and self.failed.get(endpoint) != said:
            _log.warning("%s: a limit was not set: %s", endpoint, said)
        if said:
            self.failed[endpoint] = said
        else:
            self.failed.pop(endpoint, None)


async def _after(first: Callable[[], Awaitable[None]], then: Coroutine[Any, Any, None]) -> None:
    try:
        await first()
    except BaseException:
        then.close()
        raise
    await then
