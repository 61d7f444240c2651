"""Endpoints that are held: a changed certificate is written down, and nothing is read until a person has settled it.

Survives a restart.  A hold ends when the endpoint is pinned anew, and in no other way.
"""

import asyncio
import logging
from collections.abc import Callable

from firmware_bridge.ports.enrolment import Pinned
from firmware_bridge.ports.telemetry import TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EnvironmentUnfit
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.hold import Hold, decode_hold, encode_hold
from rack_controller.run.journal import Journal

_log = logging.getLogger(__name__)
KIND = "hold"


class Holds:
    """The holds of one rack.  `tell` takes what people must hear of."""

    def __init__(self, rack: Place, journal: Journal, clock: Clock, tell: Callable[[Finding], None]) -> None:
        self._journal, self._clock, self._tell = journal, clock, tell
        self._changed = asyncio.Event()
        kept = journal.kept(KIND)
        self._held = {Place(p): decode_hold(text) for p, text in kept.items() if p.startswith(f"{rack}/")}

    def of(self, place: Place) -> Hold | None:
        """Return an endpoint's hold, None when it is free."""
        return self._held.get(place)

    async def wait_free(self, source: TelemetrySource) -> None:
        """Return at once for an endpoint that is free, else when its hold has ended.

        A hold that was about another pin than the one the site file has now is over: somebody has settled it there.
        """
        while (hold := self._held.get(source.endpoint)) is not None:
            if isinstance(source, Pinned) and source.pin != hold.pinned:
                self.end(source.endpoint)
                return
            self._changed.clear()
            await self._changed.wait()

    async def consider(self, source: TelemetrySource) -> None:
        """Hold an endpoint whose certificate is really another one; expired ones and other refusals are no change."""
        if not isinstance(source, Pinned) or source.endpoint in self._held:
            return
        try:
            shown = await source.shown_certificate()
        except DeviceError as err:
            _log.info("the certificate cannot be looked at: %s", err)
            return
        if shown.pin == source.pin or source.endpoint in self._held:  # whoever else was refused may have been faster
            return
        begins = shown.not_before.isoformat() if shown.not_before else None
        ends, since = shown.not_after.isoformat(), self._clock.unix_ns()
        hold = Hold(source.endpoint, source.pin, shown.pin, shown.subject, begins, ends, since)
        self._held[source.endpoint] = hold
        self._write(source.endpoint, encode_hold(hold))
        name = f"{leaf_of(tray_of(source.endpoint))} {leaf_of(source.endpoint)}"
        text = f"{name} is held: it {hold.reason}. Nothing is read until it is pinned anew"
        self._tell(Finding(source.endpoint, "endpoint.held", Severity.CRITICAL, text))

    def end(self, place: Place) -> None:
        """End an endpoint's hold; the endpoint is met anew."""
        if self._held.pop(place, None) is not None:
            self._write(place, None)
            self._changed.set()

    def wake(self) -> None:
        """Have everybody who waits look again: an endpoint was given another source."""
        self._changed.set()

    def _write(self, place: Place, text: str | None) -> None:
        try:
            if text is None:
                self._journal.drop(KIND, place)
            else:
                self._journal.keep(KIND, place, text)
        except EnvironmentUnfit:
            # Held all the same; after a restart the certificate would be found to differ again.
            _log.exception("%s: the hold is not written down", place)
