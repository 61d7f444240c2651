"""A clock that a test moves on by hand."""

from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds


class HandClock:
    """The vocabulary's Clock; nothing may wait by it."""

    def __init__(self, at: float = 1_000.0) -> None:
        self.at = at

    def now(self) -> Seconds:
        return Seconds(self.at)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(int(self.at * 1e9))

    async def sleep_until(self, when: Seconds) -> None:
        raise AssertionError(f"nothing here waits, until {when}")
