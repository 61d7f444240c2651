"""One rack as the API knows it: what was said last, and when it was heard.  It holds; it never asks."""

import time
from dataclasses import dataclass, field

from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.peaks import Peaks
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.alarm import AlarmGlance
from rack_controller.model.building_view import BuildingGlance
from rack_controller.model.frame import Frame
from rack_controller.model.interlock_view import InterlockGlance
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.layout import EndpointStatus, Layout, RackState, WornLink
from rack_controller.model.outbox import OutboxReport
from rack_controller.model.power_view import BudgetGlance
from rack_controller.model.table import SeriesTable

NEVER = Seconds(0.0)
LIVE_FOR = Seconds(3.0)
"""A rack is live while its last frame is younger than this (three frame periods)."""

REPORTED_FOR = Seconds(15.0)
"""What a controller said of its outboxes counts for so long (three periods of its report)."""


@dataclass(slots=True)
class RackRecord:
    """Everything heard of one rack.  `received` is when the frame was said, on our monotonic clock.

    `wanted_table` and `wanted_revision` are what the bus last announced; where they differ from what is held,
    the bus link asks again.
    """

    token: str
    layout: Layout | None = None
    columns: Columns | None = None
    frame: Frame | None = None
    received: Seconds = NEVER
    endpoints: list[EndpointStatus] = field(default_factory=list)
    endpoints_heard: Seconds | None = None
    worn: list[WornLink] = field(default_factory=list)
    lasting: list[LastingEvent] = field(default_factory=list)
    alarms: AlarmGlance | None = None
    deliveries_refused: dict[str, int] = field(default_factory=dict)
    interlocks: InterlockGlance | None = None
    budget: BudgetGlance | None = None
    building: BuildingGlance | None = None
    revision: int | None = None
    boot: str = ""
    wanted_table: int | None = None
    wanted_revision: int | None = None
    wanted_boot: str = ""
    outboxes: dict[str, OutboxReport] = field(default_factory=dict)
    outboxes_heard: Seconds = NEVER
    peaks: Peaks | None = None

    @property
    def place(self) -> Place | None:
        """Return the rack's full place, None until its layout was heard."""
        return Place(self.layout.rack) if self.layout else None

    def age(self, now: Seconds) -> Seconds | None:
        """Return how old the last frame is, None when there never was one."""
        return None if self.frame is None else Seconds(max(0.0, now - self.received))

    def live(self, now: Seconds) -> bool:
        """Return whether layout, table and a frame younger than LIVE_FOR are there and fit together."""
        age = self.age(now)
        return age is not None and age < LIVE_FOR and self.layout is not None and self.readable

    @property
    def readable(self) -> bool:
        """Return whether the held table explains the held frame."""
        return (
            self.frame is not None and self.columns is not None and self.columns.table.table_id == self.frame.table_id
        )

    def hear_frame(self, frame: Frame, said_at: Seconds) -> None:
        """Take a newer frame; a late copy from the stream or a repeat is ignored, or old numbers would look new.

        Newer in time or in number: a clock may be set back, a journal lost, but hardly both at once.
        """
        held = self.frame
        if held is not None and frame.unix_ns <= held.unix_ns and frame.sequence <= held.sequence:
            return
        self.frame, self.received = frame, said_at
        self.wanted_table = frame.table_id
        if self.peaks is not None:
            self.peaks.hear(frame)

    def hear_layout(self, layout: Layout) -> None:
        """Take the rack's layout; the table's columns depend on its periods and are laid out anew."""
        self.layout = layout
        if self.columns is not None:
            self.columns = Columns.make(self.columns.table, layout)

    def hear_table(self, table: SeriesTable) -> None:
        """Take the series table that explains the frames."""
        self.columns = Columns.make(table, self.layout)
        self.peaks = Peaks.make(self.columns, UnixNanoseconds(time.time_ns()), self.peaks)
        if self.frame is not None:
            self.peaks.hear(self.frame)

    def hear_state(self, state: RackState, now: Seconds) -> None:
        """Take both axes of every endpoint at one revision."""
        self.endpoints, self.endpoints_heard = list(state.endpoints), now
        self.worn, self.lasting, self.alarms = list(state.worn), list(state.alarms), state.alarm_glance
        self.deliveries_refused = dict(state.deliveries_refused)
        self.interlocks, self.building, self.budget = state.interlocks, state.building, state.budget
        self.revision, self.boot = state.revision, state.boot

    def hear_outbox(self, report: OutboxReport, now: Seconds) -> None:
        """Take how the controller's frames or events get into their stream."""
        self.outboxes[report.stream], self.outboxes_heard = report, now

    def unstored(self, now: Seconds) -> list[OutboxReport]:
        """Return the reports of streams that take nothing of this rack, as far as heard lately."""
        fresh = now - self.outboxes_heard <= REPORTED_FOR
        return [report for report in self.outboxes.values() if fresh and report.refusal]


def said_at(frame: Frame, now: Seconds, wall_ns: UnixNanoseconds) -> Seconds:
    """Return when a frame recovered from the stream was said, on the monotonic clock that reads `now`."""
    return Seconds(now - max(0.0, (wall_ns - frame.unix_ns) / 1e9))
