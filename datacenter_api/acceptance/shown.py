"""What the API and the console show of acceptance runs."""

import msgspec

from datacenter_api.acceptance.beside import RackBeside
from rack_controller.acceptance.floor import Noted
from rack_controller.acceptance.preview import RackLacks
from rack_controller.acceptance.progress import Answer, Asked, Progress, Stop
from rack_controller.acceptance.record import RunRecord
from rack_controller.prove.accept.suspects import Suspect
from rack_controller.prove.accept.untold import Untold
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.complaints import Complaint
from rack_controller.prove.report.model import Waiver

FORMS = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
"""Forms of a report, and their media types."""


class RunRow(msgspec.Struct, frozen=True):
    """One run in a list.  `outcome` None: it has not ended; `running`: a process has it now.

    `faults_too`: it ended as an error, since not all could be measured, and found faults as well.
    `together`: the runs of racks that are accepted together, this one among them, with the rack of each.
    `altered`: what of its record does not fit its seal, empty where it fits; `unproven`: why nobody can tell.  Of its
    other files `verify` tells.
    """

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
    together: dict[str, str] = {}
    faults_too: bool = False
    altered: str = ""
    unproven: str = ""


class BegunRun(RunRow, frozen=True, kw_only=True):
    """A run that was begun, of racks together the leading one.  `untold`: measures that can only end as errors, for
    nothing at its rack tells of them; `racks`: of racks together, what each lacks, and why it may not begin yet."""

    untold: list[Untold] = []
    racks: list[RackLacks] = []


class FloorReport(msgspec.Struct, frozen=True):
    """What came of a file of the floor.  Not accepted: nothing of it was kept, `faults` are the first of `faulty`."""

    accepted: bool
    rack: str
    records: int = 0
    readings: int = 0
    faulty: int = 0
    counts: dict[str, int] = {}
    faults: list[Complaint] = []


class FloorLogRow(msgspec.Struct, frozen=True):
    """What one instrument logged, as it was handed in: series, places, from when to when, out of which file."""

    series: str
    tester: str
    calibrated_until: str
    places: int
    readings: int
    since_unix_s: float
    until_unix_s: float
    file: str
    file_sha256: str
    actor: str
    taken_unix_ns: int


class FloorView(msgspec.Struct, frozen=True):
    """All that the floor handed in of a rack: records by check and place, logs by series and file.

    `by_themselves`: series that instruments log while a run goes on, with nobody's hand: those of an emulated rack.
    """

    rack: str
    records: list[Noted]
    logs: list[FloorLogRow]
    by_themselves: list[str] = []


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

    `trouble` is the last line that the run's process left when it ended before the run did, `owed` what it leaves at a
    rack that runs; `beside` are the racks that are accepted together with its rack.  `lacks_design`: why its design is
    not at hand, without which no tray is suspected for its parts; empty where it is.  `altered`, `unproven`: as of
    `RunRow`.
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
    beside: list[RackBeside] = []
    owed: str = ""
    lacks_design: str = ""
    altered: str = ""
    unproven: str = ""


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
