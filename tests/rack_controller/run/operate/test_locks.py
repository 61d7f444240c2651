"""Maintenance locks: set, kept, overdue, ended by their owner, and what they keep from happening."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import RACK

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import SiteRack
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.notice import Finding
from rack_controller.model.command import Command
from rack_controller.model.layout import make_layout
from rack_controller.model.lease import Direction, Facet, LeaseClass, Wish
from rack_controller.model.roles import Role
from rack_controller.run.journal import Journal
from rack_controller.run.operate.lease_book import LeaseBook
from rack_controller.run.operate.locks import Locks
from rack_controller.run.view import RackView

U12 = Place(f"{RACK}/u12")
HOUR = 3_600_000_000_000


class Clock:
    at = 0

    def now(self) -> Seconds:
        return Seconds(self.at / 1e9)

    def unix_ns(self) -> UnixNanoseconds:
        return UnixNanoseconds(self.at)

    async def sleep_until(self, when: Seconds) -> None:
        raise NotImplementedError


class Desk:
    def __init__(self, path: Path) -> None:
        generation = load_generation("gb200-nvl72")
        view = RackView(make_layout(SiteRack(RACK, generation.name, armed=True), generation, ()), "boot")
        self.clock, self.told, self.journal = Clock(), list[Finding](), Journal(path / "journal.db")
        self.locks = Locks(view, self.journal, self.clock, self.told.append)
        self.leases = LeaseBook(self.clock, locks=self.locks.of)

    def do(self, verb: str, actor: str = "ada", target: str = U12, **said: object) -> dict[str, Any]:
        command = Command("c", actor, Role.TECHNICIAN, verb, target, 2**62, said)
        return dict(asyncio.run(self.locks.verbs[verb](command)))  # type: ignore[arg-type]


def test_a_lock_stands_until_somebody_ends_it_and_over_a_restart(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.do("lock", reason="new GPU", phone="+1 555", hours=2)["until_unix_ns"] == 2 * HOUR
    assert desk.locks.maintenance(Place(f"{U12}/bmc")) == "locked by ada (+1 555): new GPU, 2.0 h left"
    assert desk.locks.maintenance(Place(f"{RACK}/u13/bmc")) == ""
    desk.journal.close()
    again = Desk(tmp_path)
    again.clock.at = 3 * HOUR
    assert again.locks.maintenance(U12).endswith("overdue by 1.0 h")
    again.do("lock", reason="still at it", phone="+1 555", hours=4)  # its owner may go on
    (lock,) = again.locks.newest()
    assert (lock.since_unix_ns, lock.until_unix_ns) == (0, 7 * HOUR)
    again.do("unlock")
    assert (again.locks.newest(), again.journal.kept("lock")) == ([], {})
    assert [f.kind for f in again.told] == ["lock.set", "lock.cleared"]


def test_somebody_elses_lock_ends_only_with_a_reason(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.do("lock", reason="new GPU", phone="+1 555")
    with pytest.raises(PreconditionFailed, match=r"u12 is locked by ada \(\+1 555\)"):
        desk.do("lock", "bob", reason="me too", phone="1")
    with pytest.raises(PreconditionFailed, match="locked by ada") as refused:
        desk.do("unlock", "bob")
    assert refused.value.exit_code == 5  # docs/command-line.md: refused, not a usage error
    desk.do("unlock", "bob", reason="ada went home")
    assert "ended by bob: ada went home" in desk.told[-1].message


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        ({"reason": "x"}, ArgumentsInvalid, "how to reach"),
        ({"phone": "1"}, ArgumentsInvalid, "needs a reason"),
        ({"reason": "x", "phone": "1", "hours": 0}, ArgumentsInvalid, "hours"),
        ({"reason": "x", "phone": "1", "hours": 100}, ArgumentsInvalid, "hours"),
        ({"reason": "x", "phone": "1", "target": f"{RACK}/u99"}, TargetUnknown, "no tray"),
        ({"reason": "x", "phone": "1", "target": RACK}, TargetUnknown, "no tray"),
    ],
)
def test_what_is_no_lock_is_refused(
    tmp_path: Path, said: dict[str, Any], error: type[CommandRefused], match: str
) -> None:
    with pytest.raises(error, match=match):
        Desk(tmp_path).do("lock", **said)


def test_a_locked_tray_is_left_alone_by_automation_but_may_always_go_safe(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.do("lock", reason="new GPU", phone="+1 555")
    bmc = f"{U12}/bmc"
    with pytest.raises(PreconditionFailed, match="locked by ada"):
        desk.leases.take(Wish(bmc, Facet.POWER_LIMIT, LeaseClass.POWER, "caps", Direction.NEUTRAL))
    desk.leases.take(Wish(bmc, Facet.POWER_STATE, LeaseClass.INTERLOCK, "leak", Direction.SAFE))
