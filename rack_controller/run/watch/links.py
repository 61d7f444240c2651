"""Keeps what was noticed of a rack's NVLinks from one snapshot to the next, and tells `state` of worn ports."""

from collections.abc import Mapping

from firmware_bridge.ports.offered import offers
from firmware_bridge.ports.telemetry import TelemetrySource, Versioned
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.links import LinkMemory, notice_links, worn_links
from rack_controller.decide.notice import Finding
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.wiring import wirings_of
from rack_controller.run.view import RackView


class LinkWatch:
    """One rack's memory of its links.  `sources` may change while it is watched."""

    def __init__(self, view: RackView, sources: Mapping[Place, TelemetrySource]) -> None:
        self._view, self._sources = view, sources
        self._wirings = wirings_of(view.layout)
        self._memory = LinkMemory()
        self._versions: dict[Place, str] = {}

    def look(self, after: Snapshot) -> tuple[list[Finding], bool]:
        """Return what people must hear of, and whether what `state` tells of versions and worn ports has changed."""
        if not self._wirings:
            return [], False
        versions = {p: s.version for p, s in self._sources.items() if offers(s, Versioned)}
        self._memory, findings = notice_links(self._memory, after, self._wirings, versions)
        before = [(w.place, w.kind) for w in self._view.worn]
        self._view.worn = worn_links(self._memory, after, self._wirings)
        changed = versions != self._versions or before != [(w.place, w.kind) for w in self._view.worn]
        self._versions = versions
        return findings, changed
