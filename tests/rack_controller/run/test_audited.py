"""What a controller enters into its audit log, and that it does so beside its loop."""

import asyncio
from pathlib import Path

from rack_controller.audit_files import newest
from rack_controller.audit_log import AuditLog
from rack_controller.model.command import Command
from rack_controller.model.event import Event, Severity
from rack_controller.model.roles import Role
from rack_controller.run.audited import WRITER, Audited


def event(kind: str, **details: str) -> Event:
    return Event("1", 5, "lab1/a/r01/k01/u12", kind, Severity.CRITICAL, "what happened", None, dict(details))


async def test_commands_and_what_interlocks_did_are_entered_in_order_and_readings_are_not(tmp_path: Path) -> None:
    audited = Audited(AuditLog(tmp_path, WRITER))
    running = asyncio.create_task(audited.run())
    command = Command("c1", "ada", Role.OPERATOR, "power", "u12", 10, {"action": "on"})
    audited.event(event("latch.stands"))
    audited.event(event("endpoint.absent"))
    audited.command(command, 6, "refused", "latched")
    await asyncio.sleep(0)
    audited.event(event("latch.cleared", actor="sam"))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    last = newest(tmp_path, WRITER, 3)[::-1]
    assert [(r.actor, r.what, r.outcome, r.detail) for r in last] == [
        ("(controller)", "latch.stands", "critical", "what happened"),
        ("ada", "command power", "refused", "id c1; latched"),
        ("sam", "latch.cleared", "critical", "what happened"),
    ]
