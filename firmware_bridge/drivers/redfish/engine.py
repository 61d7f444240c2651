"""libcurl's multi interface driven by the running event loop; the one module that touches CurlMulti.

One engine serves every endpoint of a process.  It moves bytes and reports libcurl's result; it judges nothing.
"""

import asyncio
import weakref
from typing import Any

import pycurl

_NO_TIMER = -1.0


class CurlEngine:
    """One CurlMulti on one event loop.  Not thread-safe: it lives and dies with its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, 16_384)
        self._action = self._multi.socket_action
        self._readers: set[int] = set()
        self._writers: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = _NO_TIMER
        self._kick_due = False
        self._running = 0

    def start(self, handle: Any) -> None:
        """Begin the transfer that `handle` is set up for; `handle.finished(code, text)` is called once when it ends."""
        self._multi.add_handle(handle)
        self._running += 1

    def abandon(self, handle: Any) -> None:
        """Stop a transfer; its connection is dropped by libcurl and `finished` is not called."""
        self._multi.remove_handle(handle)
        self._running = max(0, self._running - 1)

    def _on_socket(self, event: int, fd: int, _multi: Any, _data: Any) -> None:
        loop = self._loop
        if event & pycurl.POLL_IN and event != pycurl.POLL_REMOVE:
            if fd not in self._readers:
                loop.add_reader(fd, self._ready, fd, pycurl.CSELECT_IN)
                self._readers.add(fd)
        elif fd in self._readers:
            loop.remove_reader(fd)
            self._readers.discard(fd)
        if event & pycurl.POLL_OUT and event != pycurl.POLL_REMOVE:
            if fd not in self._writers:
                loop.add_writer(fd, self._ready, fd, pycurl.CSELECT_OUT)
                self._writers.add(fd)
        elif fd in self._writers:
            loop.remove_writer(fd)
            self._writers.discard(fd)

    def _ready(self, fd: int, how: int) -> None:
        _, running = self._action(fd, how)
        if running < self._running:
            self._collect(running)

    def _on_timer(self, milliseconds: int) -> None:
        # libcurl may not be called back from inside this callback; 0 means "as soon as possible".
        if milliseconds == 0:
            if not self._kick_due:
                self._kick_due = True
                self._loop.call_soon(self._kick)
            return
        if milliseconds < 0:
            self._deadline = _NO_TIMER
            return
        self._deadline = self._loop.time() + milliseconds / 1000
        # A timer that fires early re-arms itself: cheaper than cancelling one per request.
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._on_deadline)

    def _on_deadline(self) -> None:
        self._timer = None
        if self._deadline == _NO_TIMER:
            return
        if self._loop.time() < self._deadline - 0.0005:
            self._arm()
        else:
            self._kick()

    def _kick(self) -> None:
        self._kick_due = False
        _, running = self._action(pycurl.SOCKET_TIMEOUT, 0)
        if running < self._running:
            self._collect(running)

    def _collect(self, running: int) -> None:
        queued = 1
        while queued:
            queued, done, failed = self._multi.info_read()
            for handle in done:
                self._multi.remove_handle(handle)
                handle.finished(0, "")
            for handle, code, text in failed:
                self._multi.remove_handle(handle)
                handle.finished(code, text)
        self._running = running

    def close(self) -> None:
        """Forget every socket and drop libcurl's connections."""
        for fd in self._readers:
            self._loop.remove_reader(fd)
        for fd in self._writers:
            self._loop.remove_writer(fd)
        self._readers.clear()
        self._writers.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._multi.close()


_ENGINES: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, CurlEngine]" = weakref.WeakKeyDictionary()


def engine_of_running_loop() -> CurlEngine:
    """Return the running loop's engine, made on first use."""
    loop = asyncio.get_running_loop()
    engine = _ENGINES.get(loop)
    if engine is None:
        engine = _ENGINES[loop] = CurlEngine(loop)
    return engine
