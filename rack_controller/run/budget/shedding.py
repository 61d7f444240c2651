"""Sheds trays where not even the least limits fit, keeps them in mind over restarts, and makes room for them to return.

Latch-free: a person switches a tray on again as any other, and it comes on as soon as the budget has room for it.  A
tray that is seen off is not charged; one that is seen on, or is to come on, is charged its most again.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import EnvironmentUnfit, RackwrightError
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.design import Mask
from rack_controller.decide.budget.live import LiveDecision
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import RowKind
from rack_controller.decide.budget.shed import LEAST_W, ToShed, decide_shed_now, room_missing
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.power_policy import Mode, PowerPolicy
from rack_controller.model.power_view import ShedState, ShedView
from rack_controller.run.budget.side import RackSide
from rack_controller.run.journal import Journal

_log = logging.getLogger(__name__)

KEPT = "power_shed"
BY = "power budget"
LATE_S = 150.0
"""After its deadline for force a tray that is still not off is one that did not go."""
AGAIN_S = 10.0
BORNE = 0.5
"""Of the time that breakers bear their load, which a host is given: forcing it takes time, too."""
LEAST_S = 5.0
COMES_S = 600.0
"""For so long room is kept for a tray that is to come on."""


class ShedTray(msgspec.Struct, frozen=True):
    """A tray that was shed, for which limit, which lacked `missing_w`; `off`: it was seen off since."""

    tray: Place
    limit: str
    missing_w: float
    since_unix_ns: int
    operation: str
    off: bool = False


@dataclass(slots=True)
class LoadShedding:
    """See the module.  `sides` are the racks' of the budget, by place; `bears(rack)`: for how many s its breakers bear
    what they carry now."""

    roster: Roster
    sides: Mapping[Place, RackSide]
    journal: Journal
    clock: Clock
    bears: Callable[[Place], float]
    trays: dict[Place, ShedTray] = field(default_factory=dict)
    _short_since: dict[str, float] = field(default_factory=dict)
    _coming: dict[Place, float] = field(default_factory=dict)  # until when room is kept
    _charged: frozenset[Place] = frozenset()  # of those that come, which the last cycle charged
    _tried: dict[Place, tuple[float, str]] = field(default_factory=dict)  # when in vain, and why
    _last: tuple[PowerPolicy, LiveDecision] | None = None

    def __post_init__(self) -> None:
        known = {tray_of(place) for place in self.roster.places}
        kept = {tray: text for tray, text in self.journal.kept(KEPT).items() if tray in known}
        self.trays = {Place(tray): msgspec.json.decode(text, type=ShedTray) for tray, text in kept.items()}

    def away(self) -> tuple[Mask, Mask]:
        """Return which GPUs, (N,), are not charged (shed, and seen off), and which are charged their most whatever is
        read of them, because they are about to be switched on."""
        off = {t for t, shed in self.trays.items() if shed.off and t not in self._coming and self._seen_off(t)}
        self._charged = frozenset(self._coming)
        return self._gpus_of(off), self._gpus_of(self._charged)

    def _gpus_of(self, trays: Collection[Place]) -> Mask:
        if not trays:
            return np.zeros(len(self.roster.places), dtype=np.bool_)
        return np.array([tray_of(place) in trays for place in self.roster.places], dtype=np.bool_)

    def look(self, policy: PowerPolicy, claims: Claims, decision: LiveDecision) -> None:
        """Follow what was shed; shed more where an armed budget lacks power for longer than its policy says."""
        self._last = (policy, decision)
        self._follow(policy)
        self._expire(decision)
        if policy.mode is not Mode.ARMED or not policy.shed.acts:
            self._short_since = {}
            return
        now = self.clock.now()
        self._short_since, chosen = decide_shed_now(
            self._short_since,
            self.roster,
            claims,
            decision.rows,
            np.minimum(claims.least, decision.most),
            decision.lacking,
            going=self.trays,
            spared=self._spared(now),
            now=now,
            patience=policy.shed.after_s,
        )
        for wish in chosen:
            self._shed(wish, policy)

    def rest(self) -> None:
        """Take that no policy is in force: nothing is shed, and nothing that was is kept off."""
        self._last, self._short_since, self._coming = None, {}, {}

    def keeps_off(self, tray: Place) -> str:
        """Return why there is no power for a tray that was shed, empty when there is, or when it was not."""
        if tray not in self.trays or not self._holds(tray):
            return ""
        missing, limit = self._missing(tray)
        if missing <= LEAST_W:
            return ""
        return f"the power budget shed {leaf_of(tray)}, and {limit} lacks {power_text(missing)} for it to come back"

    def makes_room(self, tray: Place) -> str:
        """Return what a tray waits for before it may come on, since it comes with default limits; whoever asks has room
        made for it.  One that is charged those already need not wait."""
        if not self._holds(tray) or self.keeps_off(tray):
            return ""
        assert self._last is not None
        decision, mine = self._last[1], self._gpus_of({tray})
        if tray not in self.trays:
            held = bool((mine & (decision.holds < self.roster.most - LEAST_W)).any())
            if not held or not self._seen_off(tray):
                return ""
            missing, limit = self._missing(tray)
            if missing > LEAST_W:
                return f"{limit} lacks {power_text(missing)} for {leaf_of(tray)} to come on"
        self._coming[tray] = self.clock.now() + COMES_S
        rack = next(n for n, r in enumerate(self.roster.racks) if tray.startswith(f"{r.place}/"))
        kept = [
            charged <= limit or row.share[rack] <= 0 or row.kind is RowKind.RAMP
            for row, charged, limit in zip(decision.rows, decision.step.charged, decision.limits, strict=True)
        ]
        if tray in self._charged and all(kept):
            return ""
        return f"the power budget makes room for {leaf_of(tray)}: ask again in a few seconds"

    def _holds(self, tray: Place) -> bool:
        """Return whether an armed budget holds GPUs of a tray by their limits."""
        if self._last is None or self._last[0].mode is not Mode.ARMED or not self._gpus_of({tray}).any():
            return False
        return self._side(tray).armed

    def _missing(self, tray: Place) -> tuple[float, str]:
        """Return what a limit lacks for a tray to come on beside those that already may, W, and its name.

        A tray that was shed and is off counts with nothing until then, any other one with its floors.
        """
        assert self._last is not None
        policy, decision = self._last
        asking = self._gpus_of({tray, *self._coming} - self._charged)
        counted = np.where(decision.most > 0.0, decision.step.floors, 0.0)
        more = np.where(asking, np.maximum(self.roster.most - counted, 0.0), 0.0)
        return room_missing(self.roster, decision.rows, decision.step.slack, asking, more, policy.doubt)

    def views(self, rack: Place) -> list[ShedView]:
        """Return what was shed of a rack, and how that stands."""
        found = []
        for tray, shed in sorted(self.trays.items()):
            if tray.startswith(f"{rack}/"):
                state = ShedState.COMING if tray in self._coming else ShedState.OFF if shed.off else ShedState.GOING
                said = (shed.limit, shed.missing_w, shed.since_unix_ns, shed.operation)
                found.append(ShedView(tray, state, *said, why=self.keeps_off(tray)))
        return found

    def _follow(self, policy: PowerPolicy) -> None:
        now = self.clock.unix_ns()
        for tray, shed in list(self.trays.items()):
            seen_off, age = self._seen_off(tray), (now - shed.since_unix_ns) / 1e9
            if seen_off and not shed.off:
                self._keep(msgspec.structs.replace(shed, off=True))
            elif shed.off and seen_off is False:
                self._drop(tray, "budget.back", Severity.OK, "is on again; it was shed for " + shed.limit)
            elif not shed.off and age > policy.shed.graceful_s + LATE_S:
                self._drop(tray, "budget.stays", Severity.CRITICAL, f"was shed and is not off: see {shed.operation}")

    def _expire(self, decision: LiveDecision) -> None:
        """Keep no room any more for what does not come, or does not fit by now."""
        now, short = self.clock.now(), bool((decision.lacking > LEAST_W).any())
        kept = (t for t in self._coming if t in self.trays or self._seen_off(t) is not False)
        self._coming = {t: until for t in kept if (until := self._coming[t]) > now and not short}

    def _spared(self, now: float) -> Collection[Place]:
        """Return the trays that cannot be switched now: their rack is only observed, or it was just tried in vain."""
        spared = {t for t, (at, _) in self._tried.items() if now - at < AGAIN_S}
        for side in self.sides.values():
            if not side.armed or side.shut is None:
                spared |= {tray_of(place) for place in side.places}
        return spared

    def _shed(self, wish: ToShed, policy: PowerPolicy) -> None:
        tray, side = wish.tray, self._side(wish.tray)
        assert side.shut is not None
        words = f"{wish.limit} lacks {power_text(wish.missing)} even at the least limits"
        try:
            operation = side.shut(tray, BY, self._patience(side.place, policy), words)
        except RackwrightError as err:
            told = self._tried.get(tray, (0.0, ""))[1] == err.what
            self._tried[tray] = (self.clock.now(), err.what)
            if not told:
                self._tell(tray, "budget.stays", Severity.CRITICAL, f"cannot be shed: {err.what}; {words}")
            return
        self._keep(ShedTray(tray, wish.limit, wish.missing, self.clock.unix_ns(), operation))
        self._tell(tray, "budget.shed", Severity.CRITICAL, f"goes off by {operation}: {words}")

    def _patience(self, rack: Place, policy: PowerPolicy) -> float:
        """Return for how many s a host is asked before it is forced: less where breakers do not bear it so long."""
        return max(min(policy.shed.graceful_s, BORNE * self.bears(rack)), LEAST_S)

    def _side(self, tray: Place) -> RackSide:
        return next(side for rack, side in self.sides.items() if tray.startswith(f"{rack}/"))

    def _seen_off(self, tray: Place) -> bool | None:
        return self._side(tray).is_off(tray)

    def _keep(self, shed: ShedTray) -> None:
        self.trays[shed.tray] = shed
        try:
            self.journal.keep(KEPT, shed.tray, msgspec.json.encode(shed).decode())
        except EnvironmentUnfit:
            _log.exception("that %s was shed is not written down", shed.tray)

    def _drop(self, tray: Place, kind: str, severity: Severity, words: str) -> None:
        del self.trays[tray]
        self._coming.pop(tray, None)
        try:
            self.journal.drop(KEPT, tray)
        except EnvironmentUnfit:
            _log.exception("that %s was shed is still written down", tray)
        self._tell(tray, kind, severity, words)

    def _tell(self, tray: Place, kind: str, severity: Severity, words: str) -> None:
        self._side(tray).tell(Finding(tray, kind, severity, f"{leaf_of(tray)} {words}"))
