"""Ramps while racks run: what each lets its racks be granted now, what its meters showed, what is said of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.design import Array
from rack_controller.decide.budget.layers import Layer, LayersOver
from rack_controller.decide.budget.live import LiveSight, LiveState, design_of, terms_of
from rack_controller.decide.budget.ramp import (
    JobAt,
    RampLook,
    RampSight,
    RampState,
    edge_w,
    look_ramp,
    sight_of,
    steepest,
    unsent_w,
)
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import Row, RowKind, covered_racks
from rack_controller.model.power_hint import JobHint
from rack_controller.model.power_policy import Mode, PowerPolicy, Ramp
from rack_controller.model.power_view import PauseView, RampView

OVER_S, REMEMBERS_S = 5.0, 60.0
MOST_PAUSES = 20


@dataclass(slots=True)
class Ramping:
    """See the module.  A ramp in shadow is worked out and shown; an armed one is a limit like any other, and a job that
    is about to pause has a top for each of its GPUs."""

    roster: Roster
    looks: tuple[RampLook, ...] = ()
    tops: Array | None = None
    _meters: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Return the ramps that a policy has."""
        return [look.ramp.name for look in self.looks]

    def rest(self) -> None:
        """Take that no policy is in force."""
        self.looks, self.tops, self._meters = (), None, {}

    def cycle(
        self,
        policy: PowerPolicy,
        claims: Claims,
        state: LiveState,
        sight: LiveSight,
        hints: Sequence[JobHint],
        unix_ns: int,
    ) -> LiveSight:
        """Return the sight with what armed ramps add to it: limits, and tops of GPUs."""
        if not policy.ramps:
            self.rest()
            return sight
        seen = self._seen(policy, claims, state, sight)
        jobs = [
            JobAt(hint, np.asarray(claims.claim == claims.names.index(hint.job)))
            for hint in hints
            if hint.job in claims.names and hint.until_unix_ns > unix_ns
        ]
        before = {look.ramp.name: look.state for look in self.looks if look.ramp in policy.ramps}
        self.looks = tuple(
            look_ramp(
                before.get(ramp.name, RampState()),
                *(ramp, covered_racks(self.roster.racks, ramp.racks), self.roster, seen, jobs),
                sight.now,
                unix_ns,
            )
            for ramp in policy.ramps
        )
        self._meter(sight)
        armed = [look for look in self.looks if look.ramp.mode is Mode.ARMED]
        tops = [look.tops for look in armed if np.isfinite(look.tops).any()]
        self.tops = np.minimum.reduce(tops) if tops else None
        return replace(sight, rows=(*sight.rows, *(self._row(policy, look) for look in armed)), top=self.tops)

    def over(self, layers: LayersOver) -> LayersOver:
        """Return layers with what pauses leave to GPUs as one more."""
        until = "the end of the pause, after which it may draw more with its ramp; or power job hint --clear"
        armed = [look for look in self.looks if look.ramp.mode is Mode.ARMED and np.isfinite(look.tops).any()]
        caps = [Layer(None, f"ramp {look.ramp.name}: its job pauses", look.tops, until) for look in armed]
        return replace(layers, caps=(*layers.caps, *caps))

    def views(self, rack: int) -> list[RampView]:
        """Return the ramps that a rack is under."""
        return [self._view(look) for look in self.looks if look.share[rack] > 0.0]

    def _seen(self, policy: PowerPolicy, claims: Claims, state: LiveState, sight: LiveSight) -> RampSight:
        design = design_of(self.roster, claims, state.most, sight.rows)
        lost = ~sight.able | ~sight.seen | ~np.isfinite(sight.read) | sight.began
        power = sight.power
        if sight.off is not None:
            lost, power = lost & ~sight.off, np.where(sight.off, 0.0, power)
        if policy.mode is Mode.SHADOW:  # nothing is told anybody, so nobody has to follow
            lost = np.zeros_like(lost)
        return sight_of(state.budget, design, terms_of(policy, raises=True, trades=True), power, lost, sight.now)

    def _row(self, policy: PowerPolicy, look: RampLook) -> Row:
        """Return the limit, with what a budget keeps back of every limit on top: that is no part of a ramp."""
        watts = look.ceiling_w / (1.0 - policy.reserve) + unsent_w(self.roster, look.share, policy.step_w)
        by = f"rises by {look.ramp.up_kw_s:g} kW/s"
        return Row(f"ramp {look.ramp.name}", RowKind.RAMP, watts, look.share, by)

    def _meter(self, sight: LiveSight) -> None:
        found = {}
        for look in self.looks:
            drawn = float(np.where(look.share > 0.0, sight.meters, 0.0) @ look.share)
            past = [each for each in self._meters.get(look.ramp.name, []) if sight.now - each[0] <= REMEMBERS_S]
            found[look.ramp.name] = past if np.isnan(drawn) else [*past, (sight.now, drawn)]
        self._meters = found

    def _view(self, look: RampLook) -> RampView:
        ramp: Ramp = look.ramp
        rose, fell = steepest(self._meters.get(ramp.name, []), OVER_S)
        return RampView(
            name=ramp.name,
            mode=ramp.mode,
            up_w_s=ramp.up_kw_s * 1e3,
            down_w_s=ramp.down_kw_s * 1e3,
            load_w=look.load_w,
            may_w=look.ceiling_w,
            held_w=max(look.load_w - look.ceiling_w, 0.0),
            rose_w_s=rose,
            fell_w_s=fell,
            edge_w=edge_w(ramp, ramp.up_kw_s),
            storage_kj=ramp.storage_kj,
            storage_from=ramp.storage_from,
            blind_w=look.blind_w,
            rest_w=look.rest_w,
            pauses=[PauseView(f.job, round(f.in_s, 1), 0.0 if f.stop else f.for_s) for f in look.falls[:MOST_PAUSES]],
        )
