"""All consoles of one rack: runs their stations, answers what the API asks of them, says live bytes to the bus."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from firmware_bridge.ports.hosts import Console
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, RackwrightError, RoleInsufficient, TargetUnknown
from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.console.patterns import PatternBook
from rack_controller.decide.notice import Finding
from rack_controller.model.console import VERBS, Chunk, ConsoleRequest, ConsoleStatus, Verb, encode_chunk
from rack_controller.model.roles import may, may_not, whom_to_ask
from rack_controller.model.subjects import RackSubjects
from rack_controller.run.consoles.desk import Desk
from rack_controller.run.consoles.log import ConsoleLog, LogCaps
from rack_controller.run.consoles.station import Seat, Station
from rack_controller.run.ending import run_until_one_ends

READINGS_FIRST = Seconds(2.0)
"""Consoles begin a moment after the rack: its readings come first."""
APART = Seconds(0.15)
TICK = Seconds(1.0)
TellBus = Callable[[str, bytes], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class ConsolePlan:
    """One console of the rack: the driver (None: the site file does not ask for it) and how it is reached."""

    place: Place
    protocol: str
    address: str
    console: Console | None


@dataclass(frozen=True, slots=True)
class ConsoleKit:
    """What a rack's consoles need besides their drivers: the logs' folder and caps, and what lines mean."""

    folder: Path
    book: PatternBook
    caps: LogCaps


class Consoles:
    """The serial consoles of one rack."""

    def __init__(
        self, plans: Sequence[ConsolePlan], kit: ConsoleKit, armed: bool, subjects: RackSubjects, clock: Clock
    ) -> None:
        self._plans = {p.place: p for p in plans}
        self._subjects, self._clock = subjects, clock
        self._tell: Callable[[Finding], None] = lambda _finding: None
        self._bus: TellBus | None = None
        self._stations: dict[Place, Station] = {}
        self._desks: dict[Place, Desk] = {}
        seat = Seat(lambda finding: self._tell(finding), self._say, kit.book, clock)
        for plan in plans:
            if plan.console is not None:
                folder = kit.folder / subjects.rack / leaf_of(tray_of(plan.place)) / leaf_of(plan.place)
                station = Station(plan.console, ConsoleLog(folder, kit.caps), seat)
                self._stations[plan.place] = station
                self._desks[plan.place] = Desk(station, armed, seat.tell, clock)

    async def run(self, bus: TellBus, tell: Callable[[Finding], None]) -> None:
        """Listen to every console until cancelled; `bus` says live bytes, `tell` makes events."""
        self._bus, self._tell = bus, tell
        stations = self._stations.values()
        runs = [s.run(Seconds(READINGS_FIRST + n * APART)) for n, s in enumerate(stations)]
        await run_until_one_ends([*runs, self._tick()])

    async def answer(self, body: bytes) -> bytes:
        """Return the JSON that is asked for, `{"error", "code", "status"}` when it cannot be given."""
        try:
            return msgspec.json.encode(await self._answer(msgspec.json.decode(body, type=ConsoleRequest)))
        except RackwrightError as err:
            what = (err.detail if isinstance(err, DeviceError) else "") or err.what
            told = {"error": what, "advice": err.advice, "code": type(err).__name__, "status": err.http_status}
            return msgspec.json.encode(told)
        except msgspec.MsgspecError as err:
            return msgspec.json.encode({"error": f"not a console request: {err}", "code": "malformed", "status": 400})

    async def _answer(self, request: ConsoleRequest) -> object:
        if not may(request.role, VERBS[request.verb]):
            needs = VERBS[request.verb]
            raise RoleInsufficient(may_not(request.role, needs, f"{request.verb} a console"), advice=whom_to_ask(needs))
        if request.verb is Verb.LIST:
            return [self._status(plan) for plan in self._plans.values()]
        if request.verb is Verb.WATCH:
            return self._watch(request)
        station, desk = self._at(request.place)
        match request.verb:
            case Verb.READ:
                at, back = request.position, request.backwards
                return station.log.read(station.place, at, backwards=back, most=request.most)
            case Verb.OPEN:
                await desk.open(request)
            case Verb.SEND:
                await desk.send(request)
            case Verb.BREAK:
                await desk.send_break(request)
            case Verb.CLOSE:
                await desk.close(request)
            case Verb.RETRY:
                station.retry()
        return self._status(self._plans[station.place])

    def _watch(self, request: ConsoleRequest) -> list[ConsoleStatus]:
        for session in request.sessions:
            for desk in self._desks.values():
                desk.heard(session)
        watched = [Place(place) for place in request.watched if place in self._stations]
        for place in watched:
            self._stations[place].watch()
        return [self._status(self._plans[place]) for place in watched]

    def _at(self, place: str) -> tuple[Station, Desk]:
        at = Place(place)
        if at in self._stations:
            return self._stations[at], self._desks[at]
        if at in self._plans:
            raise TargetUnknown(f"{place} is not asked", advice="add it under `consoles` of the site file")
        known = ", ".join(self._stations) or "none"
        raise TargetUnknown(f"no console at {place!r}", advice=f"known are {known}"[:400])

    def _status(self, plan: ConsolePlan) -> ConsoleStatus:
        station, now = self._stations.get(plan.place), self._clock.now()
        if station is None:
            return ConsoleStatus(plan.place, plan.protocol, plan.address, "off", 0.0, "", 0, 0, 0, watched=False)
        holder = self._desks[plan.place].holder
        return ConsoleStatus(
            place=plan.place,
            protocol=plan.protocol,
            address=plan.address,
            state=station.state,
            since_s=round(now - station.since, 3),
            error=station.error,
            first=station.log.first,
            end=station.log.end,
            lost=station.log.lost,
            watched=station.is_watched,
            writer=holder.actor if holder else "",
            writer_since_s=round(now - holder.since, 3) if holder else None,
            writer_session=holder.session if holder else "",
        )

    async def _tick(self) -> None:
        while True:
            for desk in self._desks.values():
                if desk.holder is not None:
                    await desk.tick()
            await asyncio.sleep(TICK)

    async def _say(self, place: str, chunk: Chunk) -> None:
        if self._bus is not None:
            await self._bus(self._subjects.console_live(Place(place)), encode_chunk(chunk))
