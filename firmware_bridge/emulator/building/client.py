"""The emulated building's own connection to the broker: it knows nothing of the one that a controller has."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from firmware_bridge.emulator.building.building import EmulatedBuilding
from firmware_bridge.wire.mqtt.packets import Published
from firmware_bridge.wire.mqtt.session import Denied, Granted, Session, Welcome

LOOPBACK, USER = "127.0.0.1", "bms"
LOOK_S = 0.2
PING_S = 5.0
AGAIN_S = 1.0


class BuildingClient:
    """Stays connected while it runs.  `bus` is the folder of the bus, where port and password are."""

    def __init__(self, building: EmulatedBuilding, bus: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._building, self._bus, self._now = building, bus, now
        self.connected = False
        self.published = 0

    async def run(self) -> None:
        """Connect, speak and listen, and again whenever the broker was away.  Without a bus nothing happens."""
        while True:
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RuntimeError):
                await self._connection()
            self.connected = False
            await asyncio.sleep(AGAIN_S)

    async def _connection(self) -> None:
        port = int(json.loads((self._bus / "ports.json").read_text())["mqtt"])
        session = Session("emulated-building", USER, (self._bus / f"{USER}.password").read_text().strip())
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        speaking: asyncio.Task[None] | None = None
        try:
            session.log_in()
            while True:
                writer.write(session.take_bytes())
                data = await reader.read(65_536)
                if not data:
                    return
                for event in session.feed(data):
                    if isinstance(event, Denied):
                        return
                    if isinstance(event, Welcome):
                        session.subscribe([f"{self._building.contract.root}/{self._building.integration}/#"])
                    elif isinstance(event, Granted):
                        self._building.joined()
                        self.connected = True
                        speaking = asyncio.create_task(self._speak(session, writer))
                    elif isinstance(event, Published):
                        self._building.hear(event.topic, event.payload, _unix_ms(), self._now())
        finally:
            if speaking is not None:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
            writer.close()

    async def _speak(self, session: Session, writer: asyncio.StreamWriter) -> None:
        pinged = self._now()
        while True:
            for topic, body, kept in self._building.look(self._now(), _unix_ms()):
                session.publish(topic, body, retained=kept)
                self.published += 1
            if self._now() - pinged >= PING_S:
                pinged = self._now()
                session.ping()
            writer.write(session.take_bytes())
            await writer.drain()
            await asyncio.sleep(LOOK_S)


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000
