"""Operations on an emulated tray over TLS: off by plan, and taken up by the next controller."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.served_tray import served_tray

from firmware_bridge.emulator.bench import Bench
from rack_controller.model.operation import Operation, OperationRow
from rack_controller.model.roles import Role
from rack_controller.run.ending import end

RESET = "/redfish/v1/Systems/System_0/Actions/ComputerSystem.Reset"


async def met(rack: RealRack, place: str) -> None:
    async def offered() -> bool:
        status = await rack.status(place)
        return bool(status.power_actions) and status.state in ("on", "off")

    await eventually(offered)


async def operation(rack: RealRack, name: str) -> Operation:
    return msgspec.json.decode(await rack.ask("operation", name), type=Operation)


@asynccontextmanager
async def living(bench: Bench) -> AsyncIterator[None]:
    """Let the tray's time go four times as fast as ours, as the controller's does."""

    async def live() -> None:
        while True:
            await asyncio.sleep(0.1)
            bench.advance(0.4)

    task = asyncio.create_task(live())
    try:
        yield
    finally:
        await end([task])


async def off(rack: RealRack, tray: str, **more: Any) -> str:
    made = await rack.do("plan", tray, Role.OPERATOR, do="off", **more)
    assert made.accepted, made
    assert (await rack.do("approve", tray, Role.OPERATOR, operation=made.result["operation"])).accepted
    return str(made.result["operation"])


async def test_a_tray_goes_off_and_everybody_can_see_how_far_it_is(tmp_path: Path) -> None:
    async with served_tray(rack=RACK) as (served, bench), real_rack(tmp_path, [served]) as rack, living(bench):
        tray = served.place.rsplit("/", 1)[0]
        await met(rack, served.place)
        refused = await rack.do("plan", tray, Role.OPERATOR, do="off", depth="aux_off")
        assert "does not offer aux_off" in refused.reason
        name = await off(rack, tray, reason="new GPU")

        async def over() -> Any:
            now = await operation(rack, name)
            return now if now.over else None

        done = await eventually(over)
        assert (done.state, done.summary, served.seen.get(RESET)) == ("done", "1 of 1", 1)
        (row,) = msgspec.json.decode(await rack.ask("operations"), type=list[OperationRow])
        assert (row.id, row.done, row.reason, row.approved_by) == (name, 1, "new GPU", "ada")

        async def told() -> Any:
            return rack.events("operation.done")

        await eventually(told)
        assert rack.events("operation.approved")
        again = await rack.do("plan", tray, Role.OPERATOR, do="off")
        assert again.result["plan"]["already"] == [tray]


async def test_the_next_controller_takes_an_operation_up_and_asks_nothing_twice(tmp_path: Path) -> None:
    async with served_tray(rack=RACK) as (served, bench):
        tray = served.place.rsplit("/", 1)[0]
        async with real_rack(tmp_path, [served]) as rack:
            await met(rack, served.place)
            name = await off(rack, tray)

            async def asked() -> bool:
                return served.seen.get(RESET, 0) == 1

            await eventually(asked)
        async with real_rack(tmp_path, [served]) as rack, living(bench):

            async def over() -> Any:
                with contextlib.suppress(msgspec.ValidationError):
                    now = await operation(rack, name)
                    return now if now.over else None

            done = await eventually(over)
            assert (done.state, served.seen.get(RESET)) == ("done", 1), done.summary
