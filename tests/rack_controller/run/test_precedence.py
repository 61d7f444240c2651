"""Strikes go first, for moments that end."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.vocabulary.units import Seconds
from rack_controller.run.precedence import LASTS, MOST, SPREAD, Precedence


def test_who_gives_way_begins_again_when_the_last_strike_has_been_taken() -> None:
    async def story() -> None:
        clock = VirtualClock()
        first = Precedence(clock)
        await first.give_way()
        assert clock.now() == 0.0
        first.claim()
        await clock.sleep_until(Seconds(0.3))
        first.claim()
        await first.give_way(phase=0.5)
        assert clock.now() == 0.3 + LASTS + 0.5 * SPREAD

    run_virtually(story())


@given(st.lists(st.floats(0.01, 2.0), min_size=20, max_size=60))
def test_however_long_it_leaks_routine_has_as_long_as_strikes(gaps: list[float]) -> None:
    async def story() -> None:
        clock = VirtualClock()
        first = Precedence(clock)
        waited = 0.0

        async def routine() -> None:
            nonlocal waited
            while True:
                began = clock.now()
                await first.give_way()
                waited = max(waited, clock.now() - began)
                await clock.sleep_until(Seconds(clock.now() + 0.05))

        reading = asyncio.create_task(routine())
        for gap in gaps:
            first.claim()
            await clock.sleep_until(Seconds(clock.now() + gap))
        await clock.sleep_until(Seconds(clock.now() + 2.0 * MOST))
        reading.cancel()
        assert 0.0 < waited <= MOST + 1e-9

    run_virtually(story())
