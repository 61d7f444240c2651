"""Whoever looks after latched racks of a running product: asks the controller, signs, and sees trays off and on.

It speaks to the controller over the bus as the API does, so that the API need not be there.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import nats
from nats.aio.client import Client

from rack_controller.model.command import Command, Reply, decode_reply, encode
from rack_controller.model.interlock_view import InterlockState
from rack_controller.model.latch import Latch
from rack_controller.model.layout import RackState, StateRequest
from rack_controller.model.roles import Role
from rack_controller.model.subjects import RackSubjects
from support.patience import PATIENCE

T = TypeVar("T")
RECORD = {"found": "a loose hose clamp", "done": "clamp replaced", "pressure_check": "30 min at 3 bar"}
SIGNERS = ("ann", "bob")
WITHIN_S = 20.0
LOOK_EVERY_S = 0.05


class Attendant:
    """Made by `attending`."""

    def __init__(self, client: Client, site: str, every: float) -> None:
        self._client, self._site, self._every = client, site, every

    async def interlocks(self, rack: str = "k01") -> InterlockState:
        """Return how a rack's interlocks stand."""
        return msgspec.json.decode(await self._state(rack, "interlocks"), type=InterlockState)

    async def open(self, rack: str = "k01") -> list[Latch]:
        """Return the latches that stand."""
        return [latch for latch in (await self.interlocks(rack)).latches if latch.open]

    async def off(self, rack: str = "k01") -> set[str]:
        """Return the trays that the controller sees off, by name."""
        state = msgspec.json.decode(await self._state(rack, "endpoints"), type=RackState)
        return {e.place.split("/")[4] for e in state.endpoints if e.state == "off" and e.place.endswith("/bmc")}

    async def command(self, verb: str, target: str, actor: str = "ann", rack: str = "k01", **arguments: Any) -> Reply:
        """Send a command as somebody who may everything."""
        deadline = time.time_ns() + int(WITHIN_S * 1e9)
        command = Command(secrets.token_hex(8), actor, Role.ADMIN, verb, target, deadline, arguments)
        subject = RackSubjects(self._site, rack).command
        return decode_reply((await self._client.request(subject, encode(command), timeout=WITHIN_S)).data)

    async def clear_all(self, rack: str = "k01") -> None:
        """Sign for every latch, as two persons where it takes two, until none stands."""

        refused: list[str] = []

        async def none() -> bool | None:
            state = await self.interlocks(rack)
            refused.clear()
            for latch in (n for n in state.latches if n.open):
                for signer in (s for s in SIGNERS if s not in latch.signed):
                    reply = await self.command("clear", state.rack, signer, rack, latch=latch.id, **RECORD)
                    refused.append(reply.reason)
            return not await self.open(rack) or None

        await until(none, lambda: f"a latch of {rack} cannot be cleared: {refused}")

    async def seen(self, rack: str, trays: Collection[str], *, off: bool) -> None:
        """Wait until the controller sees these trays off, or none of them off."""

        async def so() -> bool | None:
            seen = await self.off(rack)
            return (seen >= set(trays) if off else not seen & set(trays)) or None

        await until(
            so, f"{', '.join(sorted(trays))} of {rack} are not seen {'off' if off else 'on'}", every=self._every
        )

    async def _state(self, rack: str, want: str) -> bytes:
        subject = RackSubjects(self._site, rack).state
        body = (await self._client.request(subject, msgspec.json.encode(StateRequest(want)), timeout=WITHIN_S)).data
        assert not body.startswith(b'{"error"'), body
        return body


async def until(
    look: Callable[[], Awaitable[T | None]],
    what: str | Callable[[], str],
    within: float = WITHIN_S,
    every: float = LOOK_EVERY_S,
) -> T:
    """Return what `look` gives as soon as it is not None; fail with `what` when that takes too long."""
    deadline = time.monotonic() + within * PATIENCE
    while (seen := await look()) is None:
        assert time.monotonic() < deadline, what if isinstance(what, str) else what()
        await asyncio.sleep(every)
    return seen


@asynccontextmanager
async def attending(state: Path, every: float = LOOK_EVERY_S) -> AsyncIterator[Attendant]:
    """Connect to the bus of the product that runs on a state directory; who waits for trays looks `every` so many s."""
    url, site = (state / "nats" / "url").read_text().strip(), (state / "site-name").read_text().strip()
    client = await nats.connect(url, nkeys_seed=str(state / "nats" / "api.nk"), name="attendant")
    try:
        yield Attendant(client, site, every)
    finally:
        await client.close()
