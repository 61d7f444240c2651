"""The power budget on an emulated rack over TLS: a lost feed, people's limits, a restart, shadow."""

import time
from pathlib import Path

from support.budgeted import GPUS, POLICY, RACK, Budgeted, budgeted
from support.patience import PATIENCE
from support.real_rack import eventually

from firmware_bridge.vocabulary.place import join_place
from rack_controller.model.roles import Role
from rack_controller.run.budget.station import BudgetStation
from rack_controller.run.clock import SystemClock

ONE_SHELF = 9_600 / 1.05
WITHIN_S = 3.0
"""Redfish with writes of a second (the issue): from the loss to caps that were read back and hold."""


async def test_a_lost_feed_leads_to_verified_caps_while_telemetry_goes_on(tmp_path: Path) -> None:
    async with budgeted(tmp_path, clock=SystemClock()) as it:
        before = await it.view()
        assert before.usable is not None
        assert (before.mode, before.why, before.held) == ("armed", "", [])
        assert it.drawn() > 1.2 * ONE_SHELF
        assert it.rack.controlled._view.snapshot is not None
        tick = it.rack.controlled._view.snapshot.tick
        lost = time.monotonic()
        it.lose("u06")
        await eventually(lambda: _kept(it))
        took = time.monotonic() - lost
        assert took <= WITHIN_S * PATIENCE, took
        assert it.drawn() <= 9_600
        assert all(asked < 1_200 for asked in it.asked())
        assert it.rack.controlled._view.snapshot.tick - tick >= int(took) - 1
        (held,) = {h.layer for h in (await it.view()).held}
        assert held.startswith("budget: k01 (")
        (event,) = it.rack.events("budget.usable")
        assert (event.severity, "instead of 18.3 kW" in event.message) == ("warning", True), event

        it.regain()
        await eventually(lambda: _raised(it))


async def test_operations_ask_the_budget_what_the_rack_may_use_now_and_without_a_part(tmp_path: Path) -> None:
    async with budgeted(tmp_path) as it:
        operations = it.rack.controlled._operations
        whole, half = operations.usable(), operations.without(join_place(RACK, "u06"))
        less = operations.without(join_place(RACK, "u07", "psu3"))
        assert whole is not None
        assert half is not None
        assert less is not None
        assert whole.kept
        assert whole.granted > ONE_SHELF, "by what GPUs may draw, not by ratings"
        assert whole.watts > less.watts > half.watts
        assert half.words == "9143 W (shelf u07)"
        assert operations.without(join_place(RACK, "u99")) == whole, "a part that feeds nothing takes nothing away"
        shadow = POLICY.replace("MODE", "shadow")
        assert (await it.rack.do("power_policy", RACK, do="apply", document=shadow)).accepted
        await eventually(lambda: _not_kept(it))


async def test_layers_stay_apart_and_a_new_controller_reads_what_stands(tmp_path: Path) -> None:
    async with budgeted(tmp_path) as it:
        done = await it.rack.do("limit", GPUS[0], Role.OPERATOR, watts=700.0)
        assert done.accepted, done
        it.lose("u06")
        await eventually(lambda: _kept(it))
        raised = await it.rack.do("limit", GPUS[1], Role.OPERATOR, watts=1200.0)
        assert raised.accepted, raised
        assert it.asked()[1] < 1200.0  # a person's limit is a ceiling: the budget below it holds
        assert raised.result["limits"][0]["state"] == "applied"
        view = await it.view()
        layers = {h.place: [name for name, _ in h.layers] for h in view.held}
        assert layers[GPUS[0]][0] in ("limit of ada", "budget: k01 (shelf u07)", "budget: k01 (supplies)")
        assert "limit of ada" in layers[GPUS[0]]

        asked = it.asked()
        old = it.station
        again = BudgetStation(old.roster, old.upstream, it.rack.journal, old.clock, old.filed)
        again.sides = old.sides
        again.cycle()
        assert again.state is not None
        assert it.asked() == asked
        assert (again.state.budget.written.holds <= 1200.0).all()

        it.rack.controlled._limits.held = lambda _tray: ""


async def test_caps_for_a_while_jobs_and_policies_by_command(tmp_path: Path) -> None:
    async with budgeted(tmp_path, mode="shadow") as it:
        assert (await it.view()).why.startswith("shadow")
        capped = await it.rack.do("power_cap", RACK, Role.OPERATOR, kw=8.0, within_s=0.0, for_s=3600.0, reason="grid")
        assert capped.accepted, capped
        await eventually(lambda: _would_hold(it))
        assert it.asked() == [1200.0] * 8  # in shadow nothing is written
        assert (await it.view()).writes == 0
        cap = capped.result["cap"]["id"]
        assert (await it.rack.do("power_cap", RACK, Role.OPERATOR, do="clear", cap=cap)).accepted
        assert not (await it.rack.do("power_cap", RACK, Role.OPERATOR, kw=-1.0, for_s=5.0)).accepted
        assert not (await it.rack.do("power_cap", RACK, Role.TECHNICIAN, kw=8.0, for_s=5.0)).accepted

        job = await it.rack.do("power_job", RACK, Role.OPERATOR, do="start", job="train", members="k01/u11")
        assert job.accepted, job
        twice = await it.rack.do("power_job", RACK, Role.OPERATOR, do="start", job="other", members="u11/gpu0")
        assert (twice.accepted, "nobody else has" in twice.reason) == (False, True), twice
        await eventually(lambda: _claims(it, "train"))
        hinted = await it.rack.do("power_job", RACK, Role.OPERATOR, do="hint", job="train", checkpoints="60/12")
        assert (hinted.accepted, hinted.result["ramps"]) == (True, []), hinted
        late = await it.rack.do("power_job", RACK, Role.OPERATOR, do="hint", job="train", stop_in_s=-1.0)
        assert (late.accepted, "stop_in_s of -1" in late.reason) == (False, True), late
        assert [hint.job for hint in (await it.view()).hints] == ["train"]
        ramps = (
            POLICY.replace("MODE", "armed") + "  ramps:\n  - {name: up, racks: [RACK], up_kw_s: 0.1, down_kw_s: 1}\n"
        )
        nobody = await it.rack.do("power_policy", RACK, do="apply", document=ramps.replace("RACK", "k99"))
        assert (nobody.accepted, "k99 of 'up' names none" in nobody.reason) == (False, True), nobody
        armed_ramp = ramps.replace("RACK", "k01").replace("down_kw_s: 1", "down_kw_s: 1, mode: armed")
        assert (await it.rack.do("power_policy", RACK, do="apply", document=armed_ramp)).accepted
        await eventually(lambda: _ramped(it))
        ended = await it.rack.do("power_job", RACK, Role.OPERATOR, do="end", job="train")
        assert ended.accepted, ended

        wrong = "kind: power\nschema: 1\nspec:\n  mode: armed\n  budgets:\n  - {name: x, racks: [k01], limit_kw: -3}\n"
        refused = await it.rack.do("power_policy", RACK, do="apply", document=wrong)
        assert (refused.accepted, ":6: spec.budgets[0].limit_kw" in refused.reason) == (False, True), refused
        assert not (await it.rack.do("power_policy", RACK, Role.OPERATOR, do="apply", document=wrong)).accepted
        armed = wrong.replace("limit_kw: -3", "limit_kw: 9")
        typo = await it.rack.do("power_policy", RACK, do="apply", document=armed.replace("k01", "k10"))
        assert (typo.accepted, ":6: spec.budgets[0].racks" in typo.reason) == (False, True), typo
        assert (await it.rack.do("power_policy", RACK, do="apply", document=armed)).accepted
        await eventually(lambda: _kept(it, 9_000.0))
        other = "selector: {racks: [lab1/a/r01/k01], generations: []}\n" + armed
        conflict = await it.rack.do("power_policy", RACK, do="apply", document=other)
        assert (conflict.accepted, "two would decide" in conflict.reason) == (False, True), conflict
        assert (await it.rack.do("power_policy", RACK, do="clear")).accepted
        assert (await it.view()).mode in ("shadow", "armed")
        assert it.station.book.active is it.station.filed


async def _ramped(it: Budgeted) -> bool:
    """The armed ramp is a limit of the rack, and knows the pause that was said."""
    view = await it.view()
    kinds = [limit.kind for limit in view.limits]
    return "ramp" in kinds and [(p.job, p.for_s) for ramp in view.ramps for p in ramp.pauses] == [("train", 12.0)]


SHED = "  shed: {after_s: 2, graceful_s: 120}\n"


async def test_an_armed_budget_sheds_a_tray_and_lets_it_come_back_when_there_is_room(tmp_path: Path) -> None:
    async with budgeted(tmp_path, more=SHED) as it:
        capped = await it.rack.do("power_cap", RACK, Role.OPERATOR, kw=4.7, within_s=0.0, for_s=3600.0, reason="grid")
        assert capped.accepted, capped
        await eventually(lambda: _shed(it, "off"), within=60.0)
        (shed,) = (await it.view()).shed
        assert shed.tray == f"{RACK}/u12"  # the topmost of those who come last
        assert "lacks" in shed.why
        assert it.drawn() <= 4_700.0
        told = it.rack.events("budget.shed")
        assert [event.severity for event in told] == ["critical"], told
        await eventually(lambda: _lacks(it, shed.tray))  # the operation that sheds it may be at it still
        await eventually(lambda: _fits(it))

        cap = capped.result["cap"]["id"]
        assert (await it.rack.do("power_cap", RACK, Role.OPERATOR, do="clear", cap=cap)).accepted
        await eventually(lambda: _comes_on(it, shed.tray))
        await eventually(lambda: _all_back(it), within=60.0)
        await eventually(lambda: _told(it, "budget.back"))


async def test_in_shadow_what_would_be_shed_is_only_said(tmp_path: Path) -> None:
    async with budgeted(tmp_path, mode="shadow", more=SHED) as it:
        done = await it.rack.do("power_cap", RACK, Role.OPERATOR, kw=4.7, within_s=0.0, for_s=3600.0)
        assert done.accepted, done
        await eventually(lambda: _would_shed(it))
        since = it.station.clock.now()
        await eventually(lambda: _passed(it, since + 6.0))
        assert (await it.view()).shed == []
        assert it.rack.events("budget.shed") == []


async def _not_kept(it: Budgeted) -> bool:
    usable = it.rack.controlled._operations.usable()
    return usable is not None and not usable.kept


async def _shed(it: Budgeted, state: str) -> bool:
    return [shed.state for shed in (await it.view()).shed] == [state]


async def _fits(it: Budgeted) -> bool:
    return all(limit.shortfall_w <= 1.0 for limit in (await it.view()).limits)


async def _would_shed(it: Budgeted) -> bool:
    return any(f"{RACK}/u12" in limit.shed for limit in (await it.view()).limits)


async def _passed(it: Budgeted, when: float) -> bool:
    return it.station.clock.now() >= when


async def _lacks(it: Budgeted, tray: str) -> bool:
    asked = await it.rack.do("power", tray, action="on")
    assert not asked.accepted, asked
    return "lacks" in asked.reason


async def _comes_on(it: Budgeted, tray: str) -> bool:
    return bool((await it.rack.do("power", tray, action="on")).accepted)


async def _told(it: Budgeted, kind: str) -> bool:
    return len(it.rack.events(kind)) == 1


async def _all_back(it: Budgeted) -> bool:
    return (await it.view()).shed == []


async def _kept(it: Budgeted, most: float | None = None) -> bool:
    """Tell whether every limit was read back, and all that can be asked for is within the limit."""
    view = await it.view()
    rows = [limit for limit in view.limits if limit.kind in ("rack", "budget")]
    below = all(row.charged_w <= row.limit_w for row in rows) and bool(rows)
    binds = view.usable is not None and view.usable.watts <= ONE_SHELF + 1 if most is None else len(rows) > 1
    return bool(binds) and below and it.drawn() <= (most or 9_600.0)


async def _raised(it: Budgeted) -> bool:
    return all(asked == 1_200.0 for asked in it.asked())


async def _would_hold(it: Budgeted) -> bool:
    return any("cap-" in h.layer for h in (await it.view()).held)


async def _claims(it: Budgeted, name: str) -> bool:
    return any(c.name == name and c.synchronous for c in (await it.view()).claims)
