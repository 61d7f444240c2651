"""The bypass register of one rack, kept in its journal: opened by one person, signed by another, over by itself."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place, rack_name, rack_of
from firmware_bridge.vocabulary.text import scrub
from rack_controller.decide.bypass import ended, in_force, sign, where, why_not, why_not_signed, words
from rack_controller.decide.notice import Finding
from rack_controller.model.bypass import Bypass
from rack_controller.model.command import Command
from rack_controller.model.event import Severity
from rack_controller.model.interlock import InterlockPolicy
from rack_controller.run.journal import Journal

_KIND = "bypass"
KEPT = 100
MOST_REASON = 200


@dataclass(slots=True)
class Bypasses:
    """`now_ns` is the wall clock: an expiry outlives this process.  `tell` hears what opens and what is over."""

    journal: Journal
    rack: Place
    policy: InterlockPolicy
    now_ns: Callable[[], int]
    tell: Callable[[Finding], object]
    _all: dict[str, Bypass] = field(init=False)
    _open: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        kept = (msgspec.json.decode(document, type=Bypass) for document in self.journal.kept(_KIND).values())
        self._all = {b.id: b for b in kept if rack_of(b.place) == self.rack}

    def all(self) -> list[Bypass]:
        """Return the register, the newest first."""
        return sorted(self._all.values(), key=lambda b: -_number(b.id))

    def in_force(self) -> list[Bypass]:
        """Return what is left out now; what ended since it was asked last is told."""
        found = in_force(self._all.values(), self.now_ns())
        for name in self._open - {b.id for b in found}:
            over = self._all[name]
            text = f"{words(over)}; over{f', ended by {over.ended_by}' if over.ended_by else ': its time is up'}"
            self.tell(Finding(where(over), "bypass.over", Severity.OK, text))
        self._open = {b.id for b in found}
        return found

    def standing(self) -> list[Bypass]:
        """Return those that are open, and those that wait for a signature."""
        return [b for b in self.all() if not ended(b, self.now_ns())]

    def command(self, command: Command, detectors: Collection[Place], trays: Collection[Place]) -> dict[str, object]:
        """Open, sign or end one.  Raises ArgumentsInvalid, TargetUnknown, PreconditionFailed or EnvironmentUnfit."""
        match command.arguments.get("do", ""):
            case "open":
                after = self._opened(command, detectors, trays)
            case "sign":
                after = self._signed(command)
            case "end":
                after = self._ended(command)
            case other:
                raise ArgumentsInvalid(f"there is no {other!r} of a bypass", advice="open, sign or end")
        self._keep(after)
        return {"bypass": after.id, "open": after.id in {b.id for b in self.in_force()}, "until": after.until_unix_ns}

    def _opened(self, command: Command, detectors: Collection[Place], trays: Collection[Place]) -> Bypass:
        place, now = Place(command.target), self.now_ns()
        said = {name: scrub(command.arguments.get(name, ""), MOST_REASON).strip() for name in ("cause", "reason")}
        if not said["cause"] and place not in detectors:
            raise TargetUnknown(f"{place} is no leak detector that is read", advice="name one, or a row by its cause")
        name = f"{rack_name(self.rack)}-b{1 + max(map(_number, self._all), default=0)}"
        hours = command.arguments.get("hours", 0)
        wish = Bypass(name, place, said["cause"], said["reason"], hours, command.actor, now)
        if why := why_not(wish, self._all.values(), self.policy.rows, trays, now):
            raise PreconditionFailed(
                f"no bypass at {place}: {why}", advice="see `rackwright interlock list` and `bypass list`"
            )
        return wish

    def _signed(self, command: Command) -> Bypass:
        bypass, now = self._find(command), self.now_ns()
        if why := why_not_signed(bypass, command.actor, now):
            raise PreconditionFailed(why)
        after = sign(bypass, command.actor, now)
        self.tell(Finding(where(after), "bypass.open", Severity.WARNING, words(after)))
        return after

    def _ended(self, command: Command) -> Bypass:
        bypass, now = self._find(command), self.now_ns()
        if ended(bypass, now):
            raise PreconditionFailed(f"{bypass.id} is over")
        return msgspec.structs.replace(bypass, ended_unix_ns=now, ended_by=command.actor)

    def _find(self, command: Command) -> Bypass:
        name = str(command.arguments.get("bypass", ""))
        if name not in self._all:
            raise TargetUnknown(f"no bypass {name!r} at {self.rack}", advice="see `rackwright bypass list`")
        return self._all[name]

    def _keep(self, bypass: Bypass) -> None:
        """Write it down before it counts."""
        self.journal.keep(_KIND, f"{self.rack} {bypass.id}", msgspec.json.encode(bypass).decode())
        self._all[bypass.id] = bypass
        for old in self.all()[KEPT:]:
            if ended(old, self.now_ns()):
                self.journal.drop(_KIND, f"{self.rack} {old.id}")
                del self._all[old.id]


def _number(name: str) -> int:
    digits = name.rpartition("-b")[2]
    return int(digits) if digits.isdigit() else 0
