"""What the test floor hands in, at the API: files taken whole or not at all, and what is kept of a rack.

Everything here reads or writes files: call it off the event loop.
"""

from pathlib import Path

from datacenter_api.acceptance.shown import FloorLogRow, FloorReport, FloorView
from rack_controller.acceptance.emulated_floor import logged_at
from rack_controller.acceptance.floor import FLOOR, noted, place_of, take_floor
from rack_controller.acceptance.floor_log import FloorLogs
from rack_controller.acceptance.run import FOLDER


def take_file(state: Path, rack: str, data: bytes, name: str, actor: str, generation: str = "") -> FloorReport:
    """Take a file of the floor, all rows or none.

    Raises ConfigurationError for a rack that nobody knows, EnvironmentUnfit when nothing can be kept.
    """
    taken, complaints = take_floor(state, rack, data, name, actor, generation)
    if not len(complaints):
        return FloorReport(True, taken.rack, taken.records, taken.readings)
    counts = dict(complaints.counts)
    return FloorReport(False, taken.rack, faulty=len(complaints), counts=counts, faults=complaints.shown)


def handed_in(state: Path, rack: str) -> FloorView:
    """Return all that the floor handed in of a rack.  Raises ConfigurationError for a broken file."""
    place = place_of(state, rack)
    rows: dict[tuple[str, str, str], FloorLogRow] = {}
    for file in FloorLogs(state / FOLDER / FLOOR, place).files():
        for log in file.logs:
            key = (log.series, log.tester, file.file_sha256)
            before = rows.get(key)
            rows[key] = FloorLogRow(
                log.series,
                log.tester,
                log.calibrated_until,
                1 + (before.places if before else 0),
                len(log.unix_s) + (before.readings if before else 0),
                min(log.unix_s[0], before.since_unix_s if before else log.unix_s[0]),
                max(log.unix_s[-1], before.until_unix_s if before else log.unix_s[-1]),
                file.file,
                file.file_sha256,
                file.actor,
                file.taken_unix_ns,
            )
    return FloorView(place, noted(state, place), list(rows.values()), sorted(logged_at(state, place)))
