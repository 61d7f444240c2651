"""What the API and the console show of acceptance runs."""

import msgspec

from rack_controller.acceptance.progress import Answer, Asked, Progress, Stop
from rack_controller.acceptance.record import RunRecord
from rack_controller.prove.accept.suspects import Suspect
from rack_controller.prove.accept.untold import Untold
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.report.model import Waiver

FORMS = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
"""Forms of a report, and their media types."""


class RunRow(msgspec.Struct, frozen=True):
    """One run in a list.  `outcome` None: it has not ended; `running`: a process has it now."""

    id: str
    rack: str
    generation: str
    level: str
    rig: str
    began_unix_ns: int
    outcome: Outcome | None
    running: bool
    steps: int
    deviations: int
    waived: int
    now: Progress | None
    unreadable: str = ""


class BegunRun(RunRow, frozen=True, kw_only=True):
    """A run that was begun.  `untold`: measures that can only end as errors, for nothing at its rack tells of them."""

    untold: list[Untold] = []


class PlannedStep(msgspec.Struct, frozen=True):
    """One step of a run's plan: what people do for it, and how it ended, None where it has not."""

    id: str
    title: str
    level: str
    required: bool
    people: str
    outcome: Outcome | None = None
    found: int = 0


class RunView(msgspec.Struct, frozen=True):
    """One run as it is now: its record, what it does, what people handed in, what was waived.

    `trouble` is the last line that the run's process left when it ended before the run did.
    """

    record: RunRecord
    steps: list[PlannedStep]
    running: bool
    asked: Asked | None
    now: Progress | None
    stop: Stop | None
    answers: list[Answer]
    waivers: list[Waiver]
    suspects: list[Suspect]
    trouble: str


class Taken(msgspec.Struct, frozen=True):
    """What a person handed in, as it was kept; `fit` and `said` are about a barcode, empty without one."""

    answer: Answer
    fit: str = ""
    said: str = ""


class Photo(msgspec.Struct, frozen=True):
    """A photo as it was kept: hand its name and SHA-256 in with the answer that it belongs to."""

    name: str
    sha256: str


class Checked(msgspec.Struct, frozen=True):
    """Whether a run is as it was sealed.  `faults` name file and bytes; `missing` files were sealed and are gone."""

    holds: bool
    signer: str
    faults: list[str]
