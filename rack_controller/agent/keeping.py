"""Keeps a host's GPUs at what a controller granted them, and at their standing limits once that time is over.

The controller may be gone, the bus may be gone: the time runs out here.  What the driver forgot (it was loaded anew,
a GPU was reset) is set again within a second.  Until a controller has granted something, nothing is touched.
"""

import asyncio
import logging
from collections import OrderedDict
from pathlib import Path

import msgspec

from firmware_bridge.ports.hosts import GpuSource
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.grants import HeldGpu, HeldGrant, decode_grant
from rack_controller.agent.lease import OVER, Lease, take, wanted

_log = logging.getLogger(__name__)

CHECK = Seconds(1.0)
BELIEVED = Seconds(2.0)  # what was read back longer ago is not said: a driver may hang
SAID_KEPT = 64


class _Memory(msgspec.Struct, frozen=True):
    """What outlives the agent's process: a controller of before is known, and so are the standing limits, W."""

    epoch: int
    standing: dict[int, float]


class Keeper:
    """One host's.  `memory`: the file that outlives a restart, None: a restart begins with nothing."""

    def __init__(self, source: GpuSource, clock: Clock, boot: str, memory: Path | None = None) -> None:
        self._source, self._clock, self._boot, self._memory = source, clock, boot, memory
        self._lease = Lease() if memory is None else remembered(memory)
        self._said: OrderedDict[int, Seconds] = OrderedDict()
        self._kept: tuple[HeldGpu, ...] = ()
        self._kept_at = OVER
        self._number, self._refused = 0, ""
        self._wake = asyncio.Event()
        self.news = asyncio.Event()

    def said(self, sequence: int) -> None:
        """Note that a message with this number is being said now."""
        self._said[sequence] = self._clock.now()
        while len(self._said) > SAID_KEPT:
            self._said.popitem(last=False)

    def hear(self, body: bytes) -> None:
        """Take a grant as it came; what is wrong with it is said, and changes nothing."""
        try:
            grant = decode_grant(body)
        except ValueError as err:
            self._refuse(scrub(str(err), 200))
            return
        said_at = self._said.get(grant.heard) if grant.boot == self._boot else None
        after, why = take(self._lease, grant, said_at, self._clock.now())
        if why:
            self._refuse(why)
            return
        self._refused = ""
        self._remember(after)
        self._lease = after
        self._wake.set()

    def held(self) -> HeldGrant | None:
        """Return what is kept now, None before any controller has granted anything."""
        self.news.clear()
        lease = self._lease
        if not lease.epoch and not self._refused:
            return None
        now = self._clock.now()
        kept = list(self._kept) if now - self._kept_at <= BELIEVED else []
        return HeldGrant(lease.epoch, self._number, round(max(0.0, lease.until - now), 3), self._refused, kept)

    async def run(self) -> None:
        """Keep limits until cancelled."""
        while True:
            await self.keep()
            now = self._clock.now()
            ends = self._lease.until - now
            await self._pause(min(CHECK, ends) if ends > 0 else CHECK)

    async def keep(self) -> None:
        """Have every GPU that a controller granted something at its limit, and read it back."""
        self._wake.clear()
        lease, began = self._lease, self._clock.now()
        limits = wanted(lease, began)
        if not limits:
            return
        kept = tuple(await self._source.keep_limits(limits))
        for gpu in kept:
            if gpu.refused and gpu not in self._kept:
                _log.warning("gpu%d: %s", gpu.gpu, gpu.refused)
        if kept != self._kept or (lease.granted and not self._number):
            self.news.set()
        self._kept, self._kept_at, self._number = kept, began, lease.number

    async def _pause(self, seconds: float) -> None:
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait([woken], timeout=seconds)
        finally:
            woken.cancel()

    def _refuse(self, why: str) -> None:
        if why != self._refused:
            _log.warning("a grant was refused: %s", why)
            self.news.set()
        self._refused = why

    def _remember(self, lease: Lease) -> None:
        """Write down what must outlive this process, before it counts; without it a restart only begins with less."""
        before = self._lease
        if self._memory is None or (before.epoch, before.standing) == (lease.epoch, lease.standing):
            return
        draft = self._memory.with_name(f".{self._memory.name}.draft")
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_bytes(msgspec.json.encode(_Memory(lease.epoch, dict(lease.standing))))
            draft.replace(self._memory)
        except OSError as err:
            _log.warning("standing limits are not written down, a restart will not know them: %s", err)


def remembered(file: Path) -> Lease:
    """Return what an agent of before wrote down: no grant, and its standing limits.  A file that is none is nothing."""
    try:
        memory = msgspec.json.decode(file.read_bytes(), type=_Memory)
    except FileNotFoundError:
        return Lease()
    except (OSError, ValueError) as err:
        _log.warning("%s cannot be read, standing limits of before are not known: %s", file, err)
        return Lease()
    return Lease(epoch=memory.epoch, standing=memory.standing)
