"""A host's GPUs through NVML: opened, read, lost, found again; one lane per GPU, one thread for events.

Refuses to guess: what a GPU does not say is a reason, and a host without the library says so and tries again.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from firmware_bridge.drivers.nvml import library
from firmware_bridge.drivers.nvml.events import EventWatch
from firmware_bridge.drivers.nvml.gpu import Group, read_fast, read_slow
from firmware_bridge.drivers.nvml.lane import Lane
from firmware_bridge.drivers.nvml.library import Handle, NvmlFailure
from firmware_bridge.drivers.nvml.limits import keep_limit
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.codes import DRIVER_NOT_LOADED, GPU_LOST, RESET_REQUIRED, UNINITIALIZED
from firmware_bridge.wire.nvml.grants import HeldGpu
from firmware_bridge.wire.nvml.message import (
    ACCESS_FAILING,
    ACCESS_HUNG,
    ACCESS_LOST,
    ACCESS_OK,
    ACCESS_RESET,
    GpuReport,
    HostEvent,
    HostReport,
)
from firmware_bridge.wire.nvml.plan import SENSOR_PERIOD, SLOW_PERIOD, alarm_word

_log = logging.getLogger(__name__)

NEVER = Seconds(float("-inf"))
CALL_WITHIN = Seconds(2.0)
SET_WITHIN = Seconds(1.0)
OPEN_WITHIN = Seconds(20.0)  # a first load wakes every GPU that has no persistence daemon
OPEN_AGAIN = Seconds(30.0)
_ACCESS = {GPU_LOST: ACCESS_LOST, RESET_REQUIRED: ACCESS_RESET}
_CODES = {ACCESS_LOST: 0, ACCESS_OK: 1, ACCESS_RESET: 2, ACCESS_HUNG: 3, ACCESS_FAILING: 4}
# Codes after which the whole library must be opened anew: the driver was unloaded under us.
_REOPEN = frozenset((UNINITIALIZED, DRIVER_NOT_LOADED, 18))


@dataclass(slots=True)
class _Gpu:
    """What is known of one GPU."""

    index: int
    lane: Lane
    limiter: Lane  # limits do not wait for readings
    number: int | None = None  # NVML's own index; None: the driver does not show it any more
    handle: Handle | None = None
    identity: dict[str, str] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    fast: Group = field(default_factory=Group)
    slow: Group = field(default_factory=Group)
    fast_at: Seconds = NEVER
    slow_at: Seconds = NEVER
    stamped: dict[str, tuple[int, Seconds]] = field(default_factory=dict)
    access: str = ACCESS_FAILING
    reason: str = ""
    codes: frozenset[int] = frozenset()


def _lanes(number: int) -> tuple[Lane, Lane]:
    return Lane(f"gpu{number}"), Lane(f"gpu{number}-limit")


class NvmlHost:
    """A GpuSource: `sample` for what the GPUs say now, `happened` for what the driver reported."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gpus: list[_Gpu] = []
        self._library = Lane("nvml")
        self._watch = EventWatch(clock)
        self._failure, self._open_at = "not_opened", NEVER
        self._driver, self._nvml = "", ""
        self._is_open = False
        self._indexes: dict[str, int] = {}  # by PCI address: a GPU keeps its number when another one vanishes

    @property
    def news(self) -> asyncio.Event:
        """Return what is set when an event waits."""
        return self._watch.news

    def happened(self) -> list[HostEvent]:
        """Return the events since the last call, oldest first."""
        return self._watch.take()

    @property
    def events_lost(self) -> int:
        """Return how many events were dropped because nobody took them."""
        return self._watch.lost

    async def sample(self) -> HostReport:
        """Read every GPU at once, as far as its sensors have something new.  Never raises."""
        if not self._is_open and not await self._open():
            return HostReport(library=self._failure, driver=self._driver, nvml=self._nvml)
        if any(gpu.access == ACCESS_LOST for gpu in self._gpus):
            await self._look_again()
        await asyncio.gather(*(self._read(gpu) for gpu in self._gpus))
        if self._gpus and all(gpu.codes & _REOPEN for gpu in self._gpus):
            await self._close("driver_not_loaded")
            return HostReport(library=self._failure, driver=self._driver, nvml=self._nvml)
        now = self._clock.now()
        return HostReport(driver=self._driver, nvml=self._nvml, gpus=[self._report(gpu, now) for gpu in self._gpus])

    async def keep_limits(self, watts: Mapping[int, float]) -> list[HeldGpu]:
        """Have each GPU's driver keep these limits, W, and return what it keeps then.  Never raises."""
        known = {gpu.index: gpu for gpu in self._gpus} if self._is_open else {}
        return list(await asyncio.gather(*(self._keep(n, known.get(n), watts[n]) for n in sorted(watts))))

    async def _keep(self, index: int, gpu: _Gpu | None, watts: float) -> HeldGpu:
        if gpu is None or gpu.handle is None:
            return HeldGpu(index, refused=gpu.reason if gpu is not None else self._failure or "no such GPU")
        handle = gpu.handle
        try:
            return await gpu.limiter.run(lambda: keep_limit(handle, index, watts), SET_WITHIN)
        except NvmlFailure as err:
            return HeldGpu(index, refused=str(err))

    async def close(self) -> None:
        """Shut the library down, as far as it answers."""
        await self._close("closed")

    async def _open(self) -> bool:
        now = self._clock.now()
        if now < self._open_at:
            return False
        self._open_at = Seconds(now + OPEN_AGAIN)
        try:
            self._driver, self._nvml = await self._library.run(library.open_library, OPEN_WITHIN)
            count = await self._library.run(library.count_gpus, OPEN_WITHIN)
        except NvmlFailure as err:
            if self._failure != err.reason:
                _log.warning("NVML cannot be read: %s; tried again every %g s", err, OPEN_AGAIN)
            self._failure = err.reason
            return False
        _log.info("driver %s, %d GPUs", self._driver, count)
        found = [_Gpu(number, *_lanes(number), number) for number in range(count)]
        await asyncio.gather(*(self._meet(gpu) for gpu in found))
        self._gpus = self._numbered(found)
        self._is_open, self._failure = True, ""
        self._watch.start({gpu.index: gpu.handle for gpu in self._gpus if gpu.handle is not None})
        return True

    async def _look_again(self) -> None:
        """A lost GPU comes back, if ever, with a new look at the driver: now and then, while nothing hangs."""
        now = self._clock.now()
        if now < self._open_at or any(gpu.lane.is_stuck for gpu in self._gpus):
            return
        lost = self._gpus
        await self._close("gpu_lost")
        if not await self._open():
            self._gpus = lost

    def _numbered(self, found: list[_Gpu]) -> list[_Gpu]:
        """Give each GPU its number: the one it had, by PCI address, else a free one.  Vanished ones stay listed."""
        known = self._indexes
        free = (n for n in range(len(found) + len(known)) if n not in set(known.values()))
        for gpu in found:
            address = gpu.identity.get("bus_id") or f"number {gpu.number}"
            gpu.index = known[address] if address in known else next(free)
        shown = {gpu.index for gpu in found}
        self._indexes = known | {g.identity["bus_id"]: g.index for g in found if g.identity.get("bus_id")}
        for address, index in known.items():
            if index not in shown:
                gone = _Gpu(index, *_lanes(index), identity={"bus_id": address})
                gone.access, gone.reason = ACCESS_LOST, "not_shown_by_driver"
                found.append(gone)
        return sorted(found, key=lambda gpu: gpu.index)

    async def _close(self, why: str) -> None:
        quiet = await self._watch.stop()
        for gpu in self._gpus:
            gpu.lane.close()
            gpu.limiter.close()
        stuck = any(gpu.lane.is_stuck or gpu.limiter.is_stuck for gpu in self._gpus)
        if (
            self._is_open and quiet and not stuck
        ):  # shutting down under a call that has not come back would free what it uses
            try:
                await self._library.run(library.close_library, CALL_WITHIN)
            except NvmlFailure as err:
                _log.warning("NVML does not shut down: %s", err)
        self._is_open, self._failure, self._gpus = False, why, []

    async def _meet(self, gpu: _Gpu) -> None:
        number = gpu.number
        if number is None:
            return
        try:
            gpu.handle = await gpu.lane.run(lambda: library.handle_of(number), OPEN_WITHIN)
            gpu.identity = await gpu.lane.run(lambda: library.identity_of(gpu.handle), CALL_WITHIN)
            range_mw = await gpu.lane.run(lambda: library.read_limit_range(gpu.handle), CALL_WITHIN)
        except NvmlFailure as err:
            if gpu.handle is None:
                self._refused(gpu, err)
        else:
            gpu.limits = {name: value * 0.001 for name, value in range_mw.items()}

    async def _read(self, gpu: _Gpu) -> None:
        now = self._clock.now()
        if now - gpu.fast_at < SENSOR_PERIOD:
            return
        if gpu.handle is None:
            await self._meet(gpu)
        if gpu.handle is None:
            return
        handle = gpu.handle
        try:
            gpu.fast = await gpu.lane.run(lambda: read_fast(handle), CALL_WITHIN)
            gpu.fast_at = now
            if now - gpu.slow_at >= SLOW_PERIOD - SENSOR_PERIOD:
                gpu.slow, gpu.slow_at = await gpu.lane.run(lambda: read_slow(handle), CALL_WITHIN), now
        except NvmlFailure as err:
            self._refused(gpu, err)
            return
        gpu.codes = frozenset(gpu.fast.codes)
        gpu.access, gpu.reason = gpu.fast.access, gpu.fast.reason
        if gpu.access in (ACCESS_LOST, ACCESS_RESET):
            gpu.slow, gpu.slow_at = Group(), NEVER  # nothing of before holds any more
        for quantity, stamp in gpu.fast.stamps.items():
            if gpu.stamped.get(quantity, (0, now))[0] != stamp:
                gpu.stamped[quantity] = stamp, now

    def _refused(self, gpu: _Gpu, err: NvmlFailure) -> None:
        """A call that did not come back, or a GPU that cannot even be named."""
        hung = gpu.lane.is_stuck
        gpu.access = ACCESS_HUNG if hung else _ACCESS.get(err.code, ACCESS_FAILING)
        gpu.reason, gpu.codes, gpu.fast = err.reason, frozenset((err.code,)), Group()
        gpu.slow, gpu.slow_at = Group(), NEVER

    def _report(self, gpu: _Gpu, now: Seconds) -> GpuReport:
        fast, slow = gpu.fast, gpu.slow
        values = {**slow.values, **fast.values}
        failed = {**slow.failed, **fast.failed}
        if gpu.access == ACCESS_OK and "clock_reasons" in fast.values:
            values["alarms"] = alarm_word(fast.reasons, slow.memory, slow.fabric)
        elif "clock_reasons" in failed:
            failed["alarms"] = failed["clock_reasons"]  # a word with bits that nobody knows would say "all is well"
        values["gpu_access"] = _CODES[gpu.access]
        values["xids"] = self._watch.xids(gpu.index)
        still = {
            quantity: round(now - at, 3)
            for quantity, (_, at) in gpu.stamped.items()
            if quantity in values and gpu.fast_at - at >= SENSOR_PERIOD
        }
        return GpuReport(
            index=gpu.index,
            access=gpu.access,
            reason=gpu.reason,
            values=values,
            failed=failed,
            age_s=round(now - gpu.fast_at, 3) if values and gpu.fast_at > NEVER else 0.0,
            slow_age_s=round(now - gpu.slow_at, 3) if gpu.slow_at > NEVER else 0.0,
            ages_s=still,
            limits_w=gpu.limits,
            links_down=slow.links_down,
            fabric=list(slow.fabric),
            cluster=slow.cluster,
            clique=slow.clique,
            **{name: gpu.identity.get(name, "") for name in ("uuid", "serial", "bus_id", "name")},
        )
