"""A tray that leaks while it is looked at, or while a session is renewed, is not switched on any more."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
import pytest

from firmware_bridge.vocabulary.errors import CommandRefused, Latched, LoginRefused
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerDepth, PowerSight, PowerState
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.command import Command
from rack_controller.model.latch import Latch
from rack_controller.model.lease import Direction
from rack_controller.model.roles import Role
from rack_controller.run.operate.obstacles import Obstacles
from rack_controller.run.power.desk import PowerDesk
from rack_controller.run.turns import Turns
from rack_controller.run.view import RackView
from tests.support.interlocked import RACK, planned
from tests.support.virtual_time import VirtualClock, run_virtually

LATCH = Latch("k01-l1", "leak.critical", Place(f"{RACK}/u11"), "Leak", 1, [])
BMC = Place(f"{RACK}/u11/bmc")


@dataclass
class Tray:
    """Leaks while it answers `leaks_at`: a look, or a request that a session's end refuses."""

    leaks_at: str
    endpoint: Place = BMC
    power_actions: frozenset[PowerAction] = frozenset(PowerAction)
    latch: str = ""
    starting: bool = False
    asked: list[PowerAction] = field(default_factory=list)

    async def observe_power(self) -> PowerSight:
        await asyncio.sleep(0)
        self._reach("look")
        return PowerSight(PowerState.OFF, PowerDepth.HOST_OFF, Seconds(0.0), "", frozenset(PowerAction))

    async def switch_power(self, action: PowerAction) -> PowerAnswer:
        self.asked.append(action)
        assert self.starting is (action is PowerAction.ON), "an interlock strikes what may come on"
        self._reach("request")
        if self.leaks_at == "request" and len(self.asked) == 1:
            raise LoginRefused(self.endpoint, "switch_power", "HTTP 401", status=401)
        return PowerAnswer(True, 204, "", "On")

    @contextmanager
    def energised(self, tray: Place) -> Iterator[None]:
        self.starting = True
        yield
        self.starting = False

    def _reach(self, where: str) -> None:
        if self.leaks_at == where:
            self.latch = "Leak at u11"


def desk_of(tray: Tray, turns: Turns) -> PowerDesk:
    view = RackView(msgspec.structs.replace(planned(), armed=True), "boot")
    told: list[object] = []
    return PowerDesk(
        *(view, {tray.endpoint: tray}, VirtualClock(), told.append, lambda _p: "", turns, lambda _t: tray.latch),
        energising=tray.energised,
        latches=lambda _t: [LATCH] if tray.latch else [],
    )


@pytest.mark.parametrize("action", [PowerAction.ON, PowerAction.FORCE_OFF])
def test_a_command_and_an_operation_do_not_cross_at_one_tray(action: PowerAction) -> None:
    async def story() -> None:
        tray, turns = Tray("never"), Turns()
        desk, obstacles = desk_of(tray, turns), Obstacles(turns=turns)
        command = Command("1", "ida", Role.ADMIN, "power", f"{RACK}/u11", 0, arguments={"action": str(action)})
        with (
            obstacles.passed(BMC, Direction.SAFE, "operation k01-1"),
            pytest.raises(CommandRefused, match=r"operation k01-1 of .*u11/bmc is under way"),
        ):
            await desk.power(command)
        assert not tray.asked
        asking = asyncio.create_task(desk.power(command))
        await asyncio.sleep(0)  # it looks at the tray
        with pytest.raises(CommandRefused, match=r"power of .*u11/bmc is under way"):
            obstacles.passed(BMC, Direction.ENERGISED, "operation k01-2").__enter__()
        assert (await asking)["status"] == 204
        with obstacles.passed(BMC, Direction.SAFE, "operation k01-3"):
            pass

    run_virtually(story())


@pytest.mark.parametrize(("leaks_at", "sent"), [("look", 0), ("request", 1), ("never", 1)])
@pytest.mark.parametrize("action", [PowerAction.ON, PowerAction.FORCE_OFF])
def test_a_latch_that_comes_while_the_tray_is_asked(leaks_at: str, sent: int, action: PowerAction) -> None:
    async def story() -> None:
        tray = Tray(leaks_at)
        desk = desk_of(tray, Turns())
        command = Command("1", "ida", Role.ADMIN, "power", f"{RACK}/u11", 0, arguments={"action": str(action)})
        if action is PowerAction.ON and leaks_at != "never":
            with pytest.raises(Latched, match=r"u11 stays off: Leak.*then clear k01-l1 with"):
                await desk.power(command)
            assert len(tray.asked) == sent
        else:
            assert (await desk.power(command))["status"] == 204

    run_virtually(story())
