"""Overloaded shelves: who goes off first, how many, and that nobody else does."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.interlocked import RACK, InterlockedRack
from support.virtual_time import run_virtually

from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.decide.budget.claims import REST_PRIORITY, priority_at
from rack_controller.decide.interlock import Order
from rack_controller.decide.shed import Host, decide_shed
from rack_controller.model.interlock import Act
from rack_controller.model.power_policy import Job, parse_power
from rack_controller.run.guard.carrying import Came
from rack_controller.run.guard.shedding import Shedding
from rack_controller.run.guard.trail import Fate
from rack_controller.run.view import RackView

HOSTS = st.lists(st.tuples(st.floats(0, 9_000), st.integers(0, 100)), max_size=18)


@given(HOSTS, st.floats(0, 150_000))
def test_as_much_goes_as_is_too_much_and_no_more_important_host_before_a_less_important(
    drawn: list[tuple[float, int]], excess: float
) -> None:
    hosts = {Place(f"t{n:02}"): Host(Place(f"t{n:02}"), watts, rank) for n, (watts, rank) in enumerate(drawn)}
    chosen = decide_shed(hosts.values(), excess)
    stays = [host for place, host in hosts.items() if place not in chosen]
    assert sum(hosts[p].power_w for p in chosen) >= excess or not stays
    assert all(host.priority <= hosts[p].priority for host in stays for p in chosen)
    assert sum(hosts[p].power_w for p in chosen[:-1]) < excess or not chosen


def test_a_trays_priority_is_the_most_urgent_of_whom_its_gpus_belong_to() -> None:
    gpus = [Place(f"{RACK}/u12/gpu{n}") for n in range(4)]
    policy = parse_power({"tenants": [{"name": "lab", "places": ["u12"], "priority": 30}]})
    assert priority_at(gpus, None) == REST_PRIORITY
    assert priority_at(gpus, policy) == 30
    assert priority_at(gpus, policy, [Job("fit", ["u12/gpu3"], priority=5)]) == 5
    assert priority_at([Place(f"{RACK}/u13/gpu0")], policy) == REST_PRIORITY


def overloaded() -> tuple[InterlockedRack, list[Place]]:
    """Return a rack whose shelves deliver 10 kW more than they may, and its hosts, each of 4 kW."""
    rack = InterlockedRack()
    shelves = [t for t in rack.layout.trays if t.kind == TrayKind.POWER_SHELF]
    for shelf in shelves:
        rack.set(Place(shelf.place), Quantity.POWER, (rack.layout.busbar_power_usable_w + 10_000) / len(shelves))
    hosts = [Place(t.place) for t in rack.layout.trays if t.kind == TrayKind.COMPUTE]
    for host in hosts:
        rack.set(host, Quantity.POWER, 4_000)
    return rack, hosts


def test_a_row_that_sheds_strikes_the_least_important_hosts_that_are_on() -> None:
    rack, hosts = overloaded()
    rack.set(hosts[0], Quantity.POWER_STATE, 0)
    struck: list[Order] = []

    async def strike(order: Order) -> Came:
        struck.append(order)
        return Came("taken", dict.fromkeys(order.targets, (Fate.TAKEN, "")))

    rack.tick(1)
    assert rack.ordered("cap")
    assert rack.ordered("shed") == [], "caps have two seconds"
    rack.tick(2)
    (order,) = rack.ordered("shed")
    view = RackView(rack.layout, "boot")
    view.snapshot = rack.snapshot()
    important = {hosts[1]: 1, hosts[2]: 20}
    shedding = Shedding(view, strike, lambda tray: important.get(tray, 20 if tray == hosts[3] else 50))
    came = run(shedding, order)
    (forced,) = struck
    assert forced.act is Act.FORCE_OFF
    assert len(forced.targets) == 3, "10 kW of 4 kW each"
    assert not set(forced.targets) & set(hosts[:4]), "off already, or more important"
    assert {tray for tray, (fate, _) in came.fates.items() if fate is Fate.TAKEN} == set(forced.targets)
    assert set(came.fates) == set(order.targets)


def test_with_no_host_left_it_says_so() -> None:
    rack, hosts = overloaded()
    rack.switch(on=False, trays=hosts)
    view = RackView(rack.layout, "boot")
    view.snapshot = rack.snapshot()
    order = Order(Act.SHED, "power.overload", RACK, tuple(hosts), "too much")
    with pytest.raises(TargetUnknown, match="no host is on"):
        run(Shedding(view, never, lambda _tray: 50), order)


async def never(order: Order) -> Came:
    raise AssertionError(order)


def run(shedding: Shedding, order: Order) -> Came:
    """Carry an order out and return what came of it."""
    came: list[Came] = []

    async def story() -> None:
        came.append(await asyncio.wait_for(shedding.carry(order), 5))

    run_virtually(story())
    return came[0]
