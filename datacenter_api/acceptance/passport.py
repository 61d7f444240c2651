"""A rack's passport as an acceptance needs it: its summary for a report, its serial numbers for a scanner."""

from datetime import date

from datacenter_api.passports.desk import PassportDesk
from rack_controller.prove.fields import PLACE, SERIAL
from rack_controller.prove.match import Found
from rack_controller.prove.report.model import PassportSummary

MOST_FINDINGS = 500


def summary_of(
    desk: PassportDesk, rack: str, found: Found | None, delivery: date | None = None, note: str = ""
) -> PassportSummary:
    """Return what a report says of a passport.  `found` None: nobody looked into the rack, and `note` says why."""
    frozen = next(iter(desk.frozen(rack)), None)
    match = None if found is None else desk.match(rack, found)
    return PassportSummary(
        rows=desk.records(rack).num_rows,
        claims=desk.claims(rack, delivery=delivery, every=True),
        counts={} if match is None else match.counts,
        findings=[] if match is None else match.findings(MOST_FINDINGS),
        swaps=desk.store.changes(rack),
        frozen=frozen.sha256 if frozen else "",
        frozen_unix_ns=frozen.unix_ns if frozen else 0,
        frozen_wrong=frozen.wrong_words if frozen else "",
        unread=0 if found is None else len(found.unread),
        note=note,
    )


def serials_of(desk: PassportDesk, rack: str) -> dict[str, str]:
    """Return as-built serial numbers by place below a rack.  Raises TargetUnknown."""
    place = desk.named(rack)
    table = desk.records(place)
    rows = zip(table.column(PLACE).to_pylist(), table.column(SERIAL).to_pylist(), strict=True)
    return {at.removeprefix(f"{place}/"): serial for at, serial in rows if serial and at != place}
