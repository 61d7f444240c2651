"""One task per endpoint: meet it, read its classes when they are due, leave it alone when it fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from firmware_bridge.ports.telemetry import Eventful, Prompt, Pushing, Sparing, TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointSpared, LoginRefused, TrustRefused
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.axes import Contact, retry_delay
from rack_controller.run.board import Board
from rack_controller.run.ending import run_until_one_ends
from rack_controller.run.enrolment.holds import Holds
from rack_controller.run.precedence import Precedence

T = TypeVar("T")
_log = logging.getLogger(__name__)

MOST_RETRY = Seconds(10.0)
MOST_RETRY_LOGIN = Seconds(60.0)  # a wrong password must not lock the account out
LOST_AFTER = 3
FAULT_AGAIN = Seconds(30.0)
"""How soon what failed of a rare read is tried again; twice as long after each failure more."""
_ORDER = (ReadingClass.SAFETY, ReadingClass.POWER, ReadingClass.SLOW, ReadingClass.STATIC)


class Collector:
    """Reads one endpoint by class for as long as it runs; a failing endpoint costs only itself."""

    def __init__(
        self,
        source: TelemetrySource,
        board: Board,
        periods: dict[ReadingClass, Seconds],
        clock: Clock,
        phase: float,
        on_met: Callable[[Place], None] = lambda _place: None,
        holds: Holds | None = None,
        precedence: Precedence | None = None,
    ) -> None:
        self._precedence = precedence or Precedence(clock)
        self._source, self._board, self._periods, self._clock = source, board, periods, clock
        self._phase = phase  # 0-1: spreads the endpoints of a rack over a period
        self._on_met = on_met  # what stands there may be another part than before
        self._holds = holds
        self._rescan, self._replaced = asyncio.Event(), asyncio.Event()
        self._looked: tuple[Seconds, str] | None = None
        self._login_refused = False
        self._eventful = source if isinstance(source, Eventful) else None
        self._sparing = source if isinstance(source, Sparing) else None

    def rescan(self) -> None:
        """Meet the endpoint anew as soon as possible."""
        self._rescan.set()

    def replace(self, source: TelemetrySource) -> None:
        """Read the endpoint through another source from now on, and meet it at once."""
        self._source, self._eventful = source, source if isinstance(source, Eventful) else None
        self._sparing = source if isinstance(source, Sparing) else None
        self._board.contacts[source.endpoint] = replace(self._board.contacts[source.endpoint], failures=0, error="")
        self._replaced.set()
        self._rescan.set()

    @property
    def looked(self) -> tuple[Seconds, str] | None:
        """Return when the last whole look at the endpoint was begun, and what went wrong with it; None before one."""
        return self._looked

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._clock.sleep_until(Seconds(self._clock.now() + self._phase * self._periods[ReadingClass.SAFETY]))
        while True:
            if self._holds is not None:
                await self._holds.wait_free(self._source)
            if await self._meet():
                await self._read_until_lost()
            await self._wait(self._pause())

    async def _meet(self) -> bool:
        self._rescan.clear()
        self._replaced.clear()
        source = self._source
        try:
            series = await self._look("discover")
            self._board.declare(source.endpoint, series)
            if isinstance(source, Prompt):
                source.tell_leaks_to(self._board.store)
            await self._first_reading(source)
        except DeviceError as err:
            if not self._replaced.is_set():
                self._failed(err)
                await self._consider(source, err)
            return False
        self._succeeded()
        self._note_faults()
        self._on_met(self._source.endpoint)
        return True

    async def _changed(self, err: DeviceError) -> bool:
        """Return whether it is held now: another certificate, of which a connection of before knows nothing."""
        if not isinstance(err, TrustRefused) or err.status:
            return False
        await self._consider(self._source, err)
        return self._holds is not None and self._holds.of(self._source.endpoint) is not None

    async def _consider(self, source: TelemetrySource, err: DeviceError) -> None:
        """Hold an endpoint that shows another certificate, also while a connection of before goes on answering."""
        if isinstance(err, TrustRefused) and self._holds is not None:
            await self._holds.consider(source)

    async def _first_reading(self, source: TelemetrySource) -> None:
        """An endpoint is ready when its login works and its sensors can be read, not when something answers there."""
        try:
            self._board.store(await self._guarded(source.read(ReadingClass.SAFETY), "first reading"))
        except EndpointSpared:
            return  # it is left alone for now, and was met before

    async def _read_until_lost(self) -> None:
        """Read every class on its own beat until safety readings fail."""
        works = [*(self._read_class(c) for c in _ORDER), self._rescans(), self._until_replaced()]
        if isinstance(self._source, Pushing):
            works.append(self._take_pushes(self._source))
        await run_until_one_ends(works)

    async def _until_replaced(self) -> None:
        await self._replaced.wait()

    async def _take_pushes(self, source: Pushing) -> None:
        """Store what comes by itself as it comes; whether the endpoint is there is the safety class' to say."""
        while True:
            pushed = source.pushes()
            try:
                while True:
                    self._board.store(await self._guarded(pushed.__anext__(), "pushes"))
                    self._board.on_told()
            except DeviceError as err:
                _log.warning("%s", err)
            await self._clock.sleep_until(Seconds(self._clock.now() + self._periods[ReadingClass.SAFETY]))

    async def _read_class(self, reading_class: ReadingClass) -> None:
        period = self._periods[reading_class]
        due = self._clock.now()
        if reading_class is ReadingClass.SAFETY:  # it has been read just now
            due = next_due(due, period, due)
            await self._clock.sleep_until(due)
        rare, again = period > FAULT_AGAIN, FAULT_AGAIN
        mine: set[str] = set()  # what failed of a rare class the last time
        while True:
            if reading_class is not ReadingClass.SAFETY:
                await self._precedence.give_way(self._phase)
            before = set(self._source.faults) - mine if rare else set()
            try:
                self._board.store(await self._guarded(self._source.read(reading_class), f"read {reading_class}"))
            except EndpointSpared:
                self._note_path()  # we chose not to ask: nothing is known to be wrong
            except DeviceError as err:
                # Other classes only go stale: the safety class alone decides whether the endpoint is there.
                if reading_class is ReadingClass.SAFETY and (
                    self._failed(err) >= LOST_AFTER or isinstance(err, TrustRefused)
                ):
                    await self._consider(self._source, err)
                    return
                if await self._changed(err):
                    return
            else:
                if reading_class is ReadingClass.SAFETY:
                    self._succeeded()
            self._note_faults()
            due = next_due(due, period, self._clock.now())
            mine = set(self._source.faults) - before if rare else set()
            if mine:  # a fault of a rare read is not left to stand
                due = Seconds(min(due, self._clock.now() + again))
            again = Seconds(2.0 * again) if mine else FAULT_AGAIN
            await self._clock.sleep_until(due)

    async def _guarded(self, asked: Awaitable[T], verb: str) -> T:
        """Await a driver.  What is no DeviceError is our bug: logged whole, and it costs this endpoint only."""
        try:
            return await asked
        except DeviceError:
            raise
        except Exception as err:
            _log.exception("%s: the driver failed in %s", self._source.endpoint, verb)
            raise DeviceError(self._source.endpoint, verb, f"driver failed: {type(err).__name__}") from err

    async def _rescans(self) -> None:
        """Meet the endpoint anew when asked, beside the reading loops: safety readings do not wait for it."""
        while True:
            await self._rescan.wait()
            self._rescan.clear()
            try:
                self._board.declare(self._source.endpoint, await self._look("rescan"))
            except DeviceError as err:
                _log.warning("%s", err)
                if await self._changed(err):
                    return

    async def _look(self, verb: str) -> Sequence[Series]:
        """Have the endpoint looked at anew, and note how that went."""
        began = self._clock.now()
        try:
            series = await self._guarded(self._source.discover(), verb)
        except DeviceError as err:
            self._looked = (began, f"{type(err).__name__}: {err.detail or err.verb}")
            raise
        self._looked = (began, "")
        return series

    async def _wait(self, delay: Seconds) -> None:
        if delay <= 0:
            return
        try:
            await asyncio.wait_for(self._rescan.wait(), delay)
        except TimeoutError:
            return

    def _pause(self) -> Seconds:
        contact = self._board.contacts[self._source.endpoint]
        if not contact.failures:
            return Seconds(0)
        most = MOST_RETRY_LOGIN if self._login_refused else MOST_RETRY
        return retry_delay(contact.failures, self._periods[ReadingClass.SAFETY], most)

    def _succeeded(self) -> None:
        self._board.contacts[self._source.endpoint] = Contact(last_success=self._clock.now())
        self._note_path()

    def _note_faults(self) -> None:
        self._board.note_faults(self._source.endpoint, self._source.faults, self._clock.now())

    def _note_path(self) -> None:
        if self._eventful is not None:
            self._board.paths[self._source.endpoint] = self._eventful.event_path
        if self._sparing is not None:
            self._board.attentions[self._source.endpoint] = self._sparing.attention

    def _failed(self, err: DeviceError) -> int:
        contact = self._board.contacts[self._source.endpoint]
        text = f"{type(err).__name__}: {err.detail or err.verb}"
        if contact.error != text:
            _log.warning("%s", err)
        self._login_refused = isinstance(err, LoginRefused)
        failed = replace(contact, failures=contact.failures + 1, error=text, error_at=self._clock.now())
        self._board.contacts[self._source.endpoint] = failed
        self._note_path()
        return contact.failures + 1


def next_due(due: Seconds, period: Seconds, now: Seconds) -> Seconds:
    """Return the next slot of the grid after `now`: a late read does not make the following ones bunch up."""
    missed = max(0, int((now - due) // period))
    return Seconds(due + (missed + 1) * period)


def phases(count: int) -> list[float]:
    """Return `count` phases spread evenly over a period."""
    return [n / max(count, 1) for n in range(count)]
