"""The desk of decisions to buy: records kept, conditions measured, dossiers signed.  Reads and writes files."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from datacenter_api.passports.desk import Export, PassportDesk
from datacenter_api.passports.reports import LevelEvidence
from datacenter_api.passports.tables import options
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed, TargetUnknown
from rack_controller.evaluation.from_run import SealedRun
from rack_controller.prove.accept.plan import Level
from rack_controller.prove.conditions import Measure, Measured, PurchaseCondition, parse_condition
from rack_controller.prove.cyclonedx import Document
from rack_controller.prove.option import (
    DecisionRecord,
    DecisionStep,
    Offer,
    Reminder,
    StepRefused,
    offered,
    reminders,
    settle,
    step,
)
from rack_controller.prove.rules import Measure as OriginMeasure

if TYPE_CHECKING:
    from datacenter_api.evaluation.desk import EvaluationDesk

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class DecisionDesk:
    """The decisions of one state directory.  Every look settles what the calendar has decided."""

    passports: PassportDesk
    now: Now = lambda: datetime.now(UTC)
    evaluations: "EvaluationDesk | None" = None

    def offer(self, offer: Offer, actor: str) -> DecisionRecord:
        """Keep a new offer.  Raises ArgumentsInvalid, CommandRefused when one of its name is there."""
        try:
            record = offered(offer, actor, time.time_ns())
        except ValueError as err:
            raise ArgumentsInvalid(str(err), advice="see `rackwright option offer --help`") from err
        if offer.decide_by < self.now().date():
            raise ArgumentsInvalid(f"decide_by {offer.decide_by} has passed", advice="name a day that is to come (UTC)")
        with self.passports.store.begin() as connection:
            if connection.execute(sa.select(options.c.name).where(options.c.name == offer.name)).scalar():
                raise CommandRefused(f"there is a decision {offer.name!r} already", advice="give it another name")
            row = {"name": offer.name, "revision": 1, "record": msgspec.json.encode(record).decode()}
            connection.execute(sa.insert(options).values(row))
        return record

    def listed(self) -> list[DecisionRecord]:
        """Return every decision as it stands now, those that end first first."""
        with self.passports.store.begin() as connection:
            names = [str(n) for n in connection.execute(sa.select(options.c.name)).scalars()]
        records = [self.show(name) for name in names]
        return sorted(records, key=lambda r: (r.over, r.offer.decide_by, r.offer.name))

    def show(self, name: str) -> DecisionRecord:
        """Return a decision as it stands now: conditions measured, the calendar heard.  Raises TargetUnknown."""
        record, revision = self._read(name)
        values = {c.measured: self.measure(record, c) for c in record.conditions}
        now = settle(record, values, time.time_ns(), self.now().date())
        if now != record:
            self._write(now, revision)
        return now

    def delivery_of(self, rack: str) -> date | None:
        """Return the day of delivery that a rack's open decision names, the soonest, None when none does."""
        return self.deliveries().get(rack)

    def deliveries(self) -> dict[str, date]:
        """Return for each rack of an open decision that names a day of delivery the soonest of them."""
        found: dict[str, date] = {}
        today = self.now().date()
        for record in self._records():
            day = record.offer.delivery
            if day is not None and not record.over and today <= record.offer.decide_by:
                found |= {rack: min(day, found.get(rack, day)) for rack in record.offer.racks}
        return found

    def say(
        self,
        name: str,
        event: DecisionStep,
        actor: str,
        *,
        said: str = "",
        conditions: Sequence[str] = (),
        until: date | None = None,
    ) -> DecisionRecord:
        """Move a decision on in a party's name.  Raises TargetUnknown, ArgumentsInvalid, PreconditionFailed."""
        try:
            parsed = [parse_condition(text) for text in conditions]
        except ValueError as err:
            raise ArgumentsInvalid(str(err), advice='for example "racks_passed:L12 >= 17 by 2027-03-31"') from err
        for condition in parsed:
            self._look_at_word(condition)
        self.show(name)
        record, revision = self._read(name)
        try:
            today = self.now().date()
            after = step(record, event, actor, time.time_ns(), today, said=said, conditions=parsed, until=until)
        except StepRefused as err:
            raise PreconditionFailed(str(err), advice=f"see `rackwright option show {name}`") from err
        self._write(after, revision)
        return after

    def reminders(self) -> list[Reminder]:
        """Return every day that comes soon, the nearest first."""
        found = [r for record in self.listed() for r in reminders(record, self.now().date())]
        return sorted(found, key=lambda r: (r.on, r.name))

    def hand_in(self, content: bytes, seal: bytes) -> SealedRun:
        """Keep an acceptance run that was sealed elsewhere.

        Its key is this installation's or one that an offer names.  Raises ArgumentsInvalid for a run that does not
        count, EnvironmentUnfit.
        """
        keys = {key for record in self._records() for key in record.offer.keys}
        return self.passports.proofs.take(content, seal, sorted(keys))

    def runs(self, name: str) -> list[SealedRun]:
        """Return every sealed run of a decision's racks, those that do not count with the reason.

        A run whose rack nobody can tell, because its seal does not hold, stands here too.  Raises TargetUnknown.
        """
        offer = self._read(name)[0].offer
        return [r for r in self.passports.proofs.runs(offer.keys) if r.rack in offer.racks or not r.rack]

    def proofs(self, offer: Offer) -> list[LevelEvidence]:
        """Return what sealed runs prove of an offer's racks, the oldest first."""
        return self.passports.proofs.of(offer.racks, offer.keys)

    def measure(self, record: DecisionRecord, condition: PurchaseCondition) -> Measured:
        """Return what a condition asks about, as far as it is known until its day."""
        racks = record.offer.racks
        day = min(condition.by, self.now().date())
        end = int(_end_of(day).timestamp()) * 10**9
        if condition.measure is Measure.RACKS_PASSED:
            newest = {e.rack: e for e in self.proofs(record.offer) if e.level == condition.word and e.unix_ns < end}
            passed = sum(e.passed for e in newest.values())
            detail = f"{len(newest)} of {len(racks)} racks have a sealed run of {condition.word}"
            return Measured(float(passed), detail, day)
        if condition.measure is Measure.CRITERION:
            return self._criterion(record, condition, end)
        frozen = {f.rack: f for f in reversed(self.passports.frozen()) if f.rack in racks and f.unix_ns < end}
        if condition.measure is Measure.PASSPORTS_FROZEN:
            return Measured(float(len(frozen)), f"of {len(racks)} racks", day)
        if condition.measure is Measure.PARTS_WRONG:
            known = len(frozen) == len(racks) > 0
            detail = f"{len(frozen)} of {len(racks)} racks have an as-accepted passport"
            return Measured(float(sum(f.wrong for f in frozen.values())) if known else None, detail, day)
        return self._origin(record, condition.word)

    def dossier(
        self, name: str, audited: Sequence[Mapping[str, object]], more: Sequence[tuple[str, object]] = ()
    ) -> Export:
        """Return a decision with all that it rests on as a signed file, one entry a line, `more` at its end.

        Raises TargetUnknown.
        """
        record = self.show(name)
        racks = record.offer.racks
        lines: list[tuple[str, object]] = [("offer", record.offer)]
        lines += [(f"condition {n}", c) for n, c in enumerate(record.conditions, 1)]
        lines += [(f"log {n}", entry) for n, entry in enumerate(record.log, 1)]
        lines += [(f"evidence {n}", e) for n, e in enumerate(self.proofs(record.offer), 1)]
        lines += [(f"frozen {f.rack}", f) for f in self.passports.frozen(findings=sys.maxsize) if f.rack in racks]
        known = [r for r in racks if r in self.passports.store.racks()]
        delivery = record.offer.delivery
        lines += [
            (f"claim {r}", {"rack": r, "claim": c}) for r in known for c in self.passports.claims(r, "", delivery)
        ]
        lines += [(f"audit {row['sequence']}", row) for row in audited]
        lines += more
        encoded = [msgspec.json.encode({"entry": what, "content": content}) + b"\n" for what, content in lines]
        document = Document(encoded, [what for what, _ in lines])
        about: dict[str, object] = {"decision": name, "stage": record.stage.value, "form": "dossier"}
        return self.passports.signed(f"{name}.dossier.jsonl", document, about)

    def _look_at_word(self, condition: PurchaseCondition) -> None:
        """Raise ArgumentsInvalid for a condition about something that there is not: nobody could ever meet it."""
        known: list[str] = []
        if condition.measure is Measure.RACKS_PASSED:
            known = [level.value for level in Level]
        elif condition.measure is Measure.ORIGIN_SHARE:
            book = self.passports.files.book
            known = [rule.name for rule in book.rules if rule.measure is OriginMeasure.SHARE_OF_COST]
        elif condition.measure is Measure.CRITERION:
            known = [criterion.id for criterion in self._evaluations().plan().criteria]
        if condition.word and condition.word not in known:
            raise ArgumentsInvalid(f"{condition}: there is no {condition.word!r}", advice=f"one of: {', '.join(known)}")

    def _evaluations(self) -> "EvaluationDesk":
        from datacenter_api.evaluation.desk import EvaluationDesk

        return self.evaluations or EvaluationDesk(self.passports.state, self.passports)

    def _criterion(self, record: DecisionRecord, condition: PurchaseCondition, end: int) -> Measured:
        """Return the worse end of a criterion's interval over the offer's racks, as evaluated before `end`."""
        cell = self._evaluations().of_racks(record.offer.racks, condition.word, end, record.offer.keys)
        if cell is None:
            return Measured(None, f"there is no criterion {condition.word!r}")
        value = cell.low if condition.compare == ">=" else cell.high
        detail = f"{cell.racks} of {len(record.offer.racks)} racks evaluated"
        if cell.value is not None and value is None:
            detail += "; no interval yet" if cell.racks < 2 else "; nothing bounds it"
        return Measured(value, f"{detail}; {cell.why}" if cell.why else detail, min(condition.by, self.now().date()))

    def _records(self) -> list[DecisionRecord]:
        """Return every decision as it was written last: nothing is measured."""
        with self.passports.store.begin() as connection:
            kept = [str(r) for r in connection.execute(sa.select(options.c.record)).scalars()]
        return [msgspec.json.decode(text, type=DecisionRecord) for text in kept]

    def _origin(self, record: DecisionRecord, rule: str) -> Measured:
        known = self.passports.store.racks()
        if self.passports.files.book.named(rule) is None:
            return Measured(None, f"there is no rule of origin {rule!r}")
        racks = record.offer.racks
        found = [self.passports.claims(r, rule, record.offer.delivery)[0] for r in racks if r in known]
        shares = [claim.lower_percent for claim in found if claim.lower_percent is not None]
        detail = f"{len(shares)} of {len(racks)} racks have records"
        return Measured(min(shares) if racks and len(shares) == len(racks) else None, detail)

    def _read(self, name: str) -> tuple[DecisionRecord, int]:
        with self.passports.store.begin() as connection:
            row = connection.execute(sa.select(options).where(options.c.name == name)).one_or_none()
        if row is None:
            raise TargetUnknown(f"there is no decision {name[:64]!r}", advice="see `rackwright option list`")
        return msgspec.json.decode(row.record, type=DecisionRecord), row.revision

    def _write(self, record: DecisionRecord, revision: int) -> None:
        query = (
            sa.update(options)
            .where(options.c.name == record.offer.name, options.c.revision == revision)
            .values(revision=revision + 1, record=msgspec.json.encode(record).decode())
        )
        with self.passports.store.begin() as connection:
            if connection.execute(query).rowcount != 1:
                raise PreconditionFailed("somebody else has just changed this decision", advice="look at it again")


def _end_of(day: date) -> datetime:
    """Return the first moment after a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
