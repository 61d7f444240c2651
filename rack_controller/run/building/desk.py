"""A rack's dealings with its building, also where the site agreed on none: then nothing is heard and nothing asked.

What is called in a rack's tick never raises: a bug in this costs the building, told aloud, and never an interlock.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place, join_place
from rack_controller.decide.interlock import Key, Standing
from rack_controller.decide.notice import Finding
from rack_controller.decide.picture import BuildingSight, Picture
from rack_controller.model.building_view import BuildingGlance, BuildingState
from rack_controller.model.event import Severity
from rack_controller.model.interlock import REQUESTS, Act, Condition, InterlockPolicy
from rack_controller.run.board import Board
from rack_controller.run.building.rack_building import SLOT, RackBuilding
from rack_controller.run.building.telling import glance_of, state_of
from rack_controller.run.guard.carrying import Carry
from rack_controller.run.view import RackView

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class BuildingDesk:
    """One rack's.  `policy` says how long a confirmation may take."""

    def __init__(
        self,
        view: RackView,
        building: RackBuilding | None,
        policy: InterlockPolicy | None,
        board: Board,
        clock: Clock,
        say: Callable[[Finding], object],
    ) -> None:
        self._view, self._building, self._policy, self._board = view, building, policy, board
        self._clock, self._say = clock, say
        self._broken: dict[str, str] = {}
        self._told: BuildingGlance | None = None
        rows = () if policy is None else policy.rows
        self._confirm_s = next((r.for_s for r in rows if r.when is Condition.ISOLATION_UNCONFIRMED), None)
        if building is not None:
            building.armed = lambda: view.layout.armed

    @property
    def agreed(self) -> bool:
        """Return whether the site agreed on a building for this rack."""
        return self._building is not None

    @property
    def carriers(self) -> Mapping[Act, Carry]:
        """Return who asks the building for what."""
        return {} if self._building is None else dict.fromkeys(REQUESTS, self._building.carry)

    def beside(self, see: Callable[[Picture], object]) -> Callable[[Picture], object]:
        """Return what shows each picture to the building's side too."""
        building = self._building
        if building is None:
            return see

        def both(picture: Picture) -> None:
            see(picture)
            self._safely("what it is told of leaks", lambda: building.see(picture), None)

        return both

    def put_readings(self) -> None:
        """Put what the building says onto the board, before a snapshot is taken."""
        building = self._building
        if building is not None:
            self._safely("what it says", lambda: self._put(building), None)

    def sight(self) -> BuildingSight:
        """Return what the interlocks see of the building."""
        building = self._building
        if building is None:
            return BuildingSight()
        unseen = BuildingSight(silent="a bug of the controller: what it says cannot be judged, see its log")
        return self._safely("what it means", lambda: building.sight(self._clock.now()), unseen)

    def follow(self, standings: Mapping[Key, Standing]) -> None:
        """Say to the building what the interlocks want, and tell what changed."""
        building, policy = self._building, self._policy
        if building is None or policy is None:
            return
        self._safely(
            "what is asked of it", lambda: building.follow(standings.values(), policy, self._clock.now()), None
        )
        for finding in building.findings():
            self._say(finding)

    def _put(self, building: RackBuilding) -> None:
        if series := building.series():
            self._board.declare(join_place(Place(self._view.layout.rack), SLOT), series)
        self._board.store(building.readings(self._clock.now()))

    def _safely(self, part: str, act: Callable[[], _T], otherwise: _T) -> _T:
        try:
            done = act()
        except Exception as err:  # noqa: BLE001 - logged whole and told when it is new
            text = type(err).__name__
            if self._broken.get(part) != text:
                self._broken[part] = text
                _log.exception("%s: building: %s", self._view.layout.rack, part)
                told = f"a bug of the controller: the building, {part} ({text}); see its log"
                self._say(Finding(Place(self._view.layout.rack), "building.broken", Severity.CRITICAL, told))
            return otherwise
        if self._broken.pop(part, None) is not None:
            told = f"the building, {part}: works again"
            self._say(Finding(Place(self._view.layout.rack), "building.broken", Severity.OK, told))
        return done

    def changed(self) -> bool:
        """Tell whether what banners say of the building is another thing than at the last call."""
        before, self._told = self._told, self._safely("what is told of it", self.glance, None)
        return self._told != before

    def state(self) -> BuildingState:
        """Return everything for its page."""
        if self._building is None:
            return BuildingState(self._view.layout.rack, agreed=False)
        return state_of(self._building, self._confirm_s, self._clock.now())

    def glance(self) -> BuildingGlance | None:
        """Return it in short, None where none is agreed on."""
        return None if self._building is None else glance_of(self._building, self._confirm_s, self._clock.now())
