"""A played rack with a leak behind it: what its controller says of its interlocks, and of the latch that stands."""

import msgspec

from firmware_bridge.vocabulary.place import Place
from rack_controller.model.event import Severity
from rack_controller.model.interlock import Clearing
from rack_controller.model.interlock_view import InterlockState, StandingView, TrippedView
from rack_controller.model.latch import Evidence, Latch

NS = 1_000_000_000
RECORD = ["found", "done", "pressure_check"]
CHAIN = "Leak at u31: leak1 is critical → u31, u30, u29, u28 off; latched k01-l1"


def latched_state(rack: str, *, armed: bool = True, persons: int = 1) -> InterlockState:
    """Return a leak at u31 that is dry by now, its latch, a cleared one before it, and a row that still confirms."""
    tray = Place(f"{rack}/u31")
    chain = CHAIN if armed else "Leak at u31: leak1 is critical → would: u31, u30, u29, u28 off; would latch as k01-l1"
    seen = "leak1 is critical"
    leak = StandingView(
        *("leak.critical", tray, "Leak", seen, False, 60.0, 59.0, True, True, 1),
        *("water on live parts", "leave it off"),
    )
    dark = StandingView(
        *("sensor.faulty", f"{rack}/u12", "Leak unseen", "leak0 is silent", True, 4.0, None, False, True, 3),
        *("a leak would not be noticed", "repair the detector"),
    )
    tripped = TrippedView(
        *("leak.critical", tray, "Leak", seen, 60 * NS, False, "k01-l1", True, 1, Severity.CRITICAL),
        ["u31, u30, u29, u28 off"],
        chain,
    )
    latch = Latch("k01-l1", "leak.critical", tray, "Leak", 60 * NS, [Evidence(tray, seen, 60 * NS)], shadow=not armed)
    old = msgspec.structs.replace(latch, id="k01-l0", tripped_ns=NS, cleared_ns=30 * NS, signed=["ida"], shadow=False)
    return InterlockState(
        *(rack, armed, 22, [leak, dark], [old, latch], [tripped]), {"leak.critical": Clearing(persons, RECORD)}
    )
