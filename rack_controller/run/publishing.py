"""Frames and events of one rack on their way to the bus: numbered, and kept for whoever comes late."""

import itertools
import logging
from collections.abc import Iterable

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Event, encode_event
from rack_controller.model.frame import encode_frame
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.subjects import RackSubjects
from rack_controller.model.table import encode_table
from rack_controller.run.audited import Audited
from rack_controller.run.board import Board
from rack_controller.run.journal import SEQUENCE_BLOCK, Journal
from rack_controller.run.outbox import Message, Outbox

_log = logging.getLogger(__name__)

FRAMES_KEPT = 900
EVENTS_KEPT = 10_000


class Publisher:
    """One rack's.  Numbers of frames go up over restarts, because the journal sets blocks of them aside."""

    def __init__(self, subjects: RackSubjects, board: Board, journal: Journal, audited: Audited | None) -> None:
        self.frames, self.events = Outbox(FRAMES_KEPT), Outbox(EVENTS_KEPT)
        self._subjects, self._board, self._journal, self._audited = subjects, board, journal, audited
        self._event_numbers = itertools.count()
        self._sequence, self._reserved_to = 0, 0
        self._kept_table: int | None = None

    def next_sequence(self) -> int:
        """Return the number of the next frame."""
        if self._sequence >= self._reserved_to:
            try:
                self._sequence = self._journal.reserve_sequence(self._board.rack)
            except EnvironmentUnfit:
                # Readings matter more than their numbers: go on counting, numbers may repeat after a crash.
                _log.exception("%s: frame numbers are not reserved", self._board.rack)
            self._reserved_to = self._sequence + SEQUENCE_BLOCK
        self._sequence += 1
        return self._sequence

    def frame(self, snapshot: Snapshot) -> None:
        """Publish a snapshot; a new series table is kept before, so that who reads the frame later can ask for it."""
        self._keep_table(snapshot)
        body = encode_frame(snapshot.to_frame())
        self.frames.put(Message(self._subjects.telemetry, f"{self._board.rack}-{snapshot.tick}", body))

    def findings(self, findings: Iterable[Finding], snapshot: Snapshot) -> None:
        """Publish what was noticed as events, and enter them into the audit log."""
        for finding in findings:
            self.finding(finding, snapshot)

    def finding(self, finding: Finding, snapshot: Snapshot) -> Message:
        """Publish one event and enter it into the audit log; return it as it waits for its stream."""
        event_id = f"{snapshot.unix_ns:020d}-{self._subjects.rack}-{next(self._event_numbers):06d}"
        told = self._board.told_at(finding.place, finding.kind.partition(".")[0])
        said = (finding.severity, finding.message, told, finding.details)
        event = Event(event_id, snapshot.unix_ns, finding.place, finding.kind, *said)
        message = Message(self._subjects.event, event_id, encode_event(event))
        self.events.put(message)
        if self._audited is not None:
            self._audited.event(event)
        return message

    def _keep_table(self, snapshot: Snapshot) -> None:
        table = snapshot.table
        if table.table_id == self._kept_table:
            return
        self._kept_table = table.table_id
        try:
            self._journal.keep_table(self._board.rack, table.table_id, encode_table(table), snapshot.unix_ns)
        except EnvironmentUnfit:
            _log.exception("%s: series table %016x is not kept", self._board.rack, table.table_id)
