"""A rack whose alarms a test watches: readings set by hand, interlocks as they ship, people's acts as commands."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.generations.alarms import load_alarm_rules
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.alarm_catalogue import catalogue_of
from rack_controller.decide.alarm_sights import Key
from rack_controller.decide.alarm_views import glance_of, views_of
from rack_controller.decide.alarms import Book
from rack_controller.decide.notice import Finding
from rack_controller.model.alarm import Alarm, AlarmGlance, AlarmList, AlarmView
from rack_controller.model.command import Command, check_wish
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.roles import Role
from rack_controller.run.alarms.desk import AlarmDesk
from rack_controller.run.guard.guard import Guard
from rack_controller.run.operate.ledger import Ledger
from tests.support.interlocked import RACK, seeded_policy
from tests.support.watched import HandClock, Watched

NS = 1_000_000_000
RULES = load_alarm_rules()


def played_alarms(rack: Place) -> AlarmList:
    """Return what a controller tells of a rack with a leak, five silent trays, a shelved part and a hidden one."""

    def alarm(number: int, name: str, place: str, text: str, **more: object) -> Alarm:
        at = Place(f"{rack}/{place}")
        return msgspec.structs.replace(Alarm(f"k01-a{number}", name, at, "", text, 60 * NS + number), **more)

    found = [
        alarm(1, "leak.critical", "u31", "leak1 is critical"),
        *(alarm(n, "endpoint.silent", f"u{n:02d}/bmc", f"u{n:02d} bmc is absent") for n in range(11, 16)),
        alarm(20, "part.warning", "u20/gpu1", "u20 gpu1 health is warning", owed=False, acknowledged_by="ida"),
        alarm(21, "part.critical", "u21/gpu1", "u21 gpu1 health is critical", active=False, returned_unix_ns=70 * NS),
        alarm(
            *(22, "part.critical", "u22/gpu0", "u22 gpu0 health is critical"),
            shelved_by="ada",
            shelved_reason="the spare comes",
            shelved_until_unix_ns=999 * NS,
        ),
        alarm(23, "sensor.faulty", "u31", "leak0 is silent", hidden_by="k01-a1"),
        alarm(24, "device.alarm", "u06/psu0", "u06 psu0: dead", out_by="ida", out_reason="wrong map", out_unix_ns=NS),
    ]
    catalogue = catalogue_of(RULES, seeded_policy())
    book = Book(rack, Seconds(0.0), {Key(a.name, Place(a.place)): a for a in found}, raised_at=(Seconds(0.0),) * 11)
    views = views_of(book, catalogue, {("leak.critical", f"{rack}/u31"): ["u31, u30 off"]})
    return AlarmList(rack, True, glance_of(book, views, catalogue), views)


@dataclass
class Alarmed(Watched):
    """The rack's guard and its alarms, tick by tick."""

    locks: dict[str, str] = field(default_factory=dict)
    lasting: list[tuple[str, LastingEvent]] = field(default_factory=list)
    happened: list[Finding] = field(default_factory=list)
    told: list[Finding] = field(default_factory=list)

    def start(self) -> Guard:
        guard = super().start()
        catalogue, ledger = catalogue_of(RULES, self.rack.policy), Ledger(self.journal, RACK)
        self.desk = AlarmDesk(
            *(self.view, ledger, catalogue, _WallClock(self.rack), self.told.append),
            locked_by=lambda place: self.locks.get(leaf_of(tray_of(place)), ""),
            standings=guard.judged,
        )
        return guard

    def tick(self, seconds: float = 0.0, step: float = 1.0) -> None:
        """Let time pass, a snapshot a `step`, judged by the guard and then by the alarms."""
        end = self.rack.now + seconds
        while True:
            snapshot = self.view.snapshot = self.rack.snapshot()
            self.guard.look(snapshot)
            told, _ = self.desk.look(self.happened, snapshot, self.lasting)
            self.told += told
            self.happened = []
            if self.rack.now >= end:
                return
            self.rack.now = min(end, self.rack.now + step)

    def stand(self) -> dict[str, str]:
        """Return what stands: name and place in the rack, and its state."""
        rack = self.view.layout.rack
        return {f"{a.name}@{a.place.removeprefix(rack).strip('/')}": str(a.state) for a in self.desk.listed().alarms}

    def top(self) -> list[str]:
        """Return the list that an operator works from."""
        return [f"{line.count}× {line.first.name}" for line in self.glance.lines]

    @property
    def glance(self) -> AlarmGlance:
        assert self.view.alarms is not None
        return self.view.alarms

    def find(self, name: str) -> AlarmView:
        return next(a for a in self.desk.listed().alarms if a.name == name)

    def act(self, do: str, alarm: str, role: Role = Role.OPERATOR, **arguments: object) -> dict[str, object]:
        """Do something in somebody's name, as the command contract has it."""
        said = {"do": do, "alarm": alarm, **arguments}
        command = Command("c1", "ada", role, "alarm", self.view.layout.rack, 1 << 62, said)
        check_wish(command)
        return asyncio.run(self.desk.alarm(command))


class _WallClock(HandClock):
    def unix_ns(self) -> int:  # type: ignore[override]
        return int(self.now() * 1e9)


def panic(place: Place) -> tuple[str, LastingEvent]:
    """Return a kernel panic that lasts."""
    return "", LastingEvent(place, "console.panic", "critical", "kernel panic: not syncing", 1)


def priorities(desk: AlarmDesk) -> dict[str, dict[str, int]]:
    """Return the counts that are not zero."""
    counts = msgspec.to_builtins(desk.listed().glance.counts)
    return {p: {s: n for s, n in by.items() if n} for p, by in counts.items() if any(by.values())}
