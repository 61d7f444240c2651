"""One console, listened to for as long as the controller runs: reconnect, log, look at its lines, say them live.

Whatever a console does costs only itself: it is read no faster than `PACE`, which holds up its sender, and what fails
here ends in its status.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from firmware_bridge.ports.hosts import Console
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, LoginRefused, TrustRefused
from firmware_bridge.vocabulary.place import leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.console.lines import LineSplitter, plain_line
from firmware_bridge.wire.console.patterns import PatternBook
from rack_controller.decide.axes import retry_delay
from rack_controller.decide.console_notice import ConsoleMemory, notice_line
from rack_controller.decide.notice import Finding
from rack_controller.model.console import MOST_CHUNK, WATCH_FOR_S, Chunk, Said
from rack_controller.model.event import Severity
from rack_controller.run.consoles.log import ConsoleLog

_log = logging.getLogger(__name__)

PACE = 64 * 1024
"""Bytes a second of one console in the long run: five times a line at 115,200 baud."""
BURST = 512 * 1024
FIRST_RETRY = Seconds(2.0)
MOST_RETRY = Seconds(60.0)
MOST_REFUSED = 2  # logins refused in a row, then a person is asked: a wrong password must not lock the account out
STEADY_AFTER = Seconds(30.0)


@dataclass(frozen=True, slots=True)
class Seat:
    """What a station is given: where its events and live bytes go, what lines mean, and the time."""

    tell: Callable[[Finding], None]
    say: Callable[[str, Chunk], Coroutine[Any, Any, None]]
    book: PatternBook
    clock: Clock


class Station:
    """Listens to one console.  `state` is connecting, connected, lost or held; `error` says why."""

    def __init__(self, console: Console, log: ConsoleLog, seat: Seat) -> None:
        self.console, self.log, self.place = console, log, console.endpoint
        self.state, self.since, self.error = "connecting", seat.clock.now(), ""
        self._seat = seat
        self._failures, self._refused, self._is_missed = 0, 0, False
        self._disk_error = ""
        self._watched_until = Seconds(float("-inf"))
        self._splitter, self._memory = LineSplitter(), ConsoleMemory()
        self._credit, self._credited = float(BURST), seat.clock.now()
        self._again = asyncio.Event()

    @property
    def name(self) -> str:
        """Return what people call it: `u12 console`."""
        return f"{leaf_of(tray_of(self.place))} {leaf_of(self.place)}"

    @property
    def is_watched(self) -> bool:
        """Tell whether live bytes are said now."""
        return self._seat.clock.now() < self._watched_until

    def watch(self) -> None:
        """Say live bytes for `WATCH_FOR_S` from now on."""
        self._watched_until = Seconds(self._seat.clock.now() + WATCH_FOR_S)

    def retry(self) -> None:
        """Try a lost or held console again at once."""
        self._again.set()

    async def run(self, after: Seconds = Seconds(0.0)) -> None:  # noqa: B008 - a NewType's call makes a constant
        """Listen until cancelled; begin after a moment, so that a rack's consoles do not all log in at once."""
        delay: Seconds | None = after
        try:
            while True:
                await self._rest(delay)
                delay = await self._listen()
        finally:
            await self.console.close()

    async def mark(self, text: str) -> None:
        """Put a line of ours into the log and the live bytes."""
        await self._keep(f"\r\n[-- rackwright: {text} --]\r\n".encode(), Said.MARK)

    async def _rest(self, delay: Seconds | None) -> None:
        self._again.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._again.wait(), delay)

    async def _listen(self) -> Seconds | None:
        """Open the console and take what comes until it is gone; return how long to leave it alone, None: for good."""
        began = None
        try:
            await self.console.open()
            began = self._seat.clock.now()
            await self._connected()
            while True:
                await self._take(await self.console.receive())
        except DeviceError as err:
            return await self._gone(err, began)
        except Exception as err:  # noqa: BLE001 - logged whole, and it costs this console only
            _log.exception("%s: the console failed", self.place)
            return await self._gone(DeviceError(self.place, "listen", f"failed: {type(err).__name__}"), began)

    async def _connected(self) -> None:
        self._refused = 0
        self._turn("connected", "")
        await self.mark("connected")
        if self._is_missed:
            self._is_missed = False
            self._tell("console.connected", Severity.OK, f"{self.name} is heard again")

    async def _gone(self, err: DeviceError, began: Seconds | None) -> Seconds | None:
        await self.console.close()
        now, what = self._seat.clock.now(), err.detail or err.verb
        self._refused += isinstance(err, LoginRefused)
        self._failures = 1 if began is not None and now - began >= STEADY_AFTER else self._failures + 1
        tired = isinstance(err, LoginRefused) and self._refused >= MOST_REFUSED
        held = tired or isinstance(err, TrustRefused)
        if tired:
            what += f"; refused {MOST_REFUSED} times, not tried again: settle its credential, then `console retry`"
        if began is not None:
            for line in self._splitter.rest():
                self._look(line)
            await self.mark(f"lost: {what}; what it says from here on is not heard")
        if self.error != f"{type(err).__name__}: {what}":
            _log.warning("%s", err)
            self._turn("held" if held else "lost", f"{type(err).__name__}: {what}")
            if held:
                self._tell("console.held", Severity.CRITICAL, f"{self.name} is not logged into: {what}")
            elif began is not None:
                self._tell("console.lost", Severity.WARNING, f"{self.name} is not heard: {what}")
            self._is_missed = self._is_missed or held or began is not None
        if held:
            return None  # a person must look: pinned anew, or told to `retry`, which tries once
        return retry_delay(self._failures, FIRST_RETRY, MOST_RETRY)

    async def _take(self, data: bytes) -> None:
        await self._keep(data, Said.CONSOLE)
        for line in self._splitter.feed(data):
            self._look(line)
        now = self._seat.clock.now()
        self._credit = min(float(BURST), self._credit + (now - self._credited) * PACE) - len(data)
        self._credited = now
        if self._credit < 0:
            await self._seat.clock.sleep_until(Seconds(now - self._credit / PACE))

    def _look(self, line: bytes) -> None:
        sighting = self._seat.book.look(plain_line(line))
        if sighting is not None:
            self._memory, findings = notice_line(self._memory, self.place, sighting, self._seat.clock.now())
            for finding in findings:
                self._seat.tell(finding)

    async def _keep(self, data: bytes, said: Said) -> None:
        unix_ns = self._seat.clock.unix_ns()
        for at in range(0, len(data), MOST_CHUNK):
            piece, position = data[at : at + MOST_CHUNK], self.log.end
            try:
                self.log.append(piece, unix_ns, said)
                self._disk_error = ""
            except OSError as err:
                if self._disk_error != str(err):
                    _log.error("%s: its log is not stored: %s", self.place, err)
                self._disk_error = str(err)
            if self.is_watched:
                await self._seat.say(self.place, Chunk(position, unix_ns, said, piece))

    def _turn(self, state: str, error: str) -> None:
        self.state, self.error, self.since = state, error, self._seat.clock.now()

    def _tell(self, kind: str, severity: Severity, text: str) -> None:
        self._seat.tell(Finding(self.place, kind, severity, text))
