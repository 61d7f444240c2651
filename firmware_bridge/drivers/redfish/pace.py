"""How hard one endpoint is asked: its request rate, and a slot that patient reads leave free.  Repeats nothing."""

import asyncio
import heapq
import itertools

from firmware_bridge.vocabulary.generation import RequestLimits

URGENT, NORMAL, PATIENT, BACKGROUND = 0, 1, 2, 3
"""Who goes first: safety, then power, then everything slow; taking stock lives on what the others leave."""
_BURST_SECONDS = 1.0  # the rate holds within any two seconds, not only on average
_LONGEST_HOLD = 2.0  # s; a read in the background is never held back longer, or a busy endpoint would starve it


class Pace:
    """Admits reads to one endpoint.

    Urgent and normal reads are only counted: they are few by plan.  The others keep the endpoint's rate, and together
    they fill all its slots but one (if it has several): a resource that hangs must not hold up a safety read.
    """

    def __init__(self, limits: RequestLimits) -> None:
        self._rate = self._full_rate = limits.requests_per_second
        self._tokens = self._burst = max(self._rate * _BURST_SECONDS, 2.0)
        self._filled_at = 0.0
        self._free = max(1, limits.in_flight - 1)
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []
        self._ticket = itertools.count()

    def slow_down(self, factor: float) -> None:
        """Divide the rate of patient and background reads by `factor`, 1 for the generation's own."""
        self._rate = self._full_rate / factor

    def count(self) -> None:
        """Take note of a read that does not wait."""
        self._tokens -= 1.0

    async def admit(self, urgency: int) -> None:
        """Wait for the turn of a patient or background read.  Call `leave` when it is over.

        Raises what `end` was given when the link is closed meanwhile.
        """
        if urgency >= BACKGROUND:
            await self._spare()
        else:
            await self._booked()
        if self._free and not self._queue:
            self._free -= 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (urgency, next(self._ticket), waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.leave()
            raise

    def leave(self) -> None:
        """Hand the turn on."""
        while self._queue:
            _, _, waiter = heapq.heappop(self._queue)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def end(self, reason: Exception) -> None:
        """Fail everybody who waits for a turn."""
        for _, _, waiter in self._queue:
            if not waiter.done():
                waiter.set_exception(reason)
        self._queue.clear()

    async def _booked(self) -> None:
        """Take a token at once and wait until it is due."""
        self._refill()
        self._tokens = max(self._tokens, -self._burst) - 1.0
        if self._tokens < 0.0:
            await asyncio.sleep(-self._tokens / self._rate)

    async def _spare(self) -> None:
        """Wait until a token is left over, up to the longest hold."""
        latest = asyncio.get_running_loop().time() + _LONGEST_HOLD
        while (now := self._refill()) < latest and self._tokens < 1.0:  # noqa: ASYNC110 - others take tokens meanwhile
            await asyncio.sleep(min((1.0 - self._tokens) / self._rate, latest - now))
        self._tokens -= 1.0

    def _refill(self) -> float:
        now = asyncio.get_running_loop().time()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return now
