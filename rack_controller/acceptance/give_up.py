"""A run that nobody goes on with is given up as it lies: nothing is done to its rack, and its record says so."""

from contextlib import ExitStack
from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit, PreconditionFailed
from rack_controller.acceptance.ending import seal_up
from rack_controller.acceptance.launch import held, members
from rack_controller.acceptance.left_out import in_words
from rack_controller.acceptance.progress import tell
from rack_controller.acceptance.run import RunFolder
from rack_controller.acceptance.undo import UndoBook
from rack_controller.prove.accept.verdict import Outcome


def give_up(folder: RunFolder, state: Path, actor: str, reason: str) -> None:
    """End a run that no process has, and those of racks together with its rack: stopped, and sealed as far as it got.

    What it has switched and not put back is named, for nobody puts it back any more.
    Raises PreconditionFailed while a process has it, ConfigurationError when its record cannot be read.
    """
    with ExitStack() as all_of_them:
        try:
            for member in members(folder):
                all_of_them.enter_context(held(member.path))
        except EnvironmentUnfit as err:
            run = folder.path.name
            raise PreconditionFailed(
                f"a process has run {run}", advice=f"end it with the rack back at rest: `rackwright accept stop {run}`"
            ) from err
        for member in members(folder):
            record = member.read()
            if record.outcome is None:
                why = f"given up by {actor}{f': {reason}' if reason else ''}; {still_owed(member.path)}"
                member.write(msgspec.structs.replace(record, outcome=Outcome.STOPPED, why=why))
                tell(member.path, None)
            seal_up(member, state)


def still_owed(folder: Path) -> str:
    """Return in words what a run that no process has leaves at its rack."""
    try:
        owed = UndoBook(folder).owed()
    except ConfigurationError:
        return "what it switched and did not put back cannot be read: look at the rack"
    if not owed:
        return "the rack was not put back to rest: its load and limits may still be the run's"
    return f"the rack was not put back to rest, and this is still to be done: {in_words(owed)}"
