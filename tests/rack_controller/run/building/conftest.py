"""A real nats-server per test, with its door for MQTT."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bus_server import SITE, NatsProcess

from datacenter_api.cli.nats_config import write_bus_config


@pytest.fixture
def bus_server(tmp_path: Path) -> Iterator[NatsProcess]:
    server = NatsProcess(tmp_path / "nats", write_bus_config(tmp_path / "nats", SITE))
    server.start()
    yield server
    server.kill()
