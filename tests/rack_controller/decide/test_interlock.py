"""The interlock table as it ships, row by row: what trips, what is ordered, what must not be."""

from dataclasses import replace

from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from rack_controller.decide.interlock import advance, recall, refusals
from rack_controller.decide.picture import BuildingSight
from rack_controller.model.interlock import SWITCHES_OFF, Act
from tests.support.interlocked import RACK, InterlockedRack, planned

OFF = (Act.GRACEFUL_OFF, Act.FORCE_OFF, Act.AUX_OFF, Act.SHELF_OUTPUT_OFF)


def leaves(places: tuple[Place, ...]) -> list[str]:
    return [leaf_of(p) for p in places]


def switched_off(rack: InterlockedRack) -> list[Act]:
    return [o.act for o in rack.orders if o.act in SWITCHES_OFF]


def test_a_healthy_rack_is_left_alone() -> None:
    rack = InterlockedRack()
    rack.tick(120)
    assert rack.orders == []
    assert rack.standings == {}


def test_one_critical_detector_switches_its_tray_and_the_three_below_off_at_once() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.set("u31/leak1", Quantity.LEAK, 2)
    decision = rack.tick()
    first = decision.orders[0]
    assert (first.act, first.cause, leaves(first.targets)) == (
        Act.FORCE_OFF,
        "leak.critical",
        ["u31", "u30", "u29", "u28"],
    )
    assert "leak1 is critical" in first.reason
    assert [s.key for s in decision.tripped] == [("leak.critical", rack.place("u31"))]


def test_aux_goes_off_once_the_host_has_had_time_to() -> None:
    rack = InterlockedRack()
    rack.set("u31/leak1", Quantity.LEAK, 2)
    rack.tick()
    rack.switch(on=False, trays=rack.ordered("force_off")[0].targets)
    rack.tick(20)
    assert [leaves(o.targets) for o in rack.ordered("aux_off")] == [["u31"]]
    assert len(rack.ordered("force_off")) == 1, "who is observed off is left alone"


def test_the_order_is_repeated_until_the_tray_is_observed_off() -> None:
    rack = InterlockedRack()
    rack.set("u31/leak1", Quantity.LEAK, 2)
    rack.tick(6)
    assert len(rack.ordered("force_off")) >= 3


def test_a_leak_in_a_switch_tray_stops_the_domains_job_too() -> None:
    rack = InterlockedRack()
    rack.set("u25/leak0", Quantity.LEAK, 2)
    decision = rack.tick()
    assert [o.act for o in decision.orders] == [Act.STOP_JOB, Act.FORCE_OFF, Act.ALARM], "its job is told first"
    (stopped,) = rack.ordered("stop_job")
    assert len(stopped.targets) == 18


def test_water_on_switch_trays_tells_their_job_first_and_the_leaking_tray_waits_for_nobody() -> None:
    rack = InterlockedRack()
    rack.set("u28/leak0", Quantity.LEAK, 2)  # a compute tray right above the switch trays
    decision = rack.tick()
    assert [o.act for o in decision.orders][:2] == [Act.STOP_JOB, Act.FORCE_OFF]
    (stopped,), (struck,) = rack.ordered("stop_job"), rack.ordered("force_off")
    assert len(stopped.targets) == 18
    assert [leaf_of(t) for t in struck.targets] == ["u28", "u27", "u26", "u25"]
    assert (struck.job_first, struck.job_first_s) == ({rack.place(u) for u in ("u27", "u26", "u25")}, 0.3)
    again = rack.tick(2)
    assert all(not o.job_first for o in again.orders), "it is told once"


def test_a_switch_tray_that_leaks_is_struck_at_once_and_one_that_leaks_below_too() -> None:
    rack = InterlockedRack()
    rack.set("u25/leak0", Quantity.LEAK, 2)
    rack.tick()
    assert rack.ordered("force_off")[0].job_first == {rack.place(u) for u in ("u24", "u23", "u22")}
    dry = InterlockedRack()
    dry.set("u31/leak1", Quantity.LEAK, 2)
    dry.tick()
    assert (dry.ordered("stop_job"), dry.ordered("force_off")[0].job_first) == ([], frozenset())


def test_a_leak_that_dries_stays_latched() -> None:
    rack = InterlockedRack()
    rack.set("u31/leak1", Quantity.LEAK, 2)
    rack.tick()
    for quality, value in ((Quality.GOOD, 0.0), (Quality.FLAGGED, None)):
        rack.set("u31/leak1", Quantity.LEAK, value, quality)
        rack.tick(120)
        assert ("leak.critical", rack.place("u31")) in rack.standings


def test_a_warning_drains_and_becomes_critical_when_it_lasts() -> None:
    rack = InterlockedRack()
    rack.set("u31/leak1", Quantity.LEAK, 1)
    rack.tick(50)
    assert switched_off(rack) == []
    assert [leaves(o.targets) for o in rack.ordered("drain")] == [["u31"]]
    rack.tick(15)
    assert Act.FORCE_OFF in switched_off(rack)


def test_two_warnings_in_one_tray_count_as_critical() -> None:
    rack = InterlockedRack()
    rack.set("u31/leak1", Quantity.LEAK, 1)
    rack.set("u31/leak2", Quantity.LEAK, 1)
    rack.tick()
    assert switched_off(rack) == [Act.FORCE_OFF]


def test_flapping_is_a_warning() -> None:
    rack = InterlockedRack()
    for value in (0, 1, 0, 1, 0):
        rack.set("u31/leak1", Quantity.LEAK, value)
        rack.tick(1)
    assert switched_off(rack) == []
    assert ("leak.warning", rack.place("u31")) in rack.standings


def test_two_leaking_trays_take_the_rack_off_first_and_ask_the_building_within_two_seconds() -> None:
    rack = InterlockedRack()
    rack.set("u31/leak1", Quantity.LEAK, 2)
    rack.set("u36/leak1", Quantity.LEAK, 2)
    rack.tick()
    assert rack.ordered("request_electrical_isolation") == []
    everybody = [o for o in rack.ordered("force_off") if len(o.targets) == 27]
    assert everybody, "18 compute and 9 switch trays"
    rack.tick(2)
    assert rack.ordered("request_electrical_isolation")
    assert rack.ordered("request_liquid_isolation")
    assert rack.ordered("shelf_output_off") == []


def test_water_that_falls_on_a_power_shelf_is_the_racks_leak() -> None:
    rack = InterlockedRack()
    rack.set("u11/leak0", Quantity.LEAK, 2)  # shelves stand at u6 to u9
    decision = rack.tick()
    assert ("leak.rack", RACK) in {s.key for s in decision.tripped}


def test_a_detector_at_the_rear_manifold_is_the_racks_leak() -> None:
    rack = InterlockedRack()
    rack.name("u31/leak1", "LeakDetector_1_RearManifold")
    rack.set("u31/leak1", Quantity.LEAK, 2)
    assert ("leak.rack", RACK) in {s.key for s in rack.tick().tripped}


def test_coolant_closed_with_trays_on_ends_with_the_shelves_as_last_resort() -> None:
    rack = InterlockedRack(building=BuildingSight(liquid_isolated=True))
    rack.tick()
    assert rack.ordered("request_electrical_isolation")
    assert rack.ordered("shelf_output_off") == []
    rack.tick(5)
    (last,) = rack.ordered("shelf_output_off")
    assert len(last.targets) == 8


def test_the_last_resort_is_repeated_until_each_shelf_is_seen_off() -> None:
    rack = InterlockedRack(building=BuildingSight(liquid_isolated=True))
    rack.tick(6)
    shelves = rack.ordered("shelf_output_off")[-1].targets
    for shelf in shelves[1:]:
        rack.set(shelf, Quantity.POWER_STATE, 0)
    rack.tick(5)
    assert rack.ordered("shelf_output_off")[-1].targets == shelves[:1]
    rack.set(shelves[0], Quantity.POWER_STATE, 0)
    count = len(rack.ordered("shelf_output_off"))
    rack.tick(15)
    assert len(rack.ordered("shelf_output_off")) == count


def test_coolant_closed_with_every_tray_off_strikes_nothing_and_keeps_everything_off() -> None:
    rack = InterlockedRack(building=BuildingSight(liquid_isolated=True))
    rack.switch(on=False, trays=[t.place for t in rack.look().trays])
    rack.tick(20)
    assert {(o.cause, o.act) for o in rack.orders} == {("isolation.closed", Act.ALARM)}
    assert refusals(rack.standings.values(), rack.policy, rack.place("u12")) == [
        "Coolant closed by the building at k01: the building closed the coolant"
    ], "although coolant still flows in the rack"
    rack.building = BuildingSight(liquid_isolated=False)
    rack.tick(1)
    assert refusals(rack.standings.values(), rack.policy, rack.place("u12")) == []


def test_coolant_that_was_closed_keeps_everything_off_until_open_is_said_or_two_persons_bypass_it() -> None:
    rack = InterlockedRack(building=BuildingSight(liquid_isolated=None))
    rack.switch(on=False, trays=[t.place for t in rack.look().trays])
    rack.tick(2)
    assert ("isolation.closed", RACK) not in rack.standings, "silence alone closes nothing"
    rack.building = BuildingSight(liquid_isolated=True)
    rack.tick(2)
    rack.building = BuildingSight(silent="no heartbeat of the building for 91 s")
    said = (
        "Coolant closed by the building at k01: the building closed the coolant; now the building does not say whether"
        " the coolant is closed: stands until that is said, or two persons bypass isolation.closed"
    )
    for _ in range(3):
        rack.tick(20)
        assert said in refusals(rack.standings.values(), rack.policy, rack.place("u12"))
    rack.building = BuildingSight(liquid_isolated=True)
    rack.tick(1)
    rack.building = BuildingSight()
    rack.tick(1)
    assert refusals(rack.standings.values(), rack.policy, rack.place("u12")) == [said]

    bypassed = replace(rack.look(), left_out=frozenset({("isolation.closed", RACK)}))
    assert ("isolation.closed", RACK) not in advance(rack.standings, bypassed, rack.policy).standings
    rack.building = BuildingSight(liquid_isolated=False)
    assert [s.cause for s in rack.tick().ended] == ["isolation.closed"]
    assert refusals(rack.standings.values(), rack.policy, rack.place("u12")) == []


def test_a_silent_controller_blocks_and_drains_but_never_switches_off() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.silence("u31")
    rack.tick(600)
    assert switched_off(rack) == []
    assert refusals(rack.standings.values(), rack.policy, rack.place("u31"))
    assert refusals(rack.standings.values(), rack.policy, rack.place("u30")) == []


def test_a_controller_that_starts_anew_is_no_reason_to_switch_off() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.start_controller("u31")
    rack.tick(180)
    assert switched_off(rack) == []
    assert refusals(rack.standings.values(), rack.policy, rack.place("u31"))


def test_all_detectors_faulty_ends_gracefully_then_by_force() -> None:
    rack = InterlockedRack()
    for n in range(4):
        rack.set(f"u31/leak{n}", Quantity.LEAK, None, Quality.FLAGGED)
    rack.tick(70)
    assert switched_off(rack)[0] is Act.GRACEFUL_OFF
    assert Act.FORCE_OFF in switched_off(rack)


def test_detectors_that_cannot_be_read_block_and_switch_nothing_off() -> None:
    rack = InterlockedRack()
    for n in range(4):
        rack.set(f"u31/leak{n}", Quantity.LEAK, None, Quality.MISSING)
    rack.tick(30)
    assert {s.cause for s in rack.standings.values() if s.tripped_at is not None} == {"sensor.faulty"}
    assert rack.ordered("graceful_off") == rack.ordered("force_off") == []


def test_one_faulty_detector_of_four_only_blocks() -> None:
    rack = InterlockedRack()
    rack.set("u31/leak0", Quantity.LEAK, None, Quality.FLAGGED)
    rack.tick(120)
    assert switched_off(rack) == []
    assert refusals(rack.standings.values(), rack.policy, rack.place("u31"))


def test_unseen_beside_a_leak_is_switched_off() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.silence("u32")
    rack.tick(15)
    rack.set("u31/leak0", Quantity.LEAK, 2)
    rack.tick()
    assert ("sensor.neighbour_leaks", rack.place("u32")) in rack.standings


def test_unseen_while_the_loop_falls_is_switched_off() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.silence("u32")
    rack.tick(15)
    rack.set("u01", Quantity.PRESSURE_SUPPLY, 180)
    rack.tick(4)
    assert ("sensor.loop_falls", rack.place("u32")) in rack.standings
    assert ("sensor.loop_falls", rack.place("u31")) not in rack.standings


def test_a_pressure_that_falls_as_the_pumps_slow_down_is_no_loss_of_coolant() -> None:
    """After mains were lost all controllers are blind, little heat is left and pumps slow down: that was 27 latches."""
    rack = InterlockedRack()
    rack.tick(1)
    rack.silence("u32")
    rack.tick(15)
    rack.set("u01", Quantity.FLOW, 0.6 * rack.layout.coolant_flow_rated_lpm)
    rack.set("u01", Quantity.PRESSURE_SUPPLY, 0.6**2 * 250 + 30)
    rack.tick(6)
    assert ("sensor.loop_falls", rack.place("u32")) not in rack.standings
    rack.set("u01", Quantity.PRESSURE_SUPPLY, 0.6**2 * 250 - 30)
    rack.tick(6)
    assert ("sensor.loop_falls", rack.place("u32")) in rack.standings, "less than slow pumps explain"


def test_a_pressure_that_falls_counts_in_full_when_the_flow_is_unknown() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.silence("u32")
    rack.tick(15)
    rack.set("u01", Quantity.FLOW, None)
    rack.set("u01", Quantity.PRESSURE_SUPPLY, 180)
    rack.tick(4)
    assert ("sensor.loop_falls", rack.place("u32")) in rack.standings


def test_low_flow_caps_at_once_and_lost_flow_switches_off_in_steps() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.set("u01", Quantity.FLOW, 5)
    rack.tick(1)
    assert rack.ordered("cap")
    assert switched_off(rack) == []
    rack.tick(5)
    assert switched_off(rack) == [Act.GRACEFUL_OFF]
    assert len(rack.ordered("graceful_off")[0].targets) == 27, "switch trays too"
    rack.tick(25)
    assert Act.FORCE_OFF in switched_off(rack)


def test_a_hot_gpu_brings_the_forced_off_forward() -> None:
    rack = InterlockedRack()
    rack.set("u01", Quantity.FLOW, 5)
    rack.tick(6)
    rack.set("u31/gpu0", Quantity.TEMPERATURE_MARGIN, 4)
    rack.tick(1)
    assert Act.FORCE_OFF in switched_off(rack)


def test_unknown_flow_blocks_and_never_switches_off() -> None:
    rack = InterlockedRack()
    rack.set("u01", Quantity.FLOW, None, Quality.MISSING)
    rack.tick(120)
    assert switched_off(rack) == []
    assert rack.ordered("hold_caps")
    assert refusals(rack.standings.values(), rack.policy, rack.place("u31"))


def test_a_coolant_unit_that_leaks_cuts_the_trays_before_coolant_stops() -> None:
    rack = InterlockedRack()
    rack.set("u01/leak0", Quantity.LEAK, 2)
    decision = rack.tick()
    assert decision.orders[0].act is Act.FORCE_OFF
    assert len(decision.orders[0].targets) == 27
    assert ("coolant.unit_leaks", RACK) in rack.standings


def test_a_failed_pump_and_warm_coolant_never_switch_off() -> None:
    rack = InterlockedRack()
    rack.set("u01/pump0", Quantity.HEALTH, 2)
    rack.set("u01", Quantity.TEMPERATURE_SUPPLY, 45)
    rack.tick(120)
    assert switched_off(rack) == []
    assert rack.ordered("raise_flow")
    assert rack.ordered("cap")


def test_a_gpu_over_its_slowdown_for_ten_seconds_is_switched_off() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.set("u31/gpu2", Quantity.TEMPERATURE_MARGIN, -1)
    rack.tick(9)
    assert switched_off(rack) == []
    rack.tick(2)
    assert switched_off(rack) == [Act.FORCE_OFF]


def test_overload_caps_then_sheds_and_never_touches_a_shelf() -> None:
    rack = InterlockedRack()
    for unit in (6, 7, 8, 9, 39, 40, 41, 42):
        rack.set(f"u{unit:02}", Quantity.POWER, 20_000)
    rack.tick(3)
    assert [o.act for o in rack.orders if o.cause == "power.overload"][:1] == [Act.CAP]
    assert rack.ordered("shed")
    assert Act.SHELF_OUTPUT_OFF not in switched_off(rack)


def test_nothing_seen_holds_caps_and_never_switches_off() -> None:
    rack = InterlockedRack()
    rack.tick(1)
    rack.silence(*[leaf_of(Place(t.place)) for t in rack.layout.trays])
    rack.tick(120)
    assert switched_off(rack) == []
    assert ("controller.blind", RACK) in rack.standings


def test_a_latch_outlives_a_restart_and_a_tray_seen_on_behind_it_is_forced_off() -> None:
    rack = InterlockedRack()
    rack.standings = recall([("leak.critical", rack.place("u31"), "leak1 is critical")], rack.look().now)
    rack.tick()
    assert leaves(rack.ordered("force_off")[0].targets) == ["u31", "u30", "u29", "u28"]
    rack.switch(on=False, trays=[rack.place(u) for u in ("u31", "u30", "u29", "u28")])
    rack.tick(20)
    rack.orders.clear()
    rack.switch(on=True, trays=[rack.place("u31")])
    rack.tick(16)
    assert rack.ordered("force_off")
    assert ("latch.tray_on", rack.place("u31")) in rack.standings


def test_latches_refuse_power_on_with_what_was_seen() -> None:
    rack = InterlockedRack()
    rack.set("u31/leak1", Quantity.LEAK, 2)
    rack.tick()
    (why,) = refusals(rack.standings.values(), rack.policy, rack.place("u31"))
    assert why == "Leak at u31: leak1 is critical"


def test_the_other_generation_has_the_same_protection_over_serial_lines() -> None:
    rack = InterlockedRack(layout=planned("orv3-hpr-nvl36x2"))
    rack.tick(60)
    assert rack.orders == []
    tray = next(t for t in rack.layout.trays if t.kind == TrayKind.COMPUTE and t.unit > 20)
    rack.set(Place(f"{tray.place}/leak0"), Quantity.LEAK, 2)
    assert rack.tick().orders[0].act is Act.FORCE_OFF


def test_shelves_that_fall_silent_cap_an_idle_rack_and_switch_nothing_off() -> None:
    rack = InterlockedRack()
    shelves = [Place(t.place) for t in rack.layout.trays if t.kind == "power_shelf"]
    unit = next(Place(t.place) for t in rack.layout.trays if t.kind == "coolant_unit")
    for shelf in shelves:
        rack.set(shelf, Quantity.POWER, 1_500)
    rack.set(unit, Quantity.FLOW, 0.15 * rack.layout.coolant_flow_rated_lpm)
    rack.tick(5)
    for shelf in shelves:
        rack.set(shelf, Quantity.POWER, None, Quality.MISSING)
    rack.tick(90)
    assert not switched_off(rack)
    assert Act.CAP in [o.act for o in rack.orders if o.cause == "flow.low"]
    rack.set(unit, Quantity.FLOW, 0.5)
    rack.tick(30)
    assert Act.FORCE_OFF in switched_off(rack), "flow that is too little for the heat known last is lost all the same"


def test_coolant_closed_and_power_cut_by_the_building_leaves_unseen_trays_alone() -> None:
    rack = InterlockedRack(building=BuildingSight(liquid_isolated=True, electrically_isolated=True))
    trays = [t.place for t in rack.look().trays]
    rack.switch(on=False, trays=trays)
    for tray in trays[1:]:
        rack.set(tray, Quantity.POWER_STATE, None, Quality.MISSING)
    rack.tick(20)
    assert rack.ordered("shelf_output_off") == []
    rack.switch(on=True, trays=trays[:1])
    rack.tick(6)
    assert rack.ordered("shelf_output_off"), "one that is seen on is on, whatever the building says"


def test_after_the_shelves_went_off_a_trays_sensors_are_unknown_and_not_dry() -> None:
    rack = InterlockedRack(building=BuildingSight(liquid_isolated=True))
    rack.tick(6)
    assert rack.ordered("shelf_output_off")
    rack.silence("u31")
    rack.tick(30)
    sight = rack.look().tray(rack.place("u31"))
    assert sight is not None
    assert (sight.dry, sight.off) == (False, None)
    assert refusals(rack.standings.values(), rack.policy, rack.place("u31"))


def test_a_silent_building_is_an_alarm_and_blocks_nothing() -> None:
    rack = InterlockedRack(building=BuildingSight(silent="no heartbeat of the building for 31 s"))
    rack.tick(600)
    assert [(o.act, o.cause) for o in rack.orders] == [(Act.ALARM, "building.silent")]
    assert refusals(rack.standings.values(), rack.policy, rack.place("u31")) == []


def test_a_silent_building_holds_no_strike_back() -> None:
    silent = BuildingSight(silent="no heartbeat", unconfirmed=("electrical", "liquid"))
    orders = []
    for building in (BuildingSight(), silent):
        rack = InterlockedRack(building=building)
        rack.tick(1)
        rack.set("u31/leak1", Quantity.LEAK, 2)
        rack.set("u36/leak1", Quantity.LEAK, 2)
        orders.append([(o.act, o.cause) for o in rack.tick().orders if o.act in SWITCHES_OFF])
    assert orders[0] == orders[1] != []


def test_an_isolation_that_nobody_confirms_is_an_alarm_after_its_deadline() -> None:
    rack = InterlockedRack(building=BuildingSight(unconfirmed=("liquid",)))
    rack.tick(29)
    assert rack.orders == []
    rack.tick(1)
    (alarm,) = rack.orders
    assert (alarm.act, alarm.cause) == (Act.ALARM, "isolation.unconfirmed")
    assert "asked for liquid isolation" in alarm.reason
    rack.building = BuildingSight()
    assert [s.cause for s in rack.tick().ended] == ["isolation.unconfirmed"]


def test_a_leak_that_the_building_reports_is_the_racks() -> None:
    rack = InterlockedRack(building=BuildingSight(leak=True))
    decision = rack.tick()
    assert ("leak.rack", RACK) in {s.key for s in decision.tripped}
    assert decision.orders[0].act is Act.FORCE_OFF
    rack.tick(1)
    assert rack.ordered("request_liquid_isolation")


def test_a_faulty_leak_sensor_of_the_building_blocks_and_switches_nothing_off() -> None:
    rack = InterlockedRack(building=BuildingSight(sensor_fault="the building says that its leak sensor is faulty"))
    rack.tick(600)
    assert switched_off(rack) == []
    assert refusals(rack.standings.values(), rack.policy, rack.place("u31"))


def damp(rack: InterlockedRack) -> set[str]:
    return {cause for (cause, _), standing in rack.standings.items() if standing.tripped_at is not None}


def test_coolant_near_the_highest_dew_point_has_the_supply_raised_and_switches_nothing_off() -> None:
    rack = InterlockedRack()
    nominal = rack.layout.coolant_supply_nominal_c
    rack.set("u01/systemrelativehumidity", Quantity.DEW_POINT, 10.5)
    rack.tick(15)
    assert damp(rack) == set()
    rack.set("u14/inlet", Quantity.DEW_POINT, nominal - 1.0)  # the dampest place counts, whoever says it
    assert rack.look().loop.dew_point == nominal - 1.0
    rack.tick(9)
    assert damp(rack) == set(), "not for long enough yet"
    decision = rack.tick(3)
    assert damp(rack) == {"coolant.dew_point"}
    (order,) = rack.ordered(Act.RAISE_SUPPLY)
    assert (order.targets, order.by_k) == ((rack.place("u01"),), 3.0)
    assert order.reason.endswith("coolant comes at 30.0 °C, the air's dew point is 29.0 °C")
    assert {o.act for o in rack.orders} == {Act.RAISE_SUPPLY, Act.ALARM}
    assert decision.standings
    rack.set("u01", Quantity.TEMPERATURE_SUPPLY, nominal + 3.0)
    rack.tick(2)
    assert damp(rack) == set(), "it ends with its condition"


def test_a_dew_point_that_is_not_known_or_doubted_trips_nothing() -> None:
    rack = InterlockedRack()
    assert rack.look().loop.dew_point is None, "no sensor at all"
    rack.set("u01/pump1", Quantity.DEW_POINT, 40.0, Quality.FLAGGED)
    rack.set("u01/pump2", Quantity.DEW_POINT, None, Quality.MISSING)
    rack.tick(15)
    assert rack.look().loop.dew_point is None
    assert damp(rack) == set()
