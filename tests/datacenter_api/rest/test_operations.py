"""Operations over REST: the newest of a rack, one whole, and commands that steer them, audited."""

import asyncio
from pathlib import Path

import pytest
from support.api import Api
from support.kill_story import KINDS, plan_of
from support.play import stage, until

from rack_controller.model.operation import Operation, OperationState
from rack_controller.model.roles import Role

V1 = "/api/v1"
PLANNED = Operation("k01-3", plan_of(KINDS[0]), "ada", "new trays", 5, state=OperationState.PLANNED)


async def test_operations_are_listed_shown_and_steered(state: Path) -> None:
    async with stage(state) as scene:
        (rack,) = scene.racks.values()
        rack.operations.append(PLANNED)
        api = Api(state)
        running = asyncio.create_task(api.services.bus.run())
        try:
            await until(lambda: api.services.bus.connected and any(r.layout for r in api.services.fleet))
            async with api.client() as client:
                (row,) = (await client.get(f"{V1}/racks/k01/operations")).json()
                assert (row["id"], row["state"], row["steps"], row["reason"]) == ("k01-3", "planned", 2, "new trays")
                whole = (await client.get(f"{V1}/racks/k01/operations/k01-3")).json()
                assert [s["name"] for s in whole["plan"]["stages"]] == ["stage0"]
                assert (await client.get(f"{V1}/racks/k01/operations/k01-9")).status_code == 404
                assert (await client.get(f"{V1}/racks/k01/operations/nonsense")).status_code == 422
                wish = {"verb": "approve", "target": "k01", "arguments": {"operation": "k01-3"}}
                assert (await client.post(f"{V1}/racks/k01/commands", json=wish)).status_code == 202
                (command,) = rack.asked
                assert (command.verb, command.target, command.arguments) == ("approve", rack.place, wish["arguments"])
                (audited,) = [r for r in api.services.store.audited(5) if r["what"] == "command approve"]
                assert audited["outcome"] == "accepted"
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            api.services.store.close()


@pytest.mark.parametrize(
    ("role", "verb", "said"),
    [
        (Role.VIEWER, "approve", {"operation": "k01-3"}),
        (Role.TECHNICIAN, "cancel", {"operation": "k01-3"}),
        (Role.SAFETY, "plan", {"do": "on"}),
    ],
)
async def test_who_may_not_is_refused_before_anything_is_sent(
    api: Api, role: Role, verb: str, said: dict[str, str]
) -> None:
    async with api.client(api.user_for(role)) as client:
        wish = {"verb": verb, "target": "u12", "arguments": said}
        answer = await client.post(f"{V1}/racks/k01/commands", json=wish)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "role_insufficient")
