"""What is known of the enrolment of a rack's endpoints, for whoever answers questions about them."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place, tray_of
from rack_controller.decide.swap import Swap
from rack_controller.run.enrolment.examiner import Examiner
from rack_controller.run.enrolment.holds import Holds
from rack_controller.run.enrolment.swapping import Swapping
from rack_controller.run.operate.locks import Locks


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Who is held, who is ready, and who is under maintenance."""

    holds: Holds
    examiner: Examiner
    swapping: Swapping | None = None
    locks: Locks | None = None

    def maintenance(self, place: Place) -> str:
        """Return who has an endpoint under maintenance, by a swap or a lock of its tray; empty when nobody has."""
        swapped = "" if self.swapping is None else self.swapping.maintenance(place)
        return swapped or ("" if self.locks is None else self.locks.maintenance(place))

    def works_at(self, place: Place) -> str:
        """Return whose lock or swap stands at the tray that holds `place`, empty when nobody works there."""
        lock = None if self.locks is None else self.locks.of(place)
        if lock is not None:
            return f"the lock of {lock.owner}"
        swaps = {} if self.swapping is None else self.swapping.swaps
        tray = tray_of(place)
        return next((f"the swap by {s.owner}" for at, s in swaps.items() if not s.over and tray_of(at) == tray), "")

    def swaps(self) -> list[Swap]:
        """Return every swap that was begun, the newest first."""
        known = [] if self.swapping is None else list(self.swapping.swaps.values())
        return sorted(known, key=lambda swap: -swap.began_unix_ns)
