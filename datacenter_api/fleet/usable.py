"""What a rack may draw of its busbar, and who says so: the one truth of every page, table and figure.  Pure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a command line that only wants the words need not load what racks are made of
    from datacenter_api.fleet.record import RackRecord
    from rack_controller.model.layout import Layout

BY_BUDGET, BY_DESIGN = "budget", "design"
USABLE_BY = {BY_BUDGET: "by the power budget", BY_DESIGN: "by design, nothing lost"}
"""Who says it, in words for people."""


def usable_of(record: "RackRecord", layout: "Layout") -> tuple[float, str]:
    """Return what a rack may draw now, W of DC, and who says so.

    A power policy that covers the rack knows what is lost and what may be lost, in shadow too; without one it is the
    figure of the design.
    """
    if record.budget is not None:
        return round(record.budget.usable_w, 1), BY_BUDGET
    return layout.busbar_power_usable_w, BY_DESIGN
