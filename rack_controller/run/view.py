"""What a rack's answers are made from; the rack loop keeps it fresh."""

from dataclasses import dataclass

from rack_controller.model.layout import Layout
from rack_controller.model.snapshot import Snapshot


@dataclass(slots=True)
class RackView:
    """The rack's layout, its newest snapshot, and a revision that grows with every change."""

    layout: Layout
    boot: str
    snapshot: Snapshot | None = None
    revision: int = 0
