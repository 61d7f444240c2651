"""As-accepted states on disk: a signed BOM under its hash, and what did not fit when it was frozen.  Judges nothing."""

import hashlib
import time

import msgspec
import sqlalchemy as sa

from datacenter_api.passports.reports import FrozenRow
from datacenter_api.passports.store import PassportStore
from datacenter_api.passports.tables import frozen, frozen_fits, plain_row
from rack_controller.prove.fit import WRONG, AsAccepted, Fit, Mismatch
from rack_controller.prove.seal import SUFFIX

_SEEN = sa.select(frozen, frozen_fits.c.counts, frozen_fits.c.findings).join(
    frozen_fits, frozen_fits.c.frozen_id == frozen.c.id, isouter=True
)


def keep_accepted(
    store: PassportStore, rack: str, content: bytes, seal: bytes, records: int, accepted: AsAccepted
) -> FrozenRow:
    """Keep a signed BOM of so many records under its SHA-256, with what did not fit.  Raises EnvironmentUnfit."""
    sha256 = hashlib.sha256(content).hexdigest()
    store.write(f"frozen/{sha256}.cdx.json", content)
    store.write(f"frozen/{sha256}.cdx.json{SUFFIX}", seal)
    counts = accepted.counts
    wrong = sum(counts[fit] for fit in WRONG)
    unread = counts[Fit.UNREAD] + counts[Fit.UNPROVEN]
    row = FrozenRow(
        rack, sha256, records, wrong, unread, time.time_ns(), accepted.actor, accepted.counts, accepted.findings
    )
    told = {column.name: getattr(row, column.name) for column in frozen.c if column.name != "id"}
    fits = {name: msgspec.json.encode(getattr(row, name)).decode() for name in ("counts", "findings")}
    with store.begin() as connection:
        made = connection.execute(sa.insert(frozen).values(told)).inserted_primary_key
        assert made is not None
        connection.execute(sa.insert(frozen_fits).values(frozen_id=made[0], **fits))
    return row


def read_accepted(store: PassportStore, sha256: str) -> tuple[bytes, bytes]:
    """Return a signed BOM as it was kept, and its seal.  Raises EnvironmentUnfit."""
    return store.read(f"frozen/{sha256}.cdx.json"), store.read(f"frozen/{sha256}.cdx.json{SUFFIX}")


def list_accepted(store: PassportStore, rack: str = "") -> list[FrozenRow]:
    """Return every as-accepted state, of one rack or all, the newest first."""
    query = _SEEN.order_by(frozen.c.id.desc())
    query = query.where(frozen.c.rack == rack) if rack else query
    with store.begin() as connection:
        rows = [plain_row(row) for row in connection.execute(query)]
    return [_row(**row) for row in rows]


def _row(counts: str | None, findings: str | None, **told: object) -> FrozenRow:
    fits = (
        {}
        if counts is None or findings is None
        else {
            "counts": msgspec.json.decode(counts, type=dict[str, int]),
            "findings": msgspec.json.decode(findings, type=list[Mismatch]),
        }
    )
    return msgspec.convert({**told, **fits}, FrozenRow)
