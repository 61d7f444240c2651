"""The machine's clocks behind the vocabulary's protocol."""

import asyncio
import time

from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds


class SystemClock:
    """Monotonic and wall-clock time of this machine."""

    def now(self) -> Seconds:
        """Return monotonic seconds."""
        return Seconds(time.monotonic())

    def unix_ns(self) -> UnixNanoseconds:
        """Return nanoseconds since 1970."""
        return UnixNanoseconds(time.time_ns())

    async def sleep_until(self, when: Seconds) -> None:
        """Sleep to the given monotonic time."""
        await asyncio.sleep(max(0.0, when - time.monotonic()))
