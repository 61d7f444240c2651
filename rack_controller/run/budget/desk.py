"""What people ask of one rack's power budget: how it stands, policies, jobs, caps for a while."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, ConfigurationError, FileInvalid, TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.supply import Redundancy
from firmware_bridge.vocabulary.text import scrub
from rack_controller.decide.budget.live import LiveDecision
from rack_controller.decide.budget.rows import RowKind
from rack_controller.decide.budget.say import say_claims, say_held, say_limits, say_usable, stranded
from rack_controller.decide.supply.usable import Case
from rack_controller.decide.supply.whatif import hall_with, what_if
from rack_controller.decide.usable_now import UsableNow, bound_words
from rack_controller.model.command import Command
from rack_controller.model.power_hint import parse_hint
from rack_controller.model.power_policy import Job, Mode, PowerPolicy, covers, covers_any
from rack_controller.model.power_view import BudgetGlance, JobView, PolicyShown, PowerCap, PowerView, WhatIf
from rack_controller.run.budget.layering import Layering
from rack_controller.run.budget.say_roads import by_state, say_alone, say_roads
from rack_controller.run.budget.side import RackSide
from rack_controller.run.budget.station import BudgetStation
from rack_controller.run.budget.telling import BudgetTelling

Verb = Callable[[Command], Awaitable[dict[str, object]]]
MOST_POLICY = 200_000
CHANGED = 0.01
LONGEST_CAP_S = 7 * 86_400.0
LEAST_CAP_W, MOST_CAP_W = 100.0, 1e9


@dataclass(slots=True)
class PowerBudgetDesk:
    """One rack's."""

    station: BudgetStation
    side: RackSide
    told: BudgetTelling = field(init=False)

    def __post_init__(self) -> None:
        self.told = BudgetTelling(self.station, self.side)

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        layer = Layering(self.station, self.told).layer
        return {"power_policy": self.policy, "power_job": self.job, "power_cap": self.cap, "power_layer": layer}

    def view(self) -> PowerView:
        """Return how the budget stands at this rack."""
        station, place = self.station, self.side.place
        active, last = station.book.active, station.last
        if active is None or not station.covered(place) or last is None:
            why = "" if active is None else "the policy in force does not cover this rack"
            return PowerView(place, "", why=why, jobs=self._jobs(), caps=list(station.book.caps.values()))
        rack = station.index_of(place)
        decision, claims = last.decision, last.claims
        limits = say_limits(station.roster, claims, decision, last.sight.meters, rack)
        asking = say_claims(station.roster, claims, decision, last.sight.power, rack)
        kept, by = stranded(limits, asking)
        roads, hosts = station.roads, self.side.in_band.views()
        held = self.told.held(last)
        return PowerView(
            rack=place,
            mode=active.spec.mode,
            policy=active.origin,
            by=active.by,
            why=self._keeps_from_writing(active.spec.mode),
            period_s=active.spec.period_ms / 1e3,
            step_ms=last.took_s * 1e3,
            usable=say_usable(last.usable[rack]),
            limits=say_alone(limits, roads),
            claims=asking,
            held=say_roads(say_held(station.roster, decision, last.sight, held, self.told.since), roads, hosts),
            stranded_w=kept,
            stranded_by=by,
            writes=self.side.grants.sent,
            age_s=round(station.clock.now() - last.at, 3),
            in_band=hosts,
            cooling=station.cooling.view(place),
            jobs=self._jobs(),
            caps=list(station.book.caps.values()),
            batteries_w=0.0 if last.sight.extra is None else float(last.sight.extra[rack]),
            shed=station.shedding.views(place),
            breakers=station.breakers.views(place),
            layers=[wish for wish in station.book.layers.values() if wish.target.startswith(place)],
            ramps=station.ramps.views(rack),
            hints=list(station.book.hints.values()),
        )

    def usable(self) -> UsableNow | None:
        """Return what the rack may use now, None where no policy covers it or nothing is decided yet."""
        last, place = self.station.last, self.side.place
        if last is None or not self.station.covered(place):
            return None
        return self._said(last.usable[self.station.index_of(place)].binding)

    def without(self, part: Place) -> UsableNow | None:
        """Return the same once a shelf or a supply of it is off, so that one more may be lost where the policy wants
        that; nobody who mends one need live through the loss of a feed."""
        if self.usable() is None:
            return None
        name = part.removeprefix(f"{self.side.place}/")
        names = self.side.wiring.names
        gone = np.array([each == name or each.startswith(f"{name}/") for each in names], dtype=np.bool_)
        may = self.station.usable_without(self.side.place, gone)
        return self._said(may.under(Redundancy.N if may.wanted is Redundancy.N else Redundancy.N_PLUS_1))

    def _said(self, case: Case) -> UsableNow:
        station, active, last = self.station, self.station.book.active, self.station.last
        assert active is not None
        assert last is not None
        rack = station.index_of(self.side.place)
        kept = active.spec.mode is Mode.ARMED and self.side.armed
        efficiency, row = float(station.roster.law.efficiency[rack]), self._own_row(last.decision, rack)
        granted = 0.0 if row is None else float(last.decision.step.charged[row]) * efficiency
        by = bound_words(case.binding.name, case.lost)
        return UsableNow(case.standing, by, kept=kept and row is not None, granted=granted)

    def _own_row(self, decision: LiveDecision, rack: int) -> int | None:
        own = (c for c, row in enumerate(decision.rows) if row.kind is RowKind.RACK and row.share[rack] > 0.0)
        return next(own, None)

    def glance(self) -> BudgetGlance | None:
        """Return the budget in short, None where no policy covers the rack."""
        view = self.view()
        if not view.mode or view.usable is None:
            return None
        return BudgetGlance(
            armed=view.mode == Mode.ARMED and self.side.armed,
            usable_w=view.usable.watts,
            usable_now_w=view.usable.now_w,
            stranded_w=view.stranded_w,
            shortfall_w=max((limit.shortfall_w for limit in view.limits), default=0.0),
            held=len(view.held),
            writes=view.writes,
            step_s=view.step_ms / 1e3,
            limits=[(limit.name, limit.kind, limit.limit_w, limit.charged_w) for limit in view.limits],
            in_band=by_state(view.in_band),
            shed=len(view.shed),
            breakers=[(breaker.name, breaker.heat, breaker.reserve) for breaker in view.breakers],
            ramps=[(ramp.name, ramp.may_w, ramp.rose_w_s, ramp.fell_w_s) for ramp in view.ramps],
            jobs=[(j.name, j.energy_j, j.doubt_j) for j in view.jobs] if self._speaks_for_all() else [],
        )

    def _speaks_for_all(self) -> bool:
        """Return whether what is one thing for the whole site is said here."""
        return self.station.roster.racks[0].place == self.side.place

    def in_force(self) -> PolicyShown:
        """Return the policy in force.  Raises TargetUnknown where there is none."""
        active = self.station.book.active
        if active is None:
            raise TargetUnknown("no power policy is in force", advice="rackwright power policy apply FILE")
        return PolicyShown(active.text, active.origin, active.spec.mode, active.by, active.since_unix_ns)

    async def more_racks(self, count: str, load: str = "") -> WhatIf:
        """Return whether so many more racks like this one fit; with a `load` the plant is asked too.

        Raises ArgumentsInvalid.
        """
        active, station = self.station.book.active, self.station
        policy = PowerPolicy() if active is None else active.spec
        try:
            hall = hall_with(station.roster, station.upstream, policy, self.side.place, int(count or "1"))
        except ValueError as err:
            raise ArgumentsInvalid(str(err), advice="for example 2") from err
        by_ratings = what_if(hall)
        if not load:
            return by_ratings
        played = await station.played.play(hall, load)
        return msgspec.structs.replace(by_ratings, played=played)

    async def policy(self, command: Command) -> dict[str, object]:
        """Put a policy into force, take it back, or check one.  Raises ArgumentsInvalid with file, line and reason."""
        do, text = str(command.arguments.get("do", "")), str(command.arguments.get("document", ""))
        book = self.station.book
        if do == "clear":
            book.retire(self.station.filed)
            self.told.everywhere(f"the applied power policy was taken back by {command.actor}")
            return {"origin": "" if book.active is None else book.active.origin}
        if do != "apply":
            raise ArgumentsInvalid(f"no policy verb {do!r}", advice="apply or clear")
        if len(text) > MOST_POLICY:
            raise ArgumentsInvalid(f"a policy of {len(text)} characters", advice=f"at most {MOST_POLICY}")
        try:
            active = book.apply(text, command.actor)
        except FileInvalid as err:
            raise ArgumentsInvalid(str(err), advice="mend that line; what was in force is in force still") from err
        except ConfigurationError as err:
            raise ArgumentsInvalid(str(err)) from err
        words = "armed: limits are written" if active.spec.mode is Mode.ARMED else "in shadow: nothing is written"
        self.told.everywhere(f"power policy by {command.actor}, {words}")
        return {"mode": str(active.spec.mode)}

    async def job(self, command: Command) -> dict[str, object]:
        """Begin a job, change one, say what it will do, or end it.  Raises ArgumentsInvalid, TargetUnknown."""
        said = command.arguments
        do, name = str(said.get("do", "")), str(said.get("job", ""))
        if do in ("hint", "unhint"):
            return self._hint(name, command, forget=do == "unhint")
        if do == "end":
            energy = self.station.meter.of(name)
            ended = self.station.book.end(name)
            return {"job": ended.job.name, "energy_j": round(energy.joules), "doubt_j": round(energy.doubt)}
        if do != "start":
            raise ArgumentsInvalid(f"no job verb {do!r}", advice="start, hint, unhint or end")
        before = self.station.book.jobs.get(name)
        members = [m.strip() for m in str(said.get("members", "")).split(",") if m.strip()]
        wanted = {
            "name": name,
            "members": members or ([] if before is None else before.job.members),
            "priority": said.get("priority", 10 if before is None else before.job.priority),
            "synchronous": said.get("synchronous", True if before is None else before.job.synchronous),
        }
        try:
            job = msgspec.convert(wanted, Job)
        except msgspec.ValidationError as err:
            raise ArgumentsInvalid(f"job: {err}", advice="a short name, and members such as k01/u1*") from err
        self.station.book.start(job, command.actor)
        return {"job": job.name, "members": job.members}

    def _hint(self, name: str, command: Command, *, forget: bool) -> dict[str, object]:
        book = self.station.book
        if forget:
            return {"job": book.unhint(name).job}
        hint = parse_hint(name, command.arguments, self.station.clock.unix_ns(), command.actor)
        book.hint(hint)
        return {"job": name, "hint": msgspec.to_builtins(hint), "ramps": self.station.ramps.names}

    async def cap(self, command: Command) -> dict[str, object]:
        """Cap the target (this rack, or a glob over racks) for a while, or end a cap."""
        said, station = command.arguments, self.station
        if said.get("do") == "clear":
            gone = station.book.uncap(str(said.get("cap", "")))
            self.told.everywhere(f"the cap of {power_text(gone.watts)} on {gone.target} was ended by {command.actor}")
            return {"cap": gone.id}
        watts, within, last = (float(said.get(k, d)) for k, d in (("kw", 0.0), ("within_s", 0.0), ("for_s", 0.0)))
        watts *= 1e3
        if not LEAST_CAP_W <= watts <= MOST_CAP_W or not 0 <= within <= LONGEST_CAP_S or not 0 < last <= LONGEST_CAP_S:
            raise ArgumentsInvalid(
                f"a cap of {power_text(watts)} within {within:g} s for {last:g} s",
                advice="kw from 0.1 to 1e6, within_s from 0 on, for_s up to a week",
            )
        target = str(said.get("racks") or leaf_of(self.side.place))
        if not covers_any([target], (rack.place for rack in station.roster.racks)):
            raise ArgumentsInvalid(f"{target} is no rack here", advice="a rack, or a glob over racks")
        now = station.clock.unix_ns()
        cap = PowerCap(
            id=f"cap-{secrets.token_hex(3)}",
            target=target,
            watts=watts,
            begins_unix_ns=now,
            until_unix_ns=now + int(last * 1e9),
            within_s=within,
            by=command.actor,
            reason=scrub(str(said.get("reason", "")), 120),
            from_w=self._charged(target),
        )
        station.book.cap(cap)
        self.told.everywhere(
            f"at most {power_text(watts)} on {target} within {within:g} s for {last:g} s, asked for by {command.actor}"
        )
        return {"cap": msgspec.to_builtins(cap)}

    def _charged(self, target: str) -> float:
        """Return what the racks of a target can be asked for at most now, W; 0: nobody knows."""
        last = self.station.last
        if last is None:
            return 0.0
        rows = [(n, row) for n, row in enumerate(last.decision.rows) if row.kind is RowKind.RACK]
        racks = [r for r, rack in enumerate(self.station.roster.racks) if covers([target], rack.place)]
        return sum(float(last.decision.step.charged[n]) for n, row in rows if any(row.share[r] for r in racks))

    def _jobs(self) -> list[JobView]:
        found = []
        for running in self.station.book.jobs.values():
            job, used = running.job, self.station.meter.of(running.job.name)
            said = (job.name, list(job.members), job.priority, job.synchronous, running.begun_unix_ns, running.by)
            found.append(JobView(*said, used.joules, used.doubt, used.unseen))
        return found

    def _keeps_from_writing(self, mode: Mode) -> str:
        if mode is Mode.SHADOW:
            return "shadow: nothing is written until the policy says armed"
        if not self.side.armed:
            return "the rack is only observed: `armed: true` in the site file lets it be written to"
        failed = self.side.grants.failed
        return f"{len(failed)} endpoints take no limit, {next(iter(failed.values()))}" if failed else ""
