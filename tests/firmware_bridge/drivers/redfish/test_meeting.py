"""Only so many endpoints are met at once, and one that hangs does not keep its turn."""

import asyncio

from support.virtual_time import run_virtually

from firmware_bridge.drivers.redfish.meeting import MOST_AT_ONCE, TURN_SECONDS, turn_to_meet


def test_no_more_than_the_limit_at_once() -> None:
    async def story() -> None:
        now = most = 0

        async def meet() -> None:
            nonlocal now, most
            async with turn_to_meet():
                now += 1
                most = max(most, now)
                await asyncio.sleep(0.5)
                now -= 1

        await asyncio.gather(*(meet() for _ in range(3 * MOST_AT_ONCE)))
        assert most == MOST_AT_ONCE

    run_virtually(story())


def test_endpoints_that_hang_hold_the_others_up_by_a_moment_only() -> None:
    async def story() -> None:
        async def meet(seconds: float) -> float:
            async with turn_to_meet():
                await asyncio.sleep(seconds)
            return asyncio.get_running_loop().time()

        hanging = [asyncio.create_task(meet(600.0)) for _ in range(MOST_AT_ONCE)]
        await asyncio.sleep(0)
        assert await meet(0.1) == TURN_SECONDS + 0.1
        await asyncio.gather(*hanging)
        ended = await asyncio.gather(*(meet(1.0) for _ in range(2 * MOST_AT_ONCE)))
        assert max(ended) == 602.0  # no turn was handed out twice

    run_virtually(story())
