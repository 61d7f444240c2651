"""Part swaps of one rack: kept in the journal at every step, taken up again after a restart.  Switches nothing off.

A swap is a maintenance lock with an owner: it is shown wherever the endpoint is shown until it is over.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    CommandRefused,
    DeviceError,
    PreconditionFailed,
    TargetUnknown,
)
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.notice import Finding
from rack_controller.decide.swap import MOST_HOURS, NEXT, STANDS, Act, Happening, Stage, StepRefused, Swap, step
from rack_controller.model.command import Command
from rack_controller.model.event import Severity
from rack_controller.model.readiness import Verdict
from rack_controller.model.snapshot import ManagementAxis, PowerAxis
from rack_controller.run.enrolment.verbs import EnrolmentVerbs
from rack_controller.run.journal import Journal
from rack_controller.run.stock import Stock

KIND = "swap"
DEFAULT_HOURS = 4.0


@dataclass(slots=True)
class Swapping:
    """The swaps of one rack."""

    enrolment: EnrolmentVerbs
    stock: Stock
    journal: Journal
    clock: Clock
    tell: Callable[[Finding], None]
    swaps: dict[Place, Swap] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rack = self.enrolment.view.layout.rack
        kept = self.journal.kept(KIND).items()
        self.swaps = {Place(p): msgspec.json.decode(text, type=Swap) for p, text in kept if p.startswith(f"{rack}/")}

    def maintenance(self, place: Place) -> str:
        """Return who has an endpoint under maintenance and where that stands, empty when nobody has."""
        swap = self.swaps.get(place)
        if swap is None or swap.over:
            return ""
        left = (swap.until_unix_ns - self.clock.unix_ns()) / 3.6e12
        due = f"{left:.1f} h left" if left > 0 else f"overdue by {-left:.1f} h"
        return f"swap by {swap.owner} ({swap.contact}), {swap.stage}, {due}: {swap.reason}"

    async def swap(self, command: Command) -> dict[str, object]:
        """Begin a swap, move it on or abort it.  Returns where it stands and what is next."""
        place = Place(command.target)
        if place not in self.enrolment.roster.sources:
            raise TargetUnknown(f"no endpoint {place!r}", advice="see `rackwright endpoint list`")
        action = str(command.arguments.get("action", ""))
        acts = {"start": self._start, "continue": self._go_on, "abort": self._abort}
        if action not in acts:
            raise ArgumentsInvalid(f"swap: there is no action {action!r}", advice="start, continue or abort")
        try:
            with self.enrolment.turns.take(place, f"swap {action}"):
                swap = await acts[action](place, command)
        except StepRefused as err:
            raise PreconditionFailed(str(err)) from err
        return {"stage": str(swap.stage), "next": NEXT[swap.stage], "why": swap.why}

    async def _start(self, place: Place, command: Command) -> Swap:
        open_one = self.swaps.get(place)
        if open_one is not None and not open_one.over:
            raise PreconditionFailed(f"{place} is being swapped by {open_one.owner}", advice=NEXT[open_one.stage])
        reason, contact = (str(command.arguments.get(name, "")).strip() for name in ("reason", "contact"))
        if not reason or not contact:
            raise ArgumentsInvalid("a swap needs a reason, and how to reach its owner", advice="--reason and --contact")
        hours, now = _hours(str(command.arguments.get("hours", DEFAULT_HOURS))), self.clock.unix_ns()
        known = self.enrolment.examiner.parts(place)
        swap = Swap(
            place=place,
            owner=command.actor,
            reason=reason,
            contact=contact,
            stage=Stage.POWER_DOWN,
            began_unix_ns=now,
            until_unix_ns=int(now + hours * 3.6e12),
            old_serial=known[0].serial if known else None,
        )
        self._keep(swap)
        text = f"{_name(place)} is under maintenance by {command.actor}: {reason}"
        self.tell(Finding(place, "swap.started", Severity.WARNING, text))
        return swap

    async def _go_on(self, place: Place, command: Command) -> Swap:
        swap = self._open(place)
        if swap.stage is Stage.POWER_DOWN:
            return await self._move(swap, Happening.OFF, self._seen_off(place, command))
        if swap.stage is Stage.REPLACE:
            return await self._move(swap, Happening.REPLACED, command.actor)
        if swap.stage is Stage.IDENTIFY:
            serial = await self._identify(place, command)
            swap = msgspec.structs.replace(swap, new_serial=serial, identified_unix_ns=self.clock.unix_ns())
            self.stock.refresh(place)
            return await self._move(swap, Happening.IDENTIFIED, serial)
        missing = await self._missing(swap)
        if missing:
            self._keep(msgspec.structs.replace(swap, why="; ".join(missing)))
            raise PreconditionFailed(
                f"{_name(place)} is not back yet: {'; '.join(missing)}", advice="then continue again"
            )
        return await self._move(swap, Happening.VERIFIED, command.actor)

    async def _abort(self, place: Place, command: Command) -> Swap:
        reason = str(command.arguments.get("reason", "")).strip()
        if not reason:
            raise ArgumentsInvalid("why is the swap aborted?", advice="--reason")
        return await self._move(self._open(place), Happening.ABORT, f"{command.actor}: {reason}")

    def _seen_off(self, place: Place, command: Command) -> str:
        """Return how it is known that the tray is off.  Silence is not off: then a person has to say so."""
        snapshot = self.enrolment.view.snapshot
        state = None if snapshot is None else snapshot.endpoints.get(place)
        if state is not None and state.state is PowerAxis.OFF:
            return "seen off"
        if state is not None and state.state is PowerAxis.ON:
            raise PreconditionFailed(f"{_name(place)} is on", advice="switch it off first")
        said = str(command.arguments.get("off", "")).strip()
        if not said:
            raise PreconditionFailed(
                f"whether {_name(place)} is off is not known", advice="look at it, then say how you know: --off REASON"
            )
        return f"{command.actor} says it is off: {said}"

    async def _identify(self, place: Place, command: Command) -> str:
        """Return the serial number of the part that stands there now, once it has proven to be the one on the label."""
        serial = str(command.arguments.get("serial", "")).strip()
        if not serial:
            raise ArgumentsInvalid("which part is it?", advice="--serial with the number on its label")
        hold = self.enrolment.holds.of(place)
        if hold is not None:
            pin = str(command.arguments.get("pin", ""))
            said = {"pin": pin or hold.shown, "serial": serial}
            await self.enrolment.repin(msgspec.structs.replace(command, verb="repin", arguments=said))
        await self.enrolment.examiner.examine(place)
        readiness = self.enrolment.examiner.readiness(place)
        if readiness.error:
            raise PreconditionFailed(
                f"{_name(place)} cannot be read: {readiness.error}", advice="wait until it answers"
            )
        if (readiness.part.serial or "").casefold() != serial.casefold():
            raise PreconditionFailed(
                f"the serial number of {place} is {readiness.part.serial or 'not said'}, expected {serial}",
                advice="look at the label again",
            )
        return serial

    async def _missing(self, swap: Swap) -> list[str]:
        """Return what keeps a tray from being back.  What is not known is missing: only what was seen counts."""
        place, examiner = Place(swap.place), self.enrolment.examiner
        await examiner.examine(place)
        error = examiner.readiness(place).error
        missing = [f"its settings cannot be read: {error}"] if error else []
        for judged in examiner.judgements(place):
            if judged.required and judged.verdict is not Verdict.OK:
                unknown = " is not known" if judged.verdict is Verdict.UNKNOWN else ""
                missing.append(judged.name.replace("_", " ") + unknown)
        return [*missing, *self._unwell(place), *await self._unread(swap)]

    def _unwell(self, place: Place) -> list[str]:
        """Return what the newest snapshot does not show of a tray: its management, that it is on, that it is dry."""
        snapshot, tray = self.enrolment.view.snapshot, tray_of(place)
        state = None if snapshot is None else snapshot.endpoints.get(place)
        if snapshot is None or state is None or state.management is not ManagementAxis.REACHABLE:
            return ["its management does not answer"]
        missing = []
        if snapshot.reading(tray, Quantity.POWER_STATE) is not None and state.state is not PowerAxis.ON:
            missing.append("it is off" if state.state is PowerAxis.OFF else "it is not known to be on")
        detectors = [s.place for s in snapshot.table.gauges if s.quantity is Quantity.LEAK and tray_of(s.place) == tray]
        doubted = [detector for detector in detectors if snapshot.good(detector, Quantity.LEAK) != 0]
        missing += [f"{leaf_of(detector)} is not known to be dry" for detector in doubted]
        planned = self._planned_detectors(tray)
        if len(detectors) < planned:
            missing.append(f"{len(detectors)} of {planned} leak detectors are shown")
        return missing

    def _planned_detectors(self, tray: Place) -> int:
        trays = (t for t in self.enrolment.view.layout.trays if t.place == tray)
        return sum(c.count for t in trays for c in t.components if c.name == Quantity.LEAK)

    async def _unread(self, swap: Swap) -> list[str]:
        """Return why it is not known what the new part is made of: that of the old one does not count."""
        place = Place(swap.place)
        try:
            report = await self.stock.report(place)
        except (DeviceError, CommandRefused) as err:
            return [f"its firmware is not listed yet: {err.what}"]
        if report.taken_unix_ns <= swap.identified_unix_ns:
            if not report.reading_again:
                self.stock.refresh(place)
            return ["its firmware was not read since it was identified"]
        return [] if report.firmware or report.inventory else ["its firmware is not listed"]

    async def _move(self, swap: Swap, event: Happening, said: str) -> Swap:
        moved, acts = step(swap, event, self.clock.unix_ns(), said)
        self._keep(moved)  # before anything is done
        place = Place(swap.place)
        if Act.LIGHT_ON in acts or Act.LIGHT_OFF in acts:
            why = await self._light(place, Act.LIGHT_ON in acts)
            if why:
                moved = msgspec.structs.replace(moved, why=why)
                self._keep(moved)
        severity = Severity.OK if moved.over else Severity.WARNING
        text = f"{_name(place)}: swap by {moved.owner}{STANDS[moved.stage]} ({said})"
        self.tell(Finding(place, f"swap.{moved.stage}", severity, text))
        return moved

    async def _light(self, place: Place, on: bool) -> str:
        """Switch the locate light where that is possible; say why not where it is not.  It holds nobody up."""
        source: object = self.enrolment.roster.sources.get(place)
        switch = getattr(source, "set_locate", None)
        if not self.enrolment.view.layout.armed:
            return "no light: the rack is only observed"
        if switch is None:
            return "no light: it has none"
        try:
            await switch(on)
        except DeviceError as err:
            return f"no light: {err.detail or err.verb}"
        return ""

    def _open(self, place: Place) -> Swap:
        swap = self.swaps.get(place)
        if swap is None or swap.over:
            raise PreconditionFailed(f"{place} is not being swapped", advice="begin with `rackwright swap start`")
        return swap

    def _keep(self, swap: Swap) -> None:
        self.journal.keep(KIND, swap.place, msgspec.json.encode(swap).decode())
        self.swaps[Place(swap.place)] = swap


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 < hours <= MOST_HOURS:
        raise ArgumentsInvalid(f"hours {text!r}", advice=f"more than 0 and at most {MOST_HOURS:g}")
    return hours


def _name(place: Place) -> str:
    return f"{leaf_of(tray_of(place))} {leaf_of(place)}"
