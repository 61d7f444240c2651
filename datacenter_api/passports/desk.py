"""The desk where passports are handed in, looked at, matched, claimed, frozen and signed.  Thinks nothing of its own.

Everything here reads or writes files and counts: call it off the event loop.
"""

import hashlib
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from datacenter_api import __version__
from datacenter_api.passports.accepted import is_accepted, keep_accepted, list_accepted, newest_accepted, read_accepted
from datacenter_api.passports.proofs import Proofs
from datacenter_api.passports.reports import (
    FrozenRow,
    ImportReport,
    ImportRow,
    MatchReport,
    Passport,
    PassportRow,
    SigningKey,
)
from datacenter_api.passports.rows import part_rows
from datacenter_api.passports.store import PassportStore
from datacenter_api.passports.tables import changes
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import RACK_PARTS, parse_place, rack_of
from rack_controller.origin_files import OriginFiles, load_origin_files
from rack_controller.prove.as_csv import as_csv
from rack_controller.prove.check_as_built import check_as_built, in_order
from rack_controller.prove.claim import OriginClaim
from rack_controller.prove.complaints import MOST_SHOWN, Complaints
from rack_controller.prove.cyclonedx import AS_ACCEPTED, Document, Heading, hardware_bom
from rack_controller.prove.fields import COST, PART, PLACE, SERIAL
from rack_controller.prove.fit import AsAccepted, Fit, PartSwap, unread_words, wrong_words
from rack_controller.prove.keys import fingerprint
from rack_controller.prove.match import Found, Match, match_parts
from rack_controller.prove.openings import Openings
from rack_controller.prove.origin import claim_of
from rack_controller.prove.read_as_built import read_as_built
from rack_controller.prove.redact import redact
from rack_controller.prove.rules import OriginRule
from rack_controller.prove.seal import seal
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

MOST_FINDINGS = 2_000
MOST_NAME = 120
_MEND_OR_MEAN_IT = (
    "see `rackwright passport match {rack}`; mend the rack or hand in its records, "
    "or keep it so with --despite-wrong (REST: despite_wrong)"
)
_LOOK_OR_MEAN_IT = (
    "let them be read: `rackwright passport match {rack} --wait 300`; where one does not answer, see "
    "`rackwright endpoint list`, or keep it so with --despite-unread (REST: despite_unread)"
)
FORMS = {"cyclonedx": "cdx.json", "csv": "csv"}


@dataclass(frozen=True, slots=True)
class Export:
    """A signed export: the file, its seal, and, where costs were taken out, what opens them."""

    name: str
    content: bytes
    seal: bytes
    openings: Openings | None = None


@dataclass
class PassportDesk:
    """Everything about the passports of one state directory."""

    state: Path
    search: Sequence[Path] = ()
    store: PassportStore = field(init=False)
    keys: SigningKeys = field(init=False)
    proofs: Proofs = field(init=False)

    def __post_init__(self) -> None:
        self.store = PassportStore(self.state)
        self.keys = SigningKeys(self.state / KEYS)
        self.proofs = Proofs(self.state)

    @cached_property
    def files(self) -> OriginFiles:
        """Rules, sites and codes, read once."""
        return load_origin_files([self.state, *self.search])

    def take(self, data: bytes, name: str, actor: str, *, rack: str = "", replace: bool = False) -> ImportReport:
        """Judge a factory's file and keep its records, all of them or none.

        `rack` stands before places that begin in a rack; without `replace` a place that has a record is a fault.
        Raises ArgumentsInvalid for a `rack` that is none.
        """
        if rack and (not _is_place(rack) or rack.count("/") != 3):
            raise ArgumentsInvalid(f"{rack!r} is no rack", advice="site/hall/row/rack, in lower case")
        sha256 = hashlib.sha256(data).hexdigest()
        number = self.store.known(sha256)
        complaints = Complaints()
        if number is not None:
            self._look_at_twin(number, rack, complaints)
            if not len(complaints):
                return ImportReport(True, 0, [], sha256, number, already=True)
            return _refused(sha256, complaints)
        texts = read_as_built(data, complaints)
        records = None
        if texts is not None:
            records = check_as_built(texts, self.files.known(datetime.now(UTC).date()), complaints, rack=rack)
        if records is not None:
            self._lay_beside(records, complaints, replace)
        rows = 0 if texts is None else texts.num_rows
        if len(complaints) or records is None or rows == 0:
            if not len(complaints):
                complaints.add(0, "file", "it has no rows")
            return _refused(sha256, complaints, rows)
        named = name[:MOST_NAME] or "unnamed"
        number, racks = self.store.add(in_order(records), sha256, named, actor, time.time_ns())
        return ImportReport(True, rows, racks, sha256, number)

    def imports(self) -> list[ImportRow]:
        """Return every file that was accepted, the newest first."""
        return [msgspec.convert(row, ImportRow) for row in self.store.listed()]

    def racks(self) -> list[PassportRow]:
        """Return every rack that has a passport; one whose records cannot be read says so."""
        newest = newest_accepted(self.store)
        with self.store.begin() as connection:
            query = sa.select(changes.c.rack, sa.func.count()).group_by(changes.c.rack)
            swaps = {str(rack): int(n) for rack, n in connection.execute(query)}
        return [
            PassportRow(rack, rows, swaps.get(rack, 0), *newest.get(rack, ("", 0)))
            if isinstance(rows, int)
            else PassportRow(rack, 0, swaps.get(rack, 0), *newest.get(rack, ("", 0)), unreadable=str(rows))
            for rack, rows in self.store.in_force().items()
        ]

    def records(self, rack: str) -> pa.Table:
        """Return the records of a rack, given by its place or its last part.  Raises TargetUnknown."""
        return self._records_at(self.named(rack))

    def named(self, rack: str) -> str:
        """Return the place of a rack that records are of.  Raises TargetUnknown."""
        fits = [rack] if self.store.covers(rack) else [r for r in self.store.racks() if r.rsplit("/", 1)[-1] == rack]
        if len(fits) != 1:
            what = (
                f"no as-built records of rack {rack!r}" if not fits else f"{rack!r} could be any of {len(fits)} racks"
            )
            raise TargetUnknown(what, advice="see `rackwright passport list`, or hand them in: `passport import`")
        return fits[0]

    def rule(self, name: str) -> OriginRule:
        """Return a rule of origin, the default one for no name.  Raises TargetUnknown."""
        rule = self.files.book.named(name)
        if rule is None:
            known = ", ".join(r.name for r in self.files.book.rules)
            raise TargetUnknown(f"there is no rule of origin {name[:64]!r}", advice=f"one of: {known}")
        return rule

    def claims(
        self, rack: str, rule: str = "", delivery: date | None = None, *, every: bool = False
    ) -> list[OriginClaim]:
        """Return what one rule, or every rule, makes of a rack's records.  Raises TargetUnknown."""
        rules = self.files.book.rules if every else (self.rule(rule),)
        table = self.records(rack)
        return [claim_of(table, r, self.files.country_of_site, delivery) for r in rules]

    def show(
        self,
        rack: str,
        *,
        below: str = "",
        limit: int = 100,
        rule: str = "",
        delivery: date | None = None,
        prices: bool = False,
    ) -> Passport:
        """Return a rack's passport with some of its parts.  Raises TargetUnknown."""
        table = self.records(rack)
        some = table
        if below:
            at = below if below.count("/") >= RACK_PARTS else f"{rack}/{below}"
            places = table.column(PLACE)
            some = table.filter(pc.or_(pc.equal(places, at), pc.starts_with(places, f"{at}/")))
        known = len(table) - (table.column(COST).null_count if COST in table.column_names else len(table))
        return Passport(
            rack=rack,
            rows=table.num_rows,
            cost_known=known,
            parts=part_rows(some.slice(0, limit), prices),
            claims=self.claims(rack, rule, delivery),
            swaps=self.store.changes(rack),
            frozen=self.frozen(rack, findings=1),
        )

    def key(self) -> SigningKey:
        """Return the key that signs now; the first one is made when there is none."""
        signer = self.keys.signer()
        return SigningKey(fingerprint(signer.public), self.keys.public_pem().decode(), len(signer.chain))

    def match_report(self, rack: str, found: Found, swaps: str) -> MatchReport:
        """Return a match as it is shown, the first of what does not fit in full.  Raises TargetUnknown."""
        match = self.match(rack, found)
        wrong, uncompared = match.findings(MOST_FINDINGS), match.findings(MOST_FINDINGS, (Fit.UNPROVEN, Fit.UNREAD))
        return MatchReport(rack, match.counts, match.wrong, wrong, list(found.unread), swaps, uncompared)

    def swap(self, rack: str, found: Sequence[PartSwap]) -> list[PartSwap]:
        """Keep swaps that the passport does not know yet, and return them; what is claimed follows."""
        return self.store.change(rack, found) if self.store.covers(rack) else []

    def match(self, rack: str, found: Found) -> Match:
        """Return what was found beside what was built.  Raises TargetUnknown."""
        return match_parts(self.records(rack), found.parts, found.told)

    def export(
        self,
        rack: str,
        form: str,
        *,
        rule: str = "",
        delivery: date | None = None,
        redacted: bool = True,
        accepted: AsAccepted | None = None,
    ) -> Export:
        """Return a rack's passport as a signed file, which says what was found where it is `accepted`.

        Raises TargetUnknown, ArgumentsInvalid.
        """
        if form not in FORMS:
            raise ArgumentsInvalid(f"no form {form!r}", advice=f"one of: {', '.join(FORMS)}")
        place, table, asked = rack, self.store.current(rack), self.rule(rule)
        if table is None:  # it was called by its short name
            place = self.named(rack)
            table = self._records_at(place)
        claims = [claim_of(table, asked, self.files.country_of_site, delivery)]
        openings, more = None, self._about(asked, delivery)
        if accepted is not None:
            more[AS_ACCEPTED] = msgspec.json.encode(accepted).decode()
        if redacted:
            table, more["cost-total-commitment"], openings = redact(table, asked, secrets.token_bytes(32))
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
        heading = Heading(place, str(uuid.uuid4()), now, __version__, more)
        document = (
            as_csv(table, redacted=redacted)
            if form == "csv"
            else hardware_bom(table, claims, heading, redacted=redacted)
        )
        name = f"{place.replace('/', '-')}.{FORMS[form]}"
        return self.signed(name, document, {"rack": place, "form": form, "made": now, "redacted": redacted}, openings)

    def signed(
        self, name: str, document: Document, about: dict[str, object], openings: Openings | None = None
    ) -> Export:
        """Return a document with its seal, signed by the key that signs now."""
        content = document.content
        sealed = seal(name, document.lines, document.names, self.keys.signer(), about, content)
        return Export(name, content, sealed, openings)

    def freeze(
        self,
        rack: str,
        found: Found,
        actor: str,
        delivery: date | None,
        *,
        despite_wrong: bool = False,
        despite_unread: bool = False,
    ) -> FrozenRow:
        """Keep a rack's passport as it is accepted: its signed BOM, which says what did not fit, under its own hash.

        Raises TargetUnknown; PreconditionFailed where parts do not fit or trays were not read in full, unless that is
        meant (`despite_wrong`, `despite_unread`).
        """
        place = self.named(rack)
        match = self.match(place, found)
        whats, advices = [], []
        if match.wrong and not despite_wrong:
            whats.append(f"is not as it was built: {wrong_words(match.counts)}")
            advices.append(_MEND_OR_MEAN_IT.format(rack=place))
        if found.unread and not despite_unread:
            whats.append(f"has {unread_words(found.unread)}")
            advices.append(_LOOK_OR_MEAN_IT.format(rack=place))
        if whats:
            raise PreconditionFailed(f"{place} {', and '.join(whats)}", advice="; ".join(advices))
        accepted = AsAccepted(actor, match.counts, match.findings(MOST_FINDINGS), list(found.unread))
        export = self.export(place, "cyclonedx", delivery=delivery, redacted=False, accepted=accepted)
        return keep_accepted(self.store, place, export.content, export.seal, match.built.num_rows, accepted)

    def as_accepted(self, rack: str, sha256: str) -> Export:
        """Return an as-accepted state as it was kept, with its seal.  Raises TargetUnknown, EnvironmentUnfit."""
        place = self.named(rack)
        if not is_accepted(self.store, place, sha256):
            what = f"{place} has no as-accepted state {sha256[:16]!r}"
            raise TargetUnknown(what, advice=f"see `rackwright passport show {rack}`")
        return Export(f"{place.replace('/', '-')}.{FORMS['cyclonedx']}", *read_accepted(self.store, sha256))

    def frozen(self, rack: str = "", *, findings: int = 0) -> list[FrozenRow]:
        """Return every as-accepted state, of one rack or all, the newest first; so many of them with their findings."""
        return list_accepted(self.store, rack, findings)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def _records_at(self, place: str) -> pa.Table:
        table = self.store.current(place)
        assert table is not None
        return table

    def _look_at_twin(self, number: int, rack: str, complaints: Complaints) -> None:
        """Complain where bytes that were handed in before would now say something else than they did then."""
        racks, later = self.store.covered_since(number)
        how = "put an empty line at its end to hand it in anew"
        if rack and rack not in racks:
            complaints.add(0, "file", f"the same bytes are import {number}, of {min(racks)}: {how}")
        elif later:
            complaints.add(0, "file", f"the same bytes are import {number}, and import {later} came after it: {how}")

    def _lay_beside(self, records: pa.Table, complaints: Complaints, replace: bool) -> None:
        """Complain of rows whose place, or part and serial number, are recorded already."""
        kept = self.store.keys()
        if not kept.num_rows:
            return
        places = pc.is_in(records.column(PLACE), kept.column(PLACE).combine_chunks())
        if not replace and pc.any(places).as_py():
            rows = np.flatnonzero(places.to_numpy())
            some = records.column(PLACE).take(pa.array(rows[:1_000])).to_pylist()
            complaints.add_rows(rows, PLACE, "has a record already: hand it in with --replace", some)
        others = kept.filter(pc.invert(pc.is_in(kept.column(PLACE), records.column(PLACE).combine_chunks())))
        mine = pc.binary_join_element_wise(records.column(PART).cast(pa.string()), records.column(SERIAL), "\n")
        theirs = pc.binary_join_element_wise(others.column(PART), others.column(SERIAL), "\n")
        at = pc.index_in(mine, theirs.combine_chunks())
        twins, what = np.flatnonzero(at.is_valid().to_numpy()), "duplicate: recorded already"
        for row in twins[:MOST_SHOWN].tolist():
            place, serial = others.column(PLACE)[at[row].as_py()].as_py(), records.column(SERIAL)[row].as_py()
            complaints.add(row + 1, SERIAL, f"{what} at {place}", serial, kind=what)
        complaints.add_rows(twins[MOST_SHOWN:], SERIAL, what)

    def _about(self, rule: OriginRule, delivery: date | None) -> dict[str, str]:
        """Return what a reader needs to work a claim out again: the rule, and the country of each site."""
        when = {} if delivery is None else {"delivery": delivery.isoformat()}
        return {
            **when,
            "rule": msgspec.json.encode(rule).decode(),
            "sites": msgspec.json.encode(self.files.country_of_site).decode(),
        }


def _refused(sha256: str, complaints: Complaints, rows: int = 0) -> ImportReport:
    counts, shown = dict(complaints.counts), complaints.shown
    return ImportReport(False, rows, [], sha256, faulty=len(complaints), counts=counts, faults=shown)


def _is_place(text: str) -> bool:
    try:
        rack_of(parse_place(text))
    except ValueError:
        return False
    return True
