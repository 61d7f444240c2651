"""What an endpoint's report says: identity, parts, firmware, and notes on all that is odd about it.  Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from datacenter_api.console.fetched import ReportState
from datacenter_api.console.wording import UNKNOWN, esc, plural, slot_of
from rack_controller.model.report import StoredReport

# Parts beyond this many stay on the command line: a page is no place for thousands.
MOST_ITEMS = 400
_NOT_SHOWN = ("place", "url")


def draw_report(endpoint: str, state: ReportState | None) -> str:
    """Return an endpoint's report; one that is not there says why."""
    name = f"<h3>{esc(slot_of(endpoint))}</h3>"
    if state is None:
        return f'{name}<p class="quiet">Asking the controller …</p>'
    if state.waiting:
        return f'{name}<p class="quiet">? Not read yet: {esc(state.error)}. It appears here when it has been read.</p>'
    if state.report is None:
        return f'{name}<p class="sev-warning">▲ No report: {esc(state.error)}</p>'
    report = state.report
    parts = (
        _facts(report),
        _folded("Notes", len(report.notes), _notes(report), bool(report.notes) and len(report.notes) <= 4),
        _folded("Parts", len(report.inventory), _items(report), False),
        _folded("Firmware", len(report.firmware), _firmware(report), False),
    )
    return name + "".join(parts)


def _facts(report: StoredReport) -> str:
    taken = f"{datetime.fromtimestamp(report.taken_unix_ns / 1e9, UTC):%H:%M:%S} UTC"
    again = ", being read again" if report.reading_again else ""
    failed = f' <span class="sev-warning">▲ reading again failed: {esc(report.error)}</span>' if report.error else ""
    told = [(k.replace("_", " "), v) for k, v in report.endpoint.items() if k not in _NOT_SHOWN and v is not None]
    facts = "".join(f"<dt>{esc(name)}</dt><dd>{esc(str(value))}</dd>" for name, value in told)
    return f'<p class="quiet">read {taken}{again}{failed}</p><dl class="facts">{facts}</dl>'


def _folded(name: str, count: int, inside: str, opened: bool) -> str:
    if not count:
        return f'<p class="quiet">{name}: none</p>'
    return f"<details{' open' if opened else ''}><summary>{name} <b>{count}</b></summary>{inside}</details>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str | None]], left: int = 0) -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{esc(cell or UNKNOWN)}</td>' for cell in row)}</tr>" for row in rows)
    more = (
        f'<p class="quiet">and {plural(left, "more line")}: see `rackwright endpoint inspect`</p>' if left > 0 else ""
    )
    return (
        f'<div class="scroll" tabindex="0" aria-label="list"><table class="lines"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{more}"
    )


def _items(report: StoredReport) -> str:
    rows = [(i.kind, i.id, i.part_number, i.serial_number, i.firmware) for i in report.inventory[:MOST_ITEMS]]
    return _table(
        ("Kind", "Part", "Part number", "Serial number", "Firmware"), rows, len(report.inventory) - MOST_ITEMS
    )


def _firmware(report: StoredReport) -> str:
    rows = [(f.id, f.version) for f in report.firmware[:MOST_ITEMS]]
    return _table(("Component", "Version"), rows, len(report.firmware) - MOST_ITEMS)


def _notes(report: StoredReport) -> str:
    rows = [(n.what, n.property, n.uri) for n in report.notes[:MOST_ITEMS]]
    return _table(("What is odd", "Property", "Where"), rows, len(report.notes) - MOST_ITEMS)
