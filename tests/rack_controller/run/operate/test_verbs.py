"""Commands about operations: planned, approved when nothing changed, refused with the reason."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.fake_power import FakeTray
from support.snapshots import RACK, snapshot
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import (
    ArgumentsInvalid,
    CommandRefused,
    PreconditionFailed,
    RoleInsufficient,
    TargetUnknown,
)
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.power import PowerState
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.site import SiteRack
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.command import Command, check_wish
from rack_controller.model.layout import make_layout
from rack_controller.model.lease import Direction
from rack_controller.model.operation import OperationState, Plan
from rack_controller.model.roles import Role
from rack_controller.model.snapshot import Snapshot
from rack_controller.run.journal import Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.looking import Looking
from rack_controller.run.operate.obstacles import Obstacles
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.verbs import Means, operating
from rack_controller.run.stock import Stock
from rack_controller.run.turns import Turns
from rack_controller.run.view import RackView

U12 = Place(f"{RACK}/u12")
GENERATION = load_generation("gb200-nvl72")


def seen(u12: float) -> Snapshot:
    return snapshot({("u12", Quantity.POWER_STATE): u12, ("u13", Quantity.POWER_STATE): 1.0})


@dataclass
class Desk:
    view: RackView
    tray: FakeTray
    operations: Operations
    verbs: Any
    working: list[str]

    async def do(self, verb: str, role: Role = Role.OPERATOR, target: Place = U12, **said: object) -> dict[str, Any]:
        command = Command("c", "ada", role, verb, target, 2**62, said)
        check_wish(command)
        done: dict[str, Any] = await self.verbs[verb](command)
        return done


def desk(folder: Path, starts_in: PowerState = PowerState.ON, armed: bool = True) -> Desk:
    clock, working = VirtualClock(), [""]
    layout = make_layout(SiteRack(RACK, GENERATION.name, armed=armed), GENERATION, ())
    view = RackView(layout, "boot", snapshot=seen(1.0 if starts_in is PowerState.ON else 0.0))
    tray = FakeTray(Place(f"{U12}/bmc"), clock, starts_in)
    sources: Any = {tray.place: tray}
    obstacles = Obstacles(sources, Turns(), lambda _place: working[0])
    journal = Journal(folder / "journal.db")
    ledger, leases = Ledger(journal, RACK), LeaseBook(clock)
    looking = Looking(lambda: layout, {}, Stock(sources, clock), clock)
    beside: Any = (ledger, leases, clock, lambda _f: None)
    limits = Limits(view, sources, *beside)
    means = Means(view, GENERATION.sequence, sources, *beside, obstacles, looking, limits)
    operations, verbs = operating(means)
    return Desk(view, tray, operations, verbs, working)


async def until_over(d: Desk, name: str) -> OperationState:
    running, clock = asyncio.create_task(d.operations.run()), VirtualClock()
    while not d.operations.find(name).over:
        await clock.sleep_until(Seconds(clock.now() + 1.0))
    running.cancel()
    await asyncio.wait([running])
    return d.operations.find(name).state


def test_a_tray_goes_off_by_plan_and_approval(tmp_path: Path) -> None:
    async def story() -> None:
        d = desk(tmp_path)
        shown = await d.do("plan", do="off", dry_run=True)
        assert shown["operation"] == ""
        assert not d.operations.newest(9)
        plan = msgspec.convert(shown["plan"], Plan)
        assert [s.id for s in plan.steps] == ["compute/u12/off"]
        made = await d.do("plan", Role.SAFETY, do="off", reason="swap")
        await d.do("approve", Role.SAFETY, operation=made["operation"])
        assert await until_over(d, made["operation"]) is OperationState.DONE
        assert d.tray.settle() is PowerState.OFF

    run_virtually(story())


def test_a_plan_for_a_rack_that_changed_since_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        d = desk(tmp_path)
        made = await d.do("plan", do="off")
        d.view.snapshot = seen(0.0)
        with pytest.raises(PreconditionFailed, match=r"has changed since k07-1 was planned: no longer compute/u12/off"):
            await d.do("approve", operation=made["operation"])
        assert d.operations.find(made["operation"]).state is OperationState.PLANNED
        assert (await d.do("cancel", operation=made["operation"]))["state"] == "cancelling"

    run_virtually(story())


@pytest.mark.parametrize(
    ("verb", "role", "said", "error", "match"),
    [
        ("plan", Role.SAFETY, {"do": "on"}, RoleInsufficient, "may not turn trays on"),
        ("plan", Role.TECHNICIAN, {"do": "off"}, RoleInsufficient, "may not turn trays off"),
        ("plan", Role.OPERATOR, {"do": "explode"}, ArgumentsInvalid, "do: 'explode'"),
        ("plan", Role.OPERATOR, {"do": "off", "depth": "deep"}, ArgumentsInvalid, "depth"),
        ("plan", Role.OPERATOR, {"do": "off", "depth": "isolated"}, ArgumentsInvalid, "isolated"),
        ("plan", Role.OPERATOR, {"do": "off", "kind": "gpu"}, ArgumentsInvalid, "kind"),
        ("plan", Role.OPERATOR, {"do": "off", "force": True}, ArgumentsInvalid, "takes no argument"),
        ("approve", Role.OPERATOR, {}, ArgumentsInvalid, "which operation"),
        ("approve", Role.OPERATOR, {"operation": "k07-5"}, TargetUnknown, "no operation 'k07-5'"),
        ("resolve", Role.OPERATOR, {"operation": "k07-5", "word": "maybe"}, ArgumentsInvalid, "no word 'maybe'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, verb: str, role: Role, said: dict[str, object], error: type[CommandRefused], match: str
) -> None:
    async def story() -> None:
        with pytest.raises(error, match=match):
            await desk(tmp_path).do(verb, role, **said)

    run_virtually(story())


def test_rights_armed_and_maintenance_are_asked_for_when_it_matters(tmp_path: Path) -> None:
    async def story() -> None:
        d = desk(tmp_path, PowerState.OFF)
        made = await d.do("plan", do="on")
        with pytest.raises(RoleInsufficient, match="may not turn trays on"):
            await d.do("approve", Role.SAFETY, operation=made["operation"])
        d.view.layout = msgspec.structs.replace(d.view.layout, armed=False)
        with pytest.raises(PreconditionFailed, match="only observed"):
            await d.do("approve", operation=made["operation"])

    run_virtually(story())


class Latches:
    """Latches the trays in `wet`; `attempts` are those of which somebody is counted."""

    def __init__(self, *wet: Place) -> None:
        self.wet, self.attempts = set(wet), list[Place]()

    def forbids(self, place: Place) -> str:
        self.attempts.append(place)
        return self.keeps_off(place)

    def unsure(self, _place: Place) -> str:
        return ""

    def keeps_off(self, place: Place) -> str:
        return "latch k07-l1: Leak" if place in self.wet else ""


def test_what_is_latched_or_locked_is_not_planned_to_go_on_and_asking_is_no_attempt(tmp_path: Path) -> None:
    async def story() -> None:
        d = desk(tmp_path, PowerState.OFF)
        latches = d.operations.leases.latches = Latches(U12)
        with pytest.raises(PreconditionFailed, match="u12, which must stay off: latch k07-l1: Leak") as refused:
            await d.do("plan", do="on", dry_run=True)
        assert refused.value.exit_code == 5
        latches.wet.clear()
        d.working[0] = "locked by bob"
        with pytest.raises(PreconditionFailed, match="u12, which must stay off: under maintenance: locked by bob"):
            await d.do("plan", do="on")
        d.working[0] = ""
        made = await d.do("plan", do="on")
        latches.wet.add(U12)
        with pytest.raises(PreconditionFailed, match="u12, which must stay off: latch"):
            await d.do("approve", operation=made["operation"])
        assert (latches.attempts, d.tray.asked) == ([], [])

    run_virtually(story())


def test_a_latched_tray_among_others_is_left_out_and_the_dry_run_says_so(tmp_path: Path) -> None:
    async def story() -> None:
        d = desk(tmp_path, PowerState.OFF)
        latches = d.operations.leases.latches = Latches(U12)
        second = Place(f"{RACK}/u13/bmc")
        d.verbs["plan"].__self__.powers.sources[second] = FakeTray(second, VirtualClock(), PowerState.OFF)
        d.view.snapshot = snapshot({("u12", Quantity.POWER_STATE): 0.0, ("u13", Quantity.POWER_STATE): 0.0})
        shown = await d.do("plan", target=RACK, do="on", dry_run=True)
        assert shown["plan"]["left_out"] == {U12: "latch k07-l1: Leak"}
        made = await d.do("plan", target=RACK, do="on")
        assert [s.id for s in d.operations.find(made["operation"]).plan.steps] == ["compute/u13/on"]
        latches.wet = {tray_of(second)}
        with pytest.raises(PreconditionFailed, match="u13 is left out now: latch k07-l1"):
            await d.do("approve", Role.ADMIN, RACK, operation=made["operation"])
        latches.wet = {U12}
        assert (await d.do("approve", target=RACK, operation=made["operation"]))["state"] == "running"
        assert not latches.attempts

    run_virtually(story())


def test_several_trays_are_planned_by_an_operator_and_approved_by_an_admin(tmp_path: Path) -> None:
    async def story() -> None:
        d = desk(tmp_path)
        second = Place(f"{RACK}/u13/bmc")
        d.verbs["plan"].__self__.powers.sources[second] = FakeTray(second, VirtualClock(), PowerState.ON)
        made = await d.do("plan", target=RACK, do="off")
        with pytest.raises(RoleInsufficient, match="role operator may not switch several trays at a time"):
            await d.do("approve", target=RACK, operation=made["operation"])
        approved = await d.do("approve", Role.ADMIN, RACK, operation=made["operation"])
        assert approved["state"] == "running"
        assert (await d.do("pause", Role.SAFETY, RACK, operation=made["operation"]))["state"] == "paused"
        with pytest.raises(RoleInsufficient):
            await d.do("resume", target=RACK, operation=made["operation"])

    run_virtually(story())


def test_a_tray_that_somebody_works_on_is_not_switched_on_and_one_change_at_a_time(tmp_path: Path) -> None:
    d = desk(tmp_path, PowerState.ON)
    bmc, obstacles = d.tray.place, d.operations.obstacles
    with obstacles.passed(bmc, Direction.ENERGISED, "on"), pytest.raises(CommandRefused, match="under way"):
        obstacles.turns.take(bmc, "rotate").__enter__()
    d.working[0] = "swap by bob"
    with pytest.raises(PreconditionFailed, match="u12 is under maintenance: swap by bob"):
        obstacles.passed(bmc, Direction.ENERGISED, "on").__enter__()
    with obstacles.passed(bmc, Direction.SAFE, "off"):
        pass
