"""An endpoint's stock report as it travels on `state`: what was found, when, and whether it is being read again."""

import msgspec

from firmware_bridge.vocabulary.facts import Aspect
from firmware_bridge.vocabulary.inventory import EndpointReport, FirmwareItem, Item, LeakDetectorItem, Note, SensorValue


class StoredReport(msgspec.Struct, frozen=True):
    """One look at an endpoint, kept in memory.

    `taken_unix_ns` and `age_s` (s) say when the look ended; `reading_again` is true while a newer one is under way;
    `error` says why the newest attempt failed, empty when it did not.
    """

    endpoint: dict[str, str | int | None]
    inventory: tuple[Item, ...]
    readings: tuple[SensorValue, ...]
    firmware: tuple[FirmwareItem, ...]
    leak_detectors: tuple[LeakDetectorItem, ...]
    notes: tuple[Note, ...]
    taken_unix_ns: int
    age_s: float
    reading_again: bool = False
    error: str = ""
    aspects: tuple[Aspect, ...] = ()


def stored_report(
    report: EndpointReport, taken_unix_ns: int, age_s: float, reading_again: bool = False, error: str = ""
) -> StoredReport:
    """Return `report` with its age."""
    return StoredReport(
        report.endpoint,
        report.inventory,
        report.readings,
        report.firmware,
        report.leak_detectors,
        report.notes,
        taken_unix_ns,
        round(age_s, 3),
        reading_again,
        error,
        report.aspects,
    )
