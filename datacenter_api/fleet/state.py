"""All racks the API knows, in memory; filled by the bus link, read by everything else.  Asks nobody."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.view import RackView, view_of
from firmware_bridge.vocabulary.errors import BusUnavailable, TargetUnknown
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.table import SeriesTable


@dataclass(frozen=True, slots=True)
class Storing:
    """`refusal`: why a stream takes nothing now, empty when all do.  `waiting` and `dropped` count messages."""

    refusal: str
    waiting: int
    dropped: int


class FleetState:
    """Racks by the token they have on the bus (`k01`)."""

    def __init__(self) -> None:
        self._records: dict[str, RackRecord] = {}

    def __iter__(self) -> Iterator[RackRecord]:
        """Yield the racks in the order of their names."""
        return iter([self._records[token] for token in sorted(self._records)])

    def __len__(self) -> int:
        return len(self._records)

    def record(self, token: str) -> RackRecord:
        """Return the record of a rack heard on the bus, making it at first mention."""
        return self._records.setdefault(token, RackRecord(token))

    def known(self, token: str) -> RackRecord | None:
        """Return the record of a rack by its name, None when it was never heard."""
        return self._records.get(token)

    def find(self, text: str) -> RackRecord:
        """Return a rack by full place or short name.  Raises TargetUnknown."""
        for record in self._records.values():
            if record.token == text or (record.place is not None and record.place == text):
                return record
        known = ", ".join(r.place or r.token for r in self) or "none yet"
        raise TargetUnknown(f"no rack {text!r}", advice=f"known racks: {known}")

    def told(self, token: str) -> tuple[SeriesTable, Mapping[str, float]] | None:
        """Return a rack's series table and its classes' periods in s, None until both were heard."""
        record = self._records.get(token)
        if record is None or record.layout is None or record.columns is None:
            return None
        return record.columns.table, record.layout.periods_s

    def view(self, record: RackRecord, now: Seconds) -> RackView:
        """Return the rack's numbers now.  Raises BusUnavailable while its table or first frame is missing."""
        view = view_of(record, now)
        if view is None:
            raise BusUnavailable(
                f"no readings of {record.place or record.token} yet", advice="wait for its controller; see /healthz"
            )
        return view

    def storing(self, now: Seconds) -> "Storing":
        """Return how frames and events of all racks get into their streams."""
        reports = [report for record in self for report in record.outboxes.values()]
        refused = [report for record in self for report in record.unstored(now)]
        return Storing(
            refusal=refused[0].refusal if refused else "",
            waiting=sum(report.waiting for report in refused),
            dropped=sum(report.dropped for report in reports),
        )

    def views(self, now: Seconds) -> list[RackView]:
        """Return a view of every rack that can be read."""
        return [view for record in self if (view := view_of(record, now)) is not None]
