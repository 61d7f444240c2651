"""From a leak to trays that are off: the whole product under `rackwright up`, real sockets and serial lines.

The clock starts before the emulated plant is told to leak.  It stops at the request that the emulated BMC takes, at the
host that is off and says so, and at shelf watts that have fallen by nine tenths of what the struck trays drew.
Controller and emulator have a core each; everybody else is on the emulator's.

Figures: `event_p50_ms`, `event_p99_ms` (bar 250); the same while the BMCs are left alone as in an update, without their
events (`polled`, bar 2,000), with NATS stopped, in one of ten racks after the other, in all ten within a second (no
bar); `modbus` of a pumping unit on its serial line to the first and to the last tray of its rack (bar 1,000),
`two_tray_rack_off_ms` (bar 3,000, the last of all trays).

One leak after the other on a rack, and each is over before the next: the plant is mended and the latch is cleared as a
person does it.  The trays of two parts of a rack take turns, so that those of the last leak are seen off and come on
again, put on by hand, while the other part leaks.  No detector leaks twice within its flapping time.  LEAKS sets how
many in all ways together (60; the whole measurement has 1,000), LEAK_WAYS which of one, serial, ten (one).
"""

import asyncio
import itertools
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the product as the stories start it

from support.attendant import Attendant, attending, until
from support.product import Product

LEAKS = int(os.environ.get("LEAKS", "60"))
SHARES = {"event": 0.3, "whole": 0.03, "two": 0.03, "other": 0.1, "modbus": 0.04, "ten": 0.3}
"""Of all leaks, how many each figure has; three of one rack are `other`.  They add up to 1."""
LEAST = 5
AT_ONCE = 5
"""How often all ten racks leak within one second."""
ONE, SERIAL = "gb200-nvl72", "orv3-hpr-nvl36x2"
PARTS = ([f"u{n}" for n in range(14, 19)], [f"u{n}" for n in range(31, 38)])
"""Compute trays whose water falls on trays only, and from none of one part on any of the other."""
APART_S = 62.0
"""How far apart two leaks of one detector are: within a minute it flaps, and its latch cannot be cleared."""
SETTLE_S = 15.0
LOOK_EVERY_S = 0.2
LOAD, FALLEN = 0.5, 0.9
WITHIN_S = 30.0
CONTROLLER_CORE, OTHER_CORE = 0, 1
DETECTORS, PUMPING_UNIT_DETECTORS = 4, 6
DRIP, RACK, SERIAL_RACK = 4, 27, 18  # trays that one leak strikes, and those of a rack of each generation
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ends:
    """One leak, in ms from its injection: the first request taken, the last one, the last host off, and shelf watts
    fallen (the last two NaN where they were not waited for)."""

    first: float
    last: float
    off: float = float("nan")
    fallen: float = float("nan")


@dataclass(slots=True)
class Spots:
    """The detectors of some trays in an order of their own, and when each leaked last."""

    order: list[tuple[str, str]]
    last: dict[tuple[str, str], float] = field(default_factory=dict)

    async def next(self) -> tuple[str, str]:
        """Return a tray and one of its detectors; wait where it leaked too short ago."""
        spot = self.order.pop(0)
        self.order.append(spot)
        await asyncio.sleep(max(0.0, self.last.get(spot, 0.0) + APART_S - time.monotonic()))
        self.last[spot] = time.monotonic()
        return spot


@dataclass(slots=True)
class Hall:
    """The product under measurement, and whoever puts its racks right again."""

    product: Product
    attendant: Attendant
    dice: random.Random
    stop_nats: bool = False
    turn: dict[str, int] = field(default_factory=dict)
    looked_at: float = -np.inf
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    spots: dict[tuple[str, int], Spots] = field(default_factory=dict)
    coming: dict[tuple[str, int], asyncio.Task[None]] = field(default_factory=dict)

    async def leaks(
        self, count: int, rack: str = "k01", *, to_the_end: bool = False, settle: bool = True
    ) -> list[Ends]:
        """Let one tray of a rack leak after the other, of its parts in turn: each strikes it and the three below.
        `settle`: wait until all of them are on again."""
        done = []
        for _ in range(count):
            part = self.turn[rack] = 1 - self.turn.get(rack, 1)
            await self.all_on(rack, part)
            if to_the_end:  # the shelves' watts are to fall by these trays alone
                await self.all_on(rack)
            tray, detector = await self.spots_of(rack, part).next()
            done.append(await self.leak(rack, part, [f"{tray}/{detector}"], DRIP, tray, to_the_end=to_the_end))
        if settle:
            await self.all_on(rack)
        return done

    async def pairs(self, count: int, rack: str = "k01") -> list[Ends]:
        """Let a tray of each part leak at once: every tray of the rack is struck."""
        done = []
        for _ in range(count):
            spots = [await self.spots_of(rack, part).next() for part in range(len(PARTS))]
            done.append(await self.leak(rack, 0, [f"{tray}/{detector}" for tray, detector in spots], RACK))
            await self.all_on(rack)
        return done

    async def all_on(self, rack: str, part: int | None = None) -> None:
        """Wait until the trays that the last leak of this part of a rack, or of every part, struck are seen on."""
        for key, coming in list(self.coming.items()):
            if key[0] == rack and part in (None, key[1]):
                await coming
                self.coming.pop(key, None)

    def spots_of(self, rack: str, part: int) -> Spots:
        """Return the detectors of one part of a rack."""
        if (rack, part) not in self.spots:
            order = [(tray, f"leak{n}") for tray in PARTS[part] for n in range(DETECTORS)]
            self.dice.shuffle(order)
            self.spots[rack, part] = Spots(order)
        return self.spots[rack, part]

    async def leak(
        self, rack: str, part: int, detectors: list[str], strikes: int, tray: str = "", *, to_the_end: bool = False
    ) -> Ends:
        """Let detectors leak, time the `strikes` that follow, mend the plant and clear the rack's latches; the struck
        trays come on again meanwhile and after it (`all_on`).  `first` is `tray`'s."""
        await asyncio.sleep(self.dice.uniform(0.0, 1.0))  # at no fixed moment of the controller's tick
        control = self.product.control
        before, watts = await self._hosts(rack), await self._watts(rack)
        if self.stop_nats:
            os.kill(self.product.pids["nats"], signal.SIGSTOP)
            await asyncio.sleep(0.5)
        began = time.monotonic()
        faults = [{"what": "leak", "where": f"*/{rack}/{d}"} for d in detectors]
        ids = await asyncio.to_thread(control.add_faults, faults)
        taken = await self._until(lambda: self._taken(rack, began, strikes), f"{detectors}: no {strikes} strikes")
        if self.stop_nats:
            os.kill(self.product.pids["nats"], signal.SIGCONT)
        ends = Ends(1e3 * (taken[tray] if tray else min(taken.values())), 1e3 * max(taken.values()))
        if to_the_end:
            least = watts - FALLEN * sum(before[name]["power_w"] for name in taken)
            fallen = asyncio.create_task(self._until(lambda: self._below(rack, least, began), "watts did not fall"))
            off = await self._until(lambda: self._off(rack, taken, began), "the trays do not go off")
            ends = replace(ends, off=off * 1e3, fallen=await fallen * 1e3)
        else:
            for name in taken:
                await asyncio.to_thread(control.put_hosts, f"*/{rack}/{name}", on=False)
        off_seen = asyncio.create_task(self.attendant.seen(rack, taken, off=True))
        await asyncio.to_thread(control.clear_faults, ids)
        await self.attendant.clear_all(rack)
        self.coming[rack, part] = asyncio.create_task(self._come_on(rack, taken, off_seen))
        return ends

    async def _come_on(self, rack: str, trays: Collection[str], off_seen: "asyncio.Task[None]") -> None:
        """Put trays on by hand once they were seen off, and wait until they are seen on."""
        await off_seen
        for name in trays:
            await asyncio.to_thread(self.product.control.put_hosts, f"*/{rack}/{name}", on=True)
        await self.attendant.seen(rack, trays, off=False)

    async def _taken(self, rack: str, began: float, strikes: int) -> dict[str, float] | None:
        """Return after how many s each struck tray took its request, None while fewer than `strikes` have."""
        hosts = await self._hosts(rack)
        taken = {n: h["asked_at"] - began for n, h in hosts.items() if h["asked_at"] and h["asked_at"] > began}
        return taken if len(taken) >= strikes else None

    async def _off(self, rack: str, trays: Collection[str], began: float) -> float | None:
        hosts = await self._hosts(rack)
        are = [hosts[n]["off_at"] - began for n in trays if hosts[n]["state"] == "Off"]
        return max(are) if len(are) == len(trays) else None

    async def _below(self, rack: str, least: float, began: float) -> float | None:
        return time.monotonic() - began if await self._watts(rack) <= least else None

    async def _hosts(self, rack: str) -> dict[str, dict[str, Any]]:
        """Return the hosts of a rack.  One look serves whoever asks soon after: moments are the emulator's, and ten
        who ask twenty times a second each would take the core that the emulator answers the controller on."""
        async with self.looking:
            if time.monotonic() - self.looked_at > LOOK_EVERY_S:
                self.seen = await asyncio.to_thread(self.product.control.hosts)
                self.looked_at = time.monotonic()
        return {p.split("/")[-1]: h for p, h in self.seen.items() if f"/{rack}/" in p and h["power_w"] is not None}

    async def _watts(self, rack: str) -> float:
        state = await asyncio.to_thread(self.product.control.state)
        return float(next(r["shelf_output_w"] for r in state["racks"] if r["place"].endswith(rack)))

    async def _until(self, look: Callable[[], Awaitable[T | None]], what: str) -> T:
        found: T = await until(look, what, WITHIN_S)
        return found


@asynccontextmanager
async def hall(racks: str) -> AsyncIterator[Hall]:
    """Start the product, give controller and emulator a core each, and let it settle under a steady load."""
    with tempfile.TemporaryDirectory(prefix="rackwright-bench-") as folder:
        product = Product(Path(folder) / "state", ["--racks", racks])
        try:
            await asyncio.to_thread(product.start)
            for name, pid in product.pids.items():
                os.sched_setaffinity(pid, {CONTROLLER_CORE if name == "controller" else OTHER_CORE})
            os.sched_setaffinity(0, {OTHER_CORE})
            await asyncio.to_thread(product.control.set_demand, LOAD)
            await asyncio.sleep(SETTLE_S)
            async with attending(product.state, LOOK_EVERY_S) as attendant:
                assert not await attendant.open(), "a rack that is well has tripped"
                yield Hall(product, attendant, random.Random(6))
        finally:
            await asyncio.to_thread(product.stop)


def run(record: Callable[..., None]) -> None:
    """Measure and record."""
    chosen = os.environ.get("LEAK_WAYS", "one").split(",")
    for name, measure in (("one", _one_rack), ("serial", _serial), ("ten", _ten_racks)):
        if name in chosen:
            uvloop.run(measure(record))


async def _one_rack(record: Callable[..., None]) -> None:
    async with hall(ONE) as it:
        said = await it.leaks(_count("event"))
        _record(record, "event", [e.first for e in said])
        record(figure="event_drip_p99_ms", value=_p99([e.last for e in said]), unit="ms", n=len(said))
        whole = await it.leaks(_count("whole"), to_the_end=True)
        record(figure="off_p99_ms", value=_p99([e.off for e in whole]), unit="ms", n=len(whole))
        record(figure="watts_fallen_p99_ms", value=_p99([e.fallen for e in whole]), unit="ms", n=len(whole))
        two = await it.pairs(_count("two"))
        record(figure="two_tray_rack_off_ms", value=max(e.last for e in two), unit="ms", n=len(two))
        it.stop_nats = True
        _record(record, "event_nats_down", [e.first for e in await it.leaks(_count("other"))])
        it.stop_nats = False
        lost = await asyncio.to_thread(it.product.control.add_faults, [{"what": "lost_event", "where": "*/bmc"}])
        _record(record, "polled", [e.first for e in await it.leaks(_count("other"))])
        await asyncio.to_thread(it.product.control.clear_faults, lost)
        for tray in itertools.chain(*PARTS):
            place = f"{(await it.attendant.interlocks()).rack}/{tray}/bmc"
            reply = await it.attendant.command("quiet", place, minutes=60, reason="as for an update")
            assert reply.accepted, reply.reason
        _record(record, "event_during_update", [e.first for e in await it.leaks(_count("other"))])


async def _serial(record: Callable[..., None]) -> None:
    async with hall(SERIAL) as it:  # of two racks, each with a pumping unit on a line of its own
        racks = sorted({p.split("/")[-2] for p in await asyncio.to_thread(it.product.control.hosts)})
        said = await asyncio.gather(
            *(_pumping_unit(it, rack, max(_count("modbus") // len(racks), 3)) for rack in racks)
        )
        ends = [end for one in said for end in one]
        _record(record, "modbus", [e.last for e in ends])
        record(figure="modbus_first_p99_ms", value=_p99([e.first for e in ends]), unit="ms", n=len(ends))


async def _pumping_unit(it: Hall, rack: str, count: int) -> list[Ends]:
    """Let the detectors of a rack's pumping unit leak, one after the other."""
    spots, done = Spots([("u01", f"leak{n}") for n in range(PUMPING_UNIT_DETECTORS)]), []
    for _ in range(count):
        unit, detector = await spots.next()
        done.append(await it.leak(rack, 0, [f"{unit}/{detector}"], SERIAL_RACK))
        await it.all_on(rack)
    return done


async def _ten_racks(record: Callable[..., None]) -> None:
    racks = [f"k{n:02}" for n in range(1, 11)]
    async with hall(f"{ONE}*{len(racks)}") as it:
        said = [await it.leaks(1, racks[n % len(racks)], settle=False) for n in range(_count("ten"))]
        _record(record, "event_10_racks", [e.first for ends in said for e in ends])
        for rack in racks:
            await it.all_on(rack)
        rounds = [await asyncio.gather(*(it.leaks(1, rack) for rack in racks)) for _ in range(AT_ONCE)]
        _record(record, "event_10_at_once", [e.first for said in rounds for ends in said for e in ends])


def _count(name: str) -> int:
    """Return how many leaks a figure has."""
    return max(round(SHARES[name] * LEAKS), LEAST)


def _record(record: Callable[..., None], name: str, ms: list[float]) -> None:
    during = "_during_update" if name.endswith("_during_update") else ""
    stem = name.removesuffix(during) if during else name
    record(figure=f"{stem}_p50_ms{during}", value=float(np.median(ms)), unit="ms", n=len(ms))
    record(figure=f"{stem}_p99_ms{during}", value=_p99(ms), unit="ms", n=len(ms))


def _p99(ms: list[float]) -> float:
    return float(np.percentile(ms, 99))
