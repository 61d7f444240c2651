"""What must hold after every event, judged by what the world did and not by what the controller believes.

The oracle knows which detector really said what, who was really asked, and which record a person really gave.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerState
from rack_controller.decide.picture import WATCHED
from rack_controller.model.effect import Effect, EffectState
from rack_controller.model.lease import Facet
from rack_controller.model.operation import Step, Verb
from rack_controller.run.guard.strike import OFF_TAKES, OPERATION
from support.interlocked import RACK
from support.simulation.devices import MOST_W, STARTS, SimTray
from support.simulation.life import Life
from support.simulation.rack import DRY, SimRack

STILLING = (PowerAction.FORCE_OFF, PowerAction.FORCE_RESTART)
FLOWS_S, WARM_MOST = 28.0, 0.9  # caps go back 30 s after their row; coolant 12 K too warm carries less than this
ASKED_NS = 15_000_000_000
STALE_S = 5.0  # a reading of a second is nobody's word any more after three
TOLD_WITHIN_S = 3.0  # ticks are a second apart
LAST_RESORT_S = 5.0  # how long coolant was closed before a shelf is struck
BELOW = 3  # trays that water of a tray falls on
WARNED_LONG_S = 55.0
FLAPS_S = 61.0
ENDS_WITHIN_S = 80.0  # of a strike, with its watch for Off
LEAKS = ("leak.critical", "leak.switch_tray")
WHOLE_RACK = ("leak.two_trays", "leak.rack")


@dataclass
class Wet:
    """A tray of which a living controller was told that it leaks.  `kept`: its latch stood on the disk."""

    kept: bool = False


@dataclass
class Watch:
    """`violations` in words; empty is what a run must end with."""

    rack: SimRack
    clock: Clock
    violations: list[str] = field(default_factory=list)
    wet: dict[Place, Wet] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)  # latches that a disk has: id and cause
    epoch: int = 0
    _evidence: dict[Place, float] = field(default_factory=dict)  # since when a tray may be switched off for water
    _rack_since: float | None = None
    _leaked: set[Place] = field(default_factory=set)
    _two: bool = False
    _counted: set[Place] = field(default_factory=set)  # trays that leaked since the rack was cleared last
    _moist: dict[Place, float] = field(default_factory=dict)  # by detector: when it was wet last
    _wet_since: dict[Place, float] = field(default_factory=dict)  # by detector, until it was heard to be dry
    _told_wet: dict[Place, float] = field(default_factory=dict)  # since when a controller knows that it leaks
    _told_off: dict[Place, float] = field(default_factory=dict)  # when a tray was last asked to go off
    _dry_at: float = float("-inf")  # when coolant was lacking last under what is on
    _warm_at: float = float("-inf")  # when it came too warm last
    _heard: dict[Place, float] = field(default_factory=dict)  # when a tray answered last
    _asked: set[tuple[str, int]] = field(default_factory=set)

    def blame(self, text: str) -> None:
        self.violations.append(f"at {self.clock.now():.2f} s: {text}")

    def falls_on(self, tray: Place) -> tuple[list[Place], bool]:
        """Return who gets wet below a tray, it first, and whether that is equipment that makes it the rack's leak."""
        views = sorted(self.rack.layout.trays, key=lambda v: -v.unit)
        at = next(n for n, v in enumerate(views) if v.place == tray)
        below = [v for v in views if v.unit < views[at].unit][:BELOW]
        shelves = (TrayKind.POWER_SHELF, TrayKind.BATTERY_SHELF)
        return [tray, *(Place(v.place) for v in below if v.kind in WATCHED)], any(v.kind in shelves for v in below)

    def may_go_off(self, tray: Place, since: float) -> None:
        """Note a reason of the world why one tray may be switched off from `since` on."""
        self._evidence[tray] = min(since, self._evidence.get(tray, since))

    def rack_may_go_off(self) -> None:
        self._rack_since = self.clock.now() if self._rack_since is None else self._rack_since

    def leaks(self, tray: Place) -> None:
        """Note that a tray leaks now, whoever heard it."""
        trays, everywhere = self.falls_on(tray)
        for place in [*trays, *self._above(tray)]:
            self.may_go_off(place, self.clock.now())
        self._leaked.add(tray)
        if everywhere or len(self._leaked) > 1:
            self.rack_may_go_off()

    def said(self, detector: Place, wet: bool) -> None:
        """Note what a detector says.  Moisture counts as a leak when it lasts, or when two say so; one that changes its
        mind goes on counting for a minute."""
        tray, now = tray_of(detector), self.clock.now()
        if wet:
            self._wet_since.setdefault(detector, now)
        elif self.rack.trays[tray].answers:
            self._wet_since.pop(detector, None)
        if wet:
            self.may_go_off(tray, now + WARNED_LONG_S)
            self._moist[detector] = now
        elif detector in self._moist:
            self._moist[detector] = now
        others = [d for d, at in self._moist.items() if tray_of(d) == tray and now - at <= FLAPS_S]
        if len(others) > 1:
            self.leaks(tray)

    def told(self, life: Life, trays: Iterable[Place]) -> None:
        """Note that a living controller was told of leaks and has judged them: each must be latched now."""
        for tray in trays:
            self.wet.setdefault(tray, Wet())
            self._told_wet.setdefault(tray, self.clock.now())
            self._counted.add(tray)
            if not any(n.cause in LEAKS and n.place == tray for n in life.latches.open()):
                self.blame(f"{leaf_of(tray)} leaks, its controller was told, and nothing is latched")
        self._two = self._two or len(self._counted) > 1

    def after(self, life: Life) -> None:
        """Look at a living controller after an event."""
        if life.mortal.dead or life.ledger.epoch < self.epoch:
            return
        opened, unkept = {n.id: n for n in life.latches.open()}, set(life.latches.unkept)
        for name in [n for n in self.kept if n not in opened]:
            self.blame(f"latch {name} ({self.kept.pop(name)}) is gone and nobody cleared it")
        for name, latch in opened.items():
            if name not in unkept:
                self.kept[name] = f"{latch.cause} at {leaf_of(latch.place)}"
                if latch.cause in LEAKS and latch.place in self.wet:
                    self.wet[latch.place].kept = True

    def died(self) -> None:
        """Forget of the wet trays those whose latch never reached the disk: the next life hears them anew or not."""
        self.wet = {tray: wet for tray, wet in self.wet.items() if wet.kept}
        self._counted &= self.wet.keys()
        self._two = self._two and any("two_trays" in c for c in self.kept.values())

    def cleared(self, latch_id: str, cause: str, place: Place, record_missing: list[str]) -> None:
        """Note that a latch was cleared by a person."""
        if record_missing:
            self.blame(f"latch {latch_id} was cleared without {', '.join(record_missing)}")
        self.kept.pop(latch_id, None)
        if cause in LEAKS:
            self.wet.pop(place, None)
            self._told_wet.pop(place, None)
            self._counted.discard(place)
        if cause in WHOLE_RACK:
            self._two = False
            self._counted.clear()

    def request(self, life: Life, device: SimTray, action: PowerAction) -> str:
        """Judge a request before it goes out; return the key of its effect, empty without one."""
        name = f"{action} of {leaf_of(device.tray)} by life {life.number}"
        intents = [
            e
            for e in life.ledger.unresolved()
            if e.endpoint == device.place
            and e.state is EffectState.INTENT
            and not (life.mortal.full and (e.key, e.attempt) in self._asked)  # its end could not be written
        ]
        intent = next((e for e in reversed(intents) if e.action == action and e.epoch == life.ledger.epoch), None)
        safe = action not in STARTS
        if action is PowerAction.FORCE_OFF:
            self._told_off[device.tray] = self.clock.now()
        if intent is None and not (safe and life.mortal.full):
            self.blame(f"{name} went out without an intent")
        if life.ledger.epoch < self.epoch and not (safe and life.mortal.full):
            self.blame(f"{name} went out though it was succeeded")
        if device.tray in self.rack.units:
            self._unit(life, action, intent, name)
        elif not safe:
            self._energises(life, device, name)
        elif device.tray in self.rack.shelves:
            self._shelf(name, action)
        elif intent is None or intent.operation == OPERATION:
            if not self._has_evidence(device.tray):
                self.blame(f"{name} went out without evidence")
        elif not any(s.tray == device.tray and s.goal != "on" for s in self._steps(life, intent.operation)):
            self.blame(f"{name} went out for {intent.operation}, which does not want it")
        if intent is None:
            return ""
        if (intent.key, intent.attempt) in self._asked:
            self.blame(f"{name} went out twice for one intent")
        self._asked.add((intent.key, intent.attempt))
        self.rack.sent_at[intent.key] = self.clock.now()
        return intent.key

    def capped(self, life: Life, gpu: Place, watts: float) -> None:
        """Judge a limit before it goes out: only interlocks ask for any here, so it goes up only when coolant
        has flowed for a while or nothing is on, and while that comes too warm to no more than it carries then."""
        name = f"{watts:g} W for {leaf_of(tray_of(gpu))} by life {life.number}"
        dry, warm = (self.clock.now() - at for at in (self._dry_at, self._warm_at))
        if watts > self.rack.capped[gpu].cap_w and (
            dry < FLOWS_S or (warm < TOLD_WITHIN_S and watts > WARM_MOST * MOST_W)
        ):
            self.blame(f"{name} raises it")
        written = {point.place: point.value for point in life.ledger.set_points()}
        if written.get(gpu) != watts and not life.mortal.full:
            self.blame(f"{name} went out and is not written down")
        if life.ledger.epoch < self.epoch and not life.mortal.full:
            self.blame(f"{name} went out though it was succeeded")

    def look(self) -> None:
        """Note who answers now: silence that lasts is not off."""
        now = self.clock.now()
        for tray, device in self.rack.trays.items():
            if device.answers:
                self._heard[tray] = now
        on = any(device.settle() is not PowerState.OFF for device in self.rack.trays.values())
        if on and (self.rack.flow < 1.0 or not self.rack.moves):
            self._dry_at = now
        if self.rack.supply_k > 0.0:
            self._warm_at = now

    def _unit(self, life: Life, action: PowerAction, intent: Effect | None, name: str) -> None:
        """Judge a request to a coolant unit: it stands only under trays that are off, unless two persons said so, and
        moves nothing while something leaks."""
        operation = None if intent is None else life.operations.find(intent.operation)
        if operation is None:
            self.blame(f"{name} went out for no operation")
            return
        two = bool(operation.plan.despite) and operation.approved_by not in ("", operation.actor)
        if action in STILLING:
            self.rack_may_go_off()
            served = [] if two else sorted(self.rack.trays)
            for tray in served:
                if not self._rests(tray):
                    self.blame(f"{name} went out though {leaf_of(tray)} is {self.rack.trays[tray].state}, or silent")
        if action in STARTS and (wet := sorted(self.wet)):
            self.blame(f"{name} went out though {leaf_of(wet[0])} leaks")

    def _rests(self, tray: Place) -> bool:
        """Return whether a tray may be taken for off: it is, or came on too lately to be seen; and it answered."""
        device, now = self.rack.trays[tray], self.clock.now()
        off = device.settle() is PowerState.OFF or now - device.started_at < TOLD_WITHIN_S
        return off and now - self._heard.get(tray, float("-inf")) < STALE_S

    def _shelf(self, name: str, action: PowerAction) -> None:
        since = self.rack.isolated_since
        if action is not PowerAction.FORCE_OFF or since is None or self.clock.now() - since < LAST_RESORT_S:
            self.blame(f"{name} went out, and coolant was not closed for {LAST_RESORT_S:g} s")

    def closed(self, life: Life) -> None:
        """Look whether trays that were on when the building closed the coolant were told to go off by a controller
        that has been there as long."""
        since, now = self.rack.isolated_since, self.clock.now()
        fenced = life.ledger.epoch < self.epoch  # and its successor is dead already: nobody protects the rack
        if since is None or fenced or now - max(since, life.began) < TOLD_WITHIN_S:
            return
        for tray in sorted(self.rack.hot):
            device = self.rack.trays[tray]
            told = self._told_off.get(tray, float("-inf")) >= since - OFF_TAKES
            if device.answers and device.settle() is PowerState.ON and not told:
                self.blame(f"{leaf_of(tray)} is on without coolant, and was not told to go off")

    def prompt(self, life: Life) -> None:
        """Look whether trays that leak were told to go off: a flash is no reason to wait."""
        now = self.clock.now()
        if life.ledger.epoch < self.epoch or now - life.began < TOLD_WITHIN_S:
            return
        for tray, since in self._told_wet.items():
            device = self.rack.trays[tray]
            answered = now - max(since, device.silent_until, device.started_at, life.began) >= TOLD_WITHIN_S
            told = self._told_off.get(tray, float("-inf")) >= since - OFF_TAKES
            if tray in self.wet and answered and device.settle() is PowerState.ON and not told:
                self.blame(f"{leaf_of(tray)} leaks, is on, and was not told to go off")

    def judge_end(self, life: Life) -> None:
        """Judge what a quiet time must have brought about."""
        wanted = {place for tray in self.wet for place in self.falls_on(tray)[0]}
        if self._two or any(self.falls_on(tray)[1] for tray in self.wet):
            wanted |= set(self.rack.trays)
        for tray in sorted(wanted):
            out_of_reach = not self.rack.trays[tray].answers
            if self.rack.trays[tray].settle() is not PowerState.OFF and not out_of_reach:
                self.blame(f"{leaf_of(tray)} is {self.rack.trays[tray].state} behind a leak")
        for effect in life.ledger.unresolved():
            if effect.is_open and not self._recent(effect):
                self.blame(f"effect {effect.id} is {effect.state} for ever")
        for operation in life.ledger.operations():
            for step in operation.plan.steps if operation.plan.verb is Verb.PUSH else []:
                begun = self.rack.trays[Place(step.tray)].flashed
                if begun > 1:
                    self.blame(f"{leaf_of(Place(step.tray))} was written {begun} times for one push")
        written = {lease.wish.endpoint for lease in life.leases.held() if lease.wish.facet is Facet.FIRMWARE}
        for point in life.ledger.set_points():
            device = self.rack.capped[Place(point.place)]
            young = life.clock.unix_ns() - point.wanted_unix_ns < ASKED_NS  # it is being asked for as the run ends
            waits = young or point.endpoint in written  # limits wait for an image, also one of which nobody knows yet
            if device.answers and not waits and device.cap_w != point.value:
                self.blame(f"{leaf_of(device.tray)} keeps {device.cap_w:g} W, {point.value:g} W are written down")
        for device in (*self.rack.trays.values(), *self.rack.units.values()):
            done = [key for key, action in device.acted if action in STARTS and key]
            for key in sorted({k for k in done if done.count(k) > 1}):
                self.blame(f"{leaf_of(device.tray)} was started {done.count(key)} times for {key}")

    def unsettled(self, life: Life) -> bool:
        """Tell whether anything still waits for what it asked: a host may take minutes to obey, a silent one is
        watched for a while."""
        return any(e.is_open and not self._overdue(e) for e in life.ledger.unresolved())

    def _overdue(self, effect: Effect) -> bool:
        return effect.operation == OPERATION and not self._recent(effect)

    def _recent(self, effect: Effect) -> bool:
        return self.clock.now() - self.rack.sent_at.get(effect.key, 0.0) < ENDS_WITHIN_S

    def _energises(self, life: Life, device: SimTray, name: str) -> None:
        for tray in self.wet:
            if device.tray in self.falls_on(tray)[0]:
                self.blame(f"{name} went out though {leaf_of(tray)} leaked")
        if self._two:
            self.blame(f"{name} went out though two trays leaked")
        closed = self.rack.isolated_since
        if closed is not None and self.clock.now() - closed >= TOLD_WITHIN_S:
            self.blame(f"{name} went out though the building had closed the coolant")
        if not any(unit.state in (PowerState.ON, PowerState.POWERING_OFF) for unit in self.rack.units.values()):
            self.blame(f"{name} went out though its coolant unit was stopped")
        undry = [d for d in self.rack.detectors(device.tray) if life.words.get(d) != DRY]
        if undry:
            self.blame(f"{name} went out though {leaf_of(undry[0])} did not say that it is dry")
        if life.locks.of(device.tray) is not None:
            self.blame(f"{name} went out though somebody works there")
        for latch in life.latches.open():
            if latch.blocks and latch.place in (device.tray, RACK):
                self.blame(f"{name} went out behind latch {latch.id}")

    def _has_evidence(self, tray: Place) -> bool:
        now = self.clock.now()
        for detector in [d for d, since in self._wet_since.items() if now - since >= WARNED_LONG_S]:
            self.leaks(tray_of(detector))  # it was wet when it was heard last, and for too long
        return self._rack_since is not None or self._evidence.get(tray, float("inf")) <= now

    def _above(self, tray: Place) -> list[Place]:
        views = {Place(v.place): v for v in self.rack.watched}
        at = views[tray]
        return [place for place, v in views.items() if v.unit == at.unit + at.height_u]

    def _steps(self, life: Life, operation: str) -> list[Step]:
        return list(life.operations.find(operation).plan.steps)
