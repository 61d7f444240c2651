"""The racks that are accepted together with a run's rack: each one's run, verdicts and what is asked there."""

import msgspec

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.launch import members
from rack_controller.acceptance.progress import progress_of
from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.accept.verdict import Outcome


class RackBeside(msgspec.Struct, frozen=True):
    """One of the other racks: its run, how each of its steps ended, and what a person there is asked now.

    `unreadable` says why nothing else is known of it, empty otherwise.
    """

    run: str
    rack: str
    outcome: Outcome | None = None
    steps: dict[str, Outcome] = {}
    asks: str = ""
    unreadable: str = ""


def beside(folder: RunFolder) -> list[RackBeside]:
    """Return the other racks of a run, none for a rack by itself; one whose run cannot be read says so."""
    together = folder.read().together
    others = (member for member in members(folder) if member.path != folder.path)
    return [_of(member, together[member.path.name]) for member in others]


def _of(folder: RunFolder, rack: str) -> RackBeside:
    name = folder.path.name
    try:
        record, now = folder.told(), progress_of(folder.path)
    except ConfigurationError as err:
        return RackBeside(name, rack, unreadable=str(err))
    steps = {s.id: s.outcome for s in record.steps}
    return RackBeside(name, rack, record.outcome, steps, now.asks if now is not None else "")
