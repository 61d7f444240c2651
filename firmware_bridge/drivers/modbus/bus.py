"""One serial line and its owner: transactions in order of urgency, the silence between frames kept, faults told apart.

A line is half duplex and has no transaction numbers: a reply that comes too late looks like the answer to the next
request.  After a silence the unit is therefore not asked again until a late reply can no longer be mistaken.
"""

import asyncio
import heapq
import itertools
import logging
from dataclasses import dataclass, field
from enum import IntEnum

from firmware_bridge.drivers.modbus.port import Garbled, ModbusPort, NoAnswer, PortClosed, Refused
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointRefused, EndpointUnreachable, ReplyMalformed
from firmware_bridge.vocabulary.line import LineSettings
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.modbus.timing import READ_REQUEST_BYTES, characters, frame_gap, reply_bytes

_log = logging.getLogger(__name__)

# southbound.md §1.2: devices answer within 70 ms and are given 300; the event loop that waits may itself be late.
TURN_ROUND = Seconds(0.25)
PROBE_WAIT = Seconds(0.07)  # for an address where perhaps nobody is, as facebook/openbmc rackmon2 waits
LATE = Seconds(0.5)  # how long after a silence a late reply may still come
REOPEN_AFTER = Seconds(1.0)
_WRITE_REPLY_BYTES = 8
_GRAIN = 0.001  # of an event loop's timers
_LEFT_ALONE = "wait"
EVERYBODYS_TURN = 6
"""So many transactions, and the next is of whoever has waited longest: what is urgent may fill a line whole."""


def is_left_alone(err: DeviceError) -> bool:
    """Tell whether a unit was not asked at all because a late reply is waited out: no new sign of anything."""
    return err.verb == _LEFT_ALONE


class Urgency(IntEnum):
    """Who goes first on a line."""

    ALARM = 0
    POWER = 1
    SLOW = 2
    BACKGROUND = 3


@dataclass(slots=True)
class Counters:
    """What a line has done since it was opened."""

    transactions: int = 0
    silences: int = 0
    garbled: int = 0
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """One transaction wanted: a read of `words`, or a write of `values`."""

    endpoint: str
    unit: int
    at: int
    words: int
    line: LineSettings
    values: tuple[int, ...] = ()
    turn_round: Seconds = TURN_ROUND

    @property
    def verb(self) -> str:
        """Return what is asked, for errors."""
        return f"{'write' if self.values else 'read'} {self.at:#06x}+{self.words}"


@dataclass(order=True, slots=True)
class _Waiting:
    urgency: int
    number: int
    ask: Ask = field(compare=False)
    answer: asyncio.Future[list[int]] = field(compare=False)


OPENING = "open"
"""The verb of an error at opening the tty: nothing was sent."""


class SerialBus:
    """Owns one tty.  `read` and `write` may be called by anyone at any time; the owner takes them one by one."""

    def __init__(self, tty: str, clock: Clock) -> None:
        self.tty = tty
        self._clock = clock
        self.counters = Counters()
        self._port = ModbusPort(tty)
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._wanted = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self._quiet_at = 0.0
        self._not_before: dict[int, float] = {}
        self._turns = 0
        self._closed_because = ""
        self._reopen_at = 0.0

    async def read(self, ask: Ask, urgency: Urgency) -> list[int]:
        """Return the words asked for.

        Raises EndpointUnreachable (silence, no tty), ReplyMalformed (CRC, wrong unit), EndpointRefused (exception).
        """
        return await self._queue(ask, urgency)

    async def write(self, ask: Ask, urgency: Urgency) -> None:
        """Write `ask.values`.  Raises like `read`."""
        await self._queue(ask, urgency)

    async def close(self) -> None:
        """Stop the owner and close the tty; whoever waits is told that the line is closed."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.cancel()
            await asyncio.gather(owner, return_exceptions=True)
        for waiting in self._waiting:
            if not waiting.answer.done():
                waiting.answer.set_exception(EndpointUnreachable(waiting.ask.endpoint, waiting.ask.verb, "closed"))
        self._waiting.clear()
        self._port.close()

    async def _queue(self, ask: Ask, urgency: Urgency) -> list[int]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[int]] = loop.create_future()
        heapq.heappush(self._waiting, _Waiting(urgency, next(self._numbers), ask, answer))
        self._wanted.set()
        if self._owner is None or self._owner.done():
            self._owner = asyncio.create_task(self._serve(), name=f"line {self.tty}")
        return await answer

    async def _serve(self) -> None:
        """Work until cancelled."""
        while True:
            if not self._waiting:
                self._wanted.clear()
                await self._wanted.wait()
            waiting = self._next()
            if waiting.answer.done():
                continue  # whoever asked has gone
            try:
                words = await self._guarded(waiting.ask)
            except DeviceError as err:
                _settle(waiting.answer, err)
            except asyncio.CancelledError:
                _settle(waiting.answer, EndpointUnreachable(waiting.ask.endpoint, waiting.ask.verb, "closed"))
                raise
            else:
                if not waiting.answer.done():
                    waiting.answer.set_result(words)

    def _next(self) -> _Waiting:
        """Return who goes first now, and take it off those that wait."""
        self._turns += 1
        if self._turns % EVERYBODYS_TURN:
            return heapq.heappop(self._waiting)
        longest = min(self._waiting, key=lambda waiting: waiting.number)
        self._waiting.remove(longest)
        heapq.heapify(self._waiting)
        return longest

    async def _guarded(self, ask: Ask) -> list[int]:
        """Transact; what is no DeviceError is told too, and the line goes on: nobody is left waiting."""
        try:
            return await self._transact(ask)
        except DeviceError:
            raise
        except Exception as err:
            _log.exception("%s: %s failed", self.tty, ask.verb)
            self._port.close()
            raise DeviceError(ask.endpoint, ask.verb, f"{self.tty}: {type(err).__name__}: {err}") from err

    async def _transact(self, ask: Ask) -> list[int]:
        if self._clock.now() < self._not_before.get(ask.unit, 0.0):
            detail = f"unit {ask.unit:#04x}: silent, a late reply is waited out"
            raise EndpointUnreachable(ask.endpoint, _LEFT_ALONE, detail)
        await self._opened(ask)
        await self._keep_gap(ask.line)
        self.counters.transactions += 1
        try:
            if ask.values:
                await self._port.write(ask.unit, ask.at, ask.values, _patience(ask))
                return []
            return await self._port.read(ask.unit, ask.at, ask.words, _patience(ask))
        except (NoAnswer, Garbled, Refused, PortClosed) as err:
            raise self._named(ask, err) from err
        finally:
            self._quiet_at = asyncio.get_running_loop().time()

    def _named(self, ask: Ask, err: Exception) -> DeviceError:
        detail = f"unit {ask.unit:#04x} at {ask.line}: {err}"
        if isinstance(err, Refused):
            self.counters.refusals += 1
            return EndpointRefused(ask.endpoint, ask.verb, detail, status=err.code)
        if isinstance(err, Garbled):
            self.counters.garbled += 1
            return ReplyMalformed(ask.endpoint, ask.verb, detail)
        if isinstance(err, NoAnswer):
            self.counters.silences += 1
            self._not_before[ask.unit] = self._clock.now() + LATE
            return EndpointUnreachable(ask.endpoint, ask.verb, detail)
        self._port.close()
        return EndpointUnreachable(ask.endpoint, ask.verb, f"{self.tty}: {err}")

    async def _opened(self, ask: Ask) -> None:
        if self._port.is_open and self._port.line == ask.line:
            return
        if not self._port.is_open and self._clock.now() < self._reopen_at:
            raise EndpointUnreachable(ask.endpoint, OPENING, self._closed_because, advice=_TTY_ADVICE)
        try:
            await self._port.open(ask.line)
        except PortClosed as err:
            self._reopen_at = self._clock.now() + REOPEN_AFTER
            self._closed_because = f"{self.tty}: {err}"
            raise EndpointUnreachable(ask.endpoint, OPENING, self._closed_because, advice=_TTY_ADVICE) from err

    async def _keep_gap(self, line: LineSettings) -> None:
        """Let the line be silent for 3.5 characters: timers have a grain of 1 ms, the rest is passed in the loop."""
        loop = asyncio.get_running_loop()
        ready_at = self._quiet_at + frame_gap(line)
        left = ready_at - loop.time()
        while left > 0:
            await asyncio.sleep(_GRAIN if left > _GRAIN else 0)
            left = ready_at - loop.time()


_TTY_ADVICE = "check the tty in site.yaml, its cable and who else has it open"


def _patience(ask: Ask) -> Seconds:
    """Return how long to wait for a reply: its own time on the wire, the gap, and the device's turn-round."""
    sent = READ_REQUEST_BYTES + 2 * len(ask.values) + (_WRITE_REPLY_BYTES if ask.values else reply_bytes(ask.words))
    return Seconds(characters(ask.line, sent) + frame_gap(ask.line) + ask.turn_round)


def _settle(answer: asyncio.Future[list[int]], err: DeviceError) -> None:
    if not answer.done():
        answer.set_exception(err)
