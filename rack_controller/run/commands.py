"""The commands of one rack: checked, carried out, written down.  An id is done once, and every refusal says why."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from firmware_bridge.ports.telemetry import Locatable, Sparing, TelemetrySource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, EnvironmentUnfit, RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.command import INTERNAL, Command, Reply, check_command, decode_command, encode, refusal
from rack_controller.run.audited import Audited
from rack_controller.run.journal import CommandRecord, Journal
from rack_controller.run.operate.looking import Looking
from rack_controller.run.view import RackView

_log = logging.getLogger(__name__)

BEGUN = "begun"
QUIET_MINUTES, MOST_QUIET_MINUTES = 30, 240


class CommandAnswers:
    """Checks, does and records the commands of one rack.  An id is done once: a repeat gets the same answer."""

    def __init__(
        self,
        view: RackView,
        sources: dict[Place, TelemetrySource],
        looking: Looking,
        journal: Journal,
        clock: Clock,
        more: Mapping[str, Callable[[Command], Awaitable[dict[str, object]]]] | None = None,
        audited: Audited | None = None,
    ) -> None:
        self._audited = audited
        self._view, self._sources, self._looking = view, sources, looking
        self._journal, self._clock = journal, clock
        self._under_way: dict[str, asyncio.Task[bytes]] = {}
        self._verbs: dict[str, Callable[[Command], Awaitable[dict[str, object]]]] = {
            "rescan": self._do_rescan,
            "locate": self._do_locate,
            "quiet": self._do_quiet,
            **(more or {}),
        }

    async def answer(self, body: bytes) -> bytes:
        """Return the encoded reply."""
        try:
            command = decode_command(body)
        except msgspec.MsgspecError as err:
            return encode(Reply("", accepted=False, code="malformed", reason=f"not a command: {err}"))
        under_way = self._under_way.get(command.id)
        if under_way is None:
            under_way = self._under_way[command.id] = asyncio.create_task(self._do(command))
            under_way.add_done_callback(lambda _: self._under_way.pop(command.id))
        return await asyncio.shield(under_way)  # who stops waiting does not stop what was begun

    async def _do(self, command: Command) -> bytes:
        try:
            done = self._journal.outcome_of(command.id)
            if done is None:
                self._record(command, BEGUN)  # before any device hears of it
        except EnvironmentUnfit as err:
            return encode(refusal(command.id, err))
        if done == BEGUN:
            reason = "was begun before a restart; nobody knows how it ended"
            return encode(Reply(command.id, accepted=False, code="held", reason=reason, advice="look, then ask anew"))
        if done is not None:
            return done.encode()
        reply = await self._reply(command)
        answer = encode(reply)
        if self._audited is not None:
            outcome = "accepted" if reply.accepted else "refused"
            self._audited.command(command, self._clock.unix_ns(), outcome, reply.reason)
        try:
            self._record(command, answer.decode())
        except EnvironmentUnfit:
            _log.exception("the outcome of command %s could not be written down", command.id)
        return answer

    async def _reply(self, command: Command) -> Reply:
        try:
            check_command(command, self._view.revision, self._clock.unix_ns())
            verb = self._verbs.get(command.verb)
            if verb is None:
                raise TargetUnknown(f"this controller has no verb {command.verb!r}")
            result = await verb(command)
        except RackwrightError as err:
            _log.info("refused %s on %s by %s: %s", command.verb, command.target, command.actor, err)
            return refusal(command.id, err)
        except Exception as err:  # noqa: BLE001 - logged whole, and refused
            _log.exception("%s on %s by %s failed", command.verb, command.target, command.actor)
            reason = f"the controller failed: {type(err).__name__}; what the device did of it is not known"
            return Reply(command.id, accepted=False, code=INTERNAL, reason=reason, advice="look, then ask anew")
        return Reply(command.id, accepted=True, operation=command.id, result=result)

    def _record(self, command: Command, outcome: str) -> None:
        self._journal.record_command(
            CommandRecord(
                command.id,
                self._clock.unix_ns(),
                command.actor,
                command.verb,
                command.target,
                dict(command.arguments),
                outcome,
            )
        )

    async def _do_rescan(self, command: Command) -> dict[str, object]:
        chosen = self._looking.endpoints_in(command.target)
        for place in chosen:
            self._looking.begin(place)
        return {"endpoints": len(chosen)}

    async def _do_quiet(self, command: Command) -> dict[str, object]:
        """Leave endpoints alone for a while: nothing is written to them, they are only asked less."""
        minutes = command.arguments.get("minutes", QUIET_MINUTES)
        if isinstance(minutes, bool) or not 0 <= minutes <= MOST_QUIET_MINUTES:
            raise ArgumentsInvalid(f"minutes of quiet: {minutes!r}", advice=f"0 to {MOST_QUIET_MINUTES}; 0 ends it")
        reason = scrub(command.arguments.get("reason"), 200) or "no reason given"
        chosen = [s for p in self._looking.endpoints_in(command.target) if isinstance(s := self._sources[p], Sparing)]
        if not chosen:
            raise TargetUnknown(f"{command.target} is on a serial line", advice="name a Redfish endpoint")
        for source in chosen:
            source.be_quiet(Seconds(minutes * 60.0), f"{command.actor} wants it left alone: {reason}")
        return {"endpoints": len(chosen), "minutes": minutes}

    async def _do_locate(self, command: Command) -> dict[str, object]:
        self._view.check_armed()
        on = command.arguments.get("on", True)
        if not isinstance(on, bool):
            raise TargetUnknown(f"locate needs on: true or false, got {on!r}")
        tray = tray_of(Place(command.target)) if command.target.count("/") >= 4 else None
        lights = [
            source
            for place, source in self._sources.items()
            if tray is not None and tray_of(place) == tray and isinstance(source, _Lit)
        ]
        if not lights:
            raise TargetUnknown(f"{command.target} has no locate light", advice="name a compute or switch tray")
        for light in lights:
            await light.set_locate(on)
        return {"on": on, "lights": len(lights)}


class _Lit(Locatable):
    """A runtime check for `Locatable`."""

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        return callable(getattr(other, "set_locate", None))
