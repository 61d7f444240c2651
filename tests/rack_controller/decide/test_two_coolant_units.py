"""A rack that two coolant units feed: their flow is one, silence of one is no loss, the leak of one is the rack's."""

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.power import PowerAction
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.plan_power import PowerWish, plan_power
from rack_controller.decide.switch import Switch
from rack_controller.model.interlock import Act
from rack_controller.model.operation import Verb
from tests.support.interlocked import RACK, InterlockedRack, planned


def two_units() -> InterlockedRack:
    """Return a rack with a second unit like its first, each giving half of the rated flow."""
    layout = planned()
    (first,) = [t for t in layout.trays if t.kind == TrayKind.COOLANT_UNIT]
    second = msgspec.structs.replace(
        first,
        place=join_place(RACK, "u02"),
        unit=2,
        endpoints=[
            msgspec.structs.replace(e, place=join_place(RACK, f"u02/{e.place.split('/')[-1]}")) for e in first.endpoints
        ],
    )
    rack = InterlockedRack(layout=msgspec.structs.replace(layout, trays=[*layout.trays, second]))
    for unit in (Place(first.place), Place(second.place)):
        rack.set(unit, Quantity.FLOW, layout.coolant_flow_rated_lpm / 2)
    return rack


def test_a_rack_that_goes_off_waits_for_chips_near_the_supply_of_both() -> None:
    layout, sequence = two_units().layout, load_generation("gb200-nvl72").sequence
    assert sequence is not None
    trays = [t for t in layout.trays if t.kind in (TrayKind.COMPUTE, TrayKind.SWITCH)]
    offers = frozenset({PowerAction.GRACEFUL_OFF, PowerAction.FORCE_OFF})
    switches = {Place(t.place): Switch(join_place(Place(t.place), "bmc"), offers) for t in trays}
    rack = two_units()
    plan = plan_power(PowerWish(Verb.OFF, RACK), layout, sequence, switches, rack.snapshot())
    near, _ = [c for stage in plan.stages for c in (*stage.before, *stage.after) if c.over_supply_k is not None]
    assert near.supplies == [f"{RACK}/u01", f"{RACK}/u02"]


def causes(rack: InterlockedRack) -> set[str]:
    return {cause for (cause, _), standing in rack.standings.items() if standing.tripped_at is not None}


def test_their_flow_is_one_and_a_lost_one_is_half_of_it() -> None:
    rack = two_units()
    rack.tick(3)
    assert causes(rack) == set()
    seen = rack.look().loop
    assert (len(seen.units), seen.flow) == (2, rack.layout.coolant_flow_rated_lpm)
    rack.set("u02", Quantity.FLOW, 0.0)
    assert rack.look().loop.flow == rack.layout.coolant_flow_rated_lpm / 2
    rack.tick(10)
    assert "flow.lost" not in causes(rack), "the other one carries the heat"


def test_the_silence_of_one_is_unknown_flow_and_switches_nothing_off() -> None:
    rack = two_units()
    rack.tick(3)
    rack.silence("u02")
    rack.tick(18)
    assert "flow.unknown" in causes(rack)
    assert rack.ordered(Act.FORCE_OFF) == []
    assert rack.ordered(Act.GRACEFUL_OFF) == []


def test_both_lost_is_flow_lost_and_a_leak_of_either_is_the_racks() -> None:
    rack = two_units()
    rack.tick(3)
    for unit in ("u01", "u02"):
        rack.set(unit, Quantity.FLOW, 0.0)
    rack.tick(7)
    assert "flow.lost" in causes(rack)
    other = two_units()
    other.tick(3)
    other.set("u02/leak0", Quantity.LEAK, 2)
    other.tick(1)
    assert "coolant.unit_leaks" in causes(other)
    assert len(other.ordered(Act.FORCE_OFF)[0].targets) == 27


def test_the_colder_of_them_meets_the_dew_point_first() -> None:
    rack = two_units()
    rack.set("u01", Quantity.TEMPERATURE_SUPPLY, 36.0)
    rack.set("u02", Quantity.TEMPERATURE_SUPPLY, 22.0)
    rack.set("u01/air", Quantity.DEW_POINT, 21.0)
    rack.tick(12)
    assert causes(rack) == {"coolant.dew_point"}
    (order,) = rack.ordered(Act.RAISE_SUPPLY)
    assert order.targets == (rack.place("u01"), rack.place("u02"))
