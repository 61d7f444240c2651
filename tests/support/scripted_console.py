"""A console whose far end is a test: it opens, prints and breaks off as told."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from firmware_bridge.generations.console_patterns import load_console_patterns
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.notice import Finding
from rack_controller.model.console import Chunk, ConsoleRequest, Verb, decode_chunk
from rack_controller.model.roles import Role
from rack_controller.model.subjects import subjects_of
from rack_controller.run.consoles.log import LogCaps
from rack_controller.run.consoles.rack_consoles import ConsoleKit, ConsolePlan, Consoles

RACK = Place("lab1/a/r01/k01")
U12 = Place(f"{RACK}/u12/console")
BOOK = load_console_patterns()


@dataclass
class ScriptedConsole:
    """`refusals` are raised by the next `open`s; `prints` puts bytes, `break_off` an end."""

    endpoint: Place = U12
    refusals: list[DeviceError] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    sent: bytearray = field(default_factory=bytearray)
    breaks: int = 0
    coming: "asyncio.Queue[bytes | DeviceError | None]" = field(default_factory=asyncio.Queue)

    async def open(self) -> None:
        self.opened += 1
        if self.refusals:
            raise self.refusals.pop(0)

    async def receive(self) -> bytes:
        got = await self.coming.get()
        if got is None:
            raise RuntimeError("a bug of the driver")
        if isinstance(got, DeviceError):
            raise got
        return got

    async def send(self, data: bytes) -> None:
        self.sent += data

    async def send_break(self) -> None:
        self.breaks += 1

    async def lines(self) -> AsyncIterator[str]:
        raise NotImplementedError
        yield ""

    async def close(self) -> None:
        self.closed += 1

    def prints(self, data: bytes) -> None:
        self.coming.put_nowait(data)

    def break_off(self, why: str = "the connection was closed") -> None:
        self.coming.put_nowait(EndpointUnreachable(self.endpoint, "receive", why))


@dataclass
class Room:
    """The consoles of one rack, what they told and what they said live."""

    consoles: Consoles
    told: list[Finding] = field(default_factory=list)
    live: list[tuple[str, Chunk]] = field(default_factory=list)

    def run(self) -> Coroutine[Any, Any, None]:
        return self.consoles.run(self._bus, self.told.append)

    async def _bus(self, subject: str, body: bytes) -> None:
        self.live.append((subject, decode_chunk(body)))

    async def ask(self, verb: Verb, place: str = U12, role: Role = Role.ADMIN, actor: str = "ann", **more: Any) -> Any:
        request = ConsoleRequest(verb, actor, role, place, **more)
        return msgspec.json.decode(await self.consoles.answer(msgspec.json.encode(request)))

    async def status(self, place: str = U12) -> dict[str, Any]:
        rows = await self.ask(Verb.LIST)
        return next(row for row in rows if row["place"] == place)

    @property
    def kinds(self) -> list[str]:
        return [f.kind for f in self.told]


def room(folder: Path, clock: Clock, *consoles: Any, armed: bool = True, caps: LogCaps | None = None) -> Room:
    """Return a rack's consoles, and one more place that the site file does not ask for."""
    plans = [ConsolePlan(c.endpoint, "ssh", "192.0.2.12:2200", c) for c in consoles]
    plans.append(ConsolePlan(Place(f"{RACK}/u13/console"), "ssh", "", None))
    kit = ConsoleKit(folder, BOOK, caps or LogCaps())
    return Room(Consoles(plans, kit, armed, subjects_of(RACK), clock))
