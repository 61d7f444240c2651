"""Scripted racks that are accepted together: their folders, what they tell, and one clock for all of them."""

from collections.abc import Sequence
from pathlib import Path

from rack_controller.acceptance.begin import Wish, begin_together
from rack_controller.acceptance.live import Now, Read
from rack_controller.acceptance.run import RunFolder
from rack_controller.acceptance.together import LiveRacks
from rack_controller.acceptance.undo import UndoBook
from rack_controller.acceptance.watch import FolderWatch
from rack_controller.acceptance.watch_together import TogetherWatch
from support.scripted_rack import ScriptedRack, parts

GENERATION = "gb200-nvl72"
RACKS = ("lab1/a/r01/k01", "lab1/a/r01/k02")
PLAN = """
schema_version: 1
name: short
title: Two racks together
stop: [{of: psu.power, most: 9000, title: too much}]
steps:
  - id: l11
    title: A rack by itself
    level: L11
    measures: [{id: a, title: A, of: serial, rule: fact, source: a test}]
  - id: joint
    title: Supplies of racks together
    level: L12
    after: [l11]
    retest: 0
    phases: [{name: held, for_s: 4, every_s: 1}]
    measures: [{id: gives, title: It gives, of: psu.power, rule: range, phase: held, least: 2000, source: a test}]
  - id: pulled
    title: A supply of every rack
    level: L12
    retest: 0
    phases: [{name: pulled, each: psu, places: [u06/psu0], do: pull, for_s: 3, every_s: 1}]
    measures: [{id: gone, title: Gone, of: psu.power, rule: responds, phase: pulled, within: -1000, source: a test}]
"""


class SupplyRack(ScriptedRack):
    """A scripted rack of which every supply is read."""

    def readings(self) -> list[Read]:
        own = super().readings()
        known = {read.place for read in own}
        return [*own, *(Read(p, "power", 2400.0, "W") for p in parts().of("psu") if p not in known)]


def begun(state: Path, racks: Sequence[str] = RACKS) -> list[RunFolder]:
    """Return the folders of a run of racks together that has begun."""
    return begin_together(Wish(GENERATION, "L12", plan_text=PLAN), racks, state, "test", "ada")


def watch_of(folders: Sequence[RunFolder]) -> TogetherWatch:
    """Return who looks on."""
    seconds = {"joint": 4.0, "pulled": 14.0}
    return TogetherWatch({f.read().rack: FolderWatch(f.path, seconds) for f in folders})


def rig_of(racks: Sequence[ScriptedRack], folders: Sequence[RunFolder], watch: TogetherWatch) -> LiveRacks:
    """Return a rig of scripted racks; time passes for all of them at once."""

    def sleep(seconds: float) -> None:
        for rack in racks:
            rack.sleep(seconds)

    books = [UndoBook(folder.path) for folder in folders]
    rigs = [rack.rig(book, watch=watch.of(rack.name)) for rack, book in zip(racks, books, strict=True)]
    domains = dict.fromkeys([rack.name for rack in racks], "k01.nvl0")
    return LiveRacks(rigs, Now(sleep, lambda: racks[0].now), watch, domains)
