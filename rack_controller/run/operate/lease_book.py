"""The leases of one rack while its controller runs.  Who wins is decided in `decide/leases.py`; after a restart there
are none, and every operation asks anew: the ledger's epoch keeps what an older controller held from counting."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place, tray_of
from rack_controller.decide.leases import Standing, decide_lease, forbidden, lapsed
from rack_controller.model.lease import Direction, Facet, Lease, Wish
from rack_controller.model.lock import LatchBook, MaintenanceLock, NoLatches

LEASE_S = 3600.0
STARTS_WITHIN = 20.0
"""So long after a request that energises was answered a tray that is seen off may still come on, in s."""


def _no_lock(_tray: Place) -> MaintenanceLock | None:
    return None


def _nothing(_tray: Place) -> str:
    return ""


@dataclass(slots=True)
class LeaseBook:
    """`locks` tells who works on a tray, `latches` what may not be energised, `quarantined` what of a tray nobody knows
    since a flash was broken off, `unfed` for which tray there is no power, `awaited` what one waits for that is to get
    some, `uncooled` for which no coolant flows, `heated` why what a wish is for would stop or move coolant wrongly."""

    clock: Clock
    latches: LatchBook = field(default_factory=NoLatches)
    locks: Callable[[Place], MaintenanceLock | None] = _no_lock
    _held: dict[tuple[str, Facet], Lease] = field(default_factory=dict)
    quarantined: Callable[[Place], str] = _nothing
    unfed: Callable[[Place], str] = _nothing
    awaited: Callable[[Place], str] = _nothing
    uncooled: Callable[[Place], str] = _nothing
    heated: Callable[[Wish], str] = lambda _wish: ""
    _tokens: int = 0
    _taken_over: dict[int, str] = field(default_factory=dict)  # by token: who took it
    _starting: dict[Place, float] = field(default_factory=dict)  # until when

    def take(self, wish: Wish, span: float = LEASE_S) -> Lease:
        """Grant a wish for `span` s, taking it from whom it outranks; its holder's own lease is renewed.

        Raises PreconditionFailed with who is in the way.
        """
        place, now = Place(wish.endpoint), self.clock.now()
        decision = decide_lease(wish, self._held, now, self.standing(place, wish.direction))
        if not decision.granted:
            raise PreconditionFailed(f"{place}: {decision.reason}", advice="wait, or ask who holds it")
        for taken in decision.preempts:
            self._held.pop((taken.wish.endpoint, taken.wish.facet), None)
            self._taken_over[taken.token] = wish.holder
        self._tokens += 1
        lease = Lease(wish, self._tokens, now + span)
        self._held[wish.endpoint, wish.facet] = lease
        return lease

    def lost(self, lease: Lease) -> str:
        """Return why a lease holds no longer and who took it, empty while it holds."""
        taken = self._taken_over.get(lease.token)
        return f"taken over by {taken}" if taken is not None else lapsed(lease, self._held, self.clock.now())

    def check(self, lease: Lease) -> None:
        """Raise PreconditionFailed when a lease holds no longer, or its endpoint may not be touched so by now: somebody
        works there since, or it may not be energised."""
        wish = lease.wish
        why = self.lost(lease) or forbidden(wish, self.standing(Place(wish.endpoint), wish.direction))
        why = why or self.heated(wish)
        if why:
            raise PreconditionFailed(f"{wish.endpoint}: {why}")

    def give_back(self, lease: Lease) -> None:
        """End a lease; one that was taken over stays with its new holder."""
        self._taken_over.pop(lease.token, None)
        key = (lease.wish.endpoint, lease.wish.facet)
        held = self._held.get(key)
        if held is not None and held.token == lease.token:
            del self._held[key]

    @contextmanager
    def energising(self, tray: Place) -> Iterator[None]:
        """Say that a request that energises `tray` may be on its way while the block runs."""
        self._starting[tray] = float("inf")
        try:
            yield
        finally:
            self.may_start(tray)

    def may_start(self, tray: Place) -> None:
        """Take that `tray` was asked to go on, lately and by whomever."""
        self._starting[tray] = self.clock.now() + STARTS_WITHIN

    def starting(self) -> frozenset[Place]:
        """Return the trays that may come on at any moment, seen off or not."""
        now = self.clock.now()
        self._starting = {tray: until for tray, until in self._starting.items() if until > now}
        return frozenset(self._starting)

    def unsure(self, endpoint: Place) -> str:
        """Return what must be seen, or be done, before it can be told whether an endpoint may be energised."""
        tray = tray_of(endpoint)
        return self.latches.unsure(tray) or self.awaited(tray)

    def keeps_off(self, tray: Place) -> str:
        """Return what keeps a tray off until a person ends it, empty when nothing does; no attempt is counted."""
        found = (self.latches.keeps_off(tray), self.quarantined(tray), self.unfed(tray))
        return "; ".join(said for said in found if said)

    def standing(self, endpoint: Place, direction: Direction) -> Standing:
        """Return what stands in the way at an endpoint besides leases.

        Latches are asked only about what energises: whoever asks them is counted as one who tried to.
        """
        tray = tray_of(endpoint)
        energises = direction is Direction.ENERGISED
        if not energises:
            return Standing(lock=self.locks(tray))
        latched = self.latches.forbids(tray) or self.quarantined(tray) or self.unfed(tray) or self.uncooled(tray)
        return Standing(lock=self.locks(tray), latched=latched)

    def held(self) -> list[Lease]:
        """Return every lease that is not over."""
        now = self.clock.now()
        return [lease for lease in self._held.values() if lease.until > now]
