"""What a controller enters into its audit log: commands by whatever road they came, and what its interlocks did.

Writing is done beside the loop: a disk that is slow or full holds no interlock up.  What was not written when the
process dies is in the journal still.
"""

import asyncio
from contextlib import suppress

from rack_controller.audit_log import AuditLog
from rack_controller.model.audit import Deed
from rack_controller.model.command import Command
from rack_controller.model.event import Event, Severity

WRITER = "controller"
KINDS = ("interlock.", "latch.", "bypass.", "lock.")
"""Events that are entered, by the beginning of their kind: what trips, latches, defeats and locks."""
AGAIN_S = 5.0
_OUTCOMES = {Severity.OK: "ended", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


class Audited:
    """Gathers what is to be entered in the loop, and enters it in a thread, in order."""

    def __init__(self, log: AuditLog) -> None:
        self._log, self._gathered, self._ready = log, list[Deed](), asyncio.Event()

    def command(self, command: Command, unix_ns: int, outcome: str, detail: str) -> None:
        """Enter a command that was answered."""
        what, said = f"command {command.verb}", f"id {command.id}; {detail}" if detail else f"id {command.id}"
        self._enter(Deed(unix_ns, command.actor, "bus", what, command.target, outcome, said))

    def event(self, event: Event) -> None:
        """Enter an event, if it belongs into the log."""
        if event.kind.startswith(KINDS):
            actor, outcome = str(event.details.get("actor") or "(controller)"), _OUTCOMES[event.severity]
            self._enter(Deed(event.unix_ns, actor, "local", event.kind, event.place, outcome, event.message))

    async def run(self) -> None:
        """Write for ever; what is left is written when it ends."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN_S if self._log.standing.waiting else None):
                        await self._ready.wait()
                self._ready.clear()
                deeds, self._gathered = self._gathered, []
                writing = asyncio.ensure_future(asyncio.to_thread(self._log.write_all, deeds))
                try:
                    await asyncio.shield(writing)
                except asyncio.CancelledError:
                    await writing  # one writes at a time
                    raise
        finally:
            self._log.write_all(self._gathered)

    def _enter(self, deed: Deed) -> None:
        self._gathered.append(deed)
        self._ready.set()
