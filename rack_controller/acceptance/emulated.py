"""What people would do to an emulated rack, done by its emulator: wetting, stopping a pump, load, mains, warm water.

Asks the emulator over the socket in the state directory and imports nothing of it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_bridge.vocabulary.errors import CommandRefused, EnvironmentUnfit
from rack_controller.acceptance.rig import Act
from rack_controller.agent.emulator_channel import ask_emulator

DARK_S = 5.0
"""How long mains stay away when they are cycled."""
_FAULTS: dict[str, dict[str, str]] = {
    # One drop: the detector warns.  A puddle would have an armed rack switch its tray off, as it should.
    "wet": {"what": "leak", "level": "warning"},
    "stop": {"what": "pump_fail"},
    "pull": {"what": "psu_fail"},
    "facility": {"what": "warm_water"},
}
_UNDOES = {"dry": "wet", "start": "stop", "restore": "pull", "facility_usual": "facility"}
_PULLS = frozenset({"psu", "feed"})
"""What hands pull where the product has no way to: a supply, and the supplies of a feed."""


@dataclass
class EmulatedHands:
    """Hands at the emulated rack at `rack`.  Raises CommandRefused where the emulator refuses, EnvironmentUnfit where
    none answers."""

    state: Path
    rack: str
    _struck: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @classmethod
    def at(cls, state: Path, rack: str) -> "EmulatedHands | None":
        """Return hands at a rack that an emulator of this state directory plays, else None: the rack is real."""
        hands = cls(state, rack)
        try:
            played = {str(r["place"]) for r in hands._ask("state")["racks"]}
        except EnvironmentUnfit:
            return None  # no socket, or one that a dead emulator left
        return hands if rack in played else None

    def can(self, verb: str, kind: str = "") -> bool:
        """Return whether an emulator can stand in for people here, at a kind of part (empty: whatever it is)."""
        if verb in {"pull", "restore"}:
            return not kind or kind in _PULLS
        return verb in {*_FAULTS, *_UNDOES, "load", "load_one", "unload", "cycle_ac"}

    def do(self, act: Act) -> None:
        """Do it at once."""
        if act.verb in _FAULTS:
            fault: dict[str, str | float] = {**_FAULTS[act.verb], "where": self._where(act.place)}
            if act.verb == "facility":
                self._undo(act.verb, act.place)  # warmer than usual, and not than it was before
                fault["kelvin"] = act.value
            self._struck[act.verb, act.place] = self._ask("add_faults", faults=[fault], from_now=True)["ids"]
        elif act.verb in _UNDOES:
            self._undo(_UNDOES[act.verb], act.place)
        elif act.verb == "cycle_ac":
            self._ask("lose_mains", where=f"{self.rack}/*", seconds=DARK_S)
        else:
            self._load(act)

    def _load(self, act: Act) -> None:
        """Load this rack's GPUs, or those of one part of it (`*/gpu0`: of every tray) while all others idle."""
        all_of_it = f"{self.rack}/*"
        if act.verb == "load_one":
            self._ask("set_demand", share=0.0, where=all_of_it)
            gpus = act.place if "/" in act.place else f"{act.place}/*"
            self._ask("set_demand", share=act.value, where=f"{self.rack}/{gpus}")
        else:
            self._ask("set_demand", share=act.value if act.verb == "load" else 0.0, where=all_of_it)

    def instruments(self, series: Collection[str]) -> dict[str, dict[str, float | None]]:
        """Return what a test floor's instruments show of this rack now, by series and place: of those series that the
        emulator knows the truth of."""
        return dict(self._ask("instruments", rack=self.rack, series=sorted(series))["readings"])

    def leave(self) -> None:
        """Let the rack follow its emulator's own load again: the run is over."""
        self._ask("set_demand", share=None, where=f"{self.rack}/*")

    def _undo(self, verb: str, place: str) -> None:
        """Take out what was planted, also by a predecessor that crashed: it is known by what it is and where."""
        ids = self._struck.pop((verb, place), None)
        if ids is None:
            wanted = {**_FAULTS[verb], "where": self._where(place)}
            armed = self._ask("list_faults")["faults"]
            ids = [a["id"] for a in armed if all(a["fault"].get(k) == v for k, v in wanted.items())]
        if ids:
            self._ask("clear_faults", ids=ids)

    def _where(self, place: str) -> str:
        return f"{self.rack}/{place or '*'}"

    def _ask(self, verb: str, **arguments: Any) -> Any:
        reply = ask_emulator(self.state, "start it again", verb, arguments)
        if not reply.get("ok"):
            raise CommandRefused(f"the emulator refused {verb}: {reply.get('error', '')}")
        return reply
