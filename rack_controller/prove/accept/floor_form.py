"""The file that a plan wants of the test floor, as a CSV to be filled in: a row for each check and place, or for each
series and place.  What is measured stays empty, so that a form nobody filled in is refused row by row.  Pure."""

import csv
import io
from collections.abc import Collection, Iterator

from rack_controller.prove.accept.floor import COLUMNS, Check, Checks
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import Level, MeasureSpec, Plan, Rule
from rack_controller.prove.accept.untold import floor_needs, needed_of


def records_form(plan: Plan, level: Level, facts: Collection[str], checks: Checks, parts: Parts) -> bytes:
    """Return the form of the records that a plan wants up to a level, but for the `facts` that the rack tells.

    At L12, where racks are taken together, of those steps alone.
    """
    wanted: dict[tuple[str, str], None] = {}
    for step in plan.upto(level, together=level is Level.L12):
        for measure in step.measures:
            for kind, name in needed_of(measure, (), facts, checks):
                if kind == "records":
                    wanted |= dict.fromkeys((name, p) for p in _places(measure, checks.checks[name], parts))
    kinds = [name for name in checks.checks if any(kind == name for kind, _ in wanted)]
    columns = list(dict.fromkeys(n for kind in kinds for n in checks.checks[kind].told))
    rows = [[kind, place] for name in kinds for kind, place in wanted if kind == name]
    return _csv(columns, rows)


def readings_form(plan: Plan, level: Level, series: Collection[str], checks: Checks, parts: Parts) -> bytes:
    """Return the form of the readings that a plan wants up to a level of series that nothing at the rack reads.

    Each row is to be there as often as its instrument logs.
    """
    needs = floor_needs(plan, level, series, (), checks, together=level is Level.L12)
    names = dict.fromkeys(n.name for n in needs if n.kind == "readings")
    rows = [[name, place] for name in names for place in parts.of(name.partition(".")[0])]
    return _csv(["value"], rows)


def _places(measure: MeasureSpec, check: Check, parts: Parts) -> Iterator[str]:
    if measure.rule is Rule.CABLED:
        yield from (p for p in parts.of("port") if parts.peer(p))
    elif measure.only:
        yield from parts.of(measure.only)
    elif measure.rule is Rule.RECORD:
        yield "rack"
    else:
        yield from (p for at in check.at for p in parts.of(at))


def _csv(columns: list[str], rows: list[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    width = len(COLUMNS) + len(columns)
    writer.writerow([*COLUMNS, *columns])
    writer.writerows([*row, *[""] * (width - len(row))] for row in rows)
    return out.getvalue().encode()
