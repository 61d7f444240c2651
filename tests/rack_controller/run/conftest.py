"""A real nats-server per test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from support.bus_server import SITE, NatsProcess

from datacenter_api.cli.nats_config import write_bus_config


@pytest.fixture
def bus_server(tmp_path: Path) -> Iterator[NatsProcess]:
    server = NatsProcess(tmp_path / "nats", write_bus_config(tmp_path / "nats", SITE))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def api_client(bus_server: NatsProcess) -> AsyncIterator[Client]:
    client = await bus_server.connect("api")
    yield client
    await client.close()
