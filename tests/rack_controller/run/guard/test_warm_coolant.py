"""A row that caps, from the plant's warm supply to the caps on a real tray, and by whom they are raised again."""

from pathlib import Path

import msgspec
from support.cooled_rack import UNIT, Cooled, cooled
from support.real_rack import RACK, eventually

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from rack_controller.model.limit import LimitRow
from rack_controller.model.roles import Role

SHARE = 0.8  # the row's, in seeds/policies/interlock.yaml


async def limits(it: Cooled) -> list[LimitRow]:
    """Return the limits of the tray's GPUs."""
    rows = msgspec.json.decode(await it.rack.ask("limits"), type=list[LimitRow])
    return [row for row in rows if "/gpu" in row.place]


async def keeps(it: Cooled, tray: Place) -> set[float | None]:
    """Return what the tray says that its GPUs keep."""
    kept = await it.rack.controlled._limits.read_now(tray)
    return {watts for place, watts in kept.items() if "/gpu" in place}


async def test_warm_coolant_caps_gpus_until_it_is_over_and_a_person_raises_them(tmp_path: Path) -> None:
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
        assert all(row.held.startswith("Coolant comes warm at k01") for row in rows)
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
        assert await keeps(it, tray) == {SHARE * most}, "nothing raises them by itself"
        done = await it.rack.do("limit", tray, Role.OPERATOR, clear=True, each=True)
        assert {(p["value"], p["state"]) for p in done.result["limits"]} == {(most, "applied")}
        assert [float(w) for w in it.bench.asked_caps[0, 0]] == [most] * len(rows)
        assert all(row.wanted is None for row in await limits(it))
