"""Limits in band on an emulated rack: sooner than Redfish, over by themselves, and never more than Redfish allows."""

import time
from pathlib import Path

import pytest
from support.in_band import HOSTS, InBandRack, in_band_rack
from support.patience import PATIENCE
from support.real_rack import eventually

from rack_controller.run.budget import looking

ONE_SHELF = 9_600 / 1.05
WITHIN_S = 1.0
"""From a loss to limits in band that were read back (the issue)."""
LASTS_S = 5.0
SELDOM_S = 10.0


async def test_a_lost_feed_leads_to_limits_read_back_in_band_within_a_second(tmp_path: Path) -> None:
    async with in_band_rack(tmp_path) as it:
        assert it.budget.drawn() > 1.2 * ONE_SHELF
        lost = time.monotonic()
        it.budget.lose("u06")
        await eventually(lambda: _charged(it))
        took = time.monotonic() - lost
        assert took <= WITHIN_S * PATIENCE, took
        assert max(it.in_band()) < 1200.0
        await eventually(lambda: _held_in_band(it))
        await eventually(lambda: _charged_alone(it))  # Redfish follows, and is the guarantee
        assert max(it.budget.asked()) < 1200.0
        assert it.budget.drawn() <= 9_600


async def test_what_devices_and_agents_say_by_themselves_is_decided_over_out_of_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_band_rack(tmp_path) as it:
        seldom = f"kind: power\nschema: 1\nspec: {{mode: armed, after_loss: hold, period_ms: {SELDOM_S * 1000:.0f}"
        seldom += ", in_band: {lasts_s: 60}}\n"
        monkeypatch.setattr(looking, "LOOK_S", SELDOM_S)
        assert (await it.budget.rack.do("power_policy", "lab1/a/r01/k01", do="apply", document=seldom)).accepted
        before = await eventually(lambda: _decided(it, None))
        before = await eventually(lambda: _decided(it, before))  # the next one is due in SELDOM_S
        it.budget.lose("u06")
        await eventually(lambda: _charged(it))
        last = it.budget.station.last
        assert last is not None
        assert last.at < before + SELDOM_S, "decided because of the loss"
        assert it.budget.station.clock.now() < before + SELDOM_S, "what agents said was heard before"


async def test_when_the_bus_is_gone_gpus_fall_to_what_needs_nobody(tmp_path: Path) -> None:
    async with in_band_rack(tmp_path) as it:
        standing = it.standing()
        assert max(standing) < 1200.0 == min(it.in_band())
        it.bus_up = False
        gone = time.monotonic()
        await eventually(lambda: _stands(it, standing))
        took = time.monotonic() - gone
        assert LASTS_S - 2.0 <= took <= (LASTS_S + 1.0) * PATIENCE, took
        await eventually(lambda: _drawn_within(it, ONE_SHELF))  # what one shelf carries: the loss may come now
        assert await it.states() == ["silent"] * 2
        assert {h.road for h in (await it.view()).held} <= {"out of band"}
        it.bus_up = True
        await eventually(lambda: _raised(it))


async def test_an_agent_that_was_killed_begins_at_the_standing_limits(tmp_path: Path) -> None:
    async with in_band_rack(tmp_path) as it:
        standing = it.standing()
        await it.kill(HOSTS[0])
        await eventually(lambda: _is(it, ["silent", "kept"]))
        assert it.in_band()[:4] == [1200.0] * 4  # nobody is there to lower them; Redfish holds
        it.bus_up = False
        it.start(HOSTS[0])
        await eventually(lambda: _stands_first(it, standing))
        it.bus_up = True
        await eventually(lambda: _raised(it))


async def test_a_person_who_lets_nothing_be_granted_gets_default_limits_back(tmp_path: Path) -> None:
    async with in_band_rack(tmp_path) as it:
        it.budget.lose("u06")
        await eventually(lambda: _lowered(it))
        policy = "kind: power\nschema: 1\nspec: {mode: armed, after_loss: hold, in_band: {use: false}}\n"
        assert (await it.budget.rack.do("power_policy", "lab1/a/r01/k01", do="apply", document=policy)).accepted
        await eventually(lambda: _raised(it))
        assert max(it.budget.asked()) < 1200.0  # Redfish holds what it held


async def _decided(it: InBandRack, before: float | None) -> float | None:
    """Return when the newest decision was made, None while it is the one at `before`."""
    last = it.budget.station.last
    return None if last is None or last.at == before else last.at


async def _charged(it: InBandRack) -> bool:
    view = await it.view()
    own = view.limits[0]
    return view.usable is not None and view.usable.watts <= ONE_SHELF + 1 and own.charged_w <= own.limit_w


async def _held_in_band(it: InBandRack) -> bool:
    held = (await it.view()).held
    return bool(held) and all(h.road == "in band" and h.standing_w is not None and h.until_unix_ns for h in held)


async def _charged_alone(it: InBandRack) -> bool:
    own = (await it.view()).limits[0]
    return own.out_of_band_w <= own.limit_w


async def _stands(it: InBandRack, standing: list[float]) -> bool:
    return it.in_band() == standing


async def _stands_first(it: InBandRack, standing: list[float]) -> bool:
    return it.in_band()[:4] == standing[:4]


async def _drawn_within(it: InBandRack, watts: float) -> bool:
    return it.budget.drawn() <= watts


async def _raised(it: InBandRack) -> bool:
    return it.in_band() == [1200.0] * 8


async def _lowered(it: InBandRack) -> bool:
    return max(it.in_band()) < 1200.0


async def _is(it: InBandRack, states: list[str]) -> bool:
    return await it.states() == states
