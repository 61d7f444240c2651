"""libcurl's multi interface driven by the running event loop; the one module that touches CurlMulti.

One engine serves every endpoint of a process.  It moves bytes and reports libcurl's result; it judges nothing.

libcurl's sockets live in a selector of our own, and only that is known to the loop.  A connection that falls idle
stays in it: taking it out and back in through the loop costs six system calls per request, and leaving it in the loop
itself would be wrong, because libcurl closes sockets unseen and the loop must not watch a number that means another
socket by then.  The kernel takes a closed socket out of our selector by itself.
"""

import asyncio
import atexit
import contextlib
import logging
import select
import time
from collections.abc import Callable
from typing import Any

import pycurl

_log = logging.getLogger(__name__)

ENDED = -1
"""Result of a transfer that was ended because libcurl gave all of them up: no word about its device."""
_GAVE_UP = 11  # CURLM_ABORTED_BY_CALLBACK
_NO_TIMER = -1.0
_AT_ONCE = 256
ATTENDED = 0.015
"""s.  How long at a stretch nothing but sockets is looked at while a request that hurries is under way; then the loop
has its turn for as long: what it has to do comes in pieces of 10 ms."""
HURRIES = 0.25
"""s.  How long a request hurries at most: a controller that hangs must not cost the others half of the loop."""
_LOOK = 0.002
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT
_INTEREST = {pycurl.POLL_IN: _IN, pycurl.POLL_OUT: _OUT, pycurl.POLL_INOUT: _IN | _OUT}


class CurlEngine:
    """One CurlMulti on one event loop.  Not thread-safe: it lives and dies with its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, 16_384)
        self._action = self._multi.socket_action
        self._sockets = select.epoll()
        self._wanted: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = _NO_TIMER
        self._kick_due = False
        self._under_way: set[Any] = set()
        self._running = 0
        self._urgent: list[Callable[[], None]] = []
        self._hurried: dict[Any, float] = {}  # each with the time until which it hurries
        self._attending, self._rests_until = False, 0.0
        self._attends_again: asyncio.TimerHandle | None = None
        loop.add_reader(self._sockets.fileno(), self._on_ready)

    def start(self, handle: Any) -> None:
        """Begin the transfer that `handle` is set up for; `handle.finished(code)` is called once when it ends."""
        try:
            self._multi.add_handle(handle)
        except pycurl.error as err:
            self._end_all(err)
            self._multi.add_handle(handle)
        self._under_way.add(handle)
        self._running += 1

    def hurry(self, handle: Any) -> None:
        """Have a transfer that was begun go on before anything else that the loop has to do, until it ends or
        `HURRIES` is over: connecting, the handshake and the request would each wait for their turn.

        Not from inside a callback of a handle; `first` is for those.
        """
        self._hurried[handle] = time.monotonic() + HURRIES
        self._kick()
        if not self._attending and self._attend not in self._urgent:
            self.first(self._attend)

    def first(self, act: Callable[[], None]) -> None:
        """Have `act` called as soon as the sockets that are ready now were looked at, before anybody who waits for one
        of them goes on.  For callbacks of handles, which must not call libcurl themselves."""
        if not self._urgent:
            self.loop.call_soon(self._do_urgent)  # where no socket's turn is under way
        self._urgent.append(act)

    def abandon(self, handle: Any) -> None:
        """Stop a transfer; its connection is dropped by libcurl and `finished` is not called.

        Not from inside a callback of the same handle.
        """
        self._hurried.pop(handle, None)
        self._under_way.discard(handle)
        self._multi.remove_handle(handle)
        self._running = max(0, self._running - 1)

    def _end_all(self, err: pycurl.error) -> None:
        """End every transfer that is under way, where libcurl has given all of them up; raise any other error of its.

        Once a callback has failed it moves none of them on, without a word, and takes no other one before each of them
        is gone: one that waits for news for ever would keep every device out of reach.
        """
        if err.args[0] != _GAVE_UP:
            raise err
        _log.error("every request that was under way is ended: %s", err)
        self._collect(0)  # what was answered stays so
        ended, self._under_way = self._under_way, set()
        self._hurried.clear()
        for handle in ended:
            with contextlib.suppress(pycurl.error):
                self._multi.remove_handle(handle)
        for handle in ended:
            try:
                handle.finished(ENDED)
            except Exception:  # noqa: BLE001 - a bug of ours costs this transfer only
                _log.exception("a transfer that was ended could not be told")

    def _on_socket(self, event: int, fd: int, _multi: Any, _data: Any) -> None:
        if event == pycurl.POLL_REMOVE:
            if self._wanted.pop(fd, _IN) != _IN:  # an idle socket is always writable: it would never let us sleep
                self._forget(fd)
            return
        interest = _INTEREST[event]
        self._wanted[fd] = interest
        try:
            try:
                self._sockets.modify(fd, interest)
            except FileNotFoundError:  # new, or closed by libcurl since and the number used again
                self._sockets.register(fd, interest)
        except OSError as err:  # no room for one more: its own request ends when its time is over, no other one does
            _log.error("a connection cannot be watched: %s", err)

    def _forget(self, fd: int) -> None:
        with contextlib.suppress(OSError):
            self._sockets.unregister(fd)

    def _on_ready(self) -> None:
        self._serve(0)
        if self._urgent:
            self._do_urgent()

    def _serve(self, wait: float) -> None:
        action, wanted, running = self._action, self._wanted, self._running
        for fd, events in self._sockets.poll(wait, _AT_ONCE):
            if fd not in wanted:
                # The far end closed an idle connection; libcurl finds out when it next looks at it.
                self._forget(fd)
                continue
            how = pycurl.CSELECT_OUT if events == _OUT else pycurl.CSELECT_IN
            if events & _OUT:
                how |= pycurl.CSELECT_OUT
            try:
                running = action(fd, how)[1]
            except pycurl.error as err:
                self._end_all(err)
                return
        if running < self._running:
            self._collect(running)

    def _attend(self) -> None:
        """Serve sockets until nothing hurries any more; then again, once the loop has had its turn."""
        began = now = time.monotonic()  # the loop's own time stands still while it does one thing
        if self._attending:
            return
        if began < self._rests_until:
            self._attend_later(self._rests_until - began)
            return
        self._attending = True
        try:
            while self._hurried and now - began < ATTENDED:
                self._serve(_LOOK)
                if self._kick_due:
                    self._kick()
                self._do_urgent()
                now = time.monotonic()
        finally:
            self._attending, self._rests_until = False, 2.0 * now - began
            self._hurried = {handle: until for handle, until in self._hurried.items() if now < until}
            if self._hurried:
                self._attend_later(now - began)

    def _attend_later(self, seconds: float) -> None:
        if self._attends_again is None:
            self._attends_again = self.loop.call_later(seconds, self._attend_again)

    def _attend_again(self) -> None:
        self._attends_again = None
        self.first(self._attend)

    def _do_urgent(self) -> None:
        while self._urgent:
            acts, self._urgent = self._urgent, []
            for act in acts:
                try:
                    act()
                except Exception:  # noqa: BLE001 - a bug of ours costs this act only
                    _log.exception("what came first failed")

    def _on_timer(self, milliseconds: int) -> None:
        # libcurl may not be called back from inside this callback; 0 means "as soon as possible".
        if milliseconds == 0:
            if not self._kick_due:
                self._kick_due = True
                self.loop.call_soon(self._kick)
            return
        if milliseconds < 0:
            self._deadline = _NO_TIMER
            return
        self._deadline = self.loop.time() + milliseconds / 1000
        # A timer that fires early re-arms itself: cheaper than cancelling one per request.
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(self._deadline, self._on_deadline)

    def _on_deadline(self) -> None:
        self._timer = None
        if self._deadline == _NO_TIMER:
            return
        if self.loop.time() < self._deadline - 0.0005:
            self._arm()
        else:
            self._kick()

    def _kick(self) -> None:
        self._kick_due = False
        try:
            _, running = self._action(pycurl.SOCKET_TIMEOUT, 0)
        except pycurl.error as err:
            self._end_all(err)
            return
        if running < self._running:
            self._collect(running)

    def _collect(self, running: int) -> None:
        self._running = running
        multi = self._multi
        queued = 1
        while queued:
            queued, done, failed = multi.info_read(_AT_ONCE)
            if self._hurried:
                for handle in (*done, *(handle for handle, _, _ in failed)):
                    self._hurried.pop(handle, None)
            for handle in done:
                self._under_way.discard(handle)
                multi.remove_handle(handle)
                handle.finished(0)
            for handle, code, _ in failed:
                self._under_way.discard(handle)
                multi.remove_handle(handle)
                handle.finished(code)

    def close(self) -> None:
        """Drop every connection."""
        self._hurried.clear()
        if self._timer is not None:
            self._timer.cancel()
        if not self.loop.is_closed():
            self.loop.remove_reader(self._sockets.fileno())
        self._multi.close()
        self._sockets.close()


_ENGINES: dict[asyncio.AbstractEventLoop, CurlEngine] = {}


def engine_of_running_loop() -> CurlEngine:
    """Return the running loop's engine, made on first use; engines of loops that have ended are closed."""
    loop = asyncio.get_running_loop()
    engine = _ENGINES.get(loop)
    if engine is None:
        for ended in [other for other in _ENGINES if other.is_closed()]:
            _ENGINES.pop(ended).close()
        engine = _ENGINES[loop] = CurlEngine(loop)
    return engine


@atexit.register
def _close_engines() -> None:
    while _ENGINES:
        _ENGINES.popitem()[1].close()
