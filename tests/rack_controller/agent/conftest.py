"""A real nats-server whose agents have a key for their own rack only."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bus_server import SITE, NatsProcess

from datacenter_api.cli.nats_config import write_bus_config


@pytest.fixture
def bus_server(tmp_path: Path) -> Iterator[NatsProcess]:
    server = NatsProcess(tmp_path / "nats", write_bus_config(tmp_path / "nats", SITE, ["k01", "k02"]))
    server.start()
    yield server
    server.kill()
