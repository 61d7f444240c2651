"""What a rack's answers are made from; the rack loop keeps it fresh."""

from collections.abc import Callable
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.errors import PreconditionFailed
from rack_controller.model.alarm import AlarmGlance
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.layout import Layout, WornLink
from rack_controller.model.snapshot import Snapshot


@dataclass(slots=True)
class RackView:
    """The rack's layout, its newest snapshot, and a revision that grows with every change."""

    layout: Layout
    boot: str
    snapshot: Snapshot | None = None
    revision: int = 0
    worn: list[WornLink] = field(default_factory=list)  # NVLink ports that are over a limit
    alarms: AlarmGlance | None = None
    lasting: list[LastingEvent] = field(default_factory=list)  # events that stand until they are known to be over
    refusals: Callable[[], dict[str, int]] = dict  # deliveries that the process's listener did not take, by reason

    def check_armed(self) -> None:
        """Raise PreconditionFailed on a rack that is only observed."""
        if not self.layout.armed:
            raise PreconditionFailed(
                f"{self.layout.rack} is only observed: nothing is written to its devices",
                advice="set `armed: true` for the rack in the site file and start again",
            )
