"""What a run that ended has taken away of its rack and not put back: the next run of that rack is told beforehand."""

from collections.abc import Collection
from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.run import RunFolder, runs_in
from rack_controller.acceptance.undo import UndoBook


class LeftOut(msgspec.Struct, frozen=True):
    """What the newest run of `rack` left to be done there, in words (`what`), and what is to be seen to."""

    rack: str
    run: str
    what: str
    advice: str = "see to it that it is done, or the run finds it as a fault"


def left_out(state: Path, racks: Collection[str]) -> list[LeftOut]:
    """Return what the newest run of each of these racks left, nothing of one that left nothing or goes on."""
    return [left for rack in racks if (left := _left_at(state, rack)) is not None]


def in_words(owed: Collection[Act]) -> str:
    """Return what is to be undone in words."""
    return ", ".join(f"{act.verb} {act.place}".strip() for act in owed)


def _left_at(state: Path, rack: str) -> LeftOut | None:
    folder = _newest(state, rack)
    if folder is None:
        return None
    run = folder.path.name
    try:
        owed = UndoBook(folder.path).owed()
    except ConfigurationError:
        return LeftOut(rack, run, f"what run {run} switched at {rack} and did not put back cannot be read")
    if not owed:
        return None
    return LeftOut(rack, run, f"run {run} ended and left this to be done at {rack}: {in_words(owed)}")


def _newest(state: Path, rack: str) -> RunFolder | None:
    """Return the newest run of a rack that runs, None where it has none, or where that one has not ended."""
    for folder in reversed(runs_in(state)):
        if not folder.path.name.startswith(f"{rack.rpartition('/')[2]}-"):
            continue
        try:
            record = folder.read()
        except ConfigurationError:
            continue
        if record.rack == rack and record.rig == "live":
            return folder if record.outcome is not None else None
    return None
