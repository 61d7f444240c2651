"""A part swap, step by step: what has to happen, in which order.  Pure; time is an argument.

The transitions are the table; what it does not hold is refused.  A swap can be aborted until it is done.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

MOST_HOURS = 72.0


class Stage(StrEnum):
    """Where a swap stands; what a person has to do next is in `NEXT`."""

    POWER_DOWN = "power_down"
    REPLACE = "replace"
    IDENTIFY = "identify"
    VERIFY = "verify"
    DONE = "done"
    ABORTED = "aborted"


class Happening(StrEnum):
    """What moves a swap on: seen by us, or said by the person who does it."""

    OFF = "off"
    REPLACED = "replaced"
    IDENTIFIED = "identified"
    VERIFIED = "verified"
    ABORT = "abort"


class Act(StrEnum):
    """What the shell does when a swap moves on."""

    LIGHT_ON = "light_on"
    LIGHT_OFF = "light_off"


TRANSITIONS: Mapping[tuple[Stage, Happening], tuple[Stage, tuple[Act, ...]]] = {
    (Stage.POWER_DOWN, Happening.OFF): (Stage.REPLACE, (Act.LIGHT_ON,)),
    (Stage.REPLACE, Happening.REPLACED): (Stage.IDENTIFY, ()),
    (Stage.IDENTIFY, Happening.IDENTIFIED): (Stage.VERIFY, ()),
    (Stage.VERIFY, Happening.VERIFIED): (Stage.DONE, (Act.LIGHT_OFF,)),
    (Stage.POWER_DOWN, Happening.ABORT): (Stage.ABORTED, ()),
    (Stage.REPLACE, Happening.ABORT): (Stage.ABORTED, (Act.LIGHT_OFF,)),
    (Stage.IDENTIFY, Happening.ABORT): (Stage.ABORTED, (Act.LIGHT_OFF,)),
    (Stage.VERIFY, Happening.ABORT): (Stage.ABORTED, (Act.LIGHT_OFF,)),
}

STANDS: Mapping[Stage, str] = {
    Stage.POWER_DOWN: " has begun: the tray is to be off",
    Stage.REPLACE: ": the part can be replaced",
    Stage.IDENTIFY: ": the part is replaced, its serial number is awaited",
    Stage.VERIFY: ": the part is known, the tray is to be verified",
    Stage.DONE: " is done",
    Stage.ABORTED: " was aborted",
}
"""How a swap stands, as the end of a sentence about it."""

NEXT: Mapping[Stage, str] = {
    Stage.POWER_DOWN: "switch the tray off, then `swap continue`; say `--off REASON` where it cannot be seen",
    Stage.REPLACE: "replace the part, then `swap continue`",
    Stage.IDENTIFY: "wait until it answers, then `swap continue --serial NUMBER` with the number on its label",
    Stage.VERIFY: "`swap continue` once it is switched on: place, settings, firmware and leak detectors are looked at",
    Stage.DONE: "nothing: the tray is back",
    Stage.ABORTED: "nothing: the tray is as it was found",
}


class Swap(msgspec.Struct, frozen=True):
    """One swap.  `until_unix_ns`: when the maintenance lock is due to end; it is shown and ends nothing by itself.

    `identified_unix_ns`: when the new part had proven to be the one on the label; what was read before tells nothing.
    `why` says what the last look found missing; `log` is what happened, oldest first.
    """

    place: str
    owner: str
    reason: str
    contact: str
    stage: Stage
    began_unix_ns: int
    until_unix_ns: int
    old_serial: str | None = None
    new_serial: str | None = None
    identified_unix_ns: int = 0
    why: str = ""
    log: list[str] = []

    @property
    def over(self) -> bool:
        """Return whether the swap has ended, one way or the other."""
        return self.stage in (Stage.DONE, Stage.ABORTED)


class StepRefused(ValueError):
    """The table has no such transition."""


def step(swap: Swap, event: Happening, now_unix_ns: int, said: str = "") -> tuple[Swap, tuple[Act, ...]]:
    """Return the swap after an event and what has to be done.  Raises StepRefused, which tells what is due instead."""
    found = TRANSITIONS.get((swap.stage, event))
    if found is None:
        raise StepRefused(f"{event} does not fit a swap at {swap.stage}: {NEXT[swap.stage]}")
    stage, acts = found
    line = f"{now_unix_ns} {swap.stage} -> {stage}" + (f": {said}" if said else "")
    return msgspec.structs.replace(swap, stage=stage, why="", log=[*swap.log, line]), acts
