"""A controller process over a journal and trays that live in a file: `python two_controllers.py FOLDER first|second`.

`first` makes an operation of two trays, says `asked` when its first request has reached the tray, and waits for the
answer; `second` takes over and finishes.  Each request that reaches a tray is a line of FOLDER/trays.log.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction, PowerAnswer, PowerDepth, PowerSight, PowerState
from firmware_bridge.vocabulary.sequence import Act
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.lease import Direction
from rack_controller.model.operation import Manner, Plan, PlannedStage, Step, Verb
from rack_controller.run.clock import SystemClock
from rack_controller.run.journal import Journal
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.operations import Operations
from rack_controller.run.operate.worker import Worker

RACK = Place("tx1/a/r03/k07")
TRAYS = [Place(f"{RACK}/{name}/bmc") for name in ("u11", "u12")]
ANSWER_S = 0.2
FENCED = 5


@dataclass(frozen=True)
class FileTray:
    """A tray that is on once it was asked; the file is the tray."""

    place: Place
    log: Path
    clock: SystemClock
    power_actions: frozenset[PowerAction] = frozenset(PowerAction)

    async def observe_power(self) -> PowerSight:
        starts = self.log.read_text().count(f" {self.place}\n") if self.log.exists() else 0
        state, depth = (PowerState.ON, PowerDepth.NONE) if starts else (PowerState.OFF, PowerDepth.HOST_OFF)
        return PowerSight(state, depth, self.clock.now(), f"start {starts}", self.power_actions, "1")

    async def switch_power(self, action: PowerAction) -> PowerAnswer:
        handle = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, f"{action} by {os.getpid()} {self.place}\n".encode())
        os.close(handle)
        print("asked", flush=True)
        await asyncio.sleep(ANSWER_S)
        return PowerAnswer(True, 204, "", str(action))


def plan() -> Plan:
    steps = [
        Step(
            id=f"on/{place.split('/')[-2]}/on",
            tray=place.rpartition("/")[0],
            endpoint=place,
            goal="on",
            acts=[Act(PowerAction.ON, 20.0)],
            direction=Direction.ENERGISED,
            settle_s=0.1,
        )
        for place in TRAYS
    ]
    stage = PlannedStage("on", "on", steps, width=1)
    return Plan(RACK, "test", Verb.ON, RACK, PowerDepth.NONE, Manner.FORCE, [stage], [], {}, 1e6, 5.0)


async def control(folder: Path, begins: bool) -> str:
    """Run until the operation has ended; return what it came to."""
    clock = SystemClock()
    trays = {place: FileTray(place, folder / "trays.log", clock) for place in TRAYS}
    ledger, leases = Ledger(Journal(folder / "journal.db"), RACK), LeaseBook(clock)
    worker = Worker(ledger, leases, trays.__getitem__, clock)
    operations = Operations(RACK, ledger, leases, worker, lambda: (None, {}), clock, lambda _finding: None)
    name = f"{RACK.rpartition('/')[2]}-1"
    if begins:
        name = operations.put(plan(), "ada", "").id
        operations.say(name, "approve", "ada")
    running = asyncio.create_task(operations.run())
    while not running.done() and not operations.find(name).over:
        await clock.sleep_until(Seconds(clock.now() + 0.05))
    if running.done():
        running.result()
    return f"{operations.find(name).state} {operations.find(name).summary}"


if __name__ == "__main__":
    try:
        print(asyncio.run(control(Path(sys.argv[1]), sys.argv[2] == "first")), flush=True)
    except PreconditionFailed as err:
        print(f"fenced: {err.what}", flush=True)
        sys.exit(FENCED)
