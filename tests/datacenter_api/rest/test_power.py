"""A tray's power over REST: looked at through its controller, asked for as a command, audited with what was asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.api import Api
from support.play import PlayedRack, stage, until

from rack_controller.model.power import BootView
from rack_controller.model.roles import Role

V1 = "/api/v1"


@contextlib.asynccontextmanager
async def heard(state: Path) -> AsyncIterator[tuple[Api, PlayedRack]]:
    """An API that hears one played rack over a real bus."""
    async with stage(state) as scene:
        (rack,) = scene.racks.values()
        rack.boots[f"{rack.place}/u12/bmc"] = BootView("None", "disabled", targets=["None", "Pxe"])
        api = Api(state)
        running = asyncio.create_task(api.services.bus.run())
        try:
            await until(lambda: api.services.bus.connected and any(r.layout for r in api.services.fleet))
            yield api, rack
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            api.services.store.close()


async def test_a_tray_is_looked_at_and_switched(state: Path) -> None:
    async with heard(state) as (api, rack), api.client() as client:
        look = (await client.get(f"{V1}/trays/power", params={"place": "u12/gpu1"})).json()
        assert (look["place"], look["state"]) == (f"{rack.place}/u12", "on")
        assert look["boot"]["targets"] == ["None", "Pxe"]
        wish = {"verb": "power", "target": "u12", "arguments": {"action": "force_off"}}
        assert (await client.post(f"{V1}/racks/k01/commands", json=wish)).status_code == 202
        (command,) = rack.asked
        assert (command.target, command.arguments) == (f"{rack.place}/u12", {"action": "force_off"})
        (row,) = [r for r in api.services.store.audited(5) if r["what"] == "command power"]
        assert (row["target"], row["outcome"], row["detail"]) == (command.target, "accepted", "action=force_off")
        for place, status in (("k01", 404), ("u06", 404), ("u99", 404)):
            assert (await client.get(f"{V1}/trays/power", params={"place": place})).status_code == status


@pytest.mark.parametrize(("role", "action"), [(Role.TECHNICIAN, "force_off"), (Role.SAFETY, "on")])
async def test_who_may_not_is_refused_before_anything_is_sent(api: Api, role: Role, action: str) -> None:
    async with api.client(api.user_for(role)) as client:
        wish = {"verb": "power", "target": "u12", "arguments": {"action": action}}
        answer = await client.post(f"{V1}/racks/k01/commands", json=wish)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "role_insufficient")
