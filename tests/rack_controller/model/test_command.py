"""Commands: what is refused, and how a refusal travels."""

from pathlib import Path

import msgspec
import pytest

from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    DeadlinePassed,
    PreconditionFailed,
    RoleInsufficient,
    TargetUnknown,
)
from rack_controller.model.command import (
    ARGUMENTS,
    VERBS,
    Command,
    Reply,
    check_command,
    decode_command,
    decode_reply,
    encode,
    refusal,
)
from rack_controller.model.roles import Role

GOLDEN = Path(__file__).parents[2] / "golden" / "command_v1.json"
COMMAND = Command("c1", "ada", Role.TECHNICIAN, "locate", "lab1/a/r01/k01/u11", 2_000, {"on": True}, 3)

STEERING = {"plan", "approve", "pause", "resume", "cancel", "resolve", "lock", "unlock"}


def test_the_wire_form_of_a_command_stays_as_it_is() -> None:
    assert encode(COMMAND) == GOLDEN.read_bytes().strip()
    assert decode_command(GOLDEN.read_bytes()) == COMMAND


def test_a_good_command_passes() -> None:
    check_command(COMMAND, revision=3, now_unix_ns=2_000)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"verb": "self_destruct"}, TargetUnknown),
        ({"role": Role.VIEWER}, RoleInsufficient),
        ({"arguments": {"on": "maybe"}}, ArgumentsInvalid),
        ({"arguments": {"on": 1}}, ArgumentsInvalid),
        ({"arguments": {"off": True}}, ArgumentsInvalid),
        ({"verb": "rescan", "arguments": {"on": True}}, ArgumentsInvalid),
        ({"deadline_unix_ns": 999}, DeadlinePassed),
        ({"precondition_revision": 2}, PreconditionFailed),
    ],
)
def test_what_must_not_begin_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        check_command(msgspec.structs.replace(COMMAND, **change), revision=3, now_unix_ns=1_000)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TECHNICIAN, Role.OPERATOR])
def test_a_latch_is_not_cleared_without_the_safety_role(role: Role) -> None:
    record = {"latch": "k01-l1", "found": "water", "done": "clamp", "pressure_check": "30 min"}
    clear = msgspec.structs.replace(COMMAND, verb="clear", role=role, arguments=record)
    with pytest.raises(RoleInsufficient, match=r"may not clear latches or bypass interlocks \(clear\)"):
        check_command(clear, revision=3, now_unix_ns=1_000)
    check_command(msgspec.structs.replace(clear, role=Role.SAFETY), revision=3, now_unix_ns=1_000)


def test_only_these_verbs_exist() -> None:
    assert (
        set(VERBS)
        == set(ARGUMENTS)
        == {
            "rescan",
            "locate",
            "reload",
            "repin",
            "check",
            "fix",
            "quiet",
            "rotate",
            "swap",
            "power",
            "boot",
            "restart",
            "limit",
            "coolant",
            "power_policy",
            "power_job",
            "power_cap",
            "power_layer",
        }
        | {"clear", "emergency_off", "bypass", "alarm", "interlock_test"}
        | STEERING
    )


def test_a_refusal_keeps_code_and_reason() -> None:
    reply = refusal("c1", RoleInsufficient("role viewer lacks locate"))
    assert decode_reply(encode(reply)) == Reply(
        "c1", accepted=False, code="role_insufficient", reason="role viewer lacks locate"
    )


@pytest.mark.parametrize("body", [b"", b"[]", b'{"id": 1}', b'{"id":"a","role":"king"}'])
def test_bytes_that_are_no_command_are_refused(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_command(body)
