"""A worker whose lease is over, was taken by who is more urgent, or whose tray somebody locked since: nothing is
written, nothing is sent."""

from pathlib import Path

import pytest
from support.fake_power import FakeTray
from support.virtual_time import VirtualClock, run_virtually

from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.power import PowerAction, PowerState
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.model.lock import MaintenanceLock
from rack_controller.run.journal import Journal
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.ledger import Ledger
from rack_controller.run.operate.worker import Order, Worker

RACK = Place("tx1/a/r03/k07")
BMC = Place(f"{RACK}/u12/bmc")


def wish(rank: LeaseClass, holder: str, direction: Direction = Direction.ENERGISED) -> Wish:
    return Wish(BMC, Facet.POWER_STATE, rank, holder, direction)


@pytest.mark.parametrize("ends", ["in time", "by an interlock"])
def test_under_a_lease_that_is_over_nothing_is_half_done(ends: str, tmp_path: Path) -> None:
    async def story() -> None:
        clock, journal = VirtualClock(), Journal(tmp_path / "journal.db")
        tray, ledger, leases = FakeTray(BMC, clock), Ledger(journal, RACK), LeaseBook(clock)
        worker = Worker(ledger, leases, {BMC: tray}.__getitem__, clock)
        lease = leases.take(wish(LeaseClass.OPERATOR, "k07-1"), 10.0)
        if ends == "in time":
            await clock.sleep_until(Seconds(clock.now() + 10.0))
        else:
            leases.take(wish(LeaseClass.INTERLOCK, "interlock leak.critical", Direction.SAFE))
        order = Order("k07-1:s:0", "k07-1", BMC, PowerAction.ON, lease, Seconds(20.0), Seconds(5.0))
        with pytest.raises(PreconditionFailed, match=str(BMC)):
            await worker.perform(order)
        assert (tray.asked, ledger.effects_of("k07-1")) == ([], [])
        journal.close()

    run_virtually(story())


def test_a_lock_that_is_younger_than_the_lease_stops_what_is_not_sent_yet(tmp_path: Path) -> None:
    async def story() -> None:
        clock, journal, locks = VirtualClock(), Journal(tmp_path / "journal.db"), dict[Place, MaintenanceLock]()
        tray, ledger, leases = FakeTray(BMC, clock), Ledger(journal, RACK), LeaseBook(clock, locks=locks.get)
        worker = Worker(ledger, leases, {BMC: tray}.__getitem__, clock)
        lease = leases.take(wish(LeaseClass.OPERATOR, "k07-1"), 100.0)
        where = Place(f"{RACK}/u12")
        locks[where] = MaintenanceLock(where, "eve", "1", "hose", 0, 2**62)
        with pytest.raises(PreconditionFailed, match="eve"):
            await worker.perform(Order("k07-1:s:0", "k07-1", BMC, PowerAction.ON, lease, Seconds(20.0), Seconds(5.0)))
        off = leases.take(wish(LeaseClass.OPERATOR, "k07-2", Direction.SAFE), 100.0)
        tray.state = PowerState.ON
        order = Order("k07-2:s:0", "k07-2", BMC, PowerAction.FORCE_OFF, off, Seconds(20.0), Seconds(5.0))
        assert (await worker.perform(order)).reached, "off anybody may go"
        journal.close()

    run_virtually(story())
