"""As-built records on disk: staged as one Arrow file, made valid by one commit.  Judges nothing.

A file that no committed row names is none: half an import is nothing, and goes at the next start.
"""

import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from datacenter_api.passports.segment import ARROW, SUFFIXES, Segment, read_columns, write_segment
from datacenter_api.passports.spares import SparesSeen
from datacenter_api.passports.tables import changes, covers, imports, open_tables, plain_row, unfit
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.prove.columns import codes_of
from rack_controller.prove.fields import PART, PLACE, SERIAL
from rack_controller.prove.fit import PartSwap
from rack_controller.prove.swapped import apply_change

FOLDER, FILE = "passports", "passports.db"
_KEYS = [PLACE, PART, SERIAL]
# Said once: to put a query together takes longer than to run it.
_IMPORTS_OF = (
    sa.select(imports.c.id, imports.c.sha256, imports.c.unix_ns)
    .join(covers, covers.c.import_id == imports.c.id)
    .where(covers.c.rack == sa.bindparam("rack"))
    .order_by(imports.c.id)
)
_CHANGES_OF = sa.select(changes).where(changes.c.rack == sa.bindparam("rack")).order_by(changes.c.unix_ns, changes.c.id)
MOST_KEPT = 16


class PassportStore:
    """The folder `passports` of a state directory.  Methods read and write files: call them off the event loop.

    Each raises EnvironmentUnfit when the disk says no.
    """

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self._file = self.folder / FILE
        self._engine = open_tables(self._file)
        self._kept: dict[str, tuple[tuple[int, int], pa.Table]] = {}
        self._counted: dict[str, tuple[tuple[int, int, int], int]] = {}
        self._spares_seen = SparesSeen()
        self._segments: dict[str, Segment] = {}
        self._reading = threading.Lock()  # a Parquet file is read by one thread at a time
        self._tidy()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection in a transaction."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as err:
            raise unfit(self._file, err) from err

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def known(self, sha256: str) -> int | None:
        """Return the import of a file with these bytes, None when there is none."""
        with self.begin() as connection:
            found: int | None = connection.execute(sa.select(imports.c.id).where(imports.c.sha256 == sha256)).scalar()
        return found

    def covered_since(self, number: int) -> tuple[set[str], int]:
        """Return the racks of an import, and the newest import that came after it for one of them (0: none)."""
        of_it = sa.select(covers.c.rack).where(covers.c.import_id == number)
        later = sa.select(sa.func.max(covers.c.import_id)).where(covers.c.import_id > number, covers.c.rack.in_(of_it))
        with self.begin() as connection:
            racks = {str(r) for r in connection.execute(of_it).scalars()}
            return racks, int(connection.execute(later).scalar() or 0)

    def add(self, records: pa.Table, sha256: str, name: str, actor: str, unix_ns: int) -> tuple[int, list[str]]:
        """Keep the records of a file, whole or not at all, and return the number of the import and its racks.

        `records` are sorted by place, `sha256` is of the file's bytes.
        """
        racks = self._stage(records, self.folder / f"{sha256[:32]}{ARROW}")
        with self.begin() as connection:
            row = {"sha256": sha256, "name": name, "rows": records.num_rows, "unix_ns": unix_ns, "actor": actor}
            made = connection.execute(sa.insert(imports).values(row)).inserted_primary_key
            assert made is not None
            number = int(made[0])
            covered = [{"import_id": number, "rack": r, "rows": n} for r, n in racks.items()]
            connection.execute(sa.insert(covers), covered)
        return number, sorted(racks)

    def listed(self) -> list[dict[str, object]]:
        """Return every import, the newest first."""
        with self.begin() as connection:
            rows = connection.execute(sa.select(imports).order_by(imports.c.id.desc()).limit(1_000))
            return [{**plain_row(row), "id": row.id} for row in rows]

    def racks(self) -> list[str]:
        """Return every rack that any record is of, by place."""
        with self.begin() as connection:
            found = connection.execute(sa.select(covers.c.rack).distinct().order_by(covers.c.rack))
            return [str(rack) for rack in found.scalars()]

    def in_force(self) -> dict[str, int | EnvironmentUnfit]:
        """Return every rack that any record is of, by place, with how many of its records are in force, or why not.

        A place counts once, however often it was handed in; a rack is counted anew only once its records change, and
        at each call while a file of its records cannot be read.
        """
        stamps = self.stamps()
        query = sa.select(covers.c.rack, sa.func.max(covers.c.rows)).group_by(covers.c.rack)
        with self.begin() as connection:
            handed_in_once = query.having(sa.func.count() == 1)
            once = {str(rack): int(rows) for rack, rows in connection.execute(handed_in_once)}
        unfit_racks: dict[str, EnvironmentUnfit] = {}
        for rack, stamp in stamps.items():
            if self._counted.get(rack, (None, 0))[0] != stamp:
                swaps = stamp[1]
                try:
                    table = self.current(rack) if swaps or rack not in once else None
                except EnvironmentUnfit as err:
                    unfit_racks[rack] = err
                else:
                    self._counted[rack] = stamp, once[rack] if table is None else table.num_rows
        return {rack: unfit_racks.get(rack) or self._counted[rack][1] for rack in sorted(stamps)}

    def covers(self, rack: str) -> bool:
        """Return whether any record is of this rack, named by its place."""
        with self.begin() as connection:
            return (
                connection.execute(sa.select(covers.c.rack).where(covers.c.rack == rack).limit(1)).scalar() is not None
            )

    def keys(self) -> pa.Table:
        """Return place, part and serial number of every record; those of a later import replace earlier ones."""
        with self.begin() as connection:
            files = [str(s) for s in connection.execute(sa.select(imports.c.sha256).order_by(imports.c.id)).scalars()]
        tables = [self._columns(s, _KEYS) for s in files]
        return _latest(tables) if tables else pa.table({name: pa.array([], pa.string()) for name in _KEYS})

    def current(self, rack: str) -> pa.Table | None:
        """Return the records of a rack as they stand now, its swaps in them; None when nothing was handed in."""
        with self._reading:
            return self._current(rack)

    def _current(self, rack: str) -> pa.Table | None:
        with self.begin() as connection:
            rows = [(int(n), str(s), int(t)) for n, s, t in connection.execute(_IMPORTS_OF, {"rack": rack})]
            swaps = _changes_of(connection, rack)
        if not rows:
            return None
        stamp = (self._newest() if swaps else rows[-1][0], len(swaps))  # a spare may be recorded anywhere
        kept = self._kept.get(rack)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        table = self._fold(rack, rows, swaps)
        if len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[rack] = stamp, table
        return table

    def stamps(self) -> dict[str, tuple[int, int, int]]:
        """Return for every rack with records what changes when they do: newest import, swaps, newest import of a spare.

        A spare may be recorded anywhere.
        """
        last = sa.select(covers.c.rack, sa.func.max(covers.c.import_id)).group_by(covers.c.rack)
        with self.begin() as connection:
            swaps: dict[str, list[str]] = {}
            for rack, new in connection.execute(sa.select(changes.c.rack, changes.c.new)):
                swaps.setdefault(str(rack), []).append(str(new))
            found = [(str(rack), int(n)) for rack, n in connection.execute(last)]
            files = connection.execute(sa.select(imports.c.id, imports.c.sha256).order_by(imports.c.id))
            listed = [(int(n), str(sha256)) for n, sha256 in files] if swaps else []
        wanted = {new for spares in swaps.values() for new in spares}
        at = self._spares_seen.newest(wanted, listed, self._serials)
        newest = {rack: max(at[new] for new in spares) for rack, spares in swaps.items()}
        return {rack: (n, len(swaps.get(rack, ())), newest.get(rack, 0)) for rack, n in found}

    def changes(self, rack: str) -> list[PartSwap]:
        """Return the swaps of a rack, the oldest first."""
        with self.begin() as connection:
            return _changes_of(connection, rack)

    def change(self, rack: str, found: Sequence[PartSwap]) -> list[PartSwap]:
        """Keep swaps that are not kept yet, and return them."""
        known = {(c.place, c.new, c.unix_ns) for c in self.changes(rack)}
        new = [c for c in found if (c.place, c.new, c.unix_ns) not in known]
        if new:
            with self.begin() as connection:
                rows = [
                    {"rack": rack, "place": c.place, "old": c.old, "new": c.new, "unix_ns": c.unix_ns, "why": c.why}
                    for c in new
                ]
                connection.execute(sa.insert(changes), rows)
        return new

    def read(self, name: str) -> bytes:
        """Return a file that was put there.  Raises EnvironmentUnfit: it is gone or cannot be read."""
        try:
            return (self.folder / name).read_bytes()
        except OSError as err:
            raise EnvironmentUnfit(f"{name} cannot be read: {err.strerror}", advice="restore it from a backup") from err

    def write(self, name: str, data: bytes) -> None:
        """Put a file of an export there whole."""
        scratch = self.folder / f".{secrets.token_hex(8)}"
        try:
            with scratch.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            (self.folder / name).parent.mkdir(mode=0o700, exist_ok=True)
            scratch.replace(self.folder / name)
        except OSError as err:
            raise EnvironmentUnfit(f"{name} is not kept: {err.strerror}", advice="make room") from err
        finally:
            scratch.unlink(missing_ok=True)

    def _newest(self) -> int:
        with self.begin() as connection:
            return int(connection.execute(sa.select(sa.func.max(imports.c.id))).scalar() or 0)

    def _fold(self, rack: str, rows: list[tuple[int, str, int]], swaps: list[PartSwap]) -> pa.Table:
        table = pa.table({})
        due = list(swaps)
        for _, sha256, unix_ns in rows:
            while table.num_rows and due and due[0].unix_ns < unix_ns:
                table = apply_change(table, due[0], self._spares(due.pop(0)))
            part = self._read(sha256, rack)
            table = _latest([table, part]) if table.num_rows else part
        for swap in due:
            table = apply_change(table, swap, self._spares(swap))
        return table

    def _spares(self, swap: PartSwap) -> pa.Table:
        """Return the records of a part that came in by a swap, and of all that is in it, where they were handed in."""
        with self.begin() as connection:
            query = sa.select(imports.c.sha256).order_by(imports.c.id.desc())
            files = [str(s) for s in connection.execute(query).scalars()]
        for sha256 in files:
            keys = self._columns(sha256, [PLACE, SERIAL])
            at = pc.index(keys.column(SERIAL), swap.new).as_py()
            if at >= 0:
                return self._read(sha256, str(keys.column(PLACE)[at].as_py()))
        return pa.table({PLACE: pa.array([], pa.string())})

    def _read(self, sha256: str, place: str) -> pa.Table:
        """Return the records at a place and below it."""
        with self._readable(sha256):
            return self._segment(sha256).below(place)

    def _columns(self, sha256: str, names: Sequence[str]) -> pa.Table:
        with self._readable(sha256):
            return read_columns(self._path(sha256), names)

    def _serials(self, sha256: str) -> pa.ChunkedArray:
        return self._columns(sha256, [SERIAL]).column(SERIAL)

    @contextmanager
    def _readable(self, sha256: str) -> Iterator[None]:
        """Read an import's file.  Raises EnvironmentUnfit: it is gone or cut."""
        try:
            yield
        except (OSError, ValueError, pa.ArrowException) as err:
            what = f"{self._path(sha256)}, records that were handed in, cannot be read: {err}"
            raise EnvironmentUnfit(what, advice="restore it from a backup") from err

    def _segment(self, sha256: str) -> Segment:
        found = self._segments.pop(sha256, None) or Segment(self._path(sha256))
        self._segments[sha256] = found
        if len(self._segments) > MOST_KEPT:
            self._segments.pop(next(iter(self._segments)))
        return found

    def _path(self, sha256: str) -> Path:
        """Return the file of an import: an Arrow file, where there is none of before."""
        paths = [self.folder / f"{sha256[:32]}{suffix}" for suffix in SUFFIXES]
        return next((path for path in paths if path.exists()), paths[0])

    def _stage(self, records: pa.Table, path: Path) -> dict[str, int]:
        scratch = path.with_suffix(".new")
        try:
            racks = write_segment(records, scratch)
            with scratch.open("rb+") as file:
                os.fsync(file.fileno())
            scratch.chmod(0o600)
            scratch.replace(path)
            return racks
        except OSError as err:
            raise EnvironmentUnfit(f"the records are not kept: {err.strerror}", advice="make room") from err
        finally:
            scratch.unlink(missing_ok=True)

    def _tidy(self) -> None:
        with self.begin() as connection:
            named = {self._path(str(s)).name for s in connection.execute(sa.select(imports.c.sha256)).scalars()}
        for path in (p for suffix in (*SUFFIXES, ".new") for p in self.folder.glob(f"*{suffix}")):
            if path.name not in named:
                path.unlink(missing_ok=True)


def _changes_of(connection: Connection, rack: str) -> list[PartSwap]:
    found = connection.execute(_CHANGES_OF, {"rack": rack})
    return [PartSwap(r.place, r.old, r.new, r.unix_ns, r.why) for r in found]


def _latest(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all tables, of those with the same place the one of the last table, by place."""
    both = pa.concat_tables(tables, promote_options="default").unify_dictionaries().combine_chunks()
    if len(tables) == 1:
        return both
    places, _ = codes_of(both.column(PLACE))
    _, last = np.unique(places[::-1], return_index=True)
    kept = both.take(pa.array(len(places) - 1 - last))
    return kept.take(pc.sort_indices(kept, [(PLACE, "ascending")]))
