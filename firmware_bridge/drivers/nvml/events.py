"""XIDs and other events of the driver: a thread that waits for them, a bounded list that keeps them."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Mapping

from firmware_bridge.drivers.nvml.library import EventSet, Handle, LibraryEvent, NvmlFailure, address_of
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.wire.nvml.codes import EVENT_GPU_UNAVAILABLE, EVENT_RECOVERY_ACTION, EVENT_XID, TIMEOUT
from firmware_bridge.wire.nvml.message import HostEvent

_log = logging.getLogger(__name__)

WAIT_MS = 500
AGAIN_SECONDS = 5.0
END_SECONDS = 3.0
EVENTS_KEPT = 1000
_KINDS = {EVENT_XID: "xid", EVENT_GPU_UNAVAILABLE: "gpu_unavailable", EVENT_RECOVERY_ACTION: "recovery_action"}


class EventWatch:
    """Collects events until they are taken.  Ids count on over a reload of the driver."""

    def __init__(self, clock: Clock) -> None:
        self.news = asyncio.Event()
        self.lost = 0
        self._clock = clock
        self._waiting: deque[HostEvent] = deque()
        self._next = 1
        self._xids: dict[int, int] = {}
        self._stop: threading.Event | None = None
        self._ended = asyncio.Event()

    def xids(self, gpu: int) -> int:
        """Return how many XIDs a GPU has had since the agent was started."""
        return self._xids.get(gpu, 0)

    def take(self) -> list[HostEvent]:
        """Return what waits, oldest first."""
        taken = list(self._waiting)
        self._waiting.clear()
        self.news.clear()
        return taken

    def start(self, handles: Mapping[int, Handle]) -> None:
        """Watch these GPUs; `stop` comes first where others are watched."""
        self._stop, self._ended = threading.Event(), asyncio.Event()
        arguments = (dict(handles), self._stop, asyncio.get_running_loop())
        threading.Thread(target=self._watch, args=arguments, name="nvml-events", daemon=True).start()

    async def stop(self) -> bool:
        """End the thread after its present wait; tell whether it has ended and the library may be shut down."""
        if self._stop is None:
            return True
        self._stop.set()
        try:
            await asyncio.wait_for(self._ended.wait(), END_SECONDS)
        except TimeoutError:
            return False
        self._stop = None
        return True

    def add(self, kind: str, gpu: int | None, number: int, text: str = "") -> None:
        """Put one event down, in the loop's thread."""
        if kind == "xid" and gpu is not None:
            self._xids[gpu] = self._xids.get(gpu, 0) + 1
        if len(self._waiting) >= EVENTS_KEPT:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(HostEvent(self._next, self._clock.unix_ns(), kind, gpu, number, text))
        self._next += 1
        self.news.set()

    def _watch(self, handles: dict[int, Handle], stop: threading.Event, loop: asyncio.AbstractEventLoop) -> None:
        said, ended = "", self._ended
        try:
            while not stop.is_set():
                try:
                    self._collect(handles, stop, loop)
                except NvmlFailure as err:
                    if str(err) != said:
                        _log.warning("no events of the driver: %s", err)
                    said = str(err)
                stop.wait(AGAIN_SECONDS)
            loop.call_soon_threadsafe(ended.set)
        except RuntimeError:
            return  # the loop is closed

    def _collect(self, handles: dict[int, Handle], stop: threading.Event, loop: asyncio.AbstractEventLoop) -> None:
        numbers = {address_of(handle): index for index, handle in handles.items()}
        events = EventSet()
        try:
            watched = 0
            for index, handle in handles.items():
                try:
                    events.register(handle, sum(_KINDS))
                    watched += 1
                except NvmlFailure as err:
                    _log.warning("gpu%d gives no events: %s", index, err)
            while watched and not stop.is_set():
                try:
                    event = events.wait(WAIT_MS)
                except NvmlFailure as err:
                    if err.code != TIMEOUT:
                        raise
                else:
                    loop.call_soon_threadsafe(self._add, event, numbers.get(event.device))
        finally:
            events.close()

    def _add(self, event: LibraryEvent, gpu: int | None) -> None:
        kind = _KINDS.get(event.kind)
        if kind is not None:
            self.add(kind, gpu, event.data)
