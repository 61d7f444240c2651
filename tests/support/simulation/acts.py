"""What each word of a script does to the world."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerDepth, PowerState
from rack_controller.decide.plan_power import PowerWish, plan_power
from rack_controller.decide.switch import Switch
from rack_controller.model.command import Command
from rack_controller.model.latch import Inspection
from rack_controller.model.operation import Manner, OperationState, Plan, PlannedStage, Verb
from rack_controller.model.roles import Role
from support.fake_power import Killed
from support.interlocked import RACK
from support.kill_story import push_of
from support.simulation.rack import CRITICAL, DRY, WARNING
from support.simulation.script import Fault
from support.watched import RECORD

if TYPE_CHECKING:
    from support.simulation.world import World

PUSHED_AND_WET_S = 11.0
CALM_S = 6.0  # after the last fault somebody may want everything on: only what is dry may come


def leak(world: "World", fault: Fault) -> None:
    """A detector says Critical, by event or for the next poll; half of them say dry again later."""
    detector = world.rng.choice(world.rack.detectors(fault.tray))
    world.say(detector, CRITICAL, by_event=world.rng.random() < 0.7)
    if world.rng.random() < 0.5:
        later(world, fault.span, lambda: world.say(detector, DRY, by_event=True))


def flap(world: "World", fault: Fault) -> None:
    """A detector cannot decide; in the end it says Critical, or not."""
    detector = world.rng.choice(world.rack.detectors(fault.tray))
    worst = world.rng.choice((WARNING, CRITICAL))
    for n in range(6):
        code = worst if n % 2 == 0 else DRY
        later(world, n * fault.span / 6, lambda code=code: world.say(detector, code, by_event=True))  # type: ignore[misc]


def moist(world: "World", fault: Fault) -> None:
    """A detector says Warning for a while."""
    detector = world.rng.choice(world.rack.detectors(fault.tray))
    world.say(detector, WARNING, by_event=True)
    later(world, fault.span, lambda: world.say(detector, DRY, by_event=True))


def open(world: "World", fault: Fault) -> None:
    """One detector of a tray, or all of them, answer without a value."""
    detectors = world.rack.detectors(fault.tray)
    if world.rng.random() < 0.5:
        world.watch.may_go_off(fault.tray, world.clock.now())
    else:
        detectors = detectors[:1]
    for detector in detectors:
        before = world.rack.leaks[detector]
        world.rack.leaks[detector] = None
        if before != CRITICAL:
            later(world, fault.span, lambda d=detector: world.rack.leaks.update({d: DRY}))  # type: ignore[misc]


def silent(world: "World", fault: Fault) -> None:
    """A tray's controller restarts, or hangs."""
    device = world.rack.trays[fault.tray]
    span = float("inf") if world.rng.random() < 0.15 else fault.span * 1.5
    device.silent_until = max(device.silent_until, world.clock.now() + span)


def flow_lost(world: "World", fault: Fault) -> None:
    """The pumps stop for a while."""
    world.watch.rack_may_go_off()
    world.rack.flow = 0.0
    later(world, fault.span, lambda: setattr(world.rack, "flow", 1.0))


def isolate(world: "World", fault: Fault) -> None:
    """The building closes the coolant for a while, of itself."""
    world.watch.rack_may_go_off()
    world.rack.isolated_since, world.rack.flow = world.clock.now(), 0.0
    on = {tray for tray, device in world.rack.trays.items() if device.settle() is PowerState.ON}
    world.rack.hot = frozenset(on)
    later(world, fault.span, lambda: reopen(world))


def reopen(world: "World") -> None:
    world.rack.isolated_since, world.rack.flow = None, 1.0


def push(world: "World", fault: Fault) -> None:
    """Somebody has an image written to a tray's controller; a few seconds later the tray leaks, perhaps."""
    life = world.life
    if life is None:
        return
    step = push_of(world.rack.trays[fault.tray].place)
    stages = [PlannedStage("firmware", "Firmware", [step], stops=False)]
    plan = Plan(RACK, "t", Verb.PUSH, step.endpoint, PowerDepth.NONE, Manner.FORCE, stages, [], {}, 1e6, 5.0)
    try:
        name = life.operations.put(plan, "ada", "").id
        life.operations.say(name, "approve", "ada")
        world.note(f"{name} writes firmware at {fault.tray}")
    except RackwrightError as err:
        world.note(f"no push: {err.what}")
    except Killed:
        world.end(life, "killed at a point")
    if fault.span > PUSHED_AND_WET_S:
        later(world, 3.0, lambda: leak(world, fault))


def warm(world: "World", fault: Fault) -> None:
    """Coolant comes too warm for a while: trays are capped, none goes off."""
    world.rack.supply_k = 12.0
    later(world, fault.span + 6.0, lambda: setattr(world.rack, "supply_k", 0.0))


def unit_silent(world: "World", fault: Fault) -> None:
    """The coolant unit says nothing."""
    world.rack.silent_unit = True
    for device in world.rack.units.values():
        device.silent_until = max(device.silent_until, world.clock.now() + fault.span * 2)
    later(world, fault.span * 2, lambda: setattr(world.rack, "silent_unit", False))


def full(world: "World", fault: Fault) -> None:
    """The disk takes nothing for a while."""
    fill(world, True)
    later(world, fault.span, lambda: fill(world, False))


def fill(world: "World", is_full: bool) -> None:
    world.full = is_full
    for life in world.lives:
        life.mortal.full = is_full


def kill(world: "World", fault: Fault) -> None:
    """The controller dies now; it is started again at the next second."""
    if world.life is not None:
        world.end(world.life, "killed")


def kill_at_point(world: "World", fault: Fault) -> None:
    """The controller dies around one of its next commits or requests."""
    if world.life is not None:
        world.life.mortal.dies_at = world.life.mortal.points + world.rng.randint(1, 12)


def succeed(world: "World", fault: Fault) -> None:
    """A successor takes over while the controller still lives: it was only paused, or cut off."""
    old = world.life
    if old is None:
        return
    world.start()
    later(world, fault.span, lambda: world.end(old, "ended by its successor") if old in world.lives else None)


def clock(world: "World", fault: Fault) -> None:
    """The wall clock jumps."""
    world.clock.ahead_s += world.rng.choice((-3600.0, 3600.0, -5.0))


def clear(world: "World", fault: Fault) -> None:
    """Persons repair what leaks and clear every latch, with a record."""
    repair(world)
    later(world, 2.5, lambda: sign_all(world, RECORD))


def clear_badly(world: "World", fault: Fault) -> None:
    """Somebody wants every latch gone and writes nothing down."""
    repair(world)
    later(world, 2.5, lambda: sign_all(world, Inspection(found="looks dry")))


def repair(world: "World") -> None:
    for detector in world.rack.leaks:
        world.rack.leaks[detector] = DRY
    for device in world.rack.trays.values():
        device.repair()
    world.rack.flow = 1.0


def sign_all(world: "World", record: Inspection) -> None:
    for latch in world.life.latches.open() if world.life is not None else []:
        for actor in ("ada", "ben"):
            life = world.life
            if life is not None and life.latches.find(latch.id).open:
                world.clear(latch, actor, record)


def mains(world: "World", fault: Fault) -> None:
    """The rack loses its mains for a while, and half of the time its controller too."""
    back = world.clock.now() + fault.span
    world.watch.rack_may_go_off()
    for device in world.rack.trays.values():
        device.lose_mains(back, world.rng.uniform(0.0, 6.0))
    world.rack.flow = 0.0
    later(world, fault.span, lambda: setattr(world.rack, "flow", 1.0))
    if world.rng.random() < 0.5:
        world.dark_until = back
        for life in list(world.lives):
            world.end(life, "lost its mains")


def operate(world: "World", fault: Fault) -> None:
    """Somebody switches a tray, a kind of tray or the rack."""
    verb = world.rng.choice((Verb.ON, Verb.ON, Verb.OFF, Verb.CYCLE))
    target, kind = world.rng.choice(
        ((fault.tray, None), (fault.tray, None), (fault.tray, None), (RACK, TrayKind.COMPUTE), (RACK, None))
    )
    begin(world, verb, Place(target), kind)


def energise(world: "World", fault: Fault) -> None:
    """Somebody wants a tray on that is off, or the whole rack."""
    asleep = [t for t, device in world.rack.trays.items() if device.settle() is PowerState.OFF]
    tray = fault.tray if fault.tray in asleep or not asleep else world.rng.choice(asleep)
    if world.rng.random() < 0.7:
        begin(world, Verb.ON, tray, None)
    else:
        begin(world, Verb.ON, RACK, None)


def begin(world: "World", verb: Verb, target: Place, kind: TrayKind | None) -> None:
    """Plan an operation and approve it."""
    life = world.life
    if life is None:
        return
    try:
        switches = {t: Switch(d.place, d.offers) for t, d in world.rack.trays.items()}
        wish = PowerWish(verb, target, kind)
        plan = plan_power(wish, world.rack.layout, world.rack.sequence, switches, life.view.snapshot)
        name = life.operations.put(plan, "ada", "").id
        life.operations.say(name, "approve", "ada")
        world.note(f"{name} is {verb} of {target}")
    except RackwrightError as err:
        world.note(f"no operation: {err.what}")
    except Killed:
        world.end(life, "killed at a point")


def all_off(world: "World", fault: Fault) -> None:
    """Every tray is off, as somebody left it: a unit may be stopped now."""
    for device in world.rack.trays.values():
        device.turn_off()


def coolant_stop(world: "World", fault: Fault) -> None:
    """Somebody wants the coolant unit to stand."""
    switch_unit(world, Verb.COOLANT_STOP)


def coolant_start(world: "World", fault: Fault) -> None:
    """Somebody wants coolant to flow."""
    switch_unit(world, Verb.COOLANT_START)


def coolant_cycle(world: "World", fault: Fault) -> None:
    """Somebody wants the unit's power cycled."""
    switch_unit(world, Verb.COOLANT_CYCLE)


def coolant_despite(world: "World", fault: Fault) -> None:
    """Somebody wants the unit to stand although trays are on or hot; somebody else agrees, or nobody does."""
    switch_unit(world, Verb.COOLANT_STOP, despite=True, by=world.rng.choice(("ada", "ben")))


def switch_unit(world: "World", verb: Verb, *, despite: bool = False, by: str = "ada") -> None:
    """Plan a switch of the coolant unit as a person does, and have it approved by somebody."""
    life = world.life
    if life is None:
        return
    unit = sorted(world.rack.units)[0]
    said = {"do": str(verb), **({"despite": True, "reason": "a hose"} if despite else {})}

    async def switched() -> None:
        try:
            made = await life.verbs.plan(Command("1", "ada", Role.SAFETY, "plan", unit, 0, said))
            approved = {"operation": made["operation"]}
            await life.verbs.approve(Command("2", by, Role.SAFETY, "approve", RACK, 0, approved))
            world.note(f"{made['operation']} is {verb}, approved by {by}")
        except RackwrightError as err:
            world.note(f"no {verb}: {err.what}")
        except Killed:
            if life in world.lives:
                world.end(life, "killed at a point")

    world.spawn(switched())


def lock(world: "World", fault: Fault) -> None:
    """Somebody works on a tray."""
    life = world.life
    if life is None:
        return
    said = {"phone": "1", "reason": "hose", "hours": 1}

    async def locked() -> None:
        try:
            await life.locks.lock(Command("1", "eve", Role.TECHNICIAN, "lock", fault.tray, 0, said))
        except RackwrightError as err:
            world.note(f"no lock: {err.what}")
        except Killed:
            if life in world.lives:
                world.end(life, "killed at a point")

    world.spawn(locked())


def button(world: "World", fault: Fault) -> None:
    """Somebody at the rack presses a tray's button."""
    world.rack.trays[fault.tray].press_button()


def emergency(world: "World", fault: Fault) -> None:
    """Somebody presses the rack's emergency off."""
    life = world.life
    if life is not None:
        world.watch.rack_may_go_off()
        world.guarded(life, lambda: life.guard.emergency_off(RACK, "ada: smoke"))


def calm(world: "World") -> None:
    """End what goes wrong: lines carry, everybody answers that can, the disk takes writes, operations are cancelled."""
    world.note("calm")
    world.rack.flow, world.rack.silent_unit = 1.0, False
    world.rack.supply_k, world.rack.isolated_since = 0.0, None
    fill(world, False)
    for device in (*world.rack.trays.values(), *world.rack.shelves.values(), *world.rack.units.values()):
        device.careless = False
    life = world.life
    if life is None:
        return
    life.mortal.dies_at = None
    for operation in life.operations.newest(50):
        if operation.state in (OperationState.RUNNING, OperationState.PAUSED):
            life.operations.say(operation.id, "cancel", "ada")
    if world.rng.random() < 0.5:
        later(world, CALM_S, lambda: begin(world, Verb.ON, RACK, None))


def later(world: "World", seconds: float, act: Callable[[], object]) -> None:
    """Let something happen in a while."""
    asyncio.get_running_loop().call_later(seconds, act)
