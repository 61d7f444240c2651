"""The site's power budget while its racks run: every few hundred ms all of them are seen, and decided over at once.

A bug of ours here is logged and costs the budget alone: limits stand on the devices, interlocks go on.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.vocabulary.upstream import Upstream
from rack_controller.decide.budget.agree import check_promises, check_racks, check_terms, say_for_nobody
from rack_controller.decide.budget.claims import Claims, claims_of, priority_at, still_here
from rack_controller.decide.budget.design import Array, Mask
from rack_controller.decide.budget.layers import LayersOver, check_layer, lay
from rack_controller.decide.budget.live import LiveDecision, LiveSight, LiveState, begin, step_live
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import Row, budget_rows, cap_rows, graph_rows, rack_rows
from rack_controller.decide.budget.shed import going
from rack_controller.decide.supply.graph import FedRack, graph_limits, node_shares
from rack_controller.decide.supply.usable import Spending, Usable, derates, usable
from rack_controller.decide.supply.wiring import RackWiring
from rack_controller.model.power_layer import LayerWish
from rack_controller.model.power_policy import AfterLoss, Job, Mode, PowerPolicy
from rack_controller.run.budget.book import ActivePolicy, Book
from rack_controller.run.budget.breakers import BreakerBook
from rack_controller.run.budget.cooling import Cooling
from rack_controller.run.budget.looking import Looking
from rack_controller.run.budget.meter import JobMeter
from rack_controller.run.budget.played import PlayedWhatIf
from rack_controller.run.budget.ramping import Ramping
from rack_controller.run.budget.shedding import LoadShedding
from rack_controller.run.budget.side import RackSide, SideSight
from rack_controller.run.budget.two_roads import TwoRoads
from rack_controller.run.journal import Journal

_log = logging.getLogger(__name__)

IDLE_S = 1.0  # how often it is looked whether there is a policy
FIRST_S = 0.5
FOR_GOOD_S = 1e6  # nobody is there to lower limits: what carries a loss must carry it for ever


@dataclass(frozen=True, slots=True)
class Cycle:
    """What one cycle saw and decided."""

    at: Seconds
    sight: LiveSight
    sides: dict[Place, SideSight]
    usable: tuple[Usable, ...]
    decision: LiveDecision
    claims: Claims
    took_s: float


@dataclass(slots=True)
class BudgetStation:
    """See the module.  Every rack of `roster` joins before `run`; `filed` is the policy that stands in a file."""

    roster: Roster
    upstream: Upstream
    journal: Journal
    clock: Clock
    filed: ActivePolicy | None
    sides: dict[Place, RackSide] = field(default_factory=dict)
    book: Book = field(init=False)
    last: Cycle | None = field(default=None, init=False)
    state: LiveState | None = field(default=None, init=False)
    claims: Claims | None = field(default=None, init=False)
    roads: TwoRoads = field(init=False)
    layers: LayersOver = field(init=False)
    meter: JobMeter = field(init=False)
    shedding: LoadShedding = field(init=False)
    breakers: BreakerBook = field(init=False)
    cooling: Cooling = field(default_factory=Cooling, init=False)
    ramps: Ramping = field(init=False)
    played: PlayedWhatIf = field(default_factory=PlayedWhatIf, init=False)
    began_at: Seconds = field(init=False)
    _known: int = field(default=-1, init=False)
    _usable: dict[tuple[str, bytes, bytes], Usable] = field(default_factory=dict, init=False)
    _graphs: dict[float, tuple[bytes, list[Row]]] = field(default_factory=dict, init=False)
    _shares: dict[str, Array] = field(default_factory=dict, init=False)
    looking: Looking = field(init=False)
    _mode: Mode | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.began_at = self.clock.now()
        self.book = Book(self.journal, self.clock, self.filed, self.fits, self.known)
        self.roads = TwoRoads(self.roster, lambda: self.sides, self.clock, self.covered)
        self.layers = lay(self.roster, list(self.book.layers.values()))
        self.meter = JobMeter(self.journal, self.clock)
        self.breakers = BreakerBook(self.roster, self.upstream.nodes)
        self.ramps = Ramping(self.roster)
        self.looking = Looking(self.clock, self._glance, self._hear)
        self.shedding = LoadShedding(self.roster, self.sides, self.journal, self.clock, self.breakers.lasts)

    def join(self, side: RackSide) -> None:
        """Take a rack in."""
        self.sides[side.place] = side
        side.board.on_told = self.looking.wake

    def places_of(self, rack: Place) -> tuple[Place, ...]:
        """Return a rack's GPUs in the roster's order."""
        return tuple(p for p in self.roster.places if p.startswith(f"{rack}/"))

    def priority_at(self, tray: Place) -> int:
        """Return the most urgent priority that any GPU of a tray has; the smaller comes first."""
        active = self.book.active
        spec = None if active is None else active.spec
        return priority_at(self.places_of(tray), spec, self.book.running)

    def index_of(self, rack: Place) -> int:
        """Return which of the roster's racks a place is."""
        return next(n for n, r in enumerate(self.roster.racks) if r.place == rack)

    def covered(self, rack: Place) -> bool:
        """Return whether the policy in force covers a rack."""
        return self.book.covers(rack, self.roster.racks[self.index_of(rack)].generation)

    def usable_without(self, rack: Place, gone: Mask) -> Usable:
        """Return what a rack might use if the supplies `gone` (P,) of it were lost too, as of the last cycle."""
        assert self.last is not None
        assert self.book.active is not None
        wiring, seen = self.sides[rack].wiring, self.last.sides[rack]
        generation = self.roster.racks[self.index_of(rack)].generation
        return self._may(self.book.active.spec, generation, wiring, replace(seen, well=seen.well & ~gone), None)

    def fits(self, policy: PowerPolicy, jobs: list[Job]) -> None:
        """Raise SpecInvalid where a policy with these jobs does not fit the site's racks, or contradicts itself.

        What was put into force or begun before, and whose racks have left the site since, is left out.
        """
        begun = [job for job in jobs if job in self.book.running]
        policy, kept = still_here(self.roster, policy, begun)
        claims = claims_of(self.roster, policy, [*kept, *(job for job in jobs if job not in begun)])
        check_promises(self.roster, claims, policy, np.fmin(self.ceilings(), self.layers.ceiling))
        check_terms(self.roster, claims, policy, self.layers.floor)

    def known(self, policy: PowerPolicy) -> None:
        """Raise SpecInvalid where a policy that is new says something of nothing of the site."""
        check_racks(self.roster, policy)

    def for_nobody(self) -> str:
        """Return what of the policy in force is for nothing of the site (any more)."""
        return "" if self.book.active is None else say_for_nobody(self.roster, self.book.active.spec)

    def check_layer(self, wish: LayerWish) -> None:
        """Raise ArgumentsInvalid where a layer does not fit its GPUs, or what is set already."""
        set_already = list(self.book.layers.values())
        if self.claims is None:
            check_layer(self.roster, wish, set_already, self.ceilings())
            return
        ceiling = np.fmin(self.ceilings(), self.claims.ceiling)
        check_layer(self.roster, wish, set_already, ceiling, self.claims.floor)

    async def run(self) -> None:
        """Decide until cancelled."""
        due = Seconds(self.clock.now() + FIRST_S)
        while True:
            try:
                await self.looking.until(due)
                period = self.cycle()
            except Exception:  # noqa: BLE001 - logged whole; what stands on the devices holds
                _log.exception("the power budget cannot be decided")
                period, self.state = IDLE_S, None
            due = Seconds(max(due + period, self.clock.now()))

    def _glance(self) -> bytes:
        return b"".join(self.sides[rack.place].glance() for rack in self.roster.racks)

    def _hear(self) -> None:
        """Take in what agents say that they keep, and judge by it what can be in force."""
        if self.last is not None and self.roads.alone is not None and self.roads.hear():
            self.last = replace(self.last, decision=self.roads.judged(self.roads.alone))

    def cycle(self) -> float:
        """See, decide and send once; return after how many s the next one is due."""
        active = self.book.active
        if active is None or len(self.sides) < len(self.roster.racks) or not self.roster.places:
            self.last, self.state, self.looking.seen = None, None, None
            self.shedding.rest()
            self._grant({})
            self.ramps.rest()
            self.cooling.cycle(None, self.roster, {}, self.clock.now())
            return IDLE_S
        began, policy = self.clock.now(), active.spec
        claims = self._claims(policy)
        state = begin(self.roster, claims, began) if self.state is None else self.state
        seen = self._see(policy, state)
        may = tuple(
            self._may(policy, rack.generation, rack.wiring, seen[rack.place], spending)
            for rack in self.roster.racks
            for spending in [self.breakers.spending(rack.place, policy.spend_heat)]
        )
        cool = self._cool(policy, began)
        sight = self._sight(began, policy, seen, may, cool)
        sight = self.ramps.cycle(policy, claims, state, sight, list(self.book.hints.values()), self.clock.unix_ns())
        self.state, alone = step_live(state, self.roster, claims, policy, sight)
        stands = self._rows(policy, list(seen.values()), self._may_alone(policy, seen), FOR_GOOD_S)
        decision = self.roads.follow(self.state, claims, policy, alone, stands)
        self.looking.seen = self._glance()
        self._look_for(sight)
        self.last = Cycle(began, sight, seen, may, decision, claims, self.clock.now() - began)
        if policy.mode is Mode.ARMED:
            self._grant(dict(zip(self.roster.places, decision.told.tolist(), strict=True)))
            self._send(decision)
        else:
            self._grant({})
        self.breakers.look(may, decision, sight.meters, began, self._shares)
        self.shedding.look(policy, claims, decision)
        self.meter.count(self.roster, claims, sight.power, decision.holds)
        return policy.period_ms / 1e3

    def _cool(self, policy: PowerPolicy, now: Seconds) -> list[Row]:
        """Have coolant follow what was decided last, and units warned of load that somebody switches off."""
        if self.last is None:
            return self.cooling.follow(policy, self.roster, None, now)
        decision, trays = self.last.decision, {t for side in self.sides.values() for t in side.leaving()}
        return self.cooling.follow(policy, self.roster, decision, now, going(self.roster, decision.holds, trays))

    def _claims(self, policy: PowerPolicy) -> Claims:
        if self.claims is None or self._known != self.book.changes:
            self._known = self.book.changes
            self.layers = lay(self.roster, list(self.book.layers.values()))
            asked = claims_of(self.roster, *still_here(self.roster, policy, self.book.running))
            smoothed = self.layers.floor
            floor, least = np.maximum(asked.floor, smoothed), np.maximum(asked.least, smoothed)
            self.claims = replace(asked, floor=floor, least=least)
            if policy.mode is not self._mode:  # what a shadow would have written stands on no device
                self._mode, self.state = policy.mode, None
        return self.claims

    def _see(self, policy: PowerPolicy, state: LiveState) -> dict[Place, SideSight]:
        holds = state.budget.written.holds
        if policy.mode is Mode.SHADOW:
            holds = np.full(len(holds), np.inf)  # nothing is written, so nobody breaks a limit
        found = {}
        for r, rack in enumerate(self.roster.racks):
            found[rack.place] = self.sides[rack.place].see(policy.stale, holds[self.roster.span(r)])
        return found

    def _sight(
        self,
        now: Seconds,
        policy: PowerPolicy,
        seen: Mapping[Place, SideSight],
        may: Sequence[Usable],
        cool: Sequence[Row],
    ) -> LiveSight:
        sides = [seen[rack.place] for rack in self.roster.racks]
        covered = [self.covered(rack.place) for rack in self.roster.racks]
        law, (off, comes) = self.roster.law, self.shedding.away()
        return LiveSight(
            now=now,
            rows=(*self._rows(policy, sides, may, policy.react_s), *cool),
            power=np.concatenate([s.power for s in sides]),
            read=np.where(comes, np.nan, np.concatenate([s.read for s in sides])),
            seen=np.concatenate([s.seen for s in sides]),
            ceiling=np.fmin(np.concatenate([s.ceiling for s in sides]), self.layers.ceiling),
            able=np.concatenate([s.able & on for s, on in zip(sides, covered, strict=True)]),
            began=np.concatenate([s.began for s in sides]) | comes,
            free=np.concatenate([s.free for s in sides]),
            meters=np.array([s.meter for s in sides]) / law.efficiency,
            extra=np.array([s.charging for s in sides]) / law.efficiency,
            off=off,
        )

    def _rows(
        self, policy: PowerPolicy, sides: Sequence[SideSight], may: Sequence[Usable], react_s: float
    ) -> list[Row]:
        racks = self.roster.racks
        lent = {} if react_s >= FOR_GOOD_S else self.breakers.lent(policy.spend_heat, react_s)
        key = b"".join(side.well.tobytes() for side in sides) + repr(lent).encode()
        if self.upstream.nodes and key != self._graphs.get(react_s, (b"", []))[0]:
            fed = [FedRack(r.place, r.wiring, s.well, r.nodes) for r, s in zip(racks, sides, strict=True)]
            self._graphs[react_s] = (key, graph_rows(graph_limits(self.upstream, fed, Seconds(react_s), lent)))
            self._shares = node_shares(self.upstream, fed)
        graph = self._graphs.get(react_s, (b"", []))[1]
        caps = cap_rows(racks, list(self.book.caps.values()), self.clock.unix_ns())
        return [*rack_rows(racks, may), *graph, *budget_rows(racks, policy.budgets), *caps]

    def _may_alone(self, policy: PowerPolicy, seen: Mapping[Place, SideSight]) -> list[Usable]:
        """Return what racks may use while nobody is there to lower their limits."""
        alone = msgspec.structs.replace(policy, react_s=FOR_GOOD_S, after_loss=AfterLoss.PROTECT)
        return [
            self._may(alone, rack.generation, self.sides[rack.place].wiring, seen[rack.place], None)
            for rack in self.roster.racks
        ]

    def _may(
        self, policy: PowerPolicy, generation: str, wiring: RackWiring, seen: SideSight, spending: Spending | None
    ) -> Usable:
        """Return what a rack may use; worked out anew only when no rack of its generation has stood like it."""
        inlet = seen.inlet  # in steps, or every cycle would be another case
        key = (generation, seen.well.tobytes(), derates(wiring, inlet).tobytes() + _terms_of(policy, spending))
        found = self._usable.get(key)
        if found is None:
            wanted, needs = policy.redundancy, Seconds(policy.react_s)
            found = usable(wiring, seen.well, wanted, needs, inlet, spending)
            if policy.after_loss is AfterLoss.HOLD:
                whole = usable(wiring, wiring.all_well, wanted, needs, inlet, spending)
                found = replace(found, cases=whole.cases)
            if len(self._usable) > 64 * len(self.sides):
                self._usable.clear()
            self._usable[key] = found
        return found

    def _send(self, decision: LiveDecision) -> None:
        for r, rack in enumerate(self.roster.racks):
            span, side = self.roster.span(r), self.sides[rack.place]
            which = np.flatnonzero(np.isfinite(decision.writes[span])) + span.start
            writes = {self.roster.places[n]: float(decision.writes[n]) for n in which.tolist()}
            raised = frozenset(p for n, p in zip(which.tolist(), writes, strict=True) if decision.raised[n])
            side.grants.send(writes, raised, side.endpoints, self.roads.first(span))

    def _look_for(self, sight: LiveSight) -> None:
        """Ask devices for limits that nobody has read for too long, or never."""
        for r, rack in enumerate(self.roster.racks):
            side, span = self.sides[rack.place], self.roster.span(r)
            unknown = np.flatnonzero(~np.isfinite(sight.read[span])) + span.start
            places = [self.roster.places[n] for n in unknown.tolist()]
            side.grants.look([p for p in places if p in side.endpoints], side.endpoints)

    def _grant(self, told: Mapping[Place, float]) -> None:
        for side in self.sides.values():
            mine = {p: told[p] for p in side.places if p in told} if self.covered(side.place) and told else {}
            side.grants.limits.grants = mine

    def ceilings(self) -> Array:
        """Return what persons and interlocks want of each GPU now, (N,) W, NaN nobody."""
        if len(self.sides) < len(self.roster.racks):
            return np.full(len(self.roster.places), np.nan)
        return np.concatenate([self.sides[rack.place].ceilings() for rack in self.roster.racks])


def _terms_of(policy: PowerPolicy, spending: Spending | None) -> bytes:
    """Return what of a policy decides what a rack may use, and of its breakers' heat where that counts."""
    return repr((policy.redundancy, policy.react_s, policy.after_loss, spending)).encode()


async def run_budget(station: BudgetStation | None) -> None:
    """Run it; without one wait for ever."""
    if station is None:
        await asyncio.Event().wait()
    else:
        await station.run()
