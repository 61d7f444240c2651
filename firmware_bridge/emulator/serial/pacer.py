"""The thread that moves every serial line of a process at its speed: one epoll, one timer, no busy waiting.

It reads the benches while the event loop steps them: a plant's State is replaced whole, never changed.
"""

import heapq
import itertools
import os
import select
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.emulator.serial.line import Line
from firmware_bridge.emulator.serial.pseudo_terminal import PseudoTerminal
from firmware_bridge.emulator.serial.timer import Timer

LOOK_AGAIN_S = 0.25  # how soon changed faults reach a line that nobody talks on
STOP_S = 2.0


@dataclass(slots=True)
class Port:
    """A line and the pty that carries it."""

    line: Line
    terminal: PseudoTerminal
    due: float | None = None


class Pacer:
    """Runs lines from `start` to `stop`."""

    def __init__(self, ports: Sequence[Port]) -> None:
        self._ports = {p.terminal.master: p for p in ports}
        self._timer = Timer()
        self._stopping, self._stop_asked = os.pipe()
        self._alarms: list[tuple[float, int, Port]] = []
        self._order = itertools.count()
        self._thread = threading.Thread(target=self._run, name="serial lines", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close timer and pipe; the lines' ptys are their owner's."""
        os.write(self._stop_asked, b"x")
        self._thread.join(STOP_S)
        for handle in (self._stopping, self._stop_asked):
            os.close(handle)
        self._timer.close()

    def _run(self) -> None:
        with select.epoll() as poll:
            for handle in (self._stopping, *self._ports):
                poll.register(handle, select.EPOLLIN)
            poll.register(self._timer.fileno, select.EPOLLIN | select.EPOLLET)  # an alarm need not be taken note of
            look_at = 0.0
            while True:
                events = poll.poll(LOOK_AGAIN_S)
                now = time.monotonic()
                for handle, _ in events:
                    if handle == self._stopping:
                        return
                    if handle in self._ports:
                        self._guarded(self._ports[handle], now, heard=True)
                if now >= look_at:
                    look_at = now + LOOK_AGAIN_S
                    for port in self._ports.values():
                        port.line.renew(now)
                        self._note(port)
                self._ring(now)
                self._timer.wake_at(self._alarms[0][0] if self._alarms else None)

    def _ring(self, now: float) -> None:
        """Move every line whose moment has come."""
        while self._alarms and self._alarms[0][0] <= now:
            moment, _, port = heapq.heappop(self._alarms)
            if port.due == moment:
                port.due = None
                self._guarded(port, now, heard=False)

    def _guarded(self, port: Port, now: float, *, heard: bool) -> None:
        """Move one line; what goes wrong on it is told and stays there."""
        try:
            if heard:
                data = port.terminal.read()
                if data:
                    port.line.hear(data, now, port.terminal.spoken())
            sent = port.line.send(now)
            if sent:
                port.terminal.write(sent)
        except Exception:  # noqa: BLE001 - a bug in one unit must not silence every other line
            traceback.print_exc()
        self._note(port)

    def _note(self, port: Port) -> None:
        due = port.line.due()
        if due is not None and due != port.due:
            heapq.heappush(self._alarms, (due, next(self._order), port))
        port.due = due
