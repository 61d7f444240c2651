"""The newest events of all racks in order of receipt, in memory; the full record is the stream on the bus."""

from collections import deque
from collections.abc import Iterator

from rack_controller.model.event import Event, Severity

KEPT = 4_000
_RANK = {Severity.OK: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


class EventLog:
    """A ring of `KEPT` events; an id that is already there is not taken twice."""

    def __init__(self, kept: int = KEPT) -> None:
        self._events: deque[Event] = deque(maxlen=kept)
        self._ids: set[str] = set()

    def __len__(self) -> int:
        return len(self._events)

    def __contains__(self, event_id: object) -> bool:
        """Return whether an event of this id is still kept."""
        return event_id in self._ids

    def add(self, event: Event) -> bool:
        """Take an event; return False when it was there before."""
        if event.id in self._ids:
            return False
        if self._events.maxlen is not None and len(self._events) == self._events.maxlen:
            self._ids.discard(self._events[0].id)
        self._events.append(event)
        self._ids.add(event.id)
        return True

    def newest(
        self, limit: int, rack: str | None = None, since_ns: int | None = None, at_least: Severity | None = None
    ) -> list[Event]:
        """Return up to `limit` matching events, newest first."""
        chosen: list[Event] = []
        for event in reversed(self._events):
            if len(chosen) >= limit:
                break
            if since_ns is not None and event.unix_ns < since_ns:
                continue
            if rack is not None and not (event.place == rack or event.place.startswith(rack + "/")):
                continue
            if at_least is not None and _RANK[event.severity] < _RANK[at_least]:
                continue
            chosen.append(event)
        return chosen

    def after(self, event_id: str) -> Iterator[Event]:
        """Yield what came after `event_id`, oldest first; nothing when that id is no longer known."""
        if event_id not in self._ids:
            return
        found = False
        for event in list(self._events):
            if found:
                yield event
            elif event.id == event_id:
                found = True
