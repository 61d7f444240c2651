"""The design that a run is of, of the installation's own too: as it was when the run began, or why it is not at hand.

A run keeps its whole plan and not its design.  What is one's own is held against its hash.  What ships is as the
product has it: an upgrade in the middle of a run does not end it, as its rack may not be at rest, and is told.
"""

from pathlib import Path

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.installation import own_generations
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.record import RunRecord


def design_as_begun(generation: str, own_sha256: str, state: Path) -> Generation:
    """Return the design of a run that began with files of one's own with this hash, empty where all of it ships.

    What ships is at hand, also where the installation has got a design of its own by that name since.
    Raises ConfigurationError where it is gone, cannot be read, or is another one now, and says what to put back.
    """
    restore = f"put {generation} back into `generations` as it was when the run began; all that was measured is kept"
    try:
        found = load_generation(generation, own_generations(state) if own_sha256 else ())
    except ConfigurationError as err:
        raise ConfigurationError(f"the design of the run cannot be read: {err.what}", advice=restore) from err
    if found.own_sha256 != own_sha256:
        raise ConfigurationError(f"the design {generation} was changed since the run began", advice=restore)
    return found


def design_of_run(record: RunRecord, state: Path) -> Generation:
    """Return the design that a run goes on with: the one that it began with, if that is still the installation's.

    Raises ConfigurationError as `design_as_begun`, and where one's own has taken the place of one that ships.
    """
    found = design_as_begun(record.generation, record.design_sha256, state)
    if not record.design_sha256 and load_generation(record.generation, own_generations(state)).own_sha256:
        what = f"the run began with the {record.generation} that ships, and `generations` has another one now"
        raise ConfigurationError(what, advice="take that away until the run has ended; all that was measured is kept")
    return found


def gone_on_with(record: RunRecord, design: Generation, steps: int | None = None) -> RunRecord:
    """Return the record of a run that goes on with its design, which tells after which step what ships was another.

    `steps`: how many of its steps count, all of them if None: racks together begin again where the first was cut.
    """
    if record.shipped_sha256 == design.shipped_sha256:
        return record
    done = record.steps[:steps]
    known = record.shipped_sha256 and done
    changed = [*record.design_changed_after, done[-1].id] if known else record.design_changed_after
    return msgspec.structs.replace(record, shipped_sha256=design.shipped_sha256, design_changed_after=changed)


def design_or_why(record: RunRecord, state: Path) -> tuple[Generation | None, str]:
    """Return the design that a run began with, or None and why it is not at hand: for looking back at what is kept."""
    try:
        return design_as_begun(record.generation, record.design_sha256, state), ""
    except ConfigurationError as err:
        return None, str(err)
