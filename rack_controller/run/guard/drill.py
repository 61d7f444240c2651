"""Tests the whole path of an interlock at one detector, from its driver to the last step before each device.

The driver reads the detector and decodes it as wet, a copy of the detectors' memory hears that, the policy judges and
orders, the intents are written down as a test's, and each target proves that the request could be made.  Nothing here
holds what strikes: a test can switch nothing off.  What really trips breaks a test off, and never waits for one.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from firmware_bridge.ports.power import PowerProving, PowerSwitch
from firmware_bridge.ports.rehearsing import LeakPlaying
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    LoginRefused,
    PreconditionFailed,
    RackwrightError,
    ResourceMissing,
    TargetUnknown,
)
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerProof, PowerState
from firmware_bridge.vocabulary.reading import Reading
from rack_controller.decide.interlock import Order
from rack_controller.model.drill import Drill, Hop, Proven
from rack_controller.model.effect import Before, Effect, EffectState, moved
from rack_controller.model.interlock import Act, InterlockPolicy
from rack_controller.model.lease import Facet
from rack_controller.run.find import find_source
from rack_controller.run.guard.guard import Guard
from rack_controller.run.guard.rehearsal import rehearsed
from rack_controller.run.guard.sheet import Sheet
from rack_controller.run.guard.strike import ACTIONS, TEST

WITHIN_S = 20.0
"""How long the devices of a test have to prove it."""
TESTS_KEPT = 200
SESSION_OVER = 401
Rest = tuple[Order, Place, PowerAction]


@dataclass(slots=True)
class Driller:
    """Tests at one rack, one at a time.  `sources` are those that it is read with now."""

    guard: Guard
    sources: Mapping[Place, object]
    sheet: Sheet
    policy: InterlockPolicy
    clock: Clock
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _proving: "asyncio.Task[list[Proven]] | None" = None
    _tripped: bool = False
    _under_way: bool = False

    def __post_init__(self) -> None:
        self.guard.strikes = self.give_way

    def give_way(self) -> None:
        """End a test that is under way: something is really switched off."""
        self._tripped = True
        if self._proving is not None:
            self._proving.cancel()

    async def drill(self, detector: Place) -> Drill:
        """Test at a detector.  Raises what `Guard.rehearse` raises, PreconditionFailed while another test is under way,
        and DeviceError where its driver cannot read it."""
        if self._under_way:
            raise PreconditionFailed("another test of this rack is under way", advice="wait for it")
        self._under_way, self._tripped = True, False
        try:
            return await self._drilled(detector)
        finally:
            self._under_way, self._proving = False, None

    async def _drilled(self, detector: Place) -> Drill:
        self.guard.rehearse(detector)  # refuses what is no detector before any device is asked
        hops: list[Hop] = []
        test = f"test/{self.sheet.ledger.rack}/{self.sheet.ledger.epoch}/{next(self._numbers)}"
        began = self.clock.now()
        played, said = await self._played(detector)
        hops.append(self._hop("driver", began, said))
        began = self.clock.now()
        dry, wet = self.guard.rehearse(detector, played)
        trips = rehearsed(dry, wet, {row.cause: row for row in self.policy.rows})
        new = {(trip.cause, trip.place) for trip in trips}
        orders = [o for o in wet.orders if (o.cause, o.place) in new]
        hops.append(self._hop("heard, confirmed, judged, ordered", began, f"{len(trips)} rows, {len(orders)} orders"))
        asked = _once_each(orders)
        began = self.clock.now()
        said = self._written(test, asked)
        hops.append(self._hop("ledger", began, said))
        began = self.clock.now()
        proven = await self._proven(asked)
        good = sum(p.ok for p in proven)
        hops.append(self._hop("devices", began, f"{good} of {len(asked)} could be asked"))
        broken = "something really tripped, and went first" if self._tripped else ""
        note = "" if trips else "what it would trip holds already, or it is bypassed"
        return Drill(detector, test, self.guard.armed, trips, hops, proven, broken, note)

    async def _played(self, detector: Place) -> tuple[Sequence[Reading], str]:
        """Have the detector read by its driver, and decoded as wet."""
        for endpoint, source in self.sources.items():
            if tray_of(endpoint) == tray_of(detector) and isinstance(source, LeakPlaying):
                try:
                    found = await source.play_leak(detector)
                except ResourceMissing:
                    continue
                except ValueError as err:
                    raise DeviceError(endpoint, "play_leak", str(err)) from err
                if found:
                    return found, f"{leaf_of(endpoint)} read it, and decoded it as wet"
        raise TargetUnknown(f"no driver can play a leak at {detector}", advice="`--dry` only judges it")

    def _written(self, test: str, asked: Sequence[Rest]) -> str:
        """Write the intents down as a strike's are, in one piece, each with its end: nothing was sent."""
        ledger, refused = self.sheet.ledger, list[RackwrightError]()

        def settle(end: RackwrightError | None) -> None:
            refused.extend([] if end is None else [end])

        with self.sheet.together():
            for number, (order, tray, action) in enumerate(asked):
                effect = Effect(
                    f"{test}/{number}",
                    1,
                    TEST,
                    self._endpoint(tray) or tray,
                    Facet.POWER_STATE,
                    action,
                    EffectState.INTENT,
                    ledger.epoch,
                    self.clock.unix_ns(),
                    Before(power=PowerState.UNKNOWN),
                )
                self.sheet.write(ledger.intending(effect), settle)
                ended = moved(effect, EffectState.UNSENT, f"a test of {order.cause}: nothing is sent")
                self.sheet.write(ledger.recording(ended), settle)
        if refused:
            return f"not written: {refused[0].what}"
        ledger.forget_effects(TEST, TESTS_KEPT)
        return f"{len(asked)} intents written as a test"

    async def _proven(self, asked: Sequence[Rest]) -> list[Proven]:
        """Have every target prove its request, all at once; what was proven so far when something trips."""
        found: list[Proven] = []
        if self._tripped:
            return found
        self._proving = asyncio.create_task(self._all_proven(asked, found.append))
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._proving
        except TimeoutError:
            done = {(p.tray, p.act) for p in found}
            late = [(o, t) for o, t, _ in asked if (t, str(o.act)) not in done]
            found += [
                Proven(t, str(o.act), ok=False, said="no answer in time", took_ms=WITHIN_S * 1e3) for o, t in late
            ]
        except asyncio.CancelledError:
            if not self._tripped:
                raise
        finally:
            self._proving.cancel()
        return found

    async def _all_proven(self, asked: Sequence[Rest], put: Callable[[Proven], None]) -> list[Proven]:
        async def one(order: Order, tray: Place, action: PowerAction) -> None:
            began = self.clock.now()
            try:
                proof = await self._proof(tray, action)
            except RackwrightError as err:
                put(Proven(tray, str(order.act), ok=False, said=err.what, took_ms=self._ms(began)))
            else:
                takes = f", which takes {', '.join(proof.allowed)}" if proof.allowed else ""
                said = f"{proof.word} at {proof.target}{takes}"
                put(Proven(tray, str(order.act), ok=True, said=said, took_ms=self._ms(began)))

        await asyncio.gather(*(one(*each) for each in asked))
        return []

    async def _proof(self, tray: Place, action: PowerAction) -> PowerProof:
        """Go the way of a strike but for its request; a session that had ended is renewed once, as a strike does."""
        _, switch = find_source(self.sources, tray, PowerSwitch)
        if not isinstance(switch, PowerProving):
            raise TargetUnknown(f"{leaf_of(tray)} has no way to show that it could be switched off")
        try:
            return await switch.prove_power(action)
        except LoginRefused as err:
            if err.status != SESSION_OVER:
                raise
        return await switch.prove_power(action)

    def _endpoint(self, tray: Place) -> Place | None:
        try:
            return find_source(self.sources, tray, PowerSwitch)[0]
        except TargetUnknown:
            return None

    def _hop(self, name: str, began: float, said: str) -> Hop:
        return Hop(name, self._ms(began), said)

    def _ms(self, began: float) -> float:
        return round((self.clock.now() - began) * 1e3, 2)


def _once_each(orders: Sequence[Order]) -> list[Rest]:
    """Return what would be asked of whom: several causes that want the same of a tray ask it once, as strikes do."""
    found: dict[tuple[Place, PowerAction], Order] = {}
    for order in orders:
        if order.act in ACTIONS and order.act is not Act.SHELF_OUTPUT_OFF:
            for tray in order.targets:
                found.setdefault((tray, ACTIONS[order.act]), order)
    return [(order, tray, action) for (tray, action), order in found.items()]
