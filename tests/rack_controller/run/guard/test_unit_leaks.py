"""A pumping unit that leaks, over its serial line: how soon it may be cleared, and why not when it says so in turns."""

import asyncio
from pathlib import Path

from support.cooled_rack import UNIT, Cooled, cooled
from support.real_rack import RACK, eventually

from firmware_bridge.emulator.faults import Fault, FaultKind
from rack_controller.model.latch import Latch

RECORD = {"found": "a hose clamp", "done": "replaced", "pressure_check": "30 min at 3 bar"}


async def leaked(it: Cooled, detector: str) -> Latch:
    """Let a detector be wet until the rack is latched, and dry from then on."""
    it.faults = (Fault(FaultKind.LEAK, f"{UNIT}/{detector}"),)

    async def latched() -> list[Latch]:
        return it.rack.controlled._guarding.latches.open()  # type: ignore[union-attr]

    (latch,) = await eventually(latched)
    it.faults = ()
    return latch


async def cleared(it: Cooled, latch: Latch) -> str:
    """Clear a latch and return why not, empty when it is."""
    reply = await it.rack.do("clear", RACK, latch=latch.id, **RECORD)
    return "" if reply.accepted else reply.reason


async def test_a_unit_that_was_mended_is_clear_within_its_next_readings(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        for detector in ("leak0", "leak1"):
            latch = await leaked(it, detector)
            assert latch.cause == "coolant.unit_leaks"

            async def is_clear(latch: Latch = latch) -> bool:
                return not await cleared(it, latch)

            async with asyncio.timeout(5.0):  # the fast lane reads every 0.8 s of a clock four times as fast
                await eventually(is_clear)


async def test_two_detectors_that_say_wet_and_dry_in_turns_are_critical_until_they_have_kept_their_word(
    tmp_path: Path,
) -> None:
    async with cooled(tmp_path) as it:
        for detector in ("leak0", "leak1", "leak0"):
            latch = await leaked(it, detector)

            async def is_clear(latch: Latch = latch) -> bool:
                return not await cleared(it, latch)

            await eventually(is_clear)
        latch = await leaked(it, "leak1")

        async def both_flap() -> bool:
            why = await cleared(it, latch)
            return "leak0 (rpu_internal_leakage_abnormal) is flapping, leak1" in why and "critical" not in why

        await eventually(both_flap)
