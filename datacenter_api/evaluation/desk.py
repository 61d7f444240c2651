"""The desk of evaluations: reads what is kept, adds what passports and milestones know, lays racks side by side.

Everything here reads files and counts: call it off the event loop.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec

from datacenter_api.evaluation.records import RackRecords
from datacenter_api.evaluation.shown import EvaluationRow, EvaluationShown, NeededRow
from datacenter_api.passports.desk import PassportDesk
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, TargetUnknown
from rack_controller.evaluation.kept import KeptEvaluation, evaluation_folders, read_evaluation_folder
from rack_controller.evaluation.plans import STANDARD, read_evaluation
from rack_controller.prove.evaluate.compare import Cell, Comparison, compare, grouped
from rack_controller.prove.evaluate.criteria import CriterionSpec, EvaluationPlan, Kind
from rack_controller.prove.evaluate.intervals import exposure_for
from rack_controller.prove.evaluate.milestones import Milestone
from rack_controller.prove.evaluate.needed import careful_spread, plan_needed
from rack_controller.prove.evaluate.sheet import Sheet
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

_Stamp = tuple[int, int]


@dataclass
class EvaluationDesk:
    """The evaluations of one state directory.  `passports`: of the same one."""

    state: Path
    passports: PassportDesk
    _kept: dict[str, tuple[_Stamp, KeptEvaluation]] = field(default_factory=dict)
    _records: RackRecords = field(init=False)

    def __post_init__(self) -> None:
        self._records = RackRecords(self.passports)

    def plan(self, name: str = "") -> EvaluationPlan:
        """Return an evaluation plan.  Raises ConfigurationError, FileInvalid."""
        return read_evaluation(name or STANDARD, [self.state])[0]

    def kept(self) -> list[EvaluationRow]:
        """Return every evaluation, the oldest first; one that does not count says why."""
        known = self._keys()
        return [self._row(folder, known) for folder in evaluation_folders(self.state)]

    def show(self, name: str) -> EvaluationShown:
        """Return one evaluation, without sheets where its seal does not hold.  Raises TargetUnknown."""
        folder = next((f for f in evaluation_folders(self.state) if f.name == name), None)
        if folder is None:
            raise TargetUnknown(f"there is no evaluation {name[:64]!r}", advice="see `rackwright evaluate show`")
        known = self._keys()
        return EvaluationShown(self._row(folder, known), list(self._read(folder, known).sheets))

    def sheets(
        self,
        ids: Sequence[str] = (),
        *,
        prices: bool = False,
        plan: str = "",
        keys: Sequence[str] = (),
        patience_s: float = math.inf,
    ) -> list[Sheet]:
        """Return the sheets of evaluations that count, all or those named, with what records know of real racks.

        Raises TargetUnknown for a name that there is none of, ArgumentsInvalid for one that does not count.
        """
        asked, known = self.plan(plan), [*self._keys(), *keys]
        folders = {f.name: f for f in evaluation_folders(self.state)}
        for name in ids:
            if name not in folders:
                raise TargetUnknown(f"there is no evaluation {name[:64]!r}", advice="see `rackwright evaluate show`")
        found: list[Sheet] = []
        for name in ids or folders:
            row = self._row(folders[name], known)
            if row.fault and ids:
                raise ArgumentsInvalid(f"{name} does not count: {row.fault}", advice="see `rackwright verify`")
            if not row.fault and row.plan == asked.name:
                found += self._read(folders[name], known).sheets
        return self._records.added(found, asked, prices=prices, patience_s=patience_s)

    def milestones(self, racks: Sequence[str] = ()) -> list[Milestone]:
        """Return what was noted of some racks or all, in the order of its moments."""
        every = self._records.milestones(racks).values()
        return sorted((m for some in every for m in some), key=lambda m: m.unix_ns)

    def note(self, made: Milestone) -> Milestone:
        """Keep a milestone.  Raises EnvironmentUnfit."""
        return self._records.note(made)

    def comparison(
        self,
        by: str = "generation",
        ids: Sequence[str] = (),
        *,
        racks: Sequence[str] = (),
        prices: bool = False,
        plan: str = "",
        patience_s: float = math.inf,
    ) -> Comparison:
        """Return racks side by side.  Raises ArgumentsInvalid, TargetUnknown, ConfigurationError.

        `patience_s`: how long passports may be counted; the rest of them says so and waits for the next look.
        """
        sheets = self.sheets(ids, prices=prices, plan=plan, patience_s=patience_s)
        sheets = [s for s in sheets if not racks or s.rack in racks]
        try:
            groups = grouped(sheets, by)
        except ValueError as err:
            raise ArgumentsInvalid(str(err), advice="by generation, rack or run") from err
        return compare(self.plan(plan), groups)

    def of_racks(self, racks: Sequence[str], criterion: str, end_unix_ns: int, keys: Sequence[str] = ()) -> Cell | None:
        """Return a criterion over some real racks together, of evaluations that began before a moment.

        `keys`: fingerprints that are trusted beside this installation's.  None where there is no such criterion.
        """
        asked = self.plan()
        if asked.criterion(criterion) is None:
            return None
        wanted = set(racks)
        sheets = [s for s in self.sheets(prices=True, keys=keys) if s.rack in wanted and s.rig != "virtual"]
        sheets = [s for s in sheets if s.began_unix_ns < end_unix_ns]
        return compare(asked, {"offer": sheets}, contrast=False).cell(criterion, "offer")

    def needed(
        self, effect_percent: float, racks: int, by: date, today: date, *, days_before: int = 0, plan: str = ""
    ) -> list[NeededRow]:
        """Return for every criterion what it takes to show an effect, given how racks differed so far.

        `effect_percent`: of the criterion's mean.  `racks`: of each of two groups.  Raises ArgumentsInvalid.
        """
        if not 0.0 < effect_percent <= 1_000.0 or not 2 <= racks <= 10_000 or days_before < 0:
            raise ArgumentsInvalid(
                "expected an effect above 0 %, at least two racks a group", advice="`evaluate plan --help`"
            )
        found = self.comparison(plan=plan)
        asked = [c for c in found.criteria if c.kind is not Kind.BOUNDS]
        when = (racks, today, by, days_before)
        return [_needed(c, _pooled(found, c), effect_percent, when, len(asked)) for c in asked]

    def _row(self, folder: Path, known: Sequence[str]) -> EvaluationRow:
        kept = self._read(folder, known)
        r = kept.record
        return EvaluationRow(
            folder.name, r.plan, r.of, r.rig, r.racks, r.sheets, r.began_unix_ns, r.actor, kept.sha256, kept.fault
        )

    def _read(self, folder: Path, known: Sequence[str]) -> KeptEvaluation:
        """Return an evaluation, read again only where its files have changed."""
        stats = [p.stat() for p in sorted(folder.iterdir()) if p.is_file()]
        stamp = (max((s.st_mtime_ns for s in stats), default=0), hash((tuple(s.st_size for s in stats), tuple(known))))
        found = self._kept.get(folder.name)
        if found is None or found[0] != stamp:
            found = self._kept[folder.name] = stamp, read_evaluation_folder(folder, known)
        return found[1]

    def _keys(self) -> list[str]:
        return SigningKeys(self.state / KEYS).names()


def _pooled(found: Comparison, criterion: CriterionSpec) -> tuple[float, float, float | None, int]:
    """Return mean, spread from rack to rack and within a rack, pooled over groups; how many racks that rests on.

    The spread from rack to rack is the one that the true one is below in four of five cases.
    """
    cells: list[Cell] = [c for c in found.cells if c.criterion == criterion.id and c.value is not None]
    known = [c for c in cells if c.between is not None and c.racks > 1]
    freedom = sum(c.racks - 1 for c in known)
    within = [c.within for c in cells if c.within is not None]
    if not freedom:
        return math.nan, math.nan, None, 0
    between = careful_spread(math.sqrt(sum((c.between or 0.0) ** 2 * (c.racks - 1) for c in known) / freedom), freedom)
    mean = sum(abs(c.value or 0.0) * c.racks for c in known) / sum(c.racks for c in known)
    return mean, between, (sum(within) / len(within) if within else None), sum(c.racks for c in known)


def _needed(
    criterion: CriterionSpec,
    pooled: tuple[float, float, float | None, int],
    effect_percent: float,
    when: tuple[int, date, date, int],
    tests: int,
) -> NeededRow:
    racks, today, by, before = when
    row = NeededRow(criterion.id, criterion.title, criterion.unit, effect_percent, None)
    if criterion.kind is Kind.COUNT:
        # To show fewer than one failure in so many rack-days, with none seen: the rule of three.
        days = exposure_for(1.0 / 100.0)
        why = f"{days:.0f} rack-days without a failure show fewer than one in 100 rack-days"
        return msgspec.structs.replace(row, exposure_days=days, why=why)
    mean, between, within, count = pooled
    if not count or mean == 0.0:
        return msgspec.structs.replace(row, why="nothing is known of how racks differ: evaluate two of a kind first")
    effect = mean * effect_percent / 100.0
    found = plan_needed(effect, between, within, racks, today, by, days_before=before, tests=tests)
    return msgspec.structs.replace(row, needed=found, why=found.why or f"racks differ as {count} of them did")
