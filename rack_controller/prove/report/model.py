"""What a report of one acceptance run says, in the order in which people read it.  Pure.

Everything in `Report` is plain text: both renderings only lay it out.
"""

import msgspec

from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.claim import OriginClaim
from rack_controller.prove.fit import Mismatch, PartSwap

Rows = list[tuple[str, str]]


class Waiver(msgspec.Struct, frozen=True):
    """Somebody takes a deviation as it is, by name and with a reason.  What was measured stays what it was.

    `place` empty: every part that `measure` of `step` named.
    """

    at_unix_ns: int
    actor: str
    role: str
    step: str
    measure: str
    place: str
    reason: str

    def covers(self, step: str, measure: str, place: str) -> bool:
        """Return whether it is about this deviation."""
        return (self.step, self.measure) == (step, measure) and self.place in {"", place}


class PassportSummary(msgspec.Struct, frozen=True):
    """A rack's passport as far as a report needs it.

    `counts` by fit, empty where nobody compared; `frozen` is the SHA-256 of the as-accepted state, empty for none, and
    `frozen_wrong` what did not fit then, in words.
    """

    rows: int
    claims: list[OriginClaim]
    counts: dict[str, int] = {}
    findings: list[Mismatch] = []
    swaps: list[PartSwap] = []
    frozen: str = ""
    frozen_unix_ns: int = 0
    frozen_wrong: str = ""
    unread: int = 0
    note: str = ""


class MeasureRow(msgspec.Struct, frozen=True):
    """One measure: the part nearest to its limit with value and limit, and where the limit comes from."""

    title: str
    judged: str
    place: str
    value: str
    limit: str
    source: str
    outcome: Outcome


class Exhibit(msgspec.Struct, frozen=True):
    """A drawing of what was read: its caption, and the drawing as SVG."""

    caption: str
    svg: str


class Picture(msgspec.Struct, frozen=True):
    """A photo that somebody handed in: of what, its file's name and media type, and its bytes."""

    caption: str
    name: str
    kind: str
    content: bytes


class StepSection(msgspec.Struct, frozen=True):
    """One step."""

    id: str
    number: int
    title: str
    level: str
    required: bool
    outcome: Outcome
    took: str
    tries: int
    why: str
    measures: list[MeasureRow]
    parts_out: list[str]
    not_again: list[str]
    exhibits: list[Exhibit]


class Deviation(msgspec.Struct, frozen=True):
    """One part that was out of bounds, or one thing that could not be measured; `waived`: who took it, and why."""

    place: str
    serial: str
    text: str
    value: str
    limit: str
    confidence: str
    error: bool
    waived: str


class DeviationGroup(msgspec.Struct, frozen=True):
    """What one measure of one step found."""

    step: str
    measure: str
    title: str
    source: str
    error: bool
    rows: list[Deviation]


class OriginRow(msgspec.Struct, frozen=True):
    """One claim of origin with the rule that it uses."""

    title: str
    rule: str
    claim: str
    asked: str
    verdict: str
    source: str
    reasons: str


class PassportSection(msgspec.Struct, frozen=True):
    """What the passport says: parts, what does not fit, claims."""

    said: str
    counts: Rows
    wrong: list[tuple[str, str, str]]
    left_out: int
    claims: list[OriginRow]
    swaps: list[str]


class Report(msgspec.Struct, frozen=True):
    """One run's report.  `measured` is the verdict that was measured; `said` explains it in a sentence.

    `faults_too`: not all could be measured, and what was has faults.
    `photos_left_out`: names and reasons of photos that are not shown.
    """

    title: str
    rack: str
    measured: Outcome | None
    said: str
    identity: Rows
    figures: Rows
    passport: PassportSection
    suspects: list[tuple[str, str, str]]
    steps: list[StepSection]
    deviations: list[DeviationGroup]
    waivers: list[tuple[str, str, str, str]]
    answers: list[tuple[str, str, str, str, str]]
    provenance: Rows
    hashes: Rows
    signatures: list[str]
    photos: list[Picture]
    photos_left_out: list[str]
    as_of: str
    as_of_unix_s: int
    faults_too: bool = False
