"""A test of the whole path: real bytes, a copy's verdict, intents that were never sent, proofs; it trips nothing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.cooled_rack import UNIT, cooled
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.served_tray import served_tray

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.power import Ask
from firmware_bridge.vocabulary.errors import ActionNotOffered, ResourceMissing
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerAction, PowerProof
from firmware_bridge.wire.redfish.leaks import called_critical
from rack_controller.model.effect import EffectState
from rack_controller.model.roles import Role
from rack_controller.run.guard.drill import Driller
from rack_controller.run.guard.strike import TEST


async def known(rack: RealRack, place: str) -> None:
    async def seen() -> bool:
        guard: Any = rack.controlled._guarding
        return (await rack.status(place)).state == "on" and any(
            tray_of(Place(place)) in d for d in guard.guard.detectors()
        )

    await eventually(seen)


def untouched(rack: RealRack) -> bool:
    """Tell whether the live rack knows of no leak: nothing stands, is latched, or was told."""
    desk: Any = rack.controlled._guarding
    standing = [key for key in desk.guard.standings if key[0].startswith("leak")]
    return not standing and not desk.latches.open() and not rack.events("interlock.leak.critical")


@pytest.mark.parametrize("armed", [True, False])
async def test_the_whole_path_is_gone_but_for_the_request(tmp_path: Path, armed: bool) -> None:
    async with served_tray(TrayKind.COMPUTE, rack=RACK) as (served, bench):
        tray = tray_of(Place(served.place))
        async with real_rack(tmp_path, [served], armed) as rack:
            await known(rack, served.place)
            for role in (Role.VIEWER,):
                assert not (await rack.do("interlock_test", f"{tray}/leak0", role)).accepted
            refused = await rack.do("interlock_test", f"{tray}/leak99", Role.TECHNICIAN)
            assert "is no leak detector that is read" in refused.reason
            done = await rack.do("interlock_test", f"{tray}/leak0", Role.TECHNICIAN)
            assert done.accepted, done
            drill = done.result["drill"]
            assert [h["name"] for h in drill["hops"]] == [
                "driver",
                "heard, confirmed, judged, ordered",
                "ledger",
                "devices",
            ]
            assert all(h["took_ms"] >= 0.0 for h in drill["hops"])
            assert "leak.critical" in [t["cause"] for t in drill["trips"]]
            (proof,) = [p for p in drill["proven"] if p["tray"] == tray and p["act"] == "force_off"]
            assert (proof["ok"], "ForceOff at /redfish/v1/Systems" in proof["said"]) == (True, True), proof
            others = [p for p in drill["proven"] if p["tray"] != tray]
            assert others, "water falls on the trays below"
            assert all(not p["ok"] and "no power switch" in p["said"] for p in others)
            effects = rack.controlled._ledger.effects_of(TEST)
            assert {(e.state, e.key.startswith(drill["test"])) for e in effects} == {(EffectState.UNSENT, True)}
            assert len(effects) == len(drill["proven"])
            assert bench.hosts[TrayKind.COMPUTE, 0, 0].asked is None
            assert untouched(rack)


async def test_a_device_that_would_not_be_let_in_fails_the_test(tmp_path: Path) -> None:
    async with served_tray(TrayKind.COMPUTE, rack=RACK) as (served, _bench):
        tray = tray_of(Place(served.place))
        async with real_rack(tmp_path, [served]) as rack:
            await known(rack, served.place)
            source: Any = rack.controlled._sources[Place(served.place)]
            target, _word = source.state.power.words[PowerAction.FORCE_OFF]
            source.state.power.words[PowerAction.FORCE_OFF] = (target, "ForceOffNow")  # it took that once
            done = await rack.do("interlock_test", f"{tray}/leak0")
            (proof,) = [p for p in done.result["drill"]["proven"] if p["tray"] == tray and p["act"] == "force_off"]
            assert (proof["ok"], "not among what it takes any more" in proof["said"]) == (False, True)
            with pytest.raises(ActionNotOffered):
                await source.prove_power(PowerAction.AUX_OFF)


async def test_a_leak_that_is_real_wins_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(_self: Driller, _tray: Place, _action: PowerAction) -> PowerProof:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    monkeypatch.setattr(Driller, "_proof", hangs)
    async with served_tray(TrayKind.COMPUTE, rack=RACK) as (served, bench):
        tray = tray_of(Place(served.place))
        async with real_rack(tmp_path, [served]) as rack:
            await known(rack, served.place)
            driller: Any = rack.controlled._guarding.driller  # type: ignore[union-attr]
            testing = asyncio.create_task(rack.do("interlock_test", f"{tray}/leak0"))

            async def proving() -> bool:
                return driller._proving is not None

            await eventually(proving)
            bench.advance(0.1, (Fault(FaultKind.LEAK, f"{tray}/leak1"),))

            async def struck() -> bool:
                return bench.hosts[TrayKind.COMPUTE, 0, 0].asked is Ask.FORCE_OFF

            await eventually(struck)
            done = await testing
            assert "something really tripped" in done.result["drill"]["broken_off"]
            latches = {n.cause: n for n in rack.controlled._guarding.latches.open()}  # type: ignore[union-attr]
            assert set(latches) == {"leak.critical", "leak.rack"}, "a shelf stands below"
            assert "leak1" in latches["leak.critical"].evidence[0].text


async def test_one_test_at_a_time_and_a_serial_detector_is_read_and_played(tmp_path: Path) -> None:
    async with cooled(tmp_path) as it:
        source: Any = it.rack.controlled._sources[Place(f"{UNIT}/serial")]
        (reading,) = await source.play_leak(Place(f"{UNIT}/leak2"))
        assert (reading.place, reading.value) == (f"{UNIT}/leak2", 2.0)
        with pytest.raises(ResourceMissing):
            await source.play_leak(Place(f"{UNIT}/leak77"))
        driller: Any = it.rack.controlled._guarding.driller  # type: ignore[union-attr]
        driller._under_way = True
        refused = await it.rack.do("interlock_test", f"{UNIT}/leak2")
        assert "another test of this rack is under way" in refused.reason
        driller._under_way = False
        done = await it.rack.do("interlock_test", f"{UNIT}/leak2")
        assert "leak.unit" in str([t["cause"] for t in done.result["drill"]["trips"]]) or done.result["drill"]["trips"]
        assert untouched(it.rack)


def test_a_detector_is_called_critical_wherever_it_stands() -> None:
    member = b'{"Members": [{"@odata.id": "/a/L1", "DetectorState": "OK", "Status": {"Health": "OK"}}]}'
    assert b'"DetectorState": "Critical", "Status": {"Health": "Critical"}' in called_critical(member, "/a/L1/")
    assert b"Critical" in called_critical(b'{"@odata.id": "/x", "DetectorState": "OK"}', "/other")
    line = b'{"G": {"Detectors": [{"DataSourceUri": "/a/L2", "DetectorState": "OK"}]}}'
    assert b"Critical" in called_critical(line, "/a/L2")
    with pytest.raises(ValueError, match="no detector"):
        called_critical(b'{"Members": []}', "/a/L1")
