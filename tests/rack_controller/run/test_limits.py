"""Power limits: of an emulated tray over TLS, and of one in virtual time that loses them, says nothing or restarts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from support.interlocked import InterlockedRack
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.served_tray import served_tray
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.harness import ServedEndpoint
from firmware_bridge.vocabulary.errors import DeviceError, EnvironmentUnfit
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.set_points import Settable
from firmware_bridge.vocabulary.units import Seconds, Watts
from rack_controller.decide.interlock import Order
from rack_controller.decide.notice import Finding
from rack_controller.model.command import Command
from rack_controller.model.interlock import Act
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.model.limit import LimitRow
from rack_controller.model.roles import Role
from rack_controller.run.following import Following
from rack_controller.run.journal import Journal
from rack_controller.run.limits import Limits
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.view import RackView

TRAY = join_place(RACK, "u11")
GPU0 = join_place(TRAY, "gpu0")


@dataclass
class Capped:
    rack: RealRack
    served: ServedEndpoint
    bench: Bench

    async def rows(self) -> dict[str, LimitRow]:
        rows = msgspec.json.decode(await self.rack.ask("limits"), type=list[LimitRow])
        return {row.place: row for row in rows}

    @property
    def asked(self) -> list[float]:
        return [float(w) for w in self.bench.asked_caps[0, 0]]


@asynccontextmanager
async def capped(tmp_path: Path) -> AsyncIterator[Capped]:
    async with served_tray(rack=RACK) as (served, bench), real_rack(tmp_path, [served]) as rack:
        it = Capped(rack, served, bench)

        async def met() -> bool:
            dry = not rack.controlled._leases.unsure(TRAY) and not rack.controlled._leases.latches.forbids(TRAY)
            return dry and GPU0 in await it.rows()

        await eventually(met)
        rack.controlled._limits.held = lambda _tray: ""  # nobody plays a coolant unit here
        yield it


async def test_limits_are_set_read_back_and_refused_outside_what_the_device_allows(tmp_path: Path) -> None:
    async with capped(tmp_path) as it:
        done = await it.rack.do("limit", TRAY, Role.OPERATOR, watts=800, each=True)
        assert done.accepted, done
        assert [(p["value"], p["state"], p["read_back"]) for p in done.result["limits"]] == [
            (800.0, "applied", 800.0)
        ] * 4
        assert it.asked == [800.0] * 4
        for watts, said in ((99_999.0, "the device allows"), (True, "expected a number"), ("a", "expected a number")):
            refused = await it.rack.do("limit", GPU0, Role.OPERATOR, watts=watts)
            assert (refused.accepted, said in refused.advice + refused.reason) == (False, True), refused
        assert not (await it.rack.do("limit", GPU0, Role.TECHNICIAN, watts=700.0)).accepted
        row = (await it.rows())[GPU0]
        assert row.wanted is not None
        assert row.wanted.by == "ada"

        cleared = await it.rack.do("limit", GPU0, Role.OPERATOR, clear=True)
        assert (cleared.accepted, it.asked[0]) == (True, it.bench.design.limit_default)
        assert (await it.rows())[GPU0].wanted is None


async def test_an_interlock_caps_at_once_and_nobody_goes_above_it(tmp_path: Path) -> None:
    async with capped(tmp_path) as it:
        limits, most = it.rack.controlled._limits, it.bench.design.limit_max
        order = Order(Act.CAP, "flow.low", Place(RACK), (TRAY, join_place(RACK, "u20")), "flow 30 %", 0.5)
        came = await limits.cap(order)
        assert came.words == "4 of 4 limits set"
        assert {tray: fate for tray, (fate, _) in came.fates.items()} == {
            TRAY: "taken",
            join_place(RACK, "u20"): "spared",
        }
        assert it.asked == [0.5 * most] * 4
        assert (await limits.cap(order)).words == "nothing there is above that"

        limits.held = lambda _tray: "Coolant flow low at k01: 30 %"
        refused = await it.rack.do("limit", GPU0, Role.OPERATOR, watts=900)
        assert (refused.accepted, "is not raised: Coolant flow low" in refused.reason) == (False, True)
        assert (await it.rack.do("limit", GPU0, Role.OPERATOR, watts=450)).accepted
        assert it.asked[0] == 450.0


async def test_limits_wait_for_a_flash_even_those_of_an_interlock(tmp_path: Path) -> None:
    async with capped(tmp_path) as it:
        leases, limits = it.rack.controlled._leases, it.rack.controlled._limits
        flash = Wish(it.served.place, Facet.FIRMWARE, LeaseClass.FIRMWARE, "k01-7", Direction.NEUTRAL)
        lease = leases.take(flash)
        refused = await it.rack.do("limit", GPU0, Role.OPERATOR, watts=800)
        assert (refused.accepted, "firmware is held by k01-7" in refused.reason) == (False, True), refused
        came = await limits.cap(Order(Act.CAP, "flow.low", Place(RACK), (TRAY,), "flow 30 %", 0.5))
        assert "its firmware is being written (k01-7)" in came.words
        assert leases.lost(lease) == ""  # a cap is no reason to break a flash off
        assert it.asked == [float(it.bench.design.limit_default)] * 4


@dataclass
class FakeLimited:
    """One GPU whose limit is kept until its tray loses auxiliary power; `silent`: it does not say what it keeps."""

    keeps: float = 1000.0
    silent: bool = False
    asked: list[float] = field(default_factory=list)
    takes: dict[float, float] = field(default_factory=dict)  # how many s a value is on its way
    clock: VirtualClock = field(default_factory=VirtualClock)

    @property
    def settable(self) -> dict[Place, Settable]:
        return {GPU0: Settable(GPU0, Watts(200.0), Watts(1200.0))}

    async def ask_values(self, watts: Mapping[Place, Watts]) -> dict[Place, DeviceError | None]:
        value = watts[GPU0]
        self.asked.append(value)
        if value in self.takes:
            await self.clock.sleep_until(Seconds(self.clock.now() + self.takes[value]))
        self.keeps = value
        return dict.fromkeys(watts)

    async def read_values(self, places: Collection[Place]) -> dict[Place, Watts | None]:
        return dict.fromkeys(places, None if self.silent else Watts(self.keeps))


@dataclass
class Virtual:
    """The limits of a rack in virtual time; `tick` shows a reading and lets what follows happen."""

    path: Path
    clock: VirtualClock
    source: FakeLimited = field(default_factory=FakeLimited)
    told: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.seen, self.source.clock = InterlockedRack(), self.clock
        self.view = RackView(self.seen.layout, "boot")
        self.start()

    def start(self) -> None:
        ledger = Ledger(Journal(self.path), Place(RACK))
        sources: Any = {join_place(TRAY, "bmc"): self.source}
        self.limits = Limits(self.view, sources, ledger, LeaseBook(self.clock), self.clock, self.told.append)

    async def tick(self, shows: float | None) -> None:
        await self.clock.sleep_until(Seconds(self.clock.now() + 11.0))
        self.seen.now = self.clock.now()
        self.seen.set(GPU0, Quantity.POWER_LIMIT, shows)
        self.limits.look(self.seen.snapshot())
        await self.clock.sleep_until(Seconds(self.clock.now() + 0.1))

    async def set(self, watts: float) -> dict[str, Any]:
        command = Command("c", "ada", Role.OPERATOR, "limit", GPU0, 2**62, {"watts": watts})
        (point,) = (await self.limits.limit(command))["limits"]  # type: ignore[misc]
        return dict(point)


def virtually(path: Path, story: Callable[[Virtual], Coroutine[Any, Any, None]], **source: Any) -> None:
    async def whole() -> None:
        await story(Virtual(path / "journal.db", VirtualClock(), FakeLimited(**source)))

    run_virtually(whole())


def test_a_limit_that_a_device_lost_is_asked_for_again_also_by_the_next_controller(tmp_path: Path) -> None:
    async def story(it: Virtual) -> None:
        assert (await it.set(800.0))["state"] == "applied"
        await it.tick(800.0)
        assert it.source.asked == [800.0]
        it.source.keeps = 1200.0
        await it.tick(1200.0)
        assert it.source.asked == [800.0, 800.0]
        assert "by the controller, anew" in it.told[-1].message
        it.start()
        it.source.keeps = 1200.0
        await it.tick(1200.0)
        assert it.source.asked == [800.0] * 3
        await it.tick(None)  # not seen: nothing is made of that
        assert it.source.asked == [800.0] * 3

    virtually(tmp_path, story)


HALF = Order(Act.CAP, "flow.low", Place(RACK), (TRAY,), "flow 30 %", 0.5)


def kept(it: Virtual) -> list[float]:
    return [point.value for point in it.limits.ledger.set_points()]


def test_a_limit_that_is_asked_for_again_never_takes_the_place_of_a_newer_one(tmp_path: Path) -> None:
    async def story(it: Virtual) -> None:
        await it.set(960.0)
        await it.clock.sleep_until(Seconds(20.0))
        it.seen.now = it.clock.now()
        it.seen.set(GPU0, Quantity.POWER_LIMIT, 1200.0)
        it.limits.look(it.seen.snapshot())  # the device lost it: it is to be asked for again
        await it.limits.cap(HALF)  # and an interlock comes first
        await it.clock.sleep_until(Seconds(21.0))
        assert it.source.asked == [960.0, 600.0]
        assert kept(it) == [600.0]

    virtually(tmp_path, story)


def test_an_older_limit_that_comes_late_is_seen_and_the_newer_one_asked_for_again(tmp_path: Path) -> None:
    async def story(it: Virtual) -> None:
        it.source.takes = {960.0: 4.0}
        older = asyncio.create_task(it.set(960.0))
        await it.clock.sleep_until(Seconds(1.0))
        await it.limits.cap(HALF)
        await older
        assert (it.source.keeps, kept(it)) == (960.0, [600.0])
        it.seen.now = it.clock.now()  # sooner than a limit is asked for again that was not taken
        it.seen.set(GPU0, Quantity.POWER_LIMIT, 960.0)
        it.limits.look(it.seen.snapshot())
        await it.clock.sleep_until(Seconds(it.clock.now() + 0.1))
        assert (it.source.keeps, kept(it)) == (600.0, [600.0])

    virtually(tmp_path, story)


def test_a_device_that_does_not_say_what_it_keeps_is_told_as_such(tmp_path: Path) -> None:
    async def story(it: Virtual) -> None:
        point = await it.set(800.0)
        assert (point["state"], point["detail"]) == ("unread", "taken; it does not say what it keeps")

    virtually(tmp_path, story, silent=True)


def test_a_full_disk_holds_a_person_back_and_no_interlock(tmp_path: Path) -> None:
    async def story(it: Virtual) -> None:
        def refuse(_points: object) -> None:
            raise EnvironmentUnfit("the journal refused a write")

        it.limits.ledger = cast(Any, SimpleNamespace(rack=RACK, keep_set_points=refuse))
        with pytest.raises(EnvironmentUnfit):
            await it.set(800.0)
        assert it.source.asked == []
        order = Order(Act.CAP, "flow.low", Place(RACK), (TRAY,), "flow 30 %", 0.5)
        assert (await it.limits.cap(order)).words == "1 of 1 limits set"
        assert it.source.asked == [600.0]

    virtually(tmp_path, story)


def test_what_a_full_disk_refused_is_written_down_once_there_is_room(tmp_path: Path) -> None:
    async def story(it: Virtual) -> None:
        ledger = it.limits.ledger
        it.limits.ledger = cast(Any, SimpleNamespace(rack=RACK, keep_set_points=_full))
        await it.limits.cap(HALF)
        await it.tick(600.0)
        assert [point.value for point in ledger.set_points()] == []
        it.limits.ledger = ledger
        await it.tick(600.0)
        assert kept(it) == [600.0]
        it.start()
        assert it.limits.wanted[GPU0].value == 600.0

    virtually(tmp_path, story)


def test_a_cap_that_a_full_disk_kept_from_being_written_down_is_not_raised_by_the_next_controller(
    tmp_path: Path,
) -> None:
    async def story(it: Virtual) -> None:
        it.source.keeps = 500.0  # by a controller that has died since
        it.seen.set(GPU0, Quantity.POWER_LIMIT, 500.0)
        it.view.snapshot = it.seen.snapshot()
        await it.limits.cap(HALF)
        assert (it.source.asked, kept(it)) == ([500.0], [500.0])

    virtually(tmp_path, story)


PUMP = "coolant.no_spare_pump"


@dataclass
class Followed:
    """A following cap over these limits: `other` caps there too, `over`: its row is."""

    it: Virtual
    other: str = ""
    over: bool = False

    def __post_init__(self) -> None:
        self.following = Following(
            self.it.limits,
            held=lambda _tray, but: self.other if but == PUMP else "its own row",
            over=lambda cause: 30.0 if self.over and cause == PUMP else None,
        )

    async def cap(self, share: float) -> str:
        order = Order(Act.CAP, PUMP, Place(RACK), (TRAY,), "No spare pump", share, follows=True, why="1 of 2 left")
        return (await self.following.cap(order)).words

    async def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / 11.0) + 1):
            await self.it.tick(self.it.source.keeps)
            self.following.look(self.it.clock.now())
            await self.it.clock.sleep_until(Seconds(self.it.clock.now() + 0.1))


def test_a_following_cap_goes_down_up_and_back_and_says_it_once(tmp_path: Path) -> None:
    async def story(it: Virtual) -> None:
        await it.set(900.0)
        cap = Followed(it)
        assert await cap.cap(0.5) == "1 of 1 limits set: 50% of what GPUs may draw; 1 of 2 left"
        assert await cap.cap(0.505) == await cap.cap(0.5), "what is not changed is not told anew"
        assert it.source.asked == [900.0, 600.0]
        await cap.cap(0.7)
        assert (it.source.keeps, it.limits.wanted[GPU0].by) == (840.0, f"interlock {PUMP}")
        await cap.cap(1.0)
        assert it.source.keeps == 900.0, "no higher than a person wants it"
        await cap.cap(0.3)
        await cap.pass_time(60.0)
        assert it.source.keeps == 360.0, "its row stands"
        cap.over = True
        await cap.pass_time(22.0)
        assert it.source.keeps == 360.0, "its row is over for less than 30 s"
        await cap.pass_time(33.0)
        assert (it.source.keeps, it.limits.wanted[GPU0].by, it.limits.wanted[GPU0].value) == (900.0, "ada", 900.0)
        assert "interlock coolant.no_spare_pump, which is over" in it.told[-1].message

    virtually(tmp_path, story)


def test_nothing_goes_up_while_somebody_else_caps_and_the_next_controller_gives_it_back(tmp_path: Path) -> None:
    async def story(it: Virtual) -> None:
        cap = Followed(it)
        await cap.cap(0.5)
        cap.other = "Coolant flow low at k01"
        await cap.cap(0.9)
        cap.over = True
        await cap.pass_time(66.0)
        assert it.source.keeps == 600.0
        it.start()
        again = Followed(it)
        await again.pass_time(66.0)
        assert it.source.keeps == 600.0, "nobody knows yet that its row is over"
        again.over = True
        await again.pass_time(55.0)
        assert (it.source.keeps, dict(it.limits.wanted)) == (1200.0, {}), "as the device usually is, wanted by nobody"

    virtually(tmp_path, story)


def test_a_full_disk_leaves_the_cap_and_it_is_given_back_later(tmp_path: Path) -> None:
    async def story(it: Virtual) -> None:
        cap = Followed(it)
        await cap.cap(0.5)
        cap.over = True
        ledger, it.limits.ledger = it.limits.ledger, cast(Any, SimpleNamespace(rack=RACK, keep_set_points=_full))
        await cap.pass_time(66.0)
        assert it.source.keeps == 600.0
        it.limits.ledger = ledger
        await cap.pass_time(22.0)
        assert it.source.keeps == 1200.0

    virtually(tmp_path, story)


def _full(_points: object) -> None:
    raise EnvironmentUnfit("the journal refused a write")
