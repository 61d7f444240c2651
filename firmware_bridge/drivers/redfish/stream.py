"""One event stream of one endpoint: a request that never ends, parsed as it comes, capped in every direction.

It lives beside the requests in flight.  A device that floods is slowed down by not reading on: what it sends waits in
its own buffers, and never in our memory.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import pycurl

from firmware_bridge.drivers.redfish.engine import CurlEngine
from firmware_bridge.drivers.redfish.transfer import MOST_HEAD, fault_of, harden, refusal_of
from firmware_bridge.drivers.redfish.trust import Leaf
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, ReplyMalformed, ReplyTooLarge
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.wire.redfish.guard import DocumentTooLarge
from firmware_bridge.wire.redfish.sse import SseMessage, SseParser

MOST_PENDING = 2_048
MOST_PENDING_BYTES = 4 << 20
MOST_AT_ONCE = 8
"""More messages than this that nobody has taken are a flood, and wait for their turn."""
MESSAGES_PER_SECOND = 256.0
BURST = 1_024.0
_PAUSE_SECONDS = 0.25


class EventStream(pycurl.Curl):  # type: ignore[misc]
    """Made by `RedfishLink.stream`.  `batch` gives what has come, `close` ends it.

    `dropped` counts messages that fell out because nobody took them; `floods` how often the device was held back.
    `take_first` is offered what came as soon as it came, before `batch` gives it, and tells whether it took it.
    """

    def __init__(self, endpoint: str, uri: str, leaf: Leaf, limits: RequestLimits, engine: CurlEngine) -> None:
        super().__init__()
        self._endpoint, self._uri, self._engine = endpoint, uri, engine
        self._parser = SseParser(most_message=min(limits.most_bytes, 1 << 20))
        self._pending: deque[SseMessage] = deque()
        self._pending_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._fault: DeviceError | None = None
        self._tokens, self._filled_at = BURST, engine.loop.time()
        self._head, self._status, self._kind = 0, 0, ""
        self._resume: asyncio.TimerHandle | None = None
        self._running = False
        self.take_first: Callable[[Sequence[bytes]], bool] | None = None
        self.heard_at: float | None = None
        self.dropped = self.floods = 0
        harden(self, leaf, limits)
        for option, value in (
            (pycurl.WRITEFUNCTION, self._write),
            (pycurl.HEADERFUNCTION, self._header),
            (pycurl.TIMEOUT_MS, 0),
            (pycurl.TCP_KEEPALIVE, 1),
            (pycurl.TCP_KEEPIDLE, 15),
            (pycurl.TCP_KEEPINTVL, 5),
            (pycurl.FRESH_CONNECT, 1),
            (pycurl.FORBID_REUSE, 1),
        ):
            self.setopt(option, value)

    @property
    def last_id(self) -> str:
        """Return the id of the last message, empty when the device gives none."""
        return self._parser.last_id

    @property
    def is_open(self) -> bool:
        """Tell whether the stream has neither ended nor been closed."""
        return self._running

    def begin(self, url: str, headers: list[str]) -> None:
        """Send the request."""
        self.setopt(pycurl.URL, url)
        self.setopt(pycurl.HTTPHEADER, headers)
        self._running = True
        self._engine.start(self)

    async def batch(self) -> list[SseMessage]:
        """Return what has come since the last call, waiting for something: a comment alone gives an empty list.

        Raises the named error once the stream has ended and nothing is left.
        """
        if not self._pending and self._fault is None:
            self._waiter = self._engine.loop.create_future()
            await self._waiter
        if not self._pending and self._fault is not None:
            raise self._fault.with_traceback(None)
        found = list(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        return found

    def finished(self, code: int) -> None:
        """Take libcurl's result; called by the engine."""
        self._running = False
        if self._fault is None:
            self._fault = self._why(code)
        self._stir()

    def close(self) -> None:
        """End the stream and its connection.  Never raises; whoever waits gets an error."""
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        if self._running:
            self._running = False
            self._engine.abandon(self)
        if self._fault is None:
            self._fault = EndpointUnreachable(self._endpoint, f"GET {self._uri}", "the stream was closed")
        self._stir()
        super().close()

    def _why(self, code: int) -> DeviceError:
        verb = f"GET {self._uri}"
        if code == 0:
            return EndpointUnreachable(self._endpoint, verb, "the event stream ended")
        return fault_of(code, self._endpoint, verb, 0)

    def _header(self, line: bytes) -> int | None:
        self._head += len(line)
        if self._head > MOST_HEAD:
            self._fault = ReplyTooLarge(self._endpoint, f"GET {self._uri}", f"a head over {MOST_HEAD} bytes")
            return 0
        name, _, value = line.partition(b":")
        if line.startswith(b"HTTP/"):
            self._status = int(line.split()[1]) if line.split()[1:2] and line.split()[1].isdigit() else 0
        elif name.strip().lower() == b"content-type":
            self._kind = value.strip().lower().decode("latin-1")
        elif not line.strip():
            return self._judge_head()
        return None

    def _judge_head(self) -> int | None:
        """Refuse anything but a stream before its body is looked at."""
        verb = f"GET {self._uri}"
        refusal = refusal_of(self._endpoint, verb, self._status)
        if refusal is None and self._kind and not self._kind.startswith("text/event-stream"):
            refusal = ReplyMalformed(self._endpoint, verb, f"not an event stream but {self._kind[:60]!r}")
        if refusal is None:
            self._hear()
            return None
        self._fault = refusal
        return 0

    def _write(self, chunk: bytes) -> int | None:
        # An exception here would vanish inside libcurl; a short count ends the transfer.
        if self._spent():
            return int(pycurl.WRITEFUNC_PAUSE)
        try:
            messages = self._parser.feed(chunk)
        except DocumentTooLarge as err:
            self._fault = ReplyTooLarge(self._endpoint, f"GET {self._uri}", str(err))
            return 0
        self._tokens -= len(messages)
        self._pending.extend(messages)
        self._pending_bytes += sum(len(m.data) for m in messages)
        while len(self._pending) > MOST_PENDING:
            self._pending_bytes -= len(self._pending.popleft().data)
            self.dropped += 1
        if messages and self.take_first is not None and len(self._pending) <= MOST_AT_ONCE:
            self._engine.first(self._offer)
        self._hear()
        return None

    def _offer(self) -> None:
        """Offer what came; whoever waits for a batch is woken all the same."""
        if self._pending and self.take_first is not None and self.take_first([m.data for m in self._pending]):
            self._pending.clear()
            self._pending_bytes = 0

    def _spent(self) -> bool:
        now = self._engine.loop.time()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * MESSAGES_PER_SECOND)
        self._filled_at = now
        if self._tokens > 0 and self._pending_bytes < MOST_PENDING_BYTES:
            return False
        self.floods += 1
        self._resume = self._engine.loop.call_later(_PAUSE_SECONDS, self._go_on)
        return True

    def _go_on(self) -> None:
        self._resume = None
        if self._running:
            self.pause(pycurl.PAUSE_CONT)

    def _hear(self) -> None:
        self.heard_at = self._engine.loop.time()
        self._stir()

    def _stir(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
