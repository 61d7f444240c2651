"""Shedding on live racks: carried out when armed, followed, remembered over restarts, and room made for the return."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from support.hand_clock import HandClock
from support.real_rack import journal_at

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import PreconditionFailed
from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.decide.budget.claims import claims_of
from rack_controller.decide.budget.design import BudgetDecision
from rack_controller.decide.budget.live import LiveDecision
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import Row, RowKind
from rack_controller.decide.notice import Finding
from rack_controller.model.power_policy import Mode, PowerPolicy, Shedding
from rack_controller.run.budget.shedding import LATE_S, LoadShedding
from rack_controller.run.journal import Journal

RACK = Place("s/h/r/k01")
ROSTER = roster_of([(RACK, load_generation("gb200-nvl72"))])
CLAIMS = claims_of(ROSTER, PowerPolicy())
ARMED = PowerPolicy(mode=Mode.ARMED, shed=Shedding(after_s=10, graceful_s=60))
TOP = Place(f"{RACK}/u37")
LIMIT = 50_000.0


@dataclass
class Side:
    """What the budget sees of a rack: which trays are off, what it told, and how a tray is switched off."""

    place: Place = RACK
    places: tuple[Place, ...] = ROSTER.places
    armed: bool = True
    off: set[Place] = field(default_factory=set)
    blind: set[Place] = field(default_factory=set)
    told: list[Finding] = field(default_factory=list)
    shuts: list[tuple[Place, float]] = field(default_factory=list)
    refuses: bool = False

    def is_off(self, tray: Place) -> bool | None:
        return None if tray in self.blind else tray in self.off

    def tell(self, finding: Finding) -> None:
        self.told.append(finding)

    def shut(self, tray: Place, by: str, graceful_s: float, reason: str) -> str:
        if self.refuses:
            raise PreconditionFailed("firmware is being written")
        self.shuts.append((tray, graceful_s))
        return f"op-{len(self.shuts)}"

    def kinds(self) -> list[str]:
        return [finding.kind for finding in self.told]


@dataclass
class Floor:
    """A shop floor with one rack; `lacks` W of its limit are missing, `slack` W are left."""

    journal: Journal
    clock: HandClock = field(default_factory=HandClock)
    side: Side = field(default_factory=Side)
    bears: Callable[[Place], float] = lambda _rack: np.inf
    policy: PowerPolicy = ARMED
    charged: float = 40_000.0

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        sides: Any = {RACK: self.side}
        self.shedding = LoadShedding(ROSTER, sides, self.journal, self.clock, lambda rack: self.bears(rack))

    def look(self, lacks: float, slack: float = 0.0, seconds: float = 0.5, cycles: int = 1) -> None:
        for _ in range(cycles):
            self.clock.at += seconds
            off, _ = self.shedding.away()
            most = np.where(off, 0.0, ROSTER.most)
            step = BudgetDecision(
                *(np.full(72, np.nan), np.array([self.charged]), np.array([lacks]), np.ones(1)),
                *(np.full(1, -1), np.array([slack - lacks]), np.zeros(72), np.ones(1), np.array([lacks])),
            )
            nothing = np.zeros(72)
            rows = (Row("k01", RowKind.RACK, LIMIT, np.ones(1), "supplies"),)
            decision = LiveDecision(
                *(nothing, nothing > 0, nothing, nothing, nothing, most, np.array([LIMIT]), step, np.array([lacks])),
                rows=rows,
            )
            self.shedding.look(self.policy, CLAIMS, decision)


def test_a_shortfall_that_lasts_is_shed_by_operations_and_followed_until_it_is_off(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        it = Floor(journal)
        it.look(1_500.0, cycles=19)
        assert it.side.shuts == []
        it.look(1_500.0, cycles=4)
        assert it.side.shuts == [(TOP, 60.0)]
        assert [view.state for view in it.shedding.views(RACK)] == ["going"]
        it.look(1_500.0, cycles=40)  # its host has time to go: nobody else is shed meanwhile
        assert len(it.side.shuts) == 1
        assert not it.shedding.away()[0].any()  # and it is charged until it is seen off
        it.side.off.add(TOP)
        it.look(0.0)
        assert it.shedding.away()[0].sum() == 4
        assert [view.state for view in it.shedding.views(RACK)] == ["off"]
        it.side.blind.add(TOP)
        it.look(0.0)
        assert not it.shedding.away()[0].any()  # nobody knows: charged its most
        assert it.side.kinds() == ["budget.shed"]


def test_in_shadow_or_without_acts_or_on_an_observed_rack_nothing_is_switched(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        for policy, armed in (
            (PowerPolicy(mode=Mode.SHADOW), True),
            (PowerPolicy(mode=Mode.ARMED, shed=Shedding(acts=False)), True),
            (ARMED, False),
        ):
            it = Floor(journal, policy=policy, side=Side(armed=armed))
            it.look(9_000.0, cycles=60)
            assert it.side.shuts == []
            assert it.shedding.trays == {}


def test_a_host_is_forced_earlier_where_breakers_do_not_bear_the_load_so_long(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        it = Floor(journal, bears=lambda _rack: 40.0)
        it.look(1_500.0, cycles=25)
        assert it.side.shuts == [(TOP, 20.0)]
        hot = Floor(journal, bears=lambda _rack: 0.0)
        hot.shedding.trays.clear()
        hot.look(1_500.0, cycles=25)
        assert hot.side.shuts == [(TOP, 5.0)]


def test_what_cannot_be_switched_is_told_and_the_next_one_goes_at_once(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        it = Floor(journal, side=Side(refuses=True))
        it.look(1_500.0, cycles=21)
        assert it.side.kinds() == ["budget.stays"]
        it.side.refuses = False
        it.look(1_500.0)
        assert [leaf_of(tray) for tray, _ in it.side.shuts] == ["u36"]


def test_a_tray_that_does_not_go_is_given_up_and_shed_anew(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        it = Floor(journal)
        it.look(1_500.0, cycles=25)
        it.look(1_500.0, seconds=60.0 + LATE_S)
        assert "budget.stays" in it.side.kinds()
        assert len(it.side.shuts) == 2


def test_what_was_shed_is_known_after_a_restart_and_comes_back_only_when_there_is_room(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        it = Floor(journal)
        it.look(1_500.0, cycles=25)
        it.side.off.add(TOP)
        it.look(0.0)
        it.begin()  # another controller
        assert it.shedding.keeps_off(TOP) == ""  # it has decided nothing yet
        it.look(0.0, slack=2_000.0)
        assert "k01 lacks" in it.shedding.keeps_off(TOP)
        assert it.shedding.makes_room(TOP) == ""  # whoever energises is refused by what keeps it off
        it.look(0.0, slack=9_000.0)
        assert it.shedding.keeps_off(TOP) == ""
        assert "makes room" in it.shedding.makes_room(TOP)
        assert not it.shedding.away()[0].any()
        assert it.shedding.away()[1].sum() == 4  # charged its most from now on
        it.charged = LIMIT + 500.0
        it.look(0.0, slack=9_000.0)
        assert "makes room" in it.shedding.makes_room(TOP)
        it.charged = LIMIT - 500.0
        it.look(0.0, slack=9_000.0)
        assert it.shedding.makes_room(TOP) == ""
        it.side.off.clear()
        it.look(0.0, slack=9_000.0)
        assert it.shedding.trays == {}
        assert it.side.kinds()[-1] == "budget.back"
        it.begin()
        assert it.shedding.trays == {}


def test_any_tray_that_is_held_and_off_has_room_made_for_its_default_limits_before_it_comes_on(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        it = Floor(journal)
        it.look(0.0, slack=9_000.0)
        assert it.shedding.makes_room(TOP) == "", "it is on, or nobody knows"
        it.side.off.add(TOP)
        assert "makes room for u37" in it.shedding.makes_room(TOP)
        assert it.shedding.away()[1].sum() == 4, "charged its most"
        it.charged = LIMIT - 500.0
        it.look(0.0, slack=9_000.0)
        assert it.shedding.makes_room(TOP) == ""
        it.side.off.clear()
        it.look(0.0, slack=9_000.0)
        assert it.shedding.away()[1].sum() == 0, "it is on: what is read of it counts"


def test_a_tray_for_which_a_limit_lacks_power_waits_and_is_told_for_what(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        it = Floor(journal)
        it.side.off.add(TOP)
        it.look(0.0, slack=2_000.0)
        assert it.shedding.makes_room(TOP).startswith("k01 lacks ")
        assert it.shedding.keeps_off(TOP) == "", "it was not shed: it only waits"
        it.policy = PowerPolicy(mode=Mode.SHADOW)
        it.look(0.0, slack=2_000.0)
        assert it.shedding.makes_room(TOP) == ""


def test_a_limit_that_falls_meanwhile_ends_the_return_and_sheds_nobody_for_it(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        it = Floor(journal)
        it.look(1_500.0, cycles=25)
        it.side.off.add(TOP)
        it.look(0.0, slack=9_000.0)
        it.shedding.makes_room(TOP)
        it.look(1_000.0)
        assert [view.state for view in it.shedding.views(RACK)] == ["off"]
        assert len(it.side.shuts) == 1


def test_without_a_policy_in_force_nothing_is_kept_off(tmp_path: Path) -> None:
    with journal_at(tmp_path / "j.db") as journal:
        it = Floor(journal)
        it.look(1_500.0, cycles=25)
        it.side.off.add(TOP)
        it.look(0.0)
        assert it.shedding.keeps_off(TOP)
        it.shedding.rest()
        assert (it.shedding.keeps_off(TOP), it.shedding.makes_room(TOP)) == ("", "")
        it.policy = PowerPolicy(mode=Mode.SHADOW)
        it.look(0.0)
        assert (it.shedding.keeps_off(TOP), it.shedding.makes_room(TOP)) == ("", "")
