"""Rows that cap, from the plant's warm supply or lost pumps to the caps on a real tray, and how those go back."""

from pathlib import Path

import msgspec
import pytest
from support.cooled_rack import UNIT, Cooled, cooled
from support.real_rack import RACK, eventually

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from rack_controller.decide.following import STEP
from rack_controller.model.limit import LimitRow
from rack_controller.model.roles import Role

SHARE = 0.8  # the row's, in seeds/policies/interlock.yaml: nobody says at what temperature these GPUs slow down


async def limits(it: Cooled) -> list[LimitRow]:
    """Return the limits of the tray's GPUs."""
    rows = msgspec.json.decode(await it.rack.ask("limits"), type=list[LimitRow])
    return [row for row in rows if "/gpu" in row.place]


async def keeps(it: Cooled, tray: Place) -> set[float | None]:
    """Return what the tray says that its GPUs keep."""
    kept = await it.rack.controlled._limits.read_now(tray)
    return {watts for place, watts in kept.items() if "/gpu" in place}


async def test_warm_coolant_caps_gpus_until_it_is_over(tmp_path: Path) -> None:
    async with cooled(tmp_path, TrayKind.COMPUTE) as it:
        most = it.bench.design.limit_max

        async def known() -> bool:
            return len(await limits(it)) == it.bench.design.gpus

        await eventually(known)
        warm = await it.rack.do("coolant", UNIT, Role.SAFETY, what="supply", value=42.0)
        assert warm.accepted, warm

        async def capped() -> bool:
            rows = await limits(it)
            return all(row.wanted is not None and row.wanted.state in ("unread", "applied") for row in rows)

        await eventually(capped)  # 10 s of the controller's time after the supply is 8 K too warm
        rows = await limits(it)
        tray = join_place(RACK, rows[0].place.split("/")[4])
        assert {row.wanted and (row.wanted.value, row.wanted.by) for row in rows} == {
            (SHARE * most, "interlock coolant.warm")
        }
        assert await keeps(it, tray) == {SHARE * most}
        assert [float(w) for w in it.bench.asked_caps[0, 0]] == [SHARE * most] * len(rows)

        async def held() -> bool:
            return all(row.held.startswith("Coolant comes warm at k01") for row in await limits(it))

        await eventually(held)
        refused = await it.rack.do("limit", tray, Role.OPERATOR, clear=True, each=True)
        assert (refused.accepted, "is not raised: Coolant comes warm" in refused.reason) == (False, True), refused
        flow = (await it.rows())["flow_target"].wanted
        assert flow is not None
        assert (flow.value, flow.by) == (110.0, "interlock coolant.warm")

        async def colder() -> bool:  # what it needs; the interlock's own request may be on its way
            return (await it.rack.do("coolant", UNIT, Role.SAFETY, what="supply", value=30.0)).accepted

        await eventually(colder)

        async def over() -> bool:
            return not any(row.held for row in await limits(it))

        await eventually(over)

        async def back() -> bool:
            return all(row.wanted is None for row in await limits(it))

        await eventually(back)
        assert await keeps(it, tray) == {most}
        assert [float(w) for w in it.bench.asked_caps[0, 0]] == [most] * len(rows)


PUMPS = [Fault(FaultKind.PUMP_FAIL, f"{UNIT}/pump{n}") for n in (1, 2)]


async def test_caps_follow_the_pumps_that_are_left_and_go_back_to_what_a_person_wanted(tmp_path: Path) -> None:
    """Of four pumps: 82.5 L/min of three carry 53.2 kW at 10 K, 55 of two 35.5 kW; all that is not of GPUs 20.7 kW."""
    async with cooled(tmp_path, TrayKind.COMPUTE) as it:
        most = it.bench.design.limit_max
        least = it.bench.design.limit_min

        async def known() -> bool:
            return len(await limits(it)) == it.bench.design.gpus

        await eventually(known)
        rows = await limits(it)
        tray = join_place(RACK, rows[0].place.split("/")[4])
        one = await it.rack.do("limit", rows[0].place, Role.OPERATOR, watts=800.0)
        assert one.accepted, one

        async def capped_to(share: float) -> bool:
            watts = max(share * most, least)
            kept = [float(w) for w in it.bench.asked_caps[0, 0]]
            return kept == pytest.approx([min(800.0, watts), watts, watts, watts], abs=STEP * most)

        async def with_three() -> bool:
            return await capped_to((53_212.5 - 20_700.0) / 43_200.0)

        async def with_two() -> bool:
            return await capped_to((35_475.0 - 20_700.0) / 43_200.0)

        it.faults = (PUMPS[0],)
        await eventually(with_three)
        it.faults = tuple(PUMPS)
        await eventually(with_two)
        rows = await limits(it)
        assert {row.wanted and row.wanted.by for row in rows} == {"interlock coolant.no_spare_pump"}
        assert all("No spare pump" in row.held for row in rows)
        it.faults = (PUMPS[1],)
        await eventually(with_three)
        assert it.bench.state.conditions.tray_on[0, 0], "a lost pump switches nothing off"
        it.faults = ()

        async def back() -> bool:
            return {row.wanted and row.wanted.by for row in await limits(it)} == {None, "ada"}

        await eventually(back)
        assert await keeps(it, tray) == {800.0, most}
        assert [float(w) for w in it.bench.asked_caps[0, 0]] == [800.0, most, most, most]
