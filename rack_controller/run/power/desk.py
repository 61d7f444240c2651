"""Commands about one tray's power and boot source: checked, asked once, looked at when the answer was lost.

A command is in the journal before it comes here.  What cannot be told apart is held for a person, never asked again.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from firmware_bridge.ports.power import Bootable, PowerSwitch, Restartable
from firmware_bridge.ports.telemetry import Sparing, TelemetrySource
from firmware_bridge.vocabulary.attention import Pacing
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    DeviceError,
    EndpointUnreachable,
    Latched,
    OutcomeUnknown,
    PreconditionFailed,
    TargetUnknown,
)
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.power import (
    ENERGISES,
    BootFor,
    BootSight,
    ControllerRestart,
    PowerAction,
    PowerAnswer,
    PowerSight,
)
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.notice import Finding
from rack_controller.decide.power_proof import was_heard
from rack_controller.model.command import Command
from rack_controller.model.event import Severity
from rack_controller.model.latch import Latch
from rack_controller.model.power import PowerLook, power_look
from rack_controller.run.find import find_source
from rack_controller.run.power.asking import ask_once, once
from rack_controller.run.power.recorded import Recorded
from rack_controller.run.turns import Turns
from rack_controller.run.view import RackView

Verb = Callable[[Command], Awaitable[dict[str, object]]]
LOOK_HOLDS = Seconds(2.0)
"""Whoever asks how a tray's power stands is shown a look that is no older than this."""


BLIND_FOR = Seconds(180.0)
"""After a restart of a controller of a rack no other one is restarted: its leak detectors see nothing so long."""
SEE_LATCHES = "see `rackwright interlock list`"


class PowerDesk:
    """`power` and `boot` of one rack.  `maintenance(place)` says who works on a tray, `latched(tray)` which interlocks
    keep it off; empty when nobody and nothing does.  `energising(tray)` is held while a request toward power is out,
    `latches(tray)` are those of what keeps it off that only a person can end."""

    def __init__(
        self,
        view: RackView,
        sources: Mapping[Place, TelemetrySource],
        clock: Clock,
        tell: Callable[[Finding], None],
        maintenance: Callable[[Place], str],
        turns: Turns,
        latched: Callable[[Place], str] = lambda _tray: "",
        energising: Callable[[Place], AbstractContextManager[None]] = lambda _tray: nullcontext(),
        latches: Callable[[Place], Sequence[Latch]] = lambda _tray: (),
        recorded: Recorded | None = None,
    ) -> None:
        self._view, self._sources, self._clock, self._tell = view, sources, clock, tell
        self._maintenance, self._turns, self._latched = maintenance, turns, latched
        self._energising, self._latches, self._recorded = energising, latches, recorded
        self._looks: dict[Place, PowerSight] = {}
        self._restarted: tuple[Place, Seconds] | None = None

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {"power": self.power, "boot": self.boot, "restart": self.restart}

    async def look(self, target: Place) -> PowerLook:
        """Return how a tray's power stands now, as its controller says it.  Raises TargetUnknown and DeviceError."""
        tray = _tray(target)
        source = self._of(tray, PowerSwitch)
        sight, now = self._looks.get(tray), self._clock.now()
        if sight is None or now - sight.taken_at > LOOK_HOLDS:
            sight = self._looks[tray] = await source.observe_power()
        boot = source.boot if isinstance(source, Bootable) else None
        return power_look(tray, sight, boot, max(0.0, now - sight.taken_at))

    async def power(self, command: Command) -> dict[str, object]:
        """Ask one tray for one power action.  Armed racks only; toward power not while somebody works on the tray.

        Raises ArgumentsInvalid, TargetUnknown, PreconditionFailed and what the device raises; OutcomeUnknown where the
        answer was lost and the tray does not show that it has heard.
        """
        self._view.check_armed()
        action, tray = _action(command), _tray(Place(command.target))
        source = self._of(tray, PowerSwitch)
        with self._alone(tray, source, "power"):
            if action in ENERGISES and (who := self._works_on(tray)):
                raise PreconditionFailed(f"{leaf_of(tray)} is under maintenance: {who}", advice="end it first")
            check = partial(self._check_latches, action, tray)
            check()
            before = await self._before(source, action)
            self._looks.pop(tray, None)
            with self._energising(tray) if action in ENERGISES else nullcontext():
                ask = partial(self._asked, source, action, before, check)
                if self._recorded is None:
                    answer, seen = await ask()
                else:
                    who, at = command.actor, source.endpoint
                    answer, seen = await self._recorded.asked(command.id, who, at, action, before, ask)
        was = "unknown" if before is None else before.state
        words = str(action).replace("_", " ")
        text = f"{leaf_of(tray)}: {words} was asked for by {command.actor}; the host was {was}"
        self._tell(Finding(tray, "power.asked", Severity.WARNING, text, {"action": str(action), "was": str(was)}))
        return {"action": str(action), "was": str(was), "status": answer.status, "task": answer.task, "seen": seen}

    async def boot(self, command: Command) -> dict[str, object]:
        """Set the boot source override of one tray's host and read it back.  Armed racks only."""
        self._view.check_armed()
        tray = _tray(Place(command.target))
        source = self._of(tray, Bootable)
        with self._alone(tray, source, "boot"):
            sight = await source.read_boot()
            target, span, mode = _override(command, sight)
            await source.set_boot(target, span, mode)
            after = await source.read_boot()
        text = f"{leaf_of(tray)}: its host boots from {after.target}, {after.span}; set by {command.actor}"
        self._tell(Finding(tray, "boot.set", Severity.WARNING, text, {"source": after.target, "span": str(after.span)}))
        return {"source": after.target, "span": str(after.span), "mode": after.mode}

    async def restart(self, command: Command) -> dict[str, object]:
        """Restart one tray's controller.  Armed racks only, one controller of a rack at a time, none that is flashed.

        Its host goes on; nobody sees the tray, and its leak detectors see nothing, until it is back.  Raises what
        `power` raises; where the answer was lost nobody can tell whether it was heard: a controller that is away shows
        it by itself.
        """
        self._view.check_armed()
        how, tray = _restart(command), _tray(Place(command.target))
        source = self._of(tray, Restartable)
        with self._alone(tray, source, "restart"):
            self._check_blind()
            self._restarted = (source.endpoint, self._clock.now())
            self._looks.pop(tray, None)
            try:
                answer = await once(partial(source.restart_controller, how))
            except OutcomeUnknown as lost:
                lost.advice = "it may be restarting: see `rackwright endpoint list` before you ask again"
                raise
            except DeviceError:
                self._restarted = None
                raise
        where = "/".join(source.endpoint.rsplit("/", 2)[1:])
        text = f"{where}: a {how} restart was asked for by {command.actor}; it sees no leaks until it is back"
        self._tell(Finding(source.endpoint, "controller.restarted", Severity.WARNING, text, {"how": str(how)}))
        return {"endpoint": source.endpoint, "how": str(how), "status": answer.status, "task": answer.task}

    def _check_blind(self) -> None:
        if self._restarted is None:
            return
        place, asked_at = self._restarted
        left = BLIND_FOR - (self._clock.now() - asked_at)
        if left > 0:
            raise PreconditionFailed(
                f"{place} was restarted {BLIND_FOR - left:.0f} s ago, and leaks are not seen there yet",
                advice=f"wait {left:.0f} s: one controller of a rack at a time",
            )

    def _of(self, tray: Place, port: type[Any]) -> Any:
        return find_source(self._sources, tray, port)[1]

    @contextmanager
    def _alone(self, tray: Place, source: TelemetrySource, what: str) -> Iterator[None]:
        """Have the tray's controller to oneself; not while it is left alone: it may be writing its firmware."""
        if isinstance(source, Sparing) and source.attention.pacing is Pacing.QUIET:
            raise PreconditionFailed(
                f"{source.endpoint} is left alone now: {source.attention.reason}",
                advice="wait, or end it with `rackwright endpoint quiet --minutes 0`",
            )
        with self._turns.take(source.endpoint, what):
            yield

    def _check_latches(self, action: PowerAction, tray: Place) -> None:
        """Refuse what energises a latched tray.  Asked before every wait and right before every request."""
        if action in ENERGISES and (why := self._latched(tray)):
            text, standing = f"{leaf_of(tray)} stays off: {why}", self._latches(tray)
            if standing:
                names = ", ".join(latch.id for latch in standing)
                raise Latched(text, advice=f"inspect it, then clear {names} with an inspection record")
            raise PreconditionFailed(text, advice=SEE_LATCHES)

    def _works_on(self, tray: Place) -> str:
        return next((who for p in self._sources if tray_of(p) == tray and (who := self._maintenance(p))), "")

    async def _before(self, source: Any, action: PowerAction) -> PowerSight | None:
        """Return how the host stands; a host that is only to go off need not be seen, one that is silent must be."""
        try:
            seen: PowerSight = await source.observe_power()
        except EndpointUnreachable:
            raise
        except DeviceError:
            if action in ENERGISES:
                raise
            return None
        return seen

    async def _asked(
        self, source: Any, action: PowerAction, before: PowerSight | None, check: Callable[[], None]
    ) -> tuple[PowerAnswer, str]:
        try:
            return await ask_once(source, action, check), ""
        except OutcomeUnknown as lost:
            try:
                after = await source.observe_power()
            except DeviceError:
                raise lost from None
            if not was_heard(action, before, after):
                lost.advice = f"the host is {after.state}; look again, then decide"
                raise
            return PowerAnswer(True, 0, "", ""), str(after.state)


def _tray(target: Place) -> Place:
    try:
        return tray_of(target)
    except ValueError as err:
        raise TargetUnknown(f"{target} is no tray", advice="name one tray; racks are switched by operations") from err


def _action(command: Command) -> PowerAction:
    given = command.arguments.get("action", "")
    try:
        return PowerAction(given)
    except ValueError as err:
        raise ArgumentsInvalid(
            f"there is no power action {given!r}", advice=f"one of {', '.join(PowerAction)}"
        ) from err


def _restart(command: Command) -> ControllerRestart:
    given = command.arguments.get("how", "graceful")
    try:
        return ControllerRestart(given)
    except ValueError as err:
        raise ArgumentsInvalid(f"how to restart: {given!r}", advice=f"one of {', '.join(ControllerRestart)}") from err


def _override(command: Command, sight: BootSight) -> tuple[str, BootFor, str]:
    """Return what is to be set; only what the device says that it takes, where it says so."""
    target, span, mode = (command.arguments.get(name, "") for name in ("source", "span", "mode"))
    try:
        wanted = BootFor(span or BootFor.ONCE)
    except ValueError as err:
        raise ArgumentsInvalid(f"span of boot: {span!r}", advice=f"one of {', '.join(BootFor)}") from err
    if wanted is not BootFor.DISABLED:
        target = target or sight.target
        for name, value, allowed in (("source", target, sight.targets), ("mode", mode, sight.modes)):
            if value and allowed and value not in allowed:
                raise ArgumentsInvalid(f"{name} of boot: {value!r}", advice=f"one of {', '.join(allowed)}")
    return target, wanted, mode
