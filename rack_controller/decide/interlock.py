"""From what is seen to what must stop: rows, their timing and what is due now.  Pure; `run/guard` carries it out.

A row trips where its condition held for `for_s`.  From then on the rungs of its ladder fall due one after the other,
each once, or again and again until its targets are observed off.  A row with `latch` stays tripped when its condition
ends; every other ends with it, one with `outlasts_silence` only once it is known that it ended.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of, rack_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.conditions import holding
from rack_controller.decide.left import words_of
from rack_controller.decide.picture import Picture
from rack_controller.decide.unjudged import lacking
from rack_controller.model.interlock import SWITCHES_OFF, Act, Condition, Follows, InterlockPolicy, Row, Rung, Target

_DRY: frozenset[Place] = frozenset()
FIRST = SWITCHES_OFF | {Act.STOP_JOB}
"""Acts that go out before all others, in their rows' order: a job is told to end before its switch tray goes."""
Key = tuple[str, Place]
"""Cause and place: what one latch is for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One row at one place.  `held_since`: since when its condition holds; `tripped_at`: when it tripped, None while it
    must still be confirmed; `holds`: whether the condition holds now; `done`: when each rung was last ordered; `wet`:
    the trays that its water may have reached, which stay off with it: they become more, never fewer."""

    cause: str
    place: Place
    held_since: Seconds
    evidence: str
    tripped_at: Seconds | None = None
    holds: bool = True
    done: Mapping[int, Seconds] = field(default_factory=dict)
    wet: frozenset[Place] = frozenset()

    @property
    def key(self) -> Key:
        """Return cause and place."""
        return self.cause, self.place


@dataclass(frozen=True, slots=True)
class Order:
    """One act that is due now.  `targets` are trays, shelves, or the rack; `share` belongs to a cap or a raised flow,
    `by_k` (K) to a raised supply; `deadline` is monotonic: by when a drain or a graceful off must have ended.
    `follows`: the cap goes up and down with what is seen, which `why` says, and is given back when its row is over.
    `job_first`: targets that wait `job_first_s` at most until the job on them is told to end."""

    act: Act
    cause: str
    place: Place
    targets: tuple[Place, ...]
    reason: str
    share: float | None = None
    deadline: Seconds | None = None
    by_k: float | None = None
    follows: bool = False
    why: str = ""
    job_first: frozenset[Place] = frozenset()
    job_first_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What one evaluation came to.  `tripped` and `ended` are the changes; `orders` go off first, in this order."""

    standings: Mapping[Key, Standing]
    orders: tuple[Order, ...] = ()
    tripped: tuple[Standing, ...] = ()
    ended: tuple[Standing, ...] = ()


def advance(standings: Mapping[Key, Standing], picture: Picture, policy: InterlockPolicy) -> Decision:
    """Return what stands after this picture, and what is due.

    Rows are looked at in the policy's order; one that watches for trays that are on behind a latch comes last, so that
    it sees the latches of this very evaluation.
    """
    after: dict[Key, Standing] = {}
    tripped, ended, orders = [], [], []
    rows = sorted(policy.rows, key=lambda row: row.when is Condition.TRAY_ON_WHILE_LATCHED)
    for row in rows:
        behind = (
            blocked(after.values(), policy, picture) if row.when is Condition.TRAY_ON_WHILE_LATCHED else frozenset()
        )
        held = holding(picture, row, behind)
        unsaid = lacking(picture, row) if row.outlasts_silence else {}
        if picture.left_out:
            held = {place: text for place, text in held.items() if (row.cause, place) not in picture.left_out}
            unsaid = {place: why for place, why in unsaid.items() if (row.cause, place) not in picture.left_out}
        for place in {**held, **{p: "" for c, p in standings if c == row.cause}}:
            before = standings.get((row.cause, place))
            now = _stand(row, place, before, held.get(place), unsaid.get(place, ""), picture.now)
            if now is None:
                if before is not None and before.tripped_at is not None:
                    ended.append(replace(before, holds=False))
                continue
            anew = now.tripped_at is not None and (before is None or before.tripped_at is None)
            due = _due(row, now, picture, policy.drip.job_first_s)
            orders += [order for _, order in due if order is not None]
            done = {**now.done, **{n: picture.now for n, _ in due}}
            after[now.key] = replace(now, done=done, wet=now.wet | _wet(row, now, picture))
            tripped += [after[now.key]] if anew else []
    orders.sort(key=lambda order: order.act not in FIRST)
    return Decision(after, tuple(orders), tuple(tripped), tuple(ended))


def press(standings: Mapping[Key, Standing], cause: str, place: Place, words: str, now: Seconds) -> dict[Key, Standing]:
    """Return the standings after an emergency off was asked for at `place`; asked again, its ladder begins anew."""
    before = standings.get((cause, place))
    pressed = Standing(cause, place, now, words, tripped_at=now, holds=False) if before is None else before
    return {**standings, (cause, place): replace(pressed, done={})}


def leaked(standings: Iterable[Standing], policy: InterlockPolicy) -> frozenset[Place]:
    """Return the trays that leaked and whose latch still stands, dry by now or not."""
    causes = {row.cause for row in policy.rows if row.when is Condition.LEAK_CRITICAL}
    return frozenset(s.place for s in standings if s.cause in causes and s.tripped_at is not None)


def blocked(standings: Iterable[Standing], policy: InterlockPolicy, picture: Picture) -> frozenset[Place]:
    """Return the trays that must be off by now: behind a tripped row that blocks, theirs, their rack's, or that of a
    tray whose water fell on them.  Not those that the row still gives time to end by themselves."""
    graceful = {row.cause: row for row in policy.rows if any(rung.do is Act.GRACEFUL_OFF for rung in row.ladder)}
    firm = [s for s in standings if s.cause not in graceful or _is_over(graceful[s.cause], s)]
    return frozenset(t.place for t in picture.trays if refusals(firm, policy, t.place, latched_only=True))


def _is_over(row: Row, standing: Standing) -> bool:
    """Tell whether the time to end by themselves is over: what forces off has been ordered, or the row never does."""
    forces = [n for n, rung in enumerate(row.ladder) if rung.do is Act.FORCE_OFF]
    return not forces or any(n in standing.done for n in forces)


def refusals(
    standings: Iterable[Standing],
    policy: InterlockPolicy,
    tray: Place,
    *,
    latched_only: bool = False,
    unless_seen_since: Seconds | None = None,
) -> list[str]:
    """Return why `tray` must not be switched on, in operator's words; empty when it may.

    `latched_only`: leave out rows that end by themselves: they refuse, but nothing that is on is switched off for them.
    `unless_seen_since`: when the rack was judged for the first time.  What has held ever since then refuses without
    being confirmed: nobody has seen it well.
    """
    rows = {row.cause: row for row in policy.rows}
    found = []
    for standing in standings:
        row = rows.get(standing.cause)
        if row is None or not row.blocks or (latched_only and not row.latch):
            continue
        never_well = unless_seen_since is not None and standing.held_since <= unless_seen_since
        if standing.tripped_at is None and not never_well:
            continue
        if standing.place in (tray, rack_of(tray)) or tray in standing.wet:
            found.append(f"{row.title} at {leaf_of(standing.place)}: {standing.evidence}")
    return found


def recall(tripped: Iterable[tuple[str, Place, str]], now: Seconds) -> dict[Key, Standing]:
    """Return the standings of latches that were open when the controller ended: (cause, place, evidence).

    Their ladders begin anew: what switches off is toward safe, and who is observed off already is left alone.
    """
    return {
        (cause, place): Standing(cause, place, now, evidence, tripped_at=now, holds=False)
        for cause, place, evidence in tripped
    }


def targets(picture: Picture, place: Place, to: Target) -> tuple[Place, ...]:
    """Return whom an act at `place` is for, the highest tray first."""
    match to:
        case Target.TRAY:
            return (place,)
        case Target.HERE if picture.tray(place) is not None:
            return (place,)
        case Target.DRIP:
            tray = picture.tray(place)
            return (place,) if tray is None or tray.drip is None else tray.drip.trays
        case Target.DOMAIN:
            tray = picture.tray(place)
            domain = None if tray is None else tray.domain
            return tuple(t.place for t in picture.trays if t.domain == domain and t.kind is TrayKind.COMPUTE)
        case Target.DRIP_DOMAIN:
            wet = targets(picture, place, Target.DRIP)
            below = {t.domain for t in picture.trays if t.place in wet and t.kind is TrayKind.SWITCH} - {None}
            return tuple(t.place for t in picture.trays if t.domain in below and t.kind is TrayKind.COMPUTE)
        case Target.RACK | Target.HERE:
            return tuple(t.place for t in sorted(picture.trays, key=lambda t: -t.unit))
        case Target.SHELVES:
            return picture.shelves
        case Target.COOLANT:
            return picture.loop.units
        case Target.BUILDING:
            return (picture.rack,)
        case _:
            assert_never(to)


def _stand(
    row: Row, place: Place, before: Standing | None, seen: str | None, unsaid: str, now: Seconds
) -> Standing | None:
    """Return the row at this place after the evaluation, None when nothing stands there (any more).  `unsaid`: why it
    is not known whether its condition ended, of a row that outlasts that."""
    if seen is None:
        if before is None or before.tripped_at is None:
            return None
        if unsaid and before.holds:
            ends = f"stands until that is said, or two persons bypass {row.cause}"
            return replace(before, holds=False, evidence=f"{before.evidence}; now {unsaid}: {ends}")
        return replace(before, holds=False) if row.latch or unsaid else None
    if before is None:
        before = Standing(row.cause, place, now, seen)
    tripped_at = before.tripped_at
    if tripped_at is None and now - before.held_since >= row.for_s:
        tripped_at = now
    evidence = before.evidence if before.tripped_at is not None and row.latch else seen
    return replace(before, tripped_at=tripped_at, holds=True, evidence=evidence)


def _due(row: Row, standing: Standing, picture: Picture, job_first_s: float) -> list[tuple[int, Order | None]]:
    """Return the rungs that are due, each with its order: None when all of its targets are off already."""
    if standing.tripped_at is None:
        return []
    due: list[tuple[int, Order | None]] = []
    for number, rung in enumerate(row.ladder):
        last = standing.done.get(number)
        if last is not None and (rung.every_s is None or picture.now - last < rung.every_s):
            continue
        chosen = targets(picture, standing.place, rung.to)
        if last is None and not _time_has_come(rung, standing.tripped_at, chosen, picture):
            continue
        # What was told On a moment ago still looks off: who presses wants it struck all the same.
        unseen = row.when is Condition.EMERGENCY_STOP and last is None
        if rung.do in SWITCHES_OFF and rung.do is not Act.AUX_OFF and not unseen:
            chosen = tuple(t for t in chosen if t not in picture.seen_off)
        order = _order(row, rung, standing, chosen, picture) if chosen else None
        if order is not None and last is None and job_first_s > 0 and (first := _job_first(row, rung, chosen, picture)):
            order = replace(order, job_first=first, job_first_s=job_first_s)
        due.append((number, order))
    return due


def _job_first(row: Row, rung: Rung, chosen: tuple[Place, ...], picture: Picture) -> frozenset[Place]:
    """Return which of the trays that water falls on the job is told of first: switch trays that do not leak."""
    if rung.do not in SWITCHES_OFF or rung.to is not Target.DRIP or all(r.do is not Act.STOP_JOB for r in row.ladder):
        return _DRY
    return frozenset(t.place for t in picture.trays if t.place in chosen and t.kind is TrayKind.SWITCH and not t.leaks)


def _wet(row: Row, standing: Standing, picture: Picture) -> frozenset[Place]:
    """Return the trays that the row switches off because water falls on them."""
    falls = any(rung.to is Target.DRIP and rung.do in SWITCHES_OFF for rung in row.ladder)
    return (
        frozenset(targets(picture, standing.place, Target.DRIP)) if falls and standing.tripped_at is not None else _DRY
    )


def _time_has_come(rung: Rung, tripped_at: Seconds, chosen: tuple[Place, ...], picture: Picture) -> bool:
    if picture.now - tripped_at >= rung.after_s:
        return True
    if rung.or_margin_k is None:
        return False
    margins = [t.margin_k for t in picture.trays if t.place in chosen and t.margin_k is not None]
    return min(margins, default=float("inf")) <= rung.or_margin_k


def _order(row: Row, rung: Rung, standing: Standing, chosen: tuple[Place, ...], picture: Picture) -> Order:
    reason = f"{row.title} at {leaf_of(standing.place)}"
    if rung.follows is Follows.FLOW:
        return Order(rung.do, row.cause, standing.place, chosen, reason, rung.share, follows=True)
    if rung.follows is not None:
        left = picture.left
        share = None if left is None else left.share(row.margin_k or 0.0)
        follows = (rung.share, "") if left is None or share is None else (share, words_of(left))
        return Order(rung.do, row.cause, standing.place, chosen, reason, follows[0], follows=True, why=follows[1])
    deadline = None if rung.deadline_s is None else Seconds(picture.now + rung.deadline_s)
    reason = f"{reason}: {standing.evidence}"
    return Order(rung.do, row.cause, standing.place, chosen, reason, rung.share, deadline, rung.by_k)
