"""Sends one command to a rack's controller in somebody's name and writes into the audit trail what came of it."""

import secrets
import time
from collections.abc import Mapping
from typing import Any

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.problem import class_of_code
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import BusUnavailable, DeviceError, RackwrightError
from firmware_bridge.vocabulary.text import scrub
from rack_controller.model.command import Command, Reply, check_wish

WITHIN_NS = 5_000_000_000
"""A command is not begun later than this after it was sent."""
MOST_SAID = 120


async def send_command(
    parts: Services,
    who: Principal,
    rack: str,
    verb: str,
    target: str,
    arguments: Mapping[str, Any],
    revision: int | None = None,
) -> Reply:
    """Return the controller's reply, refusals included.  `rack` is its token, `target` a place in full.

    Raises what makes no sense or is not for this role before anything is sent (`check_wish`), and BusUnavailable or
    DeadlinePassed when no reply came.
    """
    command = Command(
        id=secrets.token_hex(8),
        actor=who.user,
        role=who.role,
        verb=verb,
        target=target,
        deadline_unix_ns=time.time_ns() + WITHIN_NS,
        arguments=dict(arguments),
        precondition_revision=revision,
    )
    try:
        check_wish(command)
        reply = await parts.bus.command(rack, command)
    except RackwrightError as err:
        note_command(parts, who, verb, target, arguments, _sent(err), err.what)
        raise
    note_command(parts, who, verb, target, arguments, "accepted" if reply.accepted else "refused", reply.reason)
    return reply


def note_command(
    parts: Services, who: Principal, verb: str, target: str, arguments: Mapping[str, Any], outcome: str, reason: str
) -> None:
    """Enter a command into the audit trail: who, from where, what with which arguments, and what came of it."""
    said = scrub(", ".join(f"{name}={value}" for name, value in arguments.items()), MOST_SAID)
    detail = "; ".join(part for part in (said, reason) if part)
    parts.store.audit(who.user, who.address, f"command {verb}", target, outcome, detail)


def error_of(reply: Reply, target: str, verb: str) -> RackwrightError:
    """Return a refusal as the error of our tree that its code names."""
    kind = class_of_code(reply.code)
    if issubclass(kind, DeviceError):
        return kind(target, verb, reply.reason, advice=reply.advice)
    return kind(reply.reason, advice=reply.advice)


def _sent(err: RackwrightError) -> str:
    return "not sent" if isinstance(err, BusUnavailable) else "refused"
