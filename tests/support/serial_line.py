"""A pseudo-terminal with a plain device at its far end: words by unit, answers that can be spoilt.  No pacing."""

import asyncio
import os
import pty
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from firmware_bridge.wire.modbus.frame import (
    READ,
    WRITE_MANY,
    Refusal,
    Request,
    expected_length,
    read_request,
    reply_read,
    reply_refusal,
    reply_write,
)


class LoopClock:
    """The loop's time, which a test may move on so that it need not wait out a pause."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> Seconds:
        return Seconds(asyncio.get_running_loop().time() + self.ahead)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(1_800_000_000 * 10**9)

    async def sleep_until(self, when: Seconds) -> None:
        self.ahead += max(0.0, when - self.now())
        await asyncio.sleep(0)


Spoil = Callable[[Request, bytes], bytes | None]


@dataclass
class PlainLine:
    """Words of each unit by address; a word that is not there is refused.  `asked` keeps every request in order.

    `say` puts bytes on the line that nobody asked for, from any thread, until the line is gone.
    """

    tty: str = ""
    units: dict[int, dict[int, int]] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    spoil: Spoil | None = None
    delay: float = 0.0
    say: Callable[[bytes], object] = field(default=len, repr=False)

    def answer(self, request: Request) -> bytes | None:
        """Return the right reply, None for a unit that is not there."""
        words = self.units.get(request.unit)
        if words is None:
            return None
        if request.function == READ:
            wanted = range(request.address, request.address + request.second)
            if any(w not in words for w in wanted):
                return reply_refusal(request.unit, READ, Refusal.ILLEGAL_ADDRESS)
            return reply_read(request.unit, [words[w] for w in wanted])
        if request.function == WRITE_MANY:
            words.update({request.address + n: v for n, v in enumerate(request.values)})
            return reply_write(request)
        return reply_refusal(request.unit, request.function, Refusal.ILLEGAL_FUNCTION)


@contextmanager
def plain_line() -> Iterator[PlainLine]:
    """Serve a line from a thread of its own until the block ends."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    line = PlainLine(tty=os.ttyname(slave), say=lambda data: os.write(master, data))
    wake_read, wake_write = os.pipe()
    thread = threading.Thread(target=_serve, args=(line, master, wake_read), daemon=True)
    thread.start()
    try:
        yield line
    finally:
        os.write(wake_write, b"x")
        thread.join(5)
        for descriptor in (master, slave, wake_read, wake_write):
            os.close(descriptor)


def _serve(line: PlainLine, master: int, wake: int) -> None:
    pending = b""
    while True:
        ready, _, _ = select.select([master, wake], [], [])
        if wake in ready:
            return
        pending += os.read(master, 1024)
        length = expected_length(pending)
        if length is None or (length and len(pending) < length):
            continue
        request, pending = read_request(pending[:length]), b""
        if request is None:
            continue
        line.asked.append(request)
        reply = line.answer(request)
        if line.spoil is not None and reply is not None:
            reply = line.spoil(request, reply)
        if reply is not None:
            if line.delay:
                time.sleep(line.delay)
            os.write(master, reply)
