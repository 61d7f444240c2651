"""Interlocks over REST: how they stand, the rows in force, a rack in one glance, and a latch signed for, audited."""

import asyncio
from pathlib import Path

import pytest
from support.api import Api
from support.latched import CHAIN, latched_state
from support.play import stage, until

from rack_controller.model.roles import Role

V1 = "/api/v1"
CLEAR = {"latch": "k01-l1", "found": "a clamp", "done": "replaced " * 60, "pressure_check": "30 min at 3 bar"}


async def test_interlocks_are_shown_and_a_latch_is_signed_for(state: Path) -> None:
    async with stage(state) as scene:
        (rack,) = scene.racks.values()
        rack.interlocks = latched_state(rack.place)
        api = Api(state)
        running = asyncio.create_task(api.services.bus.run())
        try:
            await until(lambda: api.services.bus.connected and any(r.interlocks for r in api.services.fleet))
            async with api.client() as client:
                shown = (await client.get(f"{V1}/racks/k01/interlocks")).json()
                assert [(s["cause"], s["tripped_s"]) for s in shown["standings"]] == [
                    ("leak.critical", 59.0),
                    ("sensor.faulty", None),
                ]
                assert shown["clearing"]["leak.critical"]["record"] == ["found", "done", "pressure_check"]
                table = (await client.get(f"{V1}/racks/k01/interlocks/policy")).json()
                assert "leak.critical" in [row["cause"] for row in table["rows"]]
                told = (await client.get(f"{V1}/racks/k01/interlocks/test", params={"place": "u31/leak1"})).json()
                assert (told["place"], told["note"]) == (f"{rack.place}/u31/leak1", "it is bypassed")
                wrong = await client.get(f"{V1}/racks/k01/interlocks/test", params={"place": "u99/leak1"})
                assert wrong.status_code == 404
                (summary,) = (await client.get(f"{V1}/racks")).json()
                assert summary["interlocks"]["latches_open"] == 1
                assert [t["chain"] for t in summary["interlocks"]["tripped"]] == [CHAIN]
                wish = {"verb": "clear", "target": "k01", "arguments": CLEAR}
                assert (await client.post(f"{V1}/racks/k01/commands", json=wish)).status_code == 202
                (command,) = rack.asked
                assert (command.verb, command.arguments) == ("clear", CLEAR)
                assert "command clear" in [r["what"] for r in api.services.store.audited(5)]
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            api.services.store.close()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TECHNICIAN, Role.OPERATOR])
async def test_only_safety_and_admins_sign(api: Api, role: Role) -> None:
    async with api.client(api.user_for(role)) as client:
        wish = {"verb": "clear", "target": "k01", "arguments": CLEAR}
        answer = await client.post(f"{V1}/racks/k01/commands", json=wish)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "role_insufficient")
