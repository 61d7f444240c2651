"""Command request and reply, as they travel on `command`.  Refusals are final and say why."""

from collections.abc import Mapping
from typing import Any

import msgspec

from firmware_bridge.vocabulary.errors import (
    ActionNotOffered,
    ArgumentsInvalid,
    CommandRefused,
    DeadlinePassed,
    DeviceError,
    EndpointBusy,
    OutcomeUnknown,
    PreconditionFailed,
    RackwrightError,
    RoleInsufficient,
    TargetUnknown,
)
from firmware_bridge.vocabulary.power import ENERGISES
from rack_controller.model.alarm import AlarmAct
from rack_controller.model.roles import Privilege, Role, may, may_not, whom_to_ask


class Command(msgspec.Struct, frozen=True):
    """One request.  `deadline_unix_ns`: not begun after it; `precondition_revision`: refused when the rack moved on."""

    id: str
    actor: str
    role: Role
    verb: str
    target: str
    deadline_unix_ns: int
    arguments: dict[str, Any] = {}
    precondition_revision: int | None = None


class Reply(msgspec.Struct, frozen=True):
    """`accepted` with an operation id, or refused with code and reason; `result` for what is done at once."""

    id: str
    accepted: bool
    operation: str | None = None
    result: dict[str, Any] = {}
    code: str = ""
    reason: str = ""
    advice: str = ""


INTERNAL = "internal_error"
HELD = "held"
_DEVICE_CODES: dict[type[RackwrightError], str] = {
    OutcomeUnknown: HELD,
    EndpointBusy: "device_busy",
    ActionNotOffered: "not_offered",
}
CLASSES: dict[str, type[RackwrightError]] = {
    INTERNAL: RackwrightError,
    "device_error": DeviceError,
    **{code: kind for kind, code in _DEVICE_CODES.items() if code != HELD},
}
"""What a refusal's code means, where it is no CommandRefused; `held` stays one: nothing may be sent a second time."""
# Which privilege a verb asks for; a verb that is not here does not exist.
VERBS: dict[str, Privilege] = {
    "rescan": Privilege.SERVICE,
    "locate": Privilege.LOCATE,
    "reload": Privilege.CONFIGURE,
    "repin": Privilege.SERVICE,
    "check": Privilege.SERVICE,
    "fix": Privilege.OPERATE,
    "quiet": Privilege.SERVICE,
    "rotate": Privilege.CONFIGURE,
    "swap": Privilege.SERVICE,
    "plan": Privilege.SHUT,
    "lock": Privilege.SERVICE,
    "unlock": Privilege.SERVICE,
    **dict.fromkeys(("approve", "pause", "resume", "cancel", "resolve"), Privilege.SHUT),
    "power": Privilege.SHUT,
    "boot": Privilege.OPERATE,
    "restart": Privilege.POWER,
    "limit": Privilege.LIMIT,
    "coolant": Privilege.COOLANT,
    "power_policy": Privilege.CONFIGURE,
    "power_job": Privilege.LIMIT,
    "power_cap": Privilege.LIMIT,
    "power_layer": Privilege.LIMIT,
    "clear": Privilege.INTERLOCK,
    "emergency_off": Privilege.SHUT,
    "bypass": Privilege.INTERLOCK,
    "interlock_test": Privilege.SERVICE,
    "alarm": Privilege.SERVICE,
}
_SHELF = dict.fromkeys(("shelf_on", "shelf_off", "psu_on", "psu_off"), Privilege.SHELF)
_UNIT = dict.fromkeys(("coolant_stop", "coolant_start", "coolant_cycle"), Privilege.COOLANT)
# Values of an argument that ask for more than their verb does.
_MORE: dict[str, tuple[str, Mapping[str, Privilege]]] = {
    "power": ("action", dict.fromkeys(ENERGISES, Privilege.POWER)),
    "plan": (
        "do",
        {
            **dict.fromkeys(("on", "cycle"), Privilege.POWER),
            "push": Privilege.FIRMWARE,
            "rescan": Privilege.SERVICE,
            "limit": Privilege.LIMIT,
            **_SHELF,
            **_UNIT,
        },
    ),
    "alarm": ("do", dict.fromkeys((AlarmAct.SHELVE, AlarmAct.OUT_OF_SERVICE, AlarmAct.RETURN), Privilege.SILENCE)),
}
_KINDS: dict[type, str] = {bool: "true or false", str: "text", int: "a whole number", float: "a number"}
# Which arguments a verb takes, all of them optional.
ARGUMENTS: dict[str, dict[str, type]] = {
    "rescan": {},
    "locate": {"on": bool},
    "reload": {},
    "repin": {"pin": str, "serial": str, "reason": str},
    "check": {},
    "fix": {"name": str},
    "quiet": {"minutes": int, "reason": str},
    "rotate": {},
    "swap": dict.fromkeys(("action", "reason", "contact", "hours", "off", "serial", "pin"), str),
    "plan": {
        **dict.fromkeys(("do", "kind", "slots", "depth", "manner", "reason", "image", "part"), str),
        **dict.fromkeys(("dry_run", "each", "clear", "despite"), bool),
        "watts": float,
    },
    **{verb: {"operation": str} for verb in ("approve", "pause", "resume", "cancel")},
    "resolve": dict.fromkeys(("operation", "step", "word"), str),
    "lock": {"reason": str, "phone": str, "hours": int},
    "unlock": {"reason": str},
    "power": {"action": str},
    "limit": {"watts": float, "each": bool, "clear": bool},
    "coolant": {"what": str, "value": float, "clear": bool},
    "power_policy": {"do": str, "document": str},
    "power_job": {
        **dict.fromkeys(("do", "job", "members", "checkpoints"), str),
        **dict.fromkeys(("start_in_s", "period_s", "stop_in_s", "for_s"), float),
        "priority": int,
        "synchronous": bool,
    },
    "power_cap": {
        **dict.fromkeys(("do", "cap", "racks", "reason"), str),
        **dict.fromkeys(("kw", "within_s", "for_s"), float),
    },
    "power_layer": {**dict.fromkeys(("do", "kind", "profile"), str), "watts": float},
    "boot": {"source": str, "span": str, "mode": str},
    "restart": {"how": str},
    "emergency_off": {"reason": str},
    "interlock_test": {},
    "bypass": {**dict.fromkeys(("do", "bypass", "cause", "reason"), str), "hours": int},
    "alarm": {**dict.fromkeys(("do", "alarm", "reason"), str), "minutes": int},
    "clear": dict.fromkeys(("latch", "found", "done", "pressure_check"), str),
}
PATIENT = frozenset(
    {
        "repin",
        "check",
        "fix",
        "rotate",
        "swap",
        "power",
        "boot",
        "restart",
        "limit",
        "coolant",
        "plan",
        "approve",
        "interlock_test",
    }
)
"""Verbs that ask a device before they answer: they take longer than a word from memory."""


def check_wish(command: Command) -> None:
    """Refuse what makes no sense anywhere, or not for this role.

    Raises TargetUnknown (the verb), RoleInsufficient or ArgumentsInvalid.
    """
    privilege = VERBS.get(command.verb)
    if privilege is None:
        raise TargetUnknown(f"no verb {command.verb!r}", advice=f"verbs are {', '.join(sorted(VERBS))}")
    argument, more = _MORE.get(command.verb, ("", {}))
    privilege = more.get(str(command.arguments.get(argument)), privilege)
    if not may(command.role, privilege):
        raise RoleInsufficient(may_not(command.role, privilege, command.verb), advice=whom_to_ask(privilege))
    takes = ARGUMENTS[command.verb]
    for name, value in command.arguments.items():
        if name not in takes:
            known = ", ".join(sorted(takes)) or "none"
            raise ArgumentsInvalid(f"{command.verb} takes no argument {name!r}", advice=f"it takes: {known}")
        if not _fits(value, takes[name]):
            raise ArgumentsInvalid(f"{name} of {command.verb}: expected {_KINDS[takes[name]]}, got {value!r}")


def _fits(value: object, kind: type) -> bool:
    """Return whether a value is of a kind; a whole number is a number too, true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) if kind is float else isinstance(value, kind)


def check_command(command: Command, revision: int, now_unix_ns: int) -> None:
    """Refuse what must not begin.  Raises what `check_wish` raises, DeadlinePassed or PreconditionFailed."""
    check_wish(command)
    if now_unix_ns > command.deadline_unix_ns:
        raise DeadlinePassed(f"{command.verb} on {command.target} arrived after its deadline")
    if command.precondition_revision is not None and command.precondition_revision != revision:
        raise PreconditionFailed(
            f"the rack is at revision {revision}, the command expected {command.precondition_revision}",
            advice="read the rack again and decide anew",
        )


def refusal(command_id: str, error: RackwrightError) -> Reply:
    """Return the reply that carries `error`."""
    code = error.code if isinstance(error, CommandRefused) else _DEVICE_CODES.get(type(error), "device_error")
    return Reply(command_id, accepted=False, code=code, reason=error.what, advice=error.advice)


def internal_refusal(error: Exception) -> bytes:
    """Return the answer to a request that failed by a bug of ours: reads as a refused command and as a refused question
    on `state` alike."""
    reason = f"the controller failed: {type(error).__name__}"
    refused = Reply("", accepted=False, code=INTERNAL, reason=reason, advice="see the controller's log")
    return msgspec.json.encode({"error": reason, "status": 500, **msgspec.structs.asdict(refused)})


def encode(message: Command | Reply) -> bytes:
    """Return the JSON that travels."""
    return msgspec.json.encode(message)


def decode_command(body: bytes) -> Command:
    """Read a command.  Raises ValueError (msgspec's, with the field's path) for anything else."""
    return msgspec.json.decode(body, type=Command)


def decode_reply(body: bytes) -> Reply:
    """Read a reply.  Raises ValueError for anything else."""
    return msgspec.json.decode(body, type=Reply)
