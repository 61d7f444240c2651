"""Whether a tray of one rack may be energised: what stands against it, what is left out, what nobody has seen yet.

What runs may go on unseen, nothing begins unseen.  Nothing is judged anew here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.bypass import covers, words
from rack_controller.decide.interlock import Key, Standing, refusals
from rack_controller.decide.permit import why_unseen
from rack_controller.decide.picture import Picture
from rack_controller.model.bypass import Bypass
from rack_controller.model.interlock import InterlockPolicy
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.sound import Soundness


@dataclass(slots=True)
class Judged:
    """How a rack was judged last: every row that holds or stands, and the picture it was judged by.  `began`: when it
    was judged for the first time."""

    standings: dict[Key, Standing]
    picture: Picture | None = None
    began: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A LatchBook.  While the rack is not `armed` it keeps nothing off."""

    judged: Judged
    policy: InterlockPolicy
    latches: Latches
    bypasses: Callable[[], Sequence[Bypass]]
    sound: Soundness
    armed: Callable[[], bool]

    def refusals(self, tray: Place) -> list[str]:
        """Return why `tray` must not be switched on now, in operator's words; empty when it may."""
        return [] if not self.armed() else self._firm(tray) or self._unsure(tray)

    def forbids(self, place: Place) -> str:
        """Return why nothing at the tray `place` may be energised, empty when it may; whoever asks is counted."""
        found = self.refusals(place)
        if found:
            self.latches.refuse(place)
        return "; ".join(found)

    def unsure(self, place: Place) -> str:
        """Return why it is not known yet whether the tray `place` may be energised."""
        return "" if not self.armed() or self._firm(place) else "; ".join(self._unsure(place))

    def keeps_off(self, place: Place) -> str:
        """Return which latches and bypasses keep the tray `place` off; nobody is counted."""
        if not self.armed():
            return ""
        return "; ".join(said for said in (self.latches.forbids(place), *self._bypassed(place)) if said)

    def _firm(self, tray: Place) -> list[str]:
        standings = self.judged.standings
        found = refusals(standings.values(), self.policy, tray)
        told = {cause for cause, _ in standings}
        # A latch stands whether or not the policy of today knows its cause.
        orphans = [n for n in self.latches.in_the_way(tray) if n.cause not in told]
        found += [f"latch {n.id}: {n.title} at {leaf_of(n.place)}" for n in orphans]
        found += self._bypassed(tray)
        return [*found, self.sound.why] if self.sound.why else found

    def _unsure(self, tray: Place) -> list[str]:
        if why := why_unseen(self.judged.picture, tray):
            return [why]
        return refusals(self.judged.standings.values(), self.policy, tray, unless_seen_since=self.judged.began)

    def _bypassed(self, tray: Place) -> list[str]:
        return [words(bypass) for bypass in self.bypasses() if covers(bypass, tray)]
