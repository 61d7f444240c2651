"""What is told of one rack's power budget: what it may use, shortfalls, caps that are kept, late or over."""

import logging
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.decide.budget.say import held_of, say_claims, say_limits
from rack_controller.decide.budget.told import Told, judge_change
from rack_controller.decide.budget.why import Layers
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.power_policy import Mode
from rack_controller.run.budget.book import ActivePolicy
from rack_controller.run.budget.side import RackSide
from rack_controller.run.budget.station import BudgetStation, Cycle

_log = logging.getLogger(__name__)

KEPT = 1.005


@dataclass(slots=True)
class BudgetTelling:
    """Remembers what was told, and since when each GPU is held by which layer."""

    station: BudgetStation
    side: RackSide
    _layers: dict[Place, tuple[str, int]] = field(default_factory=dict)
    _usable: Told | None = None
    _short: frozenset[str] = frozenset()
    _reduced: frozenset[str] = frozenset()
    _judged: set[str] = field(default_factory=set)
    _failing: str = ""
    _for_nobody: str = ""
    _looked_at: ActivePolicy | None = None

    @property
    def since(self) -> dict[Place, int]:
        """Return since when each GPU that is held is held by its layer, unix ns."""
        return {place: at for place, (_, at) in self._layers.items()}

    def held(self, last: Cycle) -> dict[Place, Layers]:
        """Return the rack's GPUs that some layer holds."""
        rack = self.station.index_of(self.side.place)
        station, wanted = self.station, self.side.grants.limits.wanted
        over = station.ramps.over(station.layers)
        return held_of(station.roster, last.claims, last.decision, rack, wanted, over)

    def look(self) -> None:
        """Tell what is new: once a second, from the rack's tick.

        A bug of ours in this ends neither readings nor interlocks: it is logged whole, and told when it is new.
        """
        try:
            self._look()
        except Exception as err:  # noqa: BLE001 - logged whole and told
            if self._failing != type(err).__name__:
                self._failing = type(err).__name__
                _log.exception("%s: what is to be told of its budget failed", self.side.place)
                text = f"a bug of the controller ({self._failing}): events of the budget are missing, see its log"
                self._tell("budget.failing", Severity.CRITICAL, text)
        else:
            if self._failing:
                self._tell("budget.failing", Severity.OK, "events of the budget are complete again")
            self._failing = ""

    def _look(self) -> None:
        last, place = self.station.last, self.side.place
        self._tell_expired()
        self._tell_for_nobody()
        if last is None or not self.station.covered(place):
            return
        rack, now = self.station.index_of(place), self.station.clock.unix_ns()
        held = self.held(last)
        for gpu, layers in held.items():
            if self._layers.get(gpu, ("", 0))[0] != layers.layer:
                self._layers[gpu] = (layers.layer, now)
        for gpu in set(self._layers) - set(held):
            del self._layers[gpu]
        self._tell_usable(last, rack)
        self._tell_reduced(last, rack)
        self._tell_short(last, rack)
        self._tell_late(last, rack)

    def _tell_usable(self, last: Cycle, rack: int) -> None:
        may, told = last.usable[rack], self._usable
        names, well = self.side.wiring.names, last.sides[self.side.place].well
        lost = frozenset(name for name, fine in zip(names, well.tolist(), strict=True) if not fine)
        self._usable, speaks = judge_change(told, may.watts, lost, self.station.clock.now())
        if told is None or not speaks:
            return
        before = told.watts
        case = may.binding
        after = f", so that {case.lost} may be lost" if case.lost else ""
        text = f"may draw {power_text(may.watts)} instead of {power_text(before)}: {case.binding.name} binds{after}"
        severity = Severity.WARNING if may.watts < before else Severity.OK
        self._tell("budget.usable", severity, text)

    def _tell_reduced(self, last: Cycle, rack: int) -> None:
        """Tell whose promises are reduced, since not all of them fit, and when they are kept again."""
        if not (last.decision.step.unkept > 0).any() and not self._reduced:
            return
        station, decision = self.station, last.decision
        claims = {c.name: c for c in say_claims(station.roster, last.claims, decision, last.sight.power, rack)}
        reduced = {name: claim for name, claim in claims.items() if claim.reduced_w > 0}
        limits = say_limits(station.roster, last.claims, decision, last.sight.meters, rack)
        tight = ", ".join(f"{each.name} lacks {power_text(each.unkept_w)}" for each in limits if each.unkept_w > 0)
        for name in sorted(reduced.keys() - self._reduced):
            left, promised = (reduced[name].promised_w - reduced[name].reduced_w), reduced[name].promised_w
            text = f"of {power_text(promised)} that {name} was promised {power_text(left)} are kept: {tight}"
            self._tell("budget.reduced", Severity.WARNING, text)
        for name in sorted(self._reduced - reduced.keys()):
            self._tell("budget.kept", Severity.OK, f"what {name} was promised is kept again")
        self._reduced = frozenset(reduced)

    def _tell_short(self, last: Cycle, rack: int) -> None:
        if not (last.decision.step.shortfall > 0).any() and not self._short:
            return
        limits = say_limits(self.station.roster, last.claims, last.decision, last.sight.meters, rack)
        short = {limit.name: limit for limit in limits if limit.shortfall_w > 0 and limit.shed}
        for name in sorted(short.keys() - self._short):
            limit = short[name]
            trays = ", ".join(leaf_of(Place(tray)) for tray in limit.shed[:6])
            text = f"{name}: floors alone pass its {power_text(limit.limit_w)} by {power_text(limit.shortfall_w)}"
            severity = Severity.CRITICAL if self._armed() else Severity.WARNING
            self._tell("budget.short", severity, f"{text}; to shed: {trays}")
        for name in sorted(self._short - short.keys()):
            self._tell("budget.fits", Severity.OK, f"{name}: what must be granted fits again")
        self._short = frozenset(short)

    def _armed(self) -> bool:
        active = self.station.book.active
        return active is not None and active.spec.mode is Mode.ARMED and self.side.armed

    def _tell_late(self, last: Cycle, rack: int) -> None:
        now = self.station.clock.unix_ns()
        for n, row in enumerate(last.decision.rows):
            cap = self.station.book.caps.get(row.name)
            if cap is None or not row.share[rack] or cap.id in self._judged:
                continue
            if now < cap.begins_unix_ns + int(cap.within_s * 1e9):
                continue
            self._judged.add(cap.id)
            charged = float(last.decision.step.charged[n])
            late = charged > cap.watts * KEPT
            words = "is not kept in time" if late else "is kept"
            text = (
                f"the cap of {power_text(cap.watts)} on {cap.target} {words}: at most {power_text(charged)} are granted"
            )
            self._tell("budget.cap", Severity.WARNING if late else Severity.OK, text)

    def _tell_expired(self) -> None:
        for cap in self.station.book.expired():
            self._judged.discard(cap.id)
            self.everywhere(f"the cap of {power_text(cap.watts)} on {cap.target} is over")
        for hint in self.station.book.expired_hints():
            self.everywhere(f"what {hint.by} said of job {hint.job} beforehand is over")

    def _tell_for_nobody(self) -> None:
        """Tell of budgets and ramps for racks that left the site since the policy was put into force."""
        active = self.station.book.active
        if active is self._looked_at:
            return
        self._looked_at = active
        said = self.station.for_nobody() if self.station.covered(self.side.place) else ""
        if said == self._for_nobody:
            return
        self._for_nobody = said
        text = f"the power policy names what the site does not have: {said}; apply it without them"
        over = "the power policy names nothing any more that the site does not have"
        self._tell("budget.stale", Severity.WARNING if said else Severity.OK, text if said else over)

    def everywhere(self, text: str) -> None:
        for side in self.station.sides.values():
            if self.station.covered(side.place) or side is self.side:
                side.tell(Finding(side.place, "budget.set", Severity.OK, f"{leaf_of(side.place)}: {text}"))

    def _tell(self, kind: str, severity: Severity, text: str) -> None:
        self.side.tell(Finding(self.side.place, kind, severity, f"{leaf_of(self.side.place)}: {text}"))
