"""What the API and the command line show of passports."""

import msgspec

from rack_controller.prove.claim import OriginClaim
from rack_controller.prove.complaints import Complaint
from rack_controller.prove.fit import Mismatch, PartSwap, wrong_words
from rack_controller.prove.openings import Openings
from rack_controller.prove.rules import FactorySite, OriginRule


class ImportReport(msgspec.Struct, frozen=True):
    """What came of a factory's file.  Not accepted: nothing of it was kept, and `faults` are the first of `faulty`.

    `already`: the same bytes were accepted before, as this import.
    """

    accepted: bool
    rows: int
    racks: list[str]
    sha256: str
    import_id: int | None = None
    already: bool = False
    faulty: int = 0
    counts: dict[str, int] = {}
    faults: list[Complaint] = []


class ImportRow(msgspec.Struct, frozen=True):
    """One file that was accepted."""

    id: int
    name: str
    rows: int
    unix_ns: int
    actor: str
    sha256: str


class PassportRow(msgspec.Struct, frozen=True):
    """One rack that records were handed in of.  `frozen`: the hash of its newest as-accepted state.

    `unreadable` says why how many records it has is not known, empty otherwise.
    """

    rack: str
    rows: int
    swaps: int
    frozen: str = ""
    frozen_unix_ns: int = 0
    unreadable: str = ""


class PartRow(msgspec.Struct, frozen=True):
    """One part of a passport; amounts as text, and only for those who may see prices.  `steps` are as written."""

    place: str
    kind: str
    part: str
    serial: str | None
    lot: str | None
    work_order: str | None
    supplier: str | None
    steps: list[dict[str, str]]
    cost: str | None = None
    cost_most: str | None = None
    currency: str | None = None
    cost_basis: str | None = None


class FrozenRow(msgspec.Struct, frozen=True):
    """One as-accepted state: the hash of its signed BOM, how many parts did not fit, how many nobody could look at.

    `counts` by fit and `findings`, the first of those that did not fit: empty where they were not kept yet.  A list has
    the findings of its newest state alone; the signed file tells those of each.
    """

    rack: str
    sha256: str
    rows: int
    wrong: int
    unread: int
    unix_ns: int
    actor: str
    counts: dict[str, int] = {}
    findings: list[Mismatch] = []

    @property
    def wrong_words(self) -> str:
        """What did not fit, in words (`2 swapped, 1 missing`); empty where all did."""
        return wrong_words(self.counts) or (f"{self.wrong} did not fit" if self.wrong else "")


class Passport(msgspec.Struct, frozen=True):
    """The passport of a rack: its parts (some of them), claims, swaps and as-accepted states."""

    rack: str
    rows: int
    cost_known: int
    parts: list[PartRow]
    claims: list[OriginClaim]
    swaps: list[PartSwap]
    frozen: list[FrozenRow]


class MatchReport(msgspec.Struct, frozen=True):
    """As-found against as-built.  `counts` by fit; `unread` trays were not read in full yet: ask again.

    `findings`: the first of those that are wrong; `uncompared`: of those that nobody could hold against the other side.
    """

    rack: str
    counts: dict[str, int]
    wrong: int
    findings: list[Mismatch]
    unread: list[str]
    swaps: str = ""
    uncompared: list[Mismatch] = []


class SigningKey(msgspec.Struct, frozen=True):
    """The key that signs now."""

    fingerprint: str
    public_pem: str
    rotations: int


class Exported(msgspec.Struct, frozen=True):
    """A signed file: its text, the line that is its seal, and, where costs were taken out, what opens them."""

    name: str
    content: str
    seal: str
    openings: Openings | None = None


class OriginRules(msgspec.Struct, frozen=True):
    """The rules of origin and the sites of this installation."""

    default: str
    rules: tuple[OriginRule, ...]
    sites: tuple[FactorySite, ...]


class LevelEvidence(msgspec.Struct, frozen=True):
    """A rack has passed a level, or has not: the sealed run that says so, its SHA-256, and when it ended."""

    rack: str
    level: str
    passed: bool
    artefact: str
    unix_ns: int
    run: str
