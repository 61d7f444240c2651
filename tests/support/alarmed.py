"""A rack whose alarms a test watches: readings set by hand, interlocks as they ship, people's acts as commands."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from firmware_bridge.generations.alarms import load_alarm_rules
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from rack_controller.decide.alarm_catalogue import catalogue_of
from rack_controller.decide.notice import Finding
from rack_controller.model.alarm import SEVERITIES, AlarmAct, AlarmGlance, AlarmState, AlarmView
from rack_controller.model.command import Command, check_wish
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.roles import Role
from rack_controller.run.alarms.desk import AlarmDesk
from rack_controller.run.guard.guard import Guard
from tests.support.watched import HandClock, Watched

RULES = load_alarm_rules()


def alarm_view(
    name: str,
    place: str,
    text: str,
    *,
    priority: int = 2,
    state: AlarmState = AlarmState.UNACKNOWLEDGED,
    number: int = 1,
    hidden_by: str = "",
) -> AlarmView:
    """Return an alarm as a controller tells of it."""
    rack = place.split("/")[3]
    return AlarmView(
        f"{rack}-a{number}",
        name,
        place,
        "",
        name.replace(".", " ").capitalize(),
        text,
        priority,
        SEVERITIES[priority],
        state,
        state is not AlarmState.RETURNED,
        False,
        1,
        1_000_000_000,
        0,
        "something happened",
        "something follows",
        "do something",
        f"hidden by {hidden_by}" if hidden_by else "",
        hidden_by,
        [text],
        [AlarmAct.ACK, AlarmAct.SHELVE, AlarmAct.OUT_OF_SERVICE],
    )


@dataclass
class Alarmed(Watched):
    """The rack's guard and its alarms, tick by tick."""

    locks: dict[str, str] = field(default_factory=dict)
    lasting: list[tuple[str, LastingEvent]] = field(default_factory=list)
    happened: list[Finding] = field(default_factory=list)
    told: list[Finding] = field(default_factory=list)

    def start(self) -> Guard:
        guard = super().start()
        self.desk = AlarmDesk(
            *(self.view, self.journal, catalogue_of(RULES, self.rack.policy), _WallClock(self.rack), self.told.append),
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
