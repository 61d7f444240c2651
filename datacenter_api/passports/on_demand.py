"""The passports of an installation, opened when somebody first asks: Arrow is no part of everybody's start."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datacenter_api.fleet.bus import BusLink
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.state import FleetState
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.place import parse_place, tray_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.swap import Stage, Swap
from rack_controller.prove.fit import PartSwap

if TYPE_CHECKING:
    from datacenter_api.evaluation.desk import EvaluationDesk
    from datacenter_api.passports.decisions import DecisionDesk
    from datacenter_api.passports.desk import PassportDesk
    from datacenter_api.redfish.stock import StockRoom
    from rack_controller.prove.match import Found


Note = Callable[[str, str, str, str, str, str], None]
"""Writes an audit line: actor, address, what, target, outcome, detail."""


class Passports:
    """The way to both desks: passports and decisions.  One opening, whoever asks."""

    def __init__(self, state: Path, fleet: FleetState, bus: BusLink, note: Note) -> None:
        self._state, self._fleet, self._bus, self._note = state, fleet, bus, note
        self._desk: PassportDesk | None = None
        self._evaluations: EvaluationDesk | None = None
        self._stock: StockRoom | None = None
        self.turn = asyncio.Lock()  # one import or decision at a time

    def open(self) -> "PassportDesk":
        """Return the desk of passports.  Raises EnvironmentUnfit, ConfigurationError."""
        if self._desk is None:
            from datacenter_api.passports.desk import PassportDesk

            self._desk = PassportDesk(self._state)
        return self._desk

    def decisions(self) -> "DecisionDesk":
        """Return the desk of decisions.  Raises EnvironmentUnfit, ConfigurationError."""
        from datacenter_api.passports.decisions import DecisionDesk

        return DecisionDesk(self.open(), evaluations=self.evaluations())

    def evaluations(self) -> "EvaluationDesk":
        """Return the desk of evaluations.  Raises EnvironmentUnfit, ConfigurationError."""
        if self._evaluations is None:
            from datacenter_api.evaluation.desk import EvaluationDesk

            self._evaluations = EvaluationDesk(self._state, self.open())
        return self._evaluations

    def found(self, rack: str) -> "Found":
        """Return what is found in a rack now; call it in the loop.  Raises TargetUnknown, BusUnavailable."""
        from datacenter_api.passports.found import find_parts
        from datacenter_api.redfish.stock import StockRoom

        if self._stock is None:
            self._stock = StockRoom(self._bus.ask, _now)
        return find_parts(self._fleet.find(rack), self._stock, _now())

    async def found_whole(self, rack: str, within: Seconds) -> "Found":
        """Return what is found in a rack once what is being read, also anew, has come, or `within` s have passed."""
        found = self.found(rack)
        if within and self._stock is not None:
            await self._stock.settle(self._fleet.find(rack).token, within)
            return self.found(rack)
        return found

    async def take_swaps(self, rack: str) -> str:
        """Let the passport of a rack know the swaps that its controller has ended; return why not, empty when it does.

        The newest part that a label named counts; a swap that was begun and not ended changes nothing.
        """
        record = self._record(rack)
        if record is None:
            return "no controller of this rack is heard: swaps since then are not known"
        try:
            swaps = msgspec.json.decode(await self._bus.ask(record.token, "swaps"), type=list[Swap])
        except (RackwrightError, msgspec.MsgspecError) as err:
            return f"swaps since then are not known: {err}"
        changes = [_change(s) for s in swaps if s.stage is Stage.DONE and s.new_serial]
        for new in await asyncio.to_thread(self.open().swap, rack, changes):
            self._note("(controller)", "", "passport swap", new.place, "changed", f"{new.old or '?'} is {new.new} now")
        return ""

    def close(self) -> None:
        """Close what was opened."""
        if self._stock is not None:
            self._stock.close()
        if self._desk is not None:
            self._desk.close()

    def _record(self, rack: str) -> RackRecord | None:
        try:
            return self._fleet.find(rack)
        except TargetUnknown:
            return None


def _change(swap: Swap) -> PartSwap:
    place = tray_of(parse_place(swap.place))
    return PartSwap(place, swap.old_serial, swap.new_serial or "", swap.identified_unix_ns, f"swap by {swap.owner}")


def _now() -> Seconds:
    return Seconds(time.monotonic())
