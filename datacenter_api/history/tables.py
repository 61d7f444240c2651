"""Series tables by id, kept beside the segments: a frame in the stream may be older than the table of today."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from datacenter_api.history.files import TABLES, write_whole
from datacenter_api.history.lanes import Lane, lanes_of
from rack_controller.model.table import SeriesTable, decode_table, encode_table

log = logging.getLogger(__name__)

_MOST_KEPT = 8
Told = tuple[SeriesTable, Mapping[str, float]]


class _Kept(msgspec.Struct):
    periods_s: dict[str, float]
    table: msgspec.Raw


@dataclass
class Tables:
    """`told(rack)` is what the rack's controller says now: its table and the period of each class in s."""

    root: Path
    told: Callable[[str], Told | None]
    _lanes: dict[tuple[str, int], tuple[SeriesTable, tuple[Lane, ...]]] = field(default_factory=dict)

    def lanes(self, rack: str, table_id: int) -> tuple[SeriesTable, tuple[Lane, ...]] | None:
        """Return a table and its lanes, None while nobody has said it."""
        known = self._lanes.get((rack, table_id))
        if known is None:
            told = self.told(rack)
            if told is not None and told[0].table_id == table_id:
                self._keep(rack, *told)
            else:
                told = self._read(rack, table_id)
            if told is None:
                return None
            while len(self._lanes) >= _MOST_KEPT * max(1, len({rack for rack, _ in self._lanes})):
                self._lanes.pop(next(iter(self._lanes)))
            known = self._lanes[rack, table_id] = (told[0], lanes_of(*told))
        return known

    def learn(self, rack: str, table: SeriesTable) -> None:
        """Keep a table of before that somebody told after all.  Its periods are those of today."""
        told = self.told(rack)
        if told is not None:
            self._keep(rack, table, told[1])

    def _path(self, rack: str, table_id: int) -> Path:
        return self.root / rack / TABLES / f"{table_id:016x}.json"

    def _keep(self, rack: str, table: SeriesTable, periods_s: Mapping[str, float]) -> None:
        body = msgspec.json.encode(_Kept(dict(periods_s), msgspec.Raw(encode_table(table))))
        try:
            write_whole(self._path(rack, table.table_id), lambda sink: _write(sink, body))
        except OSError as err:
            log.warning("the series table of %s is kept in memory only: %s", rack, err.strerror)

    def _read(self, rack: str, table_id: int) -> Told | None:
        path = self._path(rack, table_id)
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
            return decode_table(bytes(kept.table)), kept.periods_s
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as err:
            log.warning("%s cannot be read: %s", path, err)
            return None


def _write(sink: IO[bytes], body: bytes) -> None:
    sink.write(body)
