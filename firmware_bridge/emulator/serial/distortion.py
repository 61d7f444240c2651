"""Faults that are in what registers say: values that no longer move, numbers with the wrong sign.  Words to words."""

import fnmatch
from typing import Literal

from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.faults import ArmedFault, Fault
from firmware_bridge.wire.modbus.register_map import Kind, Register


class Distortion:
    """What a unit's value faults make of its registers.  A stuck one keeps what it said when it was first read."""

    __slots__ = ("_armed", "_kept", "_on")

    def __init__(self, armed: list[ArmedFault]) -> None:
        self._armed = armed
        self._on: list[Fault] = []
        self._kept: dict[int, list[int]] = {}

    def look(self, now: float) -> bool:
        """Find out which faults are on at emulated time `now`; tell whether any is."""
        if self._armed:
            self._on = [a.fault for a in self._armed if a.fault.is_on(now)]
            if not self._on:
                self._kept.clear()
        return bool(self._on)

    def of(self, register: Register, words: list[int]) -> list[int]:
        """Return the words that a register says instead of `words`."""
        for fault in self._on:
            if not fnmatch.fnmatchcase(register.name, fault.register):
                continue
            if fault.what is FaultKind.STUCK:
                words = self._kept.setdefault(register.at, words)
            elif register.kind is Kind.NUMBER:
                words = negated(register, words)
        return words


def negated(register: Register, words: list[int]) -> list[int]:
    """Return the two's complement of a register's number: what a sign lost in firmware looks like on the wire."""
    order: Literal["little", "big"] = "little" if register.little else "big"
    body = b"".join(w.to_bytes(2, "big") for w in words)
    size = 16 * register.words
    number = -int.from_bytes(body, order) & ((1 << size) - 1)
    wrong = number.to_bytes(2 * register.words, order)
    return [int.from_bytes(wrong[n : n + 2], "big") for n in range(0, len(wrong), 2)]
