"""Alarms over REST: the list, the definitions, a rack in one glance, and an act, audited."""

import asyncio
from pathlib import Path

import pytest
from support.alarmed import played_alarms
from support.api import Api
from support.play import stage, until

from rack_controller.model.roles import Role

V1 = "/api/v1"
SHELVE = {"do": "shelve", "alarm": "k01-a20", "reason": "the spare comes", "minutes": 60}


async def test_alarms_are_shown_and_acted_on(state: Path) -> None:
    async with stage(state) as scene:
        (rack,) = scene.racks.values()
        rack.alarms = played_alarms(rack.place)
        api = Api(state)
        running = asyncio.create_task(api.services.bus.run())
        try:
            await until(lambda: api.services.bus.connected and any(r.alarms for r in api.services.fleet))
            async with api.client() as client:
                shown = (await client.get(f"{V1}/racks/k01/alarms")).json()
                assert [a["name"] for a in shown["alarms"]][:2] == ["leak.critical", "part.critical"]
                assert shown["alarms"][0]["response"].startswith("leave it off")
                defined = (await client.get(f"{V1}/racks/k01/alarms/definitions")).json()
                assert defined["definitions"]["leak.critical"]["silenceable"] is False
                (summary,) = (await client.get(f"{V1}/racks")).json()
                assert (summary["alarms"]["critical"], summary["alarms"]["silenced"]) == (1, 3)
                page = (await client.get("/metrics")).text
                at = f'rack="{rack.place}"'
                assert f'rack_alarms{{{at},priority="medium",state="unacknowledged"}} 5' in page
                assert f'rack_alarms{{{at},priority="low",state="shelved"}} 0' in page
                assert f"rack_alarm_flood{{{at}}} 1" in page
                wish = {"verb": "alarm", "target": "k01", "arguments": SHELVE}
                assert (await client.post(f"{V1}/racks/k01/commands", json=wish)).status_code == 202
                (command,) = rack.asked
                assert (command.verb, command.arguments, command.actor) == ("alarm", SHELVE, "admin")
                assert "command alarm" in [r["what"] for r in api.services.store.audited(5)]
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            api.services.store.close()


@pytest.mark.parametrize(("role", "do"), [(Role.VIEWER, "ack"), (Role.TECHNICIAN, "shelve"), (Role.VIEWER, "return")])
async def test_who_may_not_is_refused_before_anything_is_sent(api: Api, role: Role, do: str) -> None:
    async with api.client(api.user_for(role)) as client:
        wish = {"verb": "alarm", "target": "k01", "arguments": {**SHELVE, "do": do}}
        answer = await client.post(f"{V1}/racks/k01/commands", json=wish)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "role_insufficient")
