"""Time is an argument.  Shells hold a Clock; pure code only sees `now`."""

from typing import Protocol

from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds


class Clock(Protocol):
    """Monotonic seconds for ages, Unix nanoseconds for what people and other machines read."""

    def now(self) -> Seconds:
        """Return monotonic seconds."""
        ...

    def unix_ns(self) -> UnixNanoseconds:
        """Return wall-clock time in nanoseconds since 1970."""
        ...

    async def sleep_until(self, when: Seconds) -> None:
        """Return once `now() >= when`."""
        ...
