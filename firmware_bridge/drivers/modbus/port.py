"""The one place that touches pymodbus and pyserial: a tty opened exclusively, one transaction at a time.

Knows nothing of units, plans or priorities.  A pseudo-terminal cannot carry a parity bit: there the parity that a UART
would have been set to is marked in otherwise unused termios flags, so that an emulated far end can hold us to it.
"""

import logging
import os
import termios
from collections.abc import Sequence
from typing import Any

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse

from firmware_bridge.vocabulary.line import LineSettings, Parity
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.modbus.frame import SHORTEST, Refusal, crc16, without_strangers

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what it would say comes back as our own errors

_LETTERS = {Parity.EVEN: "E", Parity.ODD: "O", Parity.NONE: "N"}
_EXCEPTION_BIT = 0x80


class PortClosed(Exception):
    """The tty cannot be opened or has gone; the text says why."""


class NoAnswer(Exception):
    """Nothing came back in time."""


class Garbled(Exception):
    """Something came back that is no reply to what was asked."""


class Refused(Exception):
    """The unit answered with an exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(_refusal(code))
        self.code = code


class ModbusPort:
    """One open tty.  `await open(line)`, then `read` and `write`; never two at a time."""

    def __init__(self, tty: str) -> None:
        self.tty = tty
        self.line: LineSettings | None = None
        self._client: AsyncModbusSerialClient | None = None
        self._is_pty = False
        self._seen = b""
        self._asked = 0

    @property
    def is_open(self) -> bool:
        """Tell whether the tty is open and has not hung up."""
        return self._client is not None and self._client.ctx.transport is not None

    async def open(self, line: LineSettings) -> None:
        """Open the tty, or set an open one to `line`.  Raises PortClosed with the reason."""
        if self.is_open and self.line == line:
            return
        if self.is_open:
            try:
                self._set_line(line)
            except (OSError, ValueError, termios.error) as err:
                raise PortClosed(f"cannot be set to {line}: {err}") from err
            return
        self.close()
        self._is_pty = _is_pty(self.tty)
        client = AsyncModbusSerialClient(
            self.tty,
            framer=FramerType.RTU,
            baudrate=line.baud,
            parity="N" if self._is_pty else _LETTERS[line.parity],
            stopbits=line.stop_bits,
            timeout=1.0,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._trace,
        )
        try:
            opened = await client.connect()
        except (OSError, ValueError, termios.error) as err:
            raise PortClosed(str(err)) from err
        if not opened:
            raise PortClosed(_why_not(self.tty))
        self._client, self.line = client, line
        try:
            self._mark_parity()
        except (OSError, termios.error) as err:
            self.close()
            raise PortClosed(f"cannot be set to {line}: {err}") from err

    async def read(self, unit: int, at: int, words: int, timeout: Seconds) -> list[int]:
        """Read holding registers.  Raises NoAnswer, Garbled, Refused or PortClosed."""
        reply = await self._ask("read_holding_registers", timeout, at, count=words, device_id=unit)
        if len(reply.registers) != words:
            raise Garbled(f"{len(reply.registers)} words instead of {words}")
        return list(reply.registers)

    async def write(self, unit: int, at: int, values: Sequence[int], timeout: Seconds) -> None:
        """Write registers (function 16).  Raises NoAnswer, Garbled, Refused or PortClosed."""
        await self._ask("write_registers", timeout, at, list(values), device_id=unit)

    def close(self) -> None:
        """Close the tty.  Never raises."""
        client, self._client, self.line = self._client, None, None
        if client is not None:
            client.close()

    async def _ask(self, method: str, timeout: Seconds, *args: Any, **named: Any) -> Any:
        if self._client is None or self._client.ctx.transport is None:
            raise PortClosed("the line hung up")
        self._seen = b""
        self._client.ctx.comm_params.timeout_connect = float(timeout)
        unit = named["device_id"]
        try:
            reply = await getattr(self._client, method)(*args, **named)
        except ModbusException as err:
            if not self.is_open:
                raise PortClosed("the line hung up") from err
            if self._seen:
                raise Garbled(_what_came(self._seen, unit)) from err
            raise NoAnswer(f"no answer in {float(timeout):.2f} s") from err
        if isinstance(reply, ExceptionResponse):
            raise Refused(reply.exception_code)
        return reply

    def _trace(self, sending: bool, data: bytes) -> bytes:
        if sending:
            self._asked = data[0]
            return data
        self._seen = without_strangers(data, self._asked)
        return self._seen

    def _set_line(self, line: LineSettings) -> None:
        serial = self._serial()
        serial.baudrate = line.baud
        serial.stopbits = line.stop_bits
        if not self._is_pty:
            serial.parity = _LETTERS[line.parity]
        self.line = line
        self._mark_parity()

    def _mark_parity(self) -> None:
        if not self._is_pty or self.line is None:
            return
        descriptor = self._serial().fileno()
        attributes = termios.tcgetattr(descriptor)
        attributes[0] &= ~(termios.INPCK | termios.IGNPAR)
        attributes[0] |= termios.IGNPAR if self.line.parity is Parity.NONE else termios.INPCK
        attributes[2] &= ~termios.PARODD
        attributes[2] |= termios.PARODD if self.line.parity is Parity.ODD else 0
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)

    def _serial(self) -> Any:
        assert self._client is not None
        transport: Any = self._client.ctx.transport
        return transport.sync_serial


def _is_pty(tty: str) -> bool:
    return os.path.realpath(tty).startswith("/dev/pts/")


def _why_not(tty: str) -> str:
    """Return why a tty that pymodbus could not open cannot be opened: it only says that."""
    try:
        descriptor = os.open(tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except FileNotFoundError:
        return "no such serial device"
    except OSError as err:
        return (err.strerror or str(err)).lower()
    is_tty = os.isatty(descriptor)
    os.close(descriptor)
    return "another program holds it" if is_tty else "not a serial device"


def _what_came(seen: bytes, unit: int) -> str:
    if len(seen) >= SHORTEST and crc16(seen[:-2]) == seen[-2:]:
        if seen[0] != unit:
            return f"unit {seen[0]:#04x} answered instead"
        return "a reply to something else"
    return f"wrong CRC in {len(seen)} bytes"


def _refusal(code: int) -> str:
    try:
        return Refusal(code).name.lower().replace("_", " ")
    except ValueError:
        return f"exception {code}"
