"""Orders handed on: what came of each is told once, and the chain tells only what was taken."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from firmware_bridge.vocabulary.errors import EndpointUnreachable
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Order
from rack_controller.decide.notice import Finding
from rack_controller.model.interlock import Act
from rack_controller.run.guard.carrying import Came, Carry, Carrying
from rack_controller.run.guard.trail import Fate
from tests.support.interlocked import InterlockedRack, seeded_policy
from tests.support.virtual_time import VirtualClock, run_virtually

U14 = InterlockedRack().place("u14")
KEY = ("leak.critical", U14)
ROWS = {row.cause: row for row in seeded_policy().rows}


async def take(carry: Carry, said: list[Finding], *, armed: bool = True, act: Act = Act.AUX_OFF) -> Carrying:
    carrying = Carrying(ROWS, {act: carry}, VirtualClock(), said.append, lambda: armed)
    carrying.take(Order(act, *KEY, (U14,), "Leak at u14"))
    for _ in range(2):  # it is carried out, and then told
        await asyncio.sleep(0)
    return carrying


async def _not_offered(order: Order) -> Came:
    return Came("not offered", {U14: (Fate.SPARED, "")})


async def _no_route(order: Order) -> Came:
    raise EndpointUnreachable(U14, "switch_power", "no route")


async def _bug(order: Order) -> Came:
    raise ZeroDivisionError


async def _hangs(order: Order) -> Came:
    return await asyncio.Future[Came]()


@pytest.mark.parametrize(
    ("carry", "did", "event"),
    [
        (_not_offered, "", "aux off u14: not offered; Leak at u14"),
        (_no_route, "u14 auxiliary power off failed: ", "no route"),
        (_bug, "u14 auxiliary power off failed: a bug of the controller (ZeroDivisionError)", "see its log"),
        (_hangs, "u14 auxiliary power off asked", ""),
    ],
)
def test_the_chain_tells_what_came_of_an_order(carry: Callable[[Order], Awaitable[Came]], did: str, event: str) -> None:
    async def story() -> None:
        said: list[Finding] = []
        carrying = await take(carry, said)
        assert "; ".join(carrying.trail.did(KEY)).startswith(did)
        assert bool(carrying.trail.did(KEY)) is bool(did)
        assert event in "".join(f.message for f in said)
        assert carrying.came_of(KEY, Act.AUX_OFF) == "".join(f.message for f in said)
        await carrying.close()
        assert all(task.done() for task in carrying.under_way)
        carrying.forget(KEY)
        assert (carrying.trail.did(KEY), carrying.came_of(KEY, Act.AUX_OFF)) == ([], "")

    run_virtually(story())


def test_on_an_unarmed_rack_nothing_is_carried_out_and_what_would_be_is_told_once() -> None:
    async def story() -> None:
        said: list[Finding] = []
        carrying = await take(_bug, said, armed=False)
        carrying.take(Order(Act.AUX_OFF, *KEY, (U14,), "Leak at u14"))
        assert [f.kind for f in said] == ["interlock.would.aux_off"]
        assert carrying.trail.did(KEY) == ["u14 auxiliary power off"]

    run_virtually(story())


def test_what_others_are_asked_for_says_by_when() -> None:
    async def story() -> None:
        said: list[Finding] = []
        carrying = await take(_hangs, said)
        carrying.take(Order(Act.STOP_JOB, *KEY, (U14,), "Leak at u14", deadline=Seconds(VirtualClock().now() + 15)))
        assert said[0].message == "stop job u14 within 15 s: Leak at u14"
        assert carrying.trail.did(KEY)[1] == "stop job u14"
        await carrying.close()

    run_virtually(story())
