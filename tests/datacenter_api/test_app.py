"""The application's life: what runs beside it ends with it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from datacenter_api.app import build_app
from datacenter_api.fleet.bus import BusLink


async def test_a_bus_that_goes_away_while_the_api_ends_does_not_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing a connection whose server has just gone raises: the link must not begin again for that."""
    linked = asyncio.Event()

    async def run(_link: BusLink) -> None:
        linked.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("the handler is closed")

    monkeypatch.setattr(BusLink, "run", run)
    app, _services = build_app(tmp_path, console=False)
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, heard.get, said.put))
    heard.put_nowait({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    await linked.wait()
    heard.put_nowait({"type": "lifespan.shutdown"})
    async with asyncio.timeout(60):
        assert (await said.get())["type"] == "lifespan.shutdown.complete"
    await life
