"""The rack controller as a process: read the site, run its racks, carry on without the bus, stop cleanly."""

import asyncio
import logging
import os
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path

from rack_controller.audit_files import AUDIT
from rack_controller.run.audited import Audited
from rack_controller.run.budget.station import BudgetStation, run_budget
from rack_controller.run.building.station import BuildingStation, run_station
from rack_controller.run.bus import Bus
from rack_controller.run.ending import running
from rack_controller.run.outbox import Outbox
from rack_controller.run.rack import TICK, RackUnderControl

_log = logging.getLogger(__name__)

GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, without their whole parts, never meet and fill a beat evenly however many there are."""
STOP_SECONDS = 4.0
IMAGES = "images"


@dataclass(frozen=True, slots=True)
class ControllerFiles:
    """Where a controller process finds its things in the state directory."""

    state: Path

    @property
    def site(self) -> Path:
        """The site file."""
        return self.state / "site.yaml"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.state / "controller" / "journal.db"

    @property
    def audit(self) -> Path:
        """The folder of audit logs, one a process."""
        return self.state / AUDIT

    @property
    def console_logs(self) -> Path:
        """The folder with a log per serial console."""
        return self.state / "controller" / "consoles"

    @property
    def images(self) -> Path:
        """The folder with firmware images; the API takes them in."""
        return self.state / IMAGES

    @property
    def credentials(self) -> Path:
        """The vault's folder."""
        return self.state / "credentials"

    @property
    def nats(self) -> Path:
        """The bus's folder."""
        return self.state / "nats"

    @property
    def bus_url(self) -> Path:
        """A text file with the bus's URL."""
        return self.state / "nats" / "url"

    @property
    def bus_seed(self) -> Path:
        """The controller's nkey seed."""
        return self.state / "nats" / "controller.nk"


def new_boot_id() -> str:
    """Return an id for this start of the process."""
    return secrets.token_hex(8)


async def run_racks(
    racks: tuple[RackUnderControl, ...],
    bus: Bus,
    audited: Audited,
    building: BuildingStation | None = None,
    budget: BudgetStation | None = None,
) -> None:
    """Run every rack, the bus and the building until SIGTERM or SIGINT; then log out and stop within `STOP_SECONDS`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    outboxes: dict[str, Outbox] = {}
    for rack in racks:
        rack.attach(bus)
        outboxes |= {rack.subjects.telemetry: rack.frames, rack.subjects.event: rack.events}
    works = [
        *(_run_apart(rack, n, bus) for n, rack in enumerate(racks)),
        bus.run(outboxes),
        audited.run(),
        run_station(building),
        run_budget(budget),
    ]
    async with running(works) as tasks:
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in tasks if task.done()]
        asyncio.get_running_loop().call_later(STOP_SECONDS, _give_up)
    for task in failed:
        task.result()  # a rack that ended by itself failed: let it be seen
    for task in tasks:
        if not task.cancelled() and (err := task.exception()) is not None:
            _log.warning("while stopping: %r", err)


async def _run_apart(rack: RackUnderControl, number: int, bus: Bus) -> None:
    """Run a rack on beats of its own: what all racks did at once would keep a leak of any of them waiting."""
    await asyncio.sleep(number * GOLDEN % 1.0 * TICK)
    await rack.run(bus)


def _give_up() -> None:
    """A device that does not answer the log-out must not hold up a stop for ever."""
    _log.error("not stopped within %g s, leaving", STOP_SECONDS)
    os._exit(1)
