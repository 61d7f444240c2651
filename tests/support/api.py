"""An API in this process, asked over ASGI, and records that have heard everything a controller says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from datacenter_api.app import build_app
from datacenter_api.fleet.record import RackRecord
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.roles import Role
from support.play import PlayedRack

PASSWORD = "correct horse battery"


def fill(record: RackRecord, rack: PlayedRack, said_at: Seconds) -> None:
    """Let a record hear everything a controller would say."""
    record.hear_layout(rack.layout)
    record.hear_table(rack.table)
    record.hear_frame(rack.frame(), said_at)
    record.hear_state(rack.state(), said_at)
    record.wanted_revision, record.wanted_boot = rack.revision, rack.boot


class Api:
    """The gate with everything behind it, asked over ASGI."""

    def __init__(self, state: Path) -> None:
        self.gate, self.services = build_app(state, console=False)

    @asynccontextmanager
    async def client(self, user: str | None = "admin", password: str = PASSWORD) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self.gate, raise_app_exceptions=False)
        auth = httpx.BasicAuth(user, password) if user else None
        async with httpx.AsyncClient(transport=transport, base_url="https://api.test", auth=auth) as client:
            yield client

    def user_for(self, role: Role) -> str:
        if role is Role.ADMIN:
            return "admin"
        self.services.accounts.create(role.value, PASSWORD, role)
        return role.value
