"""Keeps from one snapshot to the next which values of a rack's serial units are not believed."""

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.distrust import Memory, doubt_values, flag_doubted
from rack_controller.decide.notice import Finding
from rack_controller.model.layout import Layout
from rack_controller.model.snapshot import Snapshot


class Doubts:
    """One rack's.  Only trays with units on a serial line are judged: what a BMC says has its own checks."""

    def __init__(self, layout: Layout) -> None:
        self._trays = frozenset(Place(t.place) for t in layout.trays for e in t.endpoints if e.units)
        self._memory = Memory()

    def judge(self, taken: Snapshot) -> tuple[Snapshot, list[Finding]]:
        """Return the snapshot with what is doubted flagged, and what people must hear of."""
        if not self._trays:
            return taken, []
        self._memory, findings = doubt_values(self._memory, taken, self._trays)
        return flag_doubted(self._memory, taken), findings
