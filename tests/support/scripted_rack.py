"""A rack of the product as a script: supplies and detectors that obey or not, verbs that are done or refused."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.acceptance.doers import PeopleDo, ProductDoes
from rack_controller.acceptance.live import Facts, Floor, LiveRig, Now, Read
from rack_controller.acceptance.undo import UndoBook
from rack_controller.acceptance.watch import Unwatched, Watch
from rack_controller.prove.accept.parts import Parts, parts_of
from rack_controller.prove.accept.plan import Plan

ROUND_S = 12.0
"""How often the scripted line comes round to a supply."""


@cache
def parts() -> Parts:
    generation = load_generation("gb200-nvl72")
    return parts_of(generation, design_of(generation))


@dataclass
class ScriptedRack:
    """`refuses`: by what is done, the error that it ends with; `obeys`: whether people do what they are asked."""

    obeys: bool = True
    is_armed: bool = True
    refuses: dict[str, RackwrightError] = field(default_factory=dict)
    off: set[str] = field(default_factory=set)
    done: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    now: float = 0.0
    answered_at: float = 1e9
    name: str = "k01"

    def readings(self) -> list[Read]:
        psus = [Read(f"u06/psu{n}", "power", 0.0 if f"u06/psu{n}" in self.off else 2400.0, "W") for n in range(6)]
        wet = Read("u15/leak1", "leak", 2.0 if "u15/leak1" in self.off else 0.0, "code")
        return [*psus, wet, Read("u16/leak1", "leak", None, "code"), Read("somewhere/else", "power", 1.0, "W")]

    def facts(self, wanted: Collection[str]) -> Facts:
        return {"u06/psu0": {"serial": "S1"}}

    def built(self) -> Facts:
        return {}

    def armed(self) -> bool:
        return self.is_armed

    def rehearse(self, detector: str) -> tuple[bool, list[str]]:
        return self.is_armed, ["u15, u14, u13 off"] if detector.startswith("u15/") else []

    def command(self, verb: str, target: str, **arguments: Any) -> dict[str, Any]:
        self.done.append((verb, target))
        state = "refused" if "limit" in self.refuses else "applied"
        return {"limits": [{"place": "u11/gpu0", "state": state, "detail": "no"}]}

    def operate(self, do: str, target: str, *, again_s: float = 0.0, **more: Any) -> None:
        if do in self.refuses:
            raise self.refuses[do]
        self.done.append((do, target))
        (self.off.add if do.endswith("off") else self.off.discard)(target)

    def ask(self, text: str) -> None:
        self.asked.append(text)
        if self.obeys and "detector" in text:
            (self.off.add if text.startswith("wet") else self.off.discard)(text.rpartition(" ")[2])

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.01)

    def rig(
        self,
        book: UndoBook | None = None,
        floor: Floor | None = None,
        watch: Watch | None = None,
        plan: Plan | None = None,
    ) -> LiveRig:
        """Return a live rig on this rack: the product does what it can, people the rest."""
        design, now, watch = parts(), Now(self.sleep, lambda: self.now), watch or Unwatched()
        people = PeopleDo(self, design, now, watch, self.ask, lambda since: self.now > self.answered_at, 30.0)
        doers: list[Any] = []
        rig = LiveRig(self.name, design, self, doers, now, book=book, floor=floor, watch=watch, plan=plan)
        doers += [ProductDoes(self, design, rig.tell), people]
        return rig


@dataclass
class SlowRack(ScriptedRack):
    """What is read of it is read every twelve seconds, each supply at a moment of its own; `silent` ones never again.

    From `hot_from` on supplies say 9,999 W.
    """

    silent: set[str] = field(default_factory=set)
    hot_from: float = 1e9
    said: dict[str, tuple[float, Read]] = field(default_factory=dict)

    def readings(self) -> list[Read]:
        rows: list[Read] = []
        for n, read in enumerate(super().readings()):
            turn = (self.now + 2.0 * n) // ROUND_S * ROUND_S - 2.0 * n
            if read.place not in self.said or (turn > self.said[read.place][0] and read.place not in self.silent):
                self.said[read.place] = (turn, replace(read, value=9999.0) if self.now > self.hot_from else read)
            at, last = self.said[read.place]
            rows.append(replace(last, age_s=self.now - at))
        return rows
