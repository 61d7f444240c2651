"""Brings one pushed image to its end: intent, one request, then only looking; an interlock that comes is let through.

It holds no order of steps: what an effect's state means is decided in `decide/resolve_push.py`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from firmware_bridge.ports.firmware import FirmwareTarget
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    LoginRefused,
    PreconditionFailed,
)
from firmware_bridge.vocabulary.firmware import FirmwareSight, UpdatePhase, UpdateSight
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerState
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.resolve import Resolution, Verdict
from rack_controller.decide.resolve_push import PushTimes, resolve_push, task_of
from rack_controller.model.effect import Before, Effect, EffectState, moved
from rack_controller.model.lease import Lease
from rack_controller.model.operation import PlannedPush
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.worker import (
    ENDS,
    FAILED_THERE,
    LOOK_EVERY,
    NOTHING_SENT,
    TRIES,
    TRY_EVERY,
    Outcome,
    record,
)

_log = logging.getLogger(__name__)

ACTION = "push_image"
UPDATE_EVERY = Seconds(5.0)  # a controller that writes its flash is asked no more often how far it is
WATCHED_EVERY_S = 0.1  # how soon it is seen, while an image is on its way, that an interlock wants the tray
QUIET_MARGIN_S = 60.0


@dataclass(frozen=True, slots=True)
class PushOrder:
    """One image that is to be pushed.  `key` names it for ever; `request`: after it no request is on its way, in s."""

    key: str
    operation: str
    endpoint: Place
    push: PlannedPush
    lease: Lease
    request: Seconds
    told: Callable[[str], None] = field(default=lambda _text: None)


@dataclass(slots=True)
class Pusher:
    """Writes firmware of one rack's endpoints.  `target_of` raises TargetUnknown where there is none.

    `read_image` gives the bytes that a digest names; `spare(endpoint, seconds, reason)` leaves an endpoint alone, 0
    ends that.
    """

    ledger: Ledger
    leases: LeaseBook
    target_of: Callable[[Place], FirmwareTarget]
    read_image: Callable[[str], Awaitable[bytes]]
    clock: Clock
    spare: Callable[[Place, Seconds, str], None] = field(default=lambda _endpoint, _seconds, _reason: None)

    async def perform(self, order: PushOrder) -> Outcome:
        """Push once, begun anew or taken up where a crash left it; what provably never reached the device is pushed
        again, `TRIES` times in all.

        Raises CommandRefused (lease, latch, what runs there) or EnvironmentUnfit: then nothing was sent.
        """
        try:
            for _ in range(TRIES - 1):
                outcome = await self._attempt(order)
                if outcome.state is not EffectState.UNSENT:
                    return outcome
                order.told(outcome.why)
                await self.clock.sleep_until(Seconds(self.clock.now() + TRY_EVERY))
            return await self._attempt(order)
        finally:
            self.spare(order.endpoint, Seconds(0.0), "")

    async def _attempt(self, order: PushOrder) -> Outcome:
        effect = self.ledger.latest(order.key)
        if effect is None or effect.state is EffectState.UNSENT:
            begun = await self._begin(order)
            if isinstance(begun, Outcome):
                return begun
            effect = begun
        else:
            self._leave_alone(order)
        if effect.is_open:
            effect = await self._watch(order, effect)
        return Outcome(effect.state, effect.detail)

    async def _begin(self, order: PushOrder) -> Effect | Outcome:
        push, target = order.push, self.target_of(order.endpoint)
        image = await self.read_image(push.image)
        sight = await target.observe_firmware(push.uri)
        part = sight.part(push.uri)
        version = "" if part is None else part.version
        if version in push.versions:
            return Outcome(None, f"{push.part} runs {version} already")
        if version != push.was:
            raise PreconditionFailed(
                f"{push.part} runs {version}, the plan was made for {push.was}", advice="plan anew"
            )
        if sight.running:
            raise PreconditionFailed(f"{order.endpoint} is being updated already", advice="wait, then plan anew")
        kept_off = self.leases.keeps_off(tray_of(order.endpoint))
        if kept_off:
            raise PreconditionFailed(f"nothing is written to {order.endpoint}: {kept_off}")
        self.leases.check(order.lease)  # no await between this and the intent
        before = Before(
            PowerState.UNKNOWN,
            controller_marker=sight.controller_marker,
            version=version,
            tasks=list(sight.tasks),
        )
        effect = self.ledger.intend(
            order.key,
            order.operation,
            order.endpoint,
            order.lease.wish.facet,
            ACTION,
            before,
            self.clock.unix_ns(),
        )
        self._leave_alone(order)
        return await self._send(order, target, effect, image)

    def _taken(self, order: PushOrder) -> str:
        """Return who took the endpoint over meanwhile; without a lease (token 0) what was sent is only looked at."""
        return self.leases.lost(order.lease) if order.lease.token else ""

    def _leave_alone(self, order: PushOrder) -> None:
        seconds = Seconds(order.push.within_s + order.push.back_s + QUIET_MARGIN_S)
        self.spare(order.endpoint, seconds, f"its firmware is being written ({order.operation})")

    async def _send(self, order: PushOrder, target: FirmwareTarget, effect: Effect, image: bytes) -> Effect:
        """The one request of an intent.  Whatever happens, what is known of it is written down."""
        order.told(f"{len(image) / 1e6:.1f} MB are on their way to it")
        sending = asyncio.ensure_future(target.push_image(image, order.push.uri))
        try:
            task = await self._unless_taken_over(order, sending)
        except LoginRefused as err:
            effect = moved(effect, EffectState.UNSENT, f"its login was refused: {err.detail or err.what}", err.status)
        except EndpointRefused as err:
            heard = EffectState.REFUSED if err.status < FAILED_THERE else EffectState.SENT
            said = f"refuses the image, {err.status or 'not offered'}: {err.detail or err.what}"
            effect = moved(effect, heard, said, err.status)
        except NOTHING_SENT as err:
            effect = moved(effect, EffectState.UNSENT, f"nothing was sent: {err.detail or err.what}")
        except DeviceError as err:  # OutcomeUnknown, or an answer that nobody can read
            effect = moved(effect, EffectState.SENT, err.detail or err.what)
        else:
            if task is None:
                effect = moved(effect, EffectState.SENT, "broken off on its way")
            else:
                effect = moved(effect, EffectState.ANSWERED, "taken", task=task)
        await record(self.ledger, self.clock, effect, order.told)
        return effect

    async def _unless_taken_over(self, order: PushOrder, sending: "asyncio.Future[str]") -> str | None:
        """Return the device's task, None when an interlock wanted the tray before the image was all there."""
        try:
            while not sending.done():
                await asyncio.wait({sending}, timeout=WATCHED_EVERY_S)
                if not sending.done() and self._taken(order):
                    return None
            return sending.result()
        finally:
            sending.cancel()

    async def _watch(self, order: PushOrder, effect: Effect) -> Effect:
        """Look until it can be told how an open push ended, and write that down."""
        target, began = self.target_of(order.endpoint), self.clock.now()
        still, last = began, ""
        while True:
            taken = self._taken(order)
            if taken:
                found = _broken_off(order.push, taken, last)
                break
            sight, task = await self._look(order, target, effect)
            now = self.clock.now()
            if task is not None and task.phase is UpdatePhase.RUNNING:
                still = now
            times = PushTimes(Seconds(now - began), Seconds(now - still), order.request)
            found = resolve_push(effect, order.push, sight, task, times)
            order.told(found.why)
            last = found.why
            if found.verdict is not Verdict.WAIT:
                break
            await self._wait(order)
        state = EffectState.UNSENT if found.verdict is Verdict.REPEAT else ENDS[found.verdict]
        ended = moved(effect, state, found.why)
        await record(self.ledger, self.clock, ended, order.told)
        return ended

    async def _wait(self, order: PushOrder) -> None:
        """Wait until it is looked at again, or an interlock has taken it over."""
        until = self.clock.now() + UPDATE_EVERY
        while self.clock.now() < until and not self._taken(order):
            await self.clock.sleep_until(Seconds(min(until, self.clock.now() + LOOK_EVERY)))

    async def _look(
        self, order: PushOrder, target: FirmwareTarget, effect: Effect
    ) -> tuple[FirmwareSight | None, UpdateSight | None]:
        """Look at the update first, and at what runs only once that is over: it is asked little."""
        try:
            task = await target.observe_update(effect.task) if effect.task else None
            if task is not None and task.phase is UpdatePhase.RUNNING:
                return None, task
            sight = await target.observe_firmware(order.push.uri)
            found = task_of(effect, sight)
            if task is None and found:
                task = await target.observe_update(found)
        except DeviceError as err:
            _log.info("%s does not say how its update stands: %s", order.endpoint, err)
            return None, None
        return sight, task


def _broken_off(push: PlannedPush, taken: str, last: str) -> Resolution:
    """Return what a flash comes to that an interlock went over: nobody waits for it, and nobody knows what it left."""
    how_far, was = f" ({last})" if last else "", push.was or "not said"
    return Resolution(
        Verdict.HELD,
        f"{taken} while {push.part} was being written{how_far}: what its firmware is now is not known. The tray stays "
        f"off; once it is dry let its controller start, compare its version (it was {was}, the image carries "
        f"{' or '.join(push.versions)}), then say done, again or failed",
    )
