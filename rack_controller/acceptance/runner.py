"""The process of one run: `python -m rack_controller.acceptance STATE RUN_ID` goes on with it until it ends."""

import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from firmware_bridge.vocabulary.errors import ConfigurationError, RackwrightError
from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.acceptance.ending import seal_all
from rack_controller.acceptance.launch import held, leading, members
from rack_controller.acceptance.live_run import resume_live, resume_together
from rack_controller.acceptance.one_run import at_work
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.rest import Api, token_of
from rack_controller.acceptance.run import FOLDER, RunFolder
from rack_controller.acceptance.virtual_run import resume
from rack_controller.prove.accept.verdict import Outcome

NOT_ACCEPTED = 9
"""Exit code of a run that did not pass."""


def main(arguments: Sequence[str]) -> int:
    """Go on with a run; returns the exit code: 0 passed, 9 did not.  An error of ours is one line on stderr.

    Told to end (SIGTERM), it brings everything back to rest and leaves the run as unfinished.
    """
    signal.signal(signal.SIGTERM, _end)
    try:
        if len(arguments) != 2:
            raise ConfigurationError("expected STATE RUN_ID", advice="name a state directory and a run")
        record = go_on_with(Path(arguments[0]), arguments[1])
    except RackwrightError as err:
        sys.stderr.write(f"rackwright: {err}\n")
        return err.exit_code
    return 0 if record.outcome is Outcome.PASS else NOT_ACCEPTED


def go_on_with(state: Path, run_id: str) -> RunRecord:
    """Take a run to its end, on the rig that its record names; of racks together the first that does not pass counts.

    Raises what goes wrong beside the rack, RackTaken where another run of it goes on.
    """
    folder = leading(RunFolder(state / FOLDER / run_id))
    record = folder.read()
    with ExitStack() as all_of_them:
        for member in members(folder):
            all_of_them.enter_context(held(member.path))
        if record.rig == "virtual":
            return resume(folder, state, _told)[0]
        if ended := seal_all(members(folder), state):
            return _worst(ended)
        racks = list(record.together.values()) or [record.rack]
        all_of_them.enter_context(at_work(state, record.id, racks, _say))
        token = token_of(folder.path)
        if record.together:
            records = resume_together(members(folder), state, lambda: Api.of(state, token), _told)
            return _worst(records)
        return resume_live(folder, state, Api.of(state, token), _told)


def _worst(records: Sequence[RunRecord]) -> RunRecord:
    return next((r for r in records if r.outcome is not Outcome.PASS), records[0])


def _told(step: StepRecord, rack: str = "") -> None:
    of = f"{leaf_of(Place(rack))} " if rack else ""
    _say(f"{of}{step.id}: {step.outcome}{f', {step.said}' if step.said else ''}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
