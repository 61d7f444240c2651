"""A few emulated trays, their controller and the API over TLS in one loop, without a bus: as much as a client meets.

What the bus carries is handed over as bytes: states, commands, frames.
"""

import asyncio
import contextlib
import datetime
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvicorn

from datacenter_api.app import build_app
from datacenter_api.auth.authority import ensure_certificates
from datacenter_api.fleet.bus import _error_of, _Refusal
from datacenter_api.server import configuration
from datacenter_api.services import Services
from firmware_bridge.emulator.bench import Bench
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.command import Command, Reply, decode_reply, encode
from rack_controller.model.event import decode_event
from rack_controller.model.frame import decode_frame
from rack_controller.model.layout import Layout, RackState
from rack_controller.model.table import decode_table
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.served_tray import served_trays

EVERY = 0.1  # s between two hand-overs
BESIDE = (TrayKind.COOLANT_UNIT, TrayKind.POWER_SHELF)


@dataclass
class WholeRack:
    """Where the API is, and the certificate to trust.  `speed` is emulated seconds per second."""

    url: str
    trusted: Path
    services: Services
    rack: RealRack
    bench: Bench


@asynccontextmanager
async def whole_rack(
    state: Path, kind: TrayKind = TrayKind.COMPUTE, speed: float = 10.0, beside: Sequence[TrayKind] = BESIDE
) -> AsyncIterator[WholeRack]:
    """Serve until the block ends; the tray has been met by then.

    `beside`: what else stands there.  Without coolant that is seen to flow nothing stays on for long.
    """
    async with served_trays([kind, *beside], RACK) as (all_served, bench), real_rack(state, all_served) as rack:
        served = all_served[0]
        gate, services = build_app(state, console=False)
        files = ensure_certificates(state / "tls", ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
        _join(services, rack)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            config = configuration(gate, files)
            config.lifespan, config.timeout_graceful_shutdown = "off", 1
            server = uvicorn.Server(config)
            works = [
                asyncio.create_task(server._serve(sockets=[taken])),
                asyncio.create_task(_hand_over(services, rack, bench, speed)),
            ]
            try:

                async def met() -> bool:
                    status = await rack.status(served.place)
                    return bool(status.power_actions) and server.started

                await eventually(met)
                url = f"https://127.0.0.1:{taken.getsockname()[1]}"
                yield WholeRack(url, files.ca_file, services, rack, bench)
            finally:
                server.should_exit = True
                await works[0]
                works[1].cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await works[1]
                services.store.close()


def _join(services: Services, rack: RealRack) -> None:
    async def command(_rack: str, wish: Command) -> Reply:
        return decode_reply(await rack.controlled._commands.answer(encode(wish)))

    async def ask(_rack: str, want: str, place: str = "", path: str = "") -> bytes:
        body = await rack.ask(want, place, path)
        if body.startswith(b'{"error"'):
            raise _error_of(msgspec.json.decode(body, type=_Refusal), place, want)
        return body

    services.bus.command = command  # type: ignore[method-assign]
    services.bus.ask = ask  # type: ignore[method-assign, assignment]


async def _hand_over(services: Services, rack: RealRack, bench: Bench, speed: float) -> None:
    """Let emulated time run, and the API hear what its controller says."""
    record = services.fleet.record(RACK.rsplit("/", 1)[1])
    record.hear_layout(msgspec.json.decode(await rack.ask("layout"), type=Layout))
    table, heard = 0, time.monotonic()
    while True:
        await asyncio.sleep(EVERY)
        now = time.monotonic()
        bench.advance((now - heard) * speed)
        heard = now
        for event in rack.controlled.events._waiting:
            services.bus._take_event(decode_event(event.body))  # what it has it takes no second time
        frames = rack.controlled.frames._waiting
        if not frames:
            continue
        frame = decode_frame(frames[-1].body)
        if frame.table_id != table:
            record.hear_table(decode_table(await rack.ask("table")))
            table = frame.table_id
        record.hear_frame(frame, Seconds(now))
        record.hear_state(msgspec.json.decode(await rack.ask("endpoints"), type=RackState), Seconds(now))
