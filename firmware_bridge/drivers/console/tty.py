"""A console at a serial device or pseudo-terminal of ours, opened exclusively.  Bytes in, bytes out; no retries."""

import asyncio
import contextlib
import os
import termios
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import serial

from firmware_bridge.drivers.console.inbox import Inbox
from firmware_bridge.ports.hosts import MOST_SENT
from firmware_bridge.vocabulary.errors import EndpointUnreachable
from firmware_bridge.vocabulary.line import LineSettings, Parity
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.console.lines import LineSplitter, plain_line

SEND_WITHIN = Seconds(5.0)
BREAK_S = 0.5
_MOST_READ = 16 * 1024
_LETTERS = {Parity.EVEN: serial.PARITY_EVEN, Parity.ODD: serial.PARITY_ODD, Parity.NONE: serial.PARITY_NONE}


@dataclass
class TtyConsole:
    """One console at `tty`, with `line` as speed and character format (a pseudo-terminal carries no parity)."""

    place: Place
    tty: str
    line: LineSettings
    _port: serial.Serial | None = None
    _inbox: Inbox | None = None
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def endpoint(self) -> Place:
        """Return the console's place."""
        return self.place

    async def open(self) -> None:
        """Open the device for us alone.  Raises EndpointUnreachable with what the system says."""
        await self.close()
        is_pty = _is_pty(self.tty)
        try:
            self._port = serial.Serial(
                self.tty,
                self.line.baud,
                parity=serial.PARITY_NONE if is_pty else _LETTERS[self.line.parity],
                stopbits=self.line.stop_bits,
                timeout=0,
                exclusive=True,
            )
        except (OSError, ValueError, termios.error) as err:  # SerialException is an OSError
            taken = "exclusively lock" in str(err)
            why = "another program holds it" if taken else _why(err)
            advice = "a line has one owner: stop the other one" if taken else "see its entry in site.yaml"
            raise EndpointUnreachable(self.place, "open", why, advice=advice) from err
        self._inbox = Inbox(self._hold, self._go_on)
        self._go_on()

    async def receive(self) -> bytes:
        """Return what has come.  Raises EndpointUnreachable when the line hung up."""
        if self._inbox is None:
            raise EndpointUnreachable(self.place, "receive", "not open")
        try:
            return await self._inbox.take()
        except EOFError as err:
            raise EndpointUnreachable(self.place, "receive", str(err)) from err

    async def send(self, data: bytes) -> None:
        """Send bytes, at most `MOST_SENT`.  Raises EndpointUnreachable when the line takes none."""
        async with self._writing:
            rest = memoryview(data[:MOST_SENT])
            deadline = asyncio.get_running_loop().time() + SEND_WITHIN
            while rest:
                try:
                    rest = rest[os.write(self._descriptor("send"), rest) :]
                except BlockingIOError as err:
                    if asyncio.get_running_loop().time() > deadline:
                        said = f"the line took nothing for {SEND_WITHIN:g} s"
                        raise EndpointUnreachable(self.place, "send", said) from err
                    await asyncio.sleep(0.02)
                except OSError as err:
                    raise EndpointUnreachable(self.place, "send", _why(err)) from err

    async def send_break(self) -> None:
        """Hold the line in break for half a second.  A pseudo-terminal takes it and has nothing to hold."""
        async with self._writing:
            self._descriptor("break")
            assert self._port is not None
            try:
                self._port.break_condition = True
                await asyncio.sleep(BREAK_S)
            except (OSError, termios.error) as err:
                raise EndpointUnreachable(self.place, "break", _why(err)) from err
            finally:
                with contextlib.suppress(OSError, termios.error, AttributeError):
                    self._port.break_condition = False

    async def lines(self) -> AsyncIterator[str]:
        """Yield printable lines as they arrive."""
        splitter = LineSplitter()
        while True:
            for line in splitter.feed(await self.receive()):
                yield plain_line(line)

    async def close(self) -> None:
        """Close the device.  Never raises."""
        port, self._port, self._inbox = self._port, None, None
        if port is not None:
            with contextlib.suppress(OSError, ValueError, termios.error):
                asyncio.get_running_loop().remove_reader(port.fileno())
            with contextlib.suppress(OSError, termios.error):
                port.close()

    def _descriptor(self, verb: str) -> int:
        if self._port is None:
            raise EndpointUnreachable(self.place, verb, "not open")
        return int(self._port.fileno())

    def _hold(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor("receive"))

    def _go_on(self) -> None:
        asyncio.get_running_loop().add_reader(self._descriptor("receive"), self._take_in)

    def _take_in(self) -> None:
        if self._inbox is None or self._port is None:
            return
        try:
            data = os.read(self._port.fileno(), _MOST_READ)
        except BlockingIOError:
            return
        except OSError as err:
            data, why = b"", _why(err)
        else:
            why = "the line hung up"
        if data:
            self._inbox.put(data)
        else:
            asyncio.get_running_loop().remove_reader(self._port.fileno())
            self._inbox.end(why)


def _is_pty(tty: str) -> bool:
    return os.path.realpath(tty).startswith("/dev/pts/")


def _why(err: Exception) -> str:
    number = getattr(err, "errno", None)
    return os.strerror(number).lower() if isinstance(number, int) else str(err)
