"""A timer that a poll can wait for, with the kernel's own grain: a poll's timeout is whole milliseconds (Linux)."""

import ctypes
import os
from typing import Final

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

_CLOCK_MONOTONIC, _ABSOLUTE = 1, 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_LEAST_NS = 1  # zero would switch the timer off


class _Span(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Span), ("value", _Span))


class Timer:
    """A file descriptor that becomes readable at a moment of `time.monotonic()`."""

    def __init__(self) -> None:
        # PyDLL keeps the interpreter lock: the call returns at once and there is nothing to wait for.
        self._libc: Final = ctypes.PyDLL(None, use_errno=True)
        try:
            self.fileno = int(self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC))
        except AttributeError as err:
            raise EnvironmentUnfit(
                "this system has no timerfd", advice="emulate serial generations on Linux, others run anywhere"
            ) from err
        if self.fileno < 0:
            raise EnvironmentUnfit(f"no timer: {os.strerror(ctypes.get_errno())}", advice="raise the limit of files")
        self._setting = _Setting()
        self._moment: float | None = None

    def wake_at(self, moment: float | None) -> None:
        """Become readable at `moment` (s, monotonic); None: not at all."""
        if moment == self._moment:
            return
        self._moment = moment
        whole = 0 if moment is None else max(_LEAST_NS, int(moment * 1e9))
        value = self._setting.value
        value.seconds, value.nanoseconds = divmod(whole, 1_000_000_000)
        self._libc.timerfd_settime(self.fileno, _ABSOLUTE, ctypes.byref(self._setting), None)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.fileno)
