"""Metric reports that a device sends unasked (DSP0268 MetricReport 1.x, by stream or push) become readings.  Pure.

A report is as good as reading its sensors: what it brings need not be asked for.  Its values are as old as the device
says: how far each one's time lies behind the report's own is their age.  Between our clock and the device's nothing is
compared, but a report that is no newer than the last one of its name is late or repeated and says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from firmware_bridge.vocabulary.quantities import ReadingClass
from firmware_bridge.vocabulary.reading import Reading
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.documents import Decoder, MetricValue
from firmware_bridge.wire.redfish.guard import DocumentMalformed, check_size, reason_of
from firmware_bridge.wire.redfish.intake import device_seconds
from firmware_bridge.wire.redfish.links import tidy
from firmware_bridge.wire.redfish.plan import Extract, reading_of

MOST_VALUES = 4_096
FORGET_AFTER = 8  # late reports in a row
_MOST_DEPTH, _MOST_MEMBERS = 16, 40_000
_MARK = b"MetricValues"
_LONGEST_AGE = 86_400.0  # s; what is older is as good as never
_VALUES = Decoder(MetricValue, array="MetricValues")


class _Head(msgspec.Struct):
    uri: Any = msgspec.field(name="@odata.id", default="")
    Id: Any = ""
    Timestamp: Any = ""


_HEAD = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True)
class MetricReport:
    """One report: its name (URI or Id), the device's own time of it, empty when it says none, and its values."""

    name: str
    time: str
    values: tuple[MetricValue, ...]


def metric_report_of(raw: bytes, most_bytes: int) -> MetricReport | None:
    """Return the metric report in a message, None for an event.  Raises DocumentTooLarge and DocumentMalformed."""
    if _MARK not in raw:
        return None
    check_size(raw, most_bytes, _MOST_DEPTH, _MOST_MEMBERS)
    try:
        head = _HEAD.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise DocumentMalformed(f"not a metric report ({reason_of(err)})") from err
    values = _VALUES(raw)
    if len(values) > MOST_VALUES:
        raise DocumentMalformed(f"a report of {len(values)} values")
    if not values:
        return None
    return MetricReport(scrub(head.uri or head.Id, 256), scrub(head.Timestamp, 40), tuple(values))


@dataclass(slots=True)
class Reported:
    """What is remembered of one endpoint's reports: the newest time of each, by name."""

    newest: dict[str, float] = field(default_factory=dict)
    repeated: int = 0
    late_in_a_row: int = 0

    def take(
        self, report: MetricReport, sensors: Mapping[str, tuple[Extract, ...]], now: Seconds
    ) -> tuple[Reading, ...]:
        """Return the readings that a report brings of the sensors that we read; none when it is late or repeated."""
        times = [device_seconds(v.Timestamp) if isinstance(v.Timestamp, str) else None for v in report.values]
        stated = device_seconds(report.time)
        made = stated if stated is not None else max((t for t in times if t is not None), default=None)
        if made is not None:
            if self._is_late(report.name, made):
                self.repeated += 1
                return ()
            self.newest[report.name] = made
        readings: list[Reading] = []
        for value, at in zip(report.values, times, strict=True):
            where, _, part = value.uri.partition("#")
            if part not in ("", "/Reading"):
                continue
            age = 0.0 if made is None or at is None else min(max(0.0, made - at), _LONGEST_AGE)
            readings += [
                replace(
                    reading_of(extract, value, value.uri, Seconds(now - age)), device_time=scrub(value.Timestamp, 40)
                )
                for extract in sensors.get(tidy(where), ())
                if extract.series.reading_class is not ReadingClass.SAFETY
            ]
        return tuple(readings)

    def _is_late(self, name: str, made: float) -> bool:
        late = made <= self.newest.get(name, float("-inf"))
        self.late_in_a_row = self.late_in_a_row + 1 if late else 0
        if self.late_in_a_row < FORGET_AFTER:
            return late
        self.newest.clear()  # a clock that was set back, not eight late reports
        self.late_in_a_row = 0
        return False
