"""The site's power budget in band: what was decided, granted to agents too, and what can be in force by both roads.

A decrease goes in band first: 72 requests over TLS at the same moment would keep agents' few bytes waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.budget.claims import Claims
from rack_controller.decide.budget.design import Array, Mask
from rack_controller.decide.budget.in_band import Granted, InBandSight, granted, heard, in_force, to_grant, with_in_band
from rack_controller.decide.budget.live import LiveDecision, LiveState
from rack_controller.decide.budget.roster import Roster
from rack_controller.decide.budget.rows import Row
from rack_controller.decide.budget.standing import standing_limits
from rack_controller.model.power_policy import Mode, PowerPolicy
from rack_controller.run.budget.side import RackSide

LEAST_W = 1.0
HEAD_START_S = 0.2


@dataclass(slots=True)
class TwoRoads:
    """`sides` by rack; `covered(rack)`: whether the policy in force is about it.

    `alone`: what was decided, which holds by Redfish; `standing` (N,) W: what GPUs fall to when a grant is over;
    `live` (N,): who keeps a grant now.
    """

    roster: Roster
    sides: Callable[[], Mapping[Place, RackSide]]
    clock: Clock
    covered: Callable[[Place], bool]
    alone: LiveDecision | None = field(default=None, init=False)
    live: Mask = field(init=False)
    standing: Array = field(init=False)
    _granted: Granted = field(init=False)
    _lowered: Array | None = field(default=None, init=False)  # what agents are to keep, while they do not say so yet
    _kept: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _standing_of: bytes = field(default=b"", init=False)
    _terms: tuple[LiveState, Claims, PowerPolicy] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.live = np.zeros(len(self.roster.places), dtype=np.bool_)
        self.standing = self.roster.most.copy()
        self._granted = Granted.nothing(len(self.roster.places))

    def follow(
        self, state: LiveState, claims: Claims, policy: PowerPolicy, alone: LiveDecision, rows: Sequence[Row]
    ) -> LiveDecision:
        """Grant in band what was decided, and return it with what can be in force by both roads.

        `rows`: what must hold with nobody there.  In shadow, and where the policy wants none, what agents still keep
        is given back.
        """
        self.alone, self._terms = alone, (state, claims, policy)
        self._stand(claims, policy, alone, rows)
        self.hear()
        armed = policy.mode is Mode.ARMED and policy.in_band.use
        lasts, sent = Seconds(policy.in_band.lasts_s), np.full(len(self.roster.places), np.nan)
        numbers, wanted = np.zeros(len(self.roster.places), dtype=np.int64), to_grant(alone, self.roster.floor)
        for r, rack in enumerate(self.roster.racks):
            side, span = self.sides()[rack.place], self.roster.span(r)
            if not side.armed:
                continue
            if armed and self.covered(rack.place):
                sent[span], numbers[span] = side.in_band.grant(wanted[span], self.standing[span], lasts)
            else:
                side.in_band.release(self.roster.most[span], lasts)
        lower = np.isfinite(sent) & (sent < np.minimum(alone.holds, self._granted.holds) - LEAST_W) & self.live
        self._granted = granted(self._granted, sent, numbers)
        self._lowered = np.where(lower, sent, np.inf) if lower.any() else None
        if self._lowered is not None:
            self._kept.clear()
        return self.judged(alone)

    def first(self, span: slice) -> Callable[[], Awaitable[None]] | None:
        """Return what Redfish waits for before it lowers the GPUs of a span of the roster: agents who keep it already,
        `HEAD_START_S` at most; None where they were not told anything lower."""
        if self._lowered is None or not np.isfinite(self._lowered[span]).any():
            return None
        return self._head_start

    async def _head_start(self) -> None:
        sleeping = asyncio.ensure_future(self.clock.sleep_until(Seconds(self.clock.now() + HEAD_START_S)))
        waiting = asyncio.ensure_future(self._kept.wait())
        try:
            await asyncio.wait((sleeping, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waiting.cancel()

    def hear(self) -> bool:
        """Take in what agents say that they keep; return whether that is new."""
        sights = [self.sides()[rack.place].in_band.see() for rack in self.roster.racks]
        sight = InBandSight(
            np.concatenate([s.read for s in sights]),
            np.concatenate([s.number for s in sights]),
            np.concatenate([s.live for s in sights]),
        )
        before = self._granted
        self._granted, self.live = heard(before, sight), sight.live
        if self._lowered is not None and (self._granted.holds <= self._lowered + LEAST_W)[self.live].all():
            self._lowered = None
            self._kept.set()
        return bool((self._granted.holds != before.holds).any())

    def judged(self, alone: LiveDecision) -> LiveDecision:
        """Return a decision that Redfish keeps with what can be in force by both roads."""
        if self._terms is None:
            return alone
        state, claims, policy = self._terms
        holds = in_force(alone.holds, self._granted)
        return with_in_band(state, self.roster, claims, alone, policy.doubt, holds)

    def _stand(self, claims: Claims, policy: PowerPolicy, alone: LiveDecision, rows: Sequence[Row]) -> None:
        """Work out standing limits anew, where anything that they follow from is another."""
        key = (
            alone.most.tobytes()
            + claims.floor.tobytes()
            + claims.least.tobytes()
            + np.array([row.watts for row in rows]).tobytes()
        )
        if key != self._standing_of:
            self._standing_of = key
            reserved = policy.doubt + policy.reserve
            stands = standing_limits(self.roster, claims.least, claims.floor, alone.most, rows, reserved)
            self.standing = np.maximum(stands, self.roster.floor)
