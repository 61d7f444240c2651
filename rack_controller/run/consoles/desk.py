"""Who types on one console: the lease as state, its outcomes as marks, events and refusals."""

from collections.abc import Callable

from firmware_bridge.ports.hosts import MOST_SENT
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, EndpointUnreachable, PreconditionFailed, WriterTaken
from firmware_bridge.vocabulary.text import scrub
from rack_controller.decide.console_lease import Ask, Event, Heard, Holder, Leave, Outcome, Take, Tick, Typed, step
from rack_controller.decide.notice import Finding
from rack_controller.model.console import MOST_REASON, ConsoleRequest
from rack_controller.model.event import Severity
from rack_controller.run.consoles.station import Station

_ENDED = {Outcome.LEFT: "stops writing", Outcome.IDLE: "typed nothing and is let go", Outcome.GONE: "is gone"}


class Desk:
    """The one place on a console where somebody may type."""

    def __init__(self, station: Station, armed: bool, tell: Callable[[Finding], None], clock: Clock) -> None:
        self._station, self._armed, self._tell, self._clock = station, armed, tell, clock
        self.holder: Holder | None = None

    async def open(self, request: ConsoleRequest) -> None:
        """Make a session the writer.  Raises PreconditionFailed, ArgumentsInvalid or WriterTaken."""
        if not self._armed:
            raise PreconditionFailed(
                "the rack is only observed: nothing is typed into its devices",
                advice="set `armed: true` for the rack in the site file and start again",
            )
        if not request.session or len(request.session) > 64:
            raise ArgumentsInvalid("open needs a session of 1 to 64 characters")
        actor, reason = scrub(request.actor, 64), scrub(request.reason, MOST_REASON)
        wish = Take(request.session, actor, reason) if reason else Ask(request.session, actor)
        before = self.holder
        outcome = self._step(wish)
        if outcome is Outcome.TAKEN and before is not None:
            text = f"{self._station.name}: {actor} takes over from {before.actor}: {reason}"
            details: dict[str, str | float | int | None] = {"actor": actor, "from": before.actor, "reason": reason}
            self._tell(Finding(self._station.place, "console.taken", Severity.WARNING, text, details))
            await self._station.mark(f"{actor} takes over from {before.actor}: {reason}")
        elif before is None:
            await self._station.mark(f"{actor} writes")

    async def send(self, request: ConsoleRequest) -> None:
        """Send a writer's bytes.  Raises WriterTaken, ArgumentsInvalid, EndpointUnreachable."""
        if not 1 <= len(request.data) <= MOST_SENT:
            raise ArgumentsInvalid(f"send takes 1 to {MOST_SENT} bytes")
        self._step(Typed(request.session))
        self._check_heard()
        await self._station.console.send(request.data)

    async def send_break(self, request: ConsoleRequest) -> None:
        """Send a break, and say so.  Raises WriterTaken or EndpointUnreachable."""
        self._step(Typed(request.session))
        self._check_heard()
        await self._station.console.send_break()
        actor = scrub(request.actor, 64)
        text = f"{self._station.name}: {actor} sends a break"
        self._tell(Finding(self._station.place, "console.break", Severity.WARNING, text, {"actor": actor}))
        await self._station.mark(f"{actor} sends a break")

    async def close(self, request: ConsoleRequest) -> None:
        """Stop writing; a session that does not write has nothing to stop."""
        await self._put_out(Leave(request.session))

    def heard(self, session: str) -> None:
        """Note that a session's connection still stands."""
        self._step(Heard(session))

    async def tick(self) -> None:
        """Put out a writer that types nothing or is gone."""
        await self._put_out(Tick())

    async def _put_out(self, event: Event) -> None:
        holder = self.holder
        outcome = self._step(event)
        if holder is not None and outcome in _ENDED:
            await self._station.mark(f"{holder.actor} {_ENDED[outcome]}")

    def _step(self, event: Event) -> Outcome:
        self.holder, verdict = step(self.holder, event, self._clock.now())
        if verdict.outcome is Outcome.REFUSED:
            if verdict.other is None:
                raise WriterTaken("you do not write here any more", advice="ask to write again")
            since = self._clock.now() - verdict.other.since
            advice = "watch, or take over with a reason"
            raise WriterTaken(f"{verdict.other.actor} writes here, for {since:.0f} s", advice=advice)
        return verdict.outcome

    def _check_heard(self) -> None:
        if self._station.state != "connected":
            raise EndpointUnreachable(self._station.place, "send", f"the console is {self._station.state}")
