"""As-accepted states on disk: a signed BOM under its hash, and what did not fit when it was frozen.  Judges nothing."""

import hashlib
import time

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from datacenter_api.passports.reports import FrozenRow
from datacenter_api.passports.store import PassportStore
from datacenter_api.passports.tables import frozen, frozen_fits, plain_row
from rack_controller.prove.fit import WRONG, AsAccepted, Fit, Mismatch
from rack_controller.prove.seal import SUFFIX

_SEEN = sa.select(frozen, frozen_fits.c.counts).join(frozen_fits, frozen_fits.c.frozen_id == frozen.c.id, isouter=True)


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


def is_accepted(store: PassportStore, rack: str, sha256: str) -> bool:
    """Return whether a rack has an as-accepted state under this hash."""
    query = sa.select(frozen.c.id).where(frozen.c.rack == rack, frozen.c.sha256 == sha256).limit(1)
    with store.begin() as connection:
        return connection.execute(query).scalar() is not None


def newest_accepted(store: PassportStore) -> dict[str, tuple[str, int]]:
    """Return hash and time (ns since 1970) of the newest as-accepted state of every rack that has one."""
    newest = sa.select(sa.func.max(frozen.c.id)).group_by(frozen.c.rack)
    query = sa.select(frozen.c.rack, frozen.c.sha256, frozen.c.unix_ns).where(frozen.c.id.in_(newest))
    with store.begin() as connection:
        return {str(rack): (str(sha256), int(unix_ns)) for rack, sha256, unix_ns in connection.execute(query)}


def list_accepted(store: PassportStore, rack: str = "", findings: int = 0) -> list[FrozenRow]:
    """Return every as-accepted state, of one rack or all, the newest first.

    `findings`: so many of the newest tell what did not fit part by part, which is long; the others by `counts` alone.
    """
    query = _SEEN.order_by(frozen.c.id.desc())
    query = query.where(frozen.c.rack == rack) if rack else query
    with store.begin() as connection:
        rows = connection.execute(query).all()
        told = [_findings_of(connection, row.id) for row in rows[:findings]]
    untold = [None] * (len(rows) - len(told))
    return [_row(plain_row(row), each) for row, each in zip(rows, [*told, *untold], strict=True)]


def _findings_of(connection: Connection, number: int) -> str | None:
    query = sa.select(frozen_fits.c.findings).where(frozen_fits.c.frozen_id == number)
    told: str | None = connection.execute(query).scalar()
    return told


def _row(told: dict[str, object], findings: str | None) -> FrozenRow:
    counts = told.pop("counts")
    if isinstance(counts, str):
        told["counts"] = msgspec.json.decode(counts, type=dict[str, int])
    if findings is not None:
        told["findings"] = msgspec.json.decode(findings, type=list[Mismatch])
    return msgspec.convert(told, FrozenRow)
