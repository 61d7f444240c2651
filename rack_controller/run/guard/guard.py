"""Watches one rack with every word that is heard, and carries out what the interlocks order.

A leak is judged the moment its reading arrives, on the picture of the last tick with the detectors as they are now;
everything else is judged once a tick.  Nothing here waits: an order is handed on and its end is told when it comes.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.quantities import Quantity, code_of
from firmware_bridge.vocabulary.reading import Quality, Reading
from rack_controller.decide.bypass import left_out
from rack_controller.decide.detectors import hear
from rack_controller.decide.heard import Heard
from rack_controller.decide.interlock import Decision, Key, Order, Standing, advance, leaked, press, recall
from rack_controller.decide.loop import LoopMemory, settle
from rack_controller.decide.notice import Finding
from rack_controller.decide.picture import WATCHED, BuildingSight, Picture, see
from rack_controller.decide.still import still_seen, what_ends_by_itself
from rack_controller.model.bypass import Bypass
from rack_controller.model.event import Severity
from rack_controller.model.interlock import SWITCHES_OFF, Act, Condition, InterlockPolicy, Row
from rack_controller.model.latch import Inspection, Latch
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.guard.carrying import Came, Carry, Carrying
from rack_controller.run.guard.gate import Gate, Judged
from rack_controller.run.guard.hearing import Hearing
from rack_controller.run.guard.jobs import JobTeller
from rack_controller.run.guard.latches import Latches
from rack_controller.run.guard.sound import Soundness
from rack_controller.run.guard.trail import Trail
from rack_controller.run.guard.unended import UnendedRows
from rack_controller.run.view import RackView


class Guard:
    """One rack's interlocks at work.  `carriers`: who carries out which act; an alarm says what has none.
    `watched_by` sees each tick's picture once it is judged; `starting`: trays that were asked to go on lately.
    `gate` says what must not be energised for it."""

    def __init__(
        self,
        view: RackView,
        policy: InterlockPolicy,
        latches: Latches,
        clock: Clock,
        say: Callable[[Finding], object],
        carriers: Mapping[Act, Carry],
        watched_by: Callable[[Picture], object] = lambda _picture: None,
        starting: Callable[[], Collection[Place]] = tuple,
        bypasses: Callable[[], Sequence[Bypass]] = tuple,
        jobs: JobTeller | None = None,
    ) -> None:
        self._view, self._policy, self._latches, self._clock = view, policy, latches, clock
        self._say, self._watched_by = say, watched_by
        self._starting, self._bypasses = starting, bypasses
        self._rows: dict[str, Row] = {row.cause: row for row in policy.rows}
        self._hearing = Hearing(Place(view.layout.rack), policy.detectors)
        self._loop = LoopMemory()
        self._carrying = Carrying(self._rows, carriers, clock, say, lambda: self.armed, latches.sheet.then, jobs)
        self.building = BuildingSight()
        self.strikes: Callable[[], object] = lambda: None  # hears that something is really switched off now
        self._was_armed = self.armed
        # A tray that nobody switches off is no tray that is on behind a latch.
        rows = [row for row in policy.rows if row.when is not Condition.TRAY_ON_WHILE_LATCHED]
        self._shadow = msgspec.structs.replace(policy, rows=rows)
        self._sound = Soundness(Place(view.layout.rack), say)
        if self.armed:
            latches.drop_shadows()  # of a rack that was armed while its controller was down
        self._unkept: dict[str, Place] = {}  # latches of which it was told that the journal refused them
        self._remembered: set[Place] = set()  # trays whose leak is known by its latch only: their detectors are new
        self._unended = UnendedRows(latches.sheet, policy)
        self._judged = Judged({**self._unended.recalled(clock.now()), **self._recalled()})
        self.gate = Gate(self._judged, policy, latches, bypasses, self._sound, lambda: self.armed)

    @property
    def standings(self) -> Mapping[Key, Standing]:
        """Return every row that holds or stands, by cause and place."""
        return self._judged.standings

    def judged(self) -> Collection[Standing] | None:
        """Return what holds or stands, None before the rack was judged."""
        return None if self._judged.began is None else self._judged.standings.values()

    @property
    def picture(self) -> Picture | None:
        """Return the rack as it was judged last, None before it was."""
        return self._judged.picture

    @property
    def flow_needed(self) -> float | None:
        """Return the flow that all that is drawn needs, in L/min; None before the rack was seen, or without coolant."""
        picture = self._judged.picture
        return picture.loop.need_soon if picture is not None and picture.loop.units else None

    @property
    def armed(self) -> bool:
        """Return whether orders are carried out; otherwise they are only told."""
        return self._view.layout.armed

    @property
    def trail(self) -> Trail:
        """Return what each tripped row ordered, and what came of it."""
        return self._carrying.trail

    def detectors(self) -> Collection[Place]:
        """Return the leak detectors that were heard."""
        return self._hearing.places

    def trays(self) -> list[Place]:
        """Return the trays that an interlock may switch off."""
        return [Place(t.place) for t in self._view.layout.trays if t.kind in WATCHED]

    def look(self, snapshot: Snapshot) -> None:
        """Judge a tick.  A bug of ours is told and keeps everything off; it costs the rack's readings nothing."""
        try:
            self._look(snapshot)
        except Exception as err:  # noqa: BLE001 - told, logged whole, and nothing is switched on meanwhile
            self._sound.failed("the rack", err)
        else:
            self._sound.works("the rack")

    def hear(self, readings: Iterable[Reading]) -> None:
        """Judge leaks as they are heard, before the next tick.  Words that change no verdict cost nothing more.

        A bug of ours must not reach whoever reads the detectors.
        """
        try:
            self._hear(readings)
        except Exception as err:  # noqa: BLE001 - told; the next tick judges the same words again
            self._sound.failed("what is heard", err)
        else:
            self._sound.works("what is heard")

    def _look(self, snapshot: Snapshot) -> None:
        layout = self._view.layout
        self._hearing.look(snapshot)
        self._loop = settle(self._loop, snapshot, layout, self._policy.loop)
        self._judged.picture = self._acted_on(snapshot)
        self._judge(self._judged.picture)
        self._watched_by(self._judged.picture)
        with self._latches.sheet.together():
            self._latches.keep_again()
        self._unended.keep(self._judged.standings)
        self._tell_kept()

    def _hear(self, readings: Iterable[Reading]) -> None:
        if self._hearing.hear(readings, self._clock.now()):
            self._look_again()

    def emergency_off(self, place: Place, words: str) -> tuple[Latch, set[asyncio.Future[Came]]]:
        """Force off the tray `place`, or every one of the rack, now; return its latch and the strikes under way.

        Before the first tick nothing is known of any tray: then the strike goes out with that tick.
        Raises PreconditionFailed on a rack that is only observed.
        """
        self._view.check_armed()
        row = next(row for row in self._policy.rows if row.when is Condition.EMERGENCY_STOP)
        anew = (row.cause, place) not in self._judged.standings
        self._judged.standings = press(self._judged.standings, row.cause, place, words, self._clock.now())
        before = self._carrying.under_way
        with self._latches.sheet.together():
            tripped = self._tripped(self._judged.standings[row.cause, place]) if anew else None
            try:
                self._look_again()
            except Exception as err:  # noqa: BLE001 - told; whoever pressed must not wait for a repair
                self._sound.failed("the rack", err)
                self._strike_unseen(row, place, words)
        self._tell_unkept([tripped])
        latch = next(n for n in self._latches.open() if (n.cause, n.place) == (row.cause, place))
        return latch, self._carrying.under_way - before

    def _strike_unseen(self, row: Row, place: Place, words: str) -> None:
        """Carry out what a row switches off at once, without a picture of the rack."""
        trays = tuple(self.trays()) if place == self._view.layout.rack else (place,)
        reason = f"{row.title} at {leaf_of(place)}: {words}"
        for rung in row.ladder:
            if rung.do in (Act.FORCE_OFF, Act.GRACEFUL_OFF) and not rung.after_s:
                self._carrying.take(Order(rung.do, row.cause, place, trays, reason))

    def rehearse(self, detector: Place, played: Sequence[Reading] = ()) -> tuple[Decision, Decision]:
        """Return what is decided now, and what if `detector` said Critical: both from nothing, none is acted on.
        `played`: what its driver would have read then; it goes through a copy of the detectors' memory.

        Raises TargetUnknown for what is no detector, PreconditionFailed before the first tick.
        """
        known, snapshot = self._hearing.heard.detectors.get(detector), self._view.snapshot
        if snapshot is None or self._judged.picture is None:
            raise PreconditionFailed("nothing is known of this rack yet", advice="wait for its first second")
        if known is None:
            raise TargetUnknown(f"{detector} is no leak detector that is read", advice="name one, such as u31/leak1")
        now = self._clock.now()
        wet = hear(known, float(code_of(Quantity.LEAK, "critical")), Quality.GOOD, now, self._policy.detectors)
        copy = Hearing(self._hearing.rack, self._policy.detectors, self._hearing.heard)
        copy.hear(played, now)
        decided = []
        for heard in (self._hearing.heard, copy.heard if played else self._hearing.heard.told({detector: wet})):
            seen = left_out(self._seen(replace(snapshot, now=now), heard), self._bypasses())
            decided.append(advance({}, seen, self._policy))
        return decided[0], decided[1]

    def came_of(self, latch: Latch, act: Act) -> str:
        """Return what was said last of an act that a latch's cause ordered, empty before anything was."""
        return self._carrying.came_of((latch.cause, latch.place), act)

    def clear(self, name: str, inspection: Inspection, actor: str) -> Latch:
        """Sign for a latch; when it is cleared, its detectors are judged anew by what they say from now on.

        Raises what `Latches.clear` raises.
        """
        found = self._latches.find(name)
        row = self._rows.get(found.cause)
        said = row is not None and row.when is Condition.EMERGENCY_STOP  # by a person: no detector was looked at
        now = self._clock.now()
        gone = [] if said else self._hearing.gone_with(found.place, now, self._clock.unix_ns())
        latch = self._latches.clear(name, inspection, actor, self.still(), gone)
        if latch.open:
            text = f"{actor} signed for latch {latch.id} ({latch.title} at {leaf_of(latch.place)}); one more must"
            self._say(Finding(latch.place, "latch.signed", Severity.WARNING, text))
            return latch
        self._judged.standings.pop((latch.cause, latch.place), None)
        if latch.place == self._view.layout.rack:
            self._remembered.clear()
        self._remembered.discard(latch.place)
        self._carrying.forget((latch.cause, latch.place))
        if not said:
            self._hearing.cleared(latch.place, gone)
        text = f"latch {latch.id} cleared by {', '.join(latch.signed)}: {latch.title} at {leaf_of(latch.place)}"
        text += "".join(f"; {evidence.text}" for evidence in gone)
        self._say(Finding(latch.place, "latch.cleared", Severity.OK, text))
        return latch

    async def close(self) -> None:
        """End what is under way.  Called when the controller ends: devices keep what they were told."""
        await self._carrying.close()

    def still(self) -> Callable[[Key], str]:
        """Return what tells of a row at a place what is still seen of it, old critical words left aside."""
        snapshot = self._view.snapshot
        if snapshot is None or self._judged.picture is None:
            return lambda _key: "nothing is known yet"  # that is no reason to believe
        now, rules = self._clock.now(), self._policy.detectors
        heard = self._hearing.fresh(now)
        fresh = advance({}, self._seen(replace(snapshot, now=now), heard), self._policy).standings
        attentions = {place: state.attention for place, state in snapshot.endpoints.items()}
        waits = what_ends_by_itself(heard, attentions, now, rules)
        return lambda key: still_seen(key, self._rows.get(key[0]), fresh, waits)

    def _seen(self, snapshot: Snapshot, heard: Heard, remembered: Collection[Place] = ()) -> Picture:
        """Return the rack as it is seen; a tray that was asked to go on is not off, whatever it still says."""
        latched = leaked(self._judged.standings.values(), self._policy)
        seen = see(*(self._view.layout, snapshot, heard, self._loop, self._policy, self.building, latched, remembered))
        starting = self._starting()
        trays = tuple(replace(t, off=None) if t.off and t.place in starting else t for t in seen.trays)
        return replace(seen, trays=trays) if starting else seen

    def _acted_on(self, snapshot: Snapshot) -> Picture:
        """Return what is acted on: as it is seen, without what is bypassed.  A latch is cleared by what is seen."""
        seen = self._seen(snapshot, self._hearing.heard, self._remembered)
        return left_out(seen, self._bypasses(), leaked(self._judged.standings.values(), self._policy))

    def _look_again(self) -> None:
        """Judge the last tick's picture with the detectors and standings as they are now."""
        if self._judged.picture is None or self._view.snapshot is None:
            return
        self._judged.picture = self._acted_on(replace(self._view.snapshot, now=self._clock.now()))
        self._judge(self._judged.picture)

    def _judge(self, picture: Picture) -> None:
        if self.armed is not self._was_armed:
            self._begin_anew()
        if self._judged.began is None:
            self._judged.began = picture.now
        decision = self._sound.decide(self._judged.standings, picture, self._policy if self.armed else self._shadow)
        before, self._judged.standings = self._judged.standings, dict(decision.standings)
        with self._latches.sheet.together():  # one sync for the latches and for all that is struck
            latches = [self._tripped(standing) for standing in decision.tripped]
            for key, standing in self._judged.standings.items():
                if key in before and standing.wet != before[key].wet:
                    self._latches.spread(standing)
                if key in before and standing.holds and not before[key].holds:
                    self._tell_voided(key, standing)
            if any(order.act in SWITCHES_OFF for order in decision.orders):
                self.strikes()
            for order in decision.orders:
                self._carrying.take(order)
        self._tell_unkept(latches)
        self._tell_ended(decision)

    def _begin_anew(self) -> None:
        """Judge everything anew when the rack was armed or disarmed: what would have been done was not done."""
        self._was_armed = self.armed
        self._latches.drop_shadows()
        unsaid = {k: replace(s, done={}) for k, s in self.standings.items() if s.cause in self._unended.causes}
        self._judged.standings = {**unsaid, **self._recalled()}
        self._carrying.clear()

    def _recalled(self) -> dict[Key, Standing]:
        left = self._latches.open()
        stands = recall([(n.cause, n.place, n.evidence[0].text) for n in left], self._clock.now())
        self._remembered = set(leaked(stands.values(), self._policy))
        wet = {(n.cause, n.place): frozenset(n.wet) for n in left}
        return {key: replace(standing, wet=wet[key]) for key, standing in stands.items()}

    def _tripped(self, standing: Standing) -> Latch | None:
        row = self._rows[standing.cause]
        self.trail.begin(standing.key, self._clock.unix_ns())
        return self._latches.trip(row, standing, shadow=not self.armed) if row.latch else None

    def _tell_unkept(self, latches: Iterable[Latch | None]) -> None:
        for latch in latches:
            if latch is not None and latch.id in self._latches.unkept:
                text = f"latch {latch.id} stands, but the journal refuses to keep it: a restart now would forget it"
                self._say(Finding(latch.place, "latch.unkept", Severity.CRITICAL, text))
                self._unkept[latch.id] = latch.place

    def _tell_kept(self) -> None:
        for name in self._unkept.keys() - self._latches.unkept:
            text = f"latch {name} is written down now"
            self._say(Finding(self._unkept.pop(name), "latch.kept", Severity.OK, text))

    def _tell_voided(self, key: Key, standing: Standing) -> None:
        """What was signed while it was dry is worth nothing once it is wet again."""
        if voided := self._latches.void(key):
            text = f"{standing.evidence} again: what {', '.join(voided)} signed counts no more"
            self._say(Finding(standing.place, "latch.voided", Severity.WARNING, text))

    def _tell_ended(self, decision: Decision) -> None:
        for standing in decision.ended:
            row = self._rows.get(standing.cause)
            self._carrying.forget(standing.key)
            if row is not None:
                text = f"{row.title} at {leaf_of(standing.place)} is over"
                self._say(Finding(standing.place, f"interlock.{row.cause}", Severity.OK, text))
