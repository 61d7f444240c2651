"""A decision with all that it rests on as one zip: sealed list, runs with their reports, passports, first page."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from datacenter_api.acceptance.desk import AcceptanceDesk
from datacenter_api.acceptance.passport import summary_of
from datacenter_api.passports.decisions import DecisionDesk
from rack_controller.acceptance.begin import PLAN
from rack_controller.acceptance.run import EVIDENCE, FLOOR_USED, RECORD, RunFolder, runs_in
from rack_controller.prove.dossier import entries_of
from rack_controller.prove.option import DecisionRecord
from rack_controller.prove.report.dossier_page import PassportLine, RunLine, dossier_page
from rack_controller.prove.report.model import PassportSummary
from rack_controller.prove.run_files import WAIVERS
from rack_controller.prove.seal import SUFFIX
from rack_controller.prove.zipped import zipped

_OF_A_RUN = (RECORD, EVIDENCE, EVIDENCE + SUFFIX, WAIVERS, WAIVERS + SUFFIX, PLAN, FLOOR_USED)
"""What goes along of a run: raw series stay where they are, their hashes stand in the evidence's seal."""


def dossier_zip(desk: DecisionDesk, name: str, audited: Sequence[Mapping[str, object]]) -> bytes:
    """Return the zip.  Raises TargetUnknown."""
    record = desk.show(name)
    files: dict[str, bytes] = {}
    runs = list(_runs(desk, record, files))
    passports = list(_passports(desk, record, files))
    as_of = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    files["index.html"] = dossier_page(record, runs, passports, len(audited), as_of).encode()
    export = desk.dossier(name, audited, entries_of(files))
    files |= {export.name: export.content, export.name + SUFFIX: export.seal}
    return zipped(name, files)


def _runs(desk: DecisionDesk, record: DecisionRecord, files: dict[str, bytes]) -> Iterator[RunLine]:
    """Yield every run of the offer's racks that has ended, and put its files in."""
    acceptance = AcceptanceDesk(desk.passports.state)
    racks = set(record.offer.racks)
    for folder in runs_in(desk.passports.state):
        row = acceptance.row(folder)
        if row.rack not in racks or row.outcome is None:
            continue
        at = f"runs/{row.id}"
        for kept in _OF_A_RUN:
            path = folder.path / kept
            if path.is_file():
                files[f"{at}/{kept}"] = path.read_bytes()
        changed = acceptance.changed(row.id)
        if not changed:
            files[f"{at}/report.html"] = acceptance.report(row.id, "html", _passport(desk, row.rack))
        yield RunLine(
            rack=row.rack,
            run=row.id,
            level=row.level,
            outcome=row.outcome,
            began_unix_ns=row.began_unix_ns,
            deviations=row.deviations,
            waived=row.waived,
            evidence_sha256=_digest(folder),
            folder=at,
            fault=str(changed[0]) if changed else "",
            faults_too=row.faults_too,
            accepts=folder.told().accepts,
        )


def _passports(desk: DecisionDesk, record: DecisionRecord, files: dict[str, bytes]) -> Iterator[PassportLine]:
    """Yield every passport of the offer's racks, and put its signed BOM in: without prices, both parties get it."""
    passports = desk.passports
    delivery = record.offer.delivery
    for rack in record.offer.racks:
        if not passports.store.covers(rack):
            continue
        export = passports.export(rack, "cyclonedx", delivery=delivery)
        at = f"passports/{export.name}"
        files |= {at: export.content, at + SUFFIX: export.seal}
        frozen = next(iter(passports.frozen(rack)), None)
        yield PassportLine(
            rack=rack,
            records=passports.records(rack).num_rows,
            claims=passports.claims(rack, delivery=delivery, every=True),
            frozen=frozen.sha256 if frozen else "",
            frozen_wrong=frozen.wrong_words if frozen else "",
            file=at,
        )


def _passport(desk: DecisionDesk, rack: str) -> PassportSummary | None:
    if not desk.passports.store.covers(rack):
        return None
    return summary_of(desk.passports, rack, None, note="the dossier has what its records say")


def _digest(folder: RunFolder) -> str:
    path = folder.path / EVIDENCE
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
