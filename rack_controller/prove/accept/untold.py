"""Measures of a plan that can only end as errors, because nothing tells the facts or readings they need; and what the
test floor is to hand in.  Pure.

What people hand in, floor and as-built records and what instruments log, is not looked at: they may hand it in while a
run goes on.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import msgspec

from rack_controller.prove.accept.derived import inputs_of
from rack_controller.prove.accept.floor import Checks
from rack_controller.prove.accept.judge import TOLD, kind_told_of
from rack_controller.prove.accept.plan import Level, MeasureSpec, Plan, Rule

MOST_NAMED = 3
BASELINE = "baseline"
"""What stands for the firmware that a design's baseline wants: told where there is one."""
TOGETHER = "other racks under test with it"
_HANDED_IN = frozenset({Rule.RECORD, Rule.PLACED})


class Untold(msgspec.Struct, frozen=True):
    """A measure that can only end as an error: its step, its id, and the facts or readings that nothing tells."""

    step: str
    measure: str
    kind: Literal["facts", "readings"]
    what: str


class FloorNeed(msgspec.Struct, frozen=True):
    """What the floor is to hand in for a step: a check's records, or what instruments log of a series.

    `name`: the check or the series; `handed_in`: records of it are there already.  Readings are taken while the step is
    under way, so that they never are before.
    """

    step: str
    kind: Literal["records", "readings"]
    name: str
    title: str
    handed_in: bool = False


def floor_needs(
    plan: Plan,
    level: Level,
    series: Collection[str],
    facts: Collection[str],
    checks: Checks,
    noted: Collection[str] = (),
    *,
    together: bool = False,
) -> list[FloorNeed]:
    """Return what of a plan the floor is to hand in, where the rack tells `series` and `facts` itself, step by step.

    `noted`: the checks of which there are records; `together`: of a rack that is accepted together with others.
    """
    found: dict[tuple[str, str], FloorNeed] = {}
    for step in plan.upto(level, together=together):
        for m in step.measures:
            for kind, name in needed_of(m, series, facts, checks):
                title = checks.checks[name].title if kind == "records" else checks.instruments[name].title
                need = FloorNeed(step.id, kind, name, title, name in noted)
                found.setdefault((step.id, name), need)
    return list(found.values())


def needed_of(
    m: MeasureSpec, series: Collection[str], facts: Collection[str], checks: Checks
) -> Iterator[tuple[Literal["records", "readings"], str]]:
    """Return what a measure needs of the floor: checks, and series that instruments log.

    A fact that is told of some kinds of part alone stands in `facts` with each kind (`gpu.firmware`) as well.
    """
    if m.rule is Rule.RECORD:
        yield from (("records", m.of),) if m.of in checks.checks else ()
    elif m.rule in TOLD:
        if not _tells(m, facts):
            fitting = ((name, c) for name, c in checks.checks.items() if c.facts and m.of in c.told)
            kind = kind_told_of(m)
            yield from (("records", name) for name, c in fitting if kind == "*" or kind in c.at)
    else:
        yield from (("readings", n) for n in inputs_of(m.of) if n not in series and n in checks.instruments)


def _tells(m: MeasureSpec, facts: Collection[str]) -> bool:
    by_kind = {f for f in facts if f.endswith(f".{m.of}")}
    return m.of in facts and (not m.only or not by_kind or f"{m.only}.{m.of}" in by_kind)


def untold(
    plan: Plan, level: Level, series: Collection[str], facts: Collection[str], *, together: bool = False
) -> list[Untold]:
    """Return the measures up to a level whose series or fact is not among those that are told, in the plan's order.

    A derived series is told where all that it is made of is.  What takes racks together is told by none alone;
    `together`: the rack is under test with others.
    """
    facts = {*facts, BASELINE} if plan.baseline is not None else facts
    steps = plan.upto(level, together=together)
    judged = [(step.id, m) for step in steps for m in step.measures if m.rule not in _HANDED_IN]
    looked = [(step, m, _missing(m, series, facts)) for step, m in judged]
    joint = {step.id for step in steps if step.level is Level.L12 and not together}
    looked = [(step, m, [TOGETHER] if step in joint else missing) for step, m, missing in looked]
    return [Untold(step, m.id, _kind(m), ", ".join(missing)) for step, m, missing in looked if missing]


def in_words(found: Sequence[Untold]) -> str:
    """Return how many measures nothing tells, by kind with the first few, empty for none."""
    if not found:
        return ""
    told = []
    for kind, lack in Counter(u.kind for u in found).items():
        names = list(dict.fromkeys(u.what for u in found if u.kind == kind))
        more = ", …" if len(names) > MOST_NAMED else ""
        told.append(f"{lack} lack {kind} ({', '.join(names[:MOST_NAMED])}{more})")
    if BASELINE in {u.what for u in found}:
        told.append("a plan says its baseline itself (`rackwright accept baseline --rack RACK` writes one)")
    count = f"{len(found)} measures" if len(found) > 1 else "1 measure"
    return f"{count} of the plan can only end in errors, for nothing at this rack tells what is needed: " + (
        "; ".join(told)
    )


def wanted_of_floor(found: Sequence[FloorNeed]) -> str:
    """Return what the floor is to hand in, in words, empty for nothing."""
    records = list(dict.fromkeys(f.name for f in found if f.kind == "records" and not f.handed_in))
    series = list(dict.fromkeys(f.name for f in found if f.kind == "readings"))
    told = [f"records of {', '.join(records)}"] if records else []
    told += [f"what instruments log of {', '.join(series)}"] if series else []
    return f"the floor is asked for {'; '.join(told)} (`rackwright accept floor import`)" if told else ""


def _missing(measure: MeasureSpec, series: Collection[str], facts: Collection[str]) -> list[str]:
    if measure.by == "baseline" and BASELINE not in facts:
        return [BASELINE]
    if measure.rule in TOLD:
        return [] if measure.of in facts else [measure.of]
    return [name for name in inputs_of(measure.of) if name not in series]


def _kind(measure: MeasureSpec) -> Literal["facts", "readings"]:
    return "facts" if measure.rule in TOLD else "readings"
