"""Measures of a plan that can only end as errors, because nothing tells the facts or readings they need.  Pure.

What people hand in, floor and as-built records, is not looked at: they may hand it in while a run goes on.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from rack_controller.prove.accept.derived import inputs_of
from rack_controller.prove.accept.judge import TOLD
from rack_controller.prove.accept.plan import Level, MeasureSpec, Plan, Rule

MOST_NAMED = 3
_HANDED_IN = frozenset({Rule.RECORD, Rule.PLACED})


class Untold(msgspec.Struct, frozen=True):
    """A measure that can only end as an error: its step, its id, and the facts or readings that nothing tells."""

    step: str
    measure: str
    kind: Literal["facts", "readings"]
    what: str


def untold(plan: Plan, level: Level, series: Collection[str], facts: Collection[str]) -> list[Untold]:
    """Return the measures up to a level whose series or fact is not among those that are told, in the plan's order.

    A derived series is told where all that it is made of is.
    """
    judged = [(step.id, m) for step in plan.upto(level) for m in step.measures if m.rule not in _HANDED_IN]
    looked = [(step, m, _missing(m, series, facts)) for step, m in judged]
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
    count = f"{len(found)} measures" if len(found) > 1 else "1 measure"
    return f"{count} of the plan can only end in errors, for nothing at this rack tells what is needed: " + (
        "; ".join(told)
    )


def _missing(measure: MeasureSpec, series: Collection[str], facts: Collection[str]) -> list[str]:
    if measure.rule in TOLD:
        return [] if measure.of in facts else [measure.of]
    return [name for name in inputs_of(measure.of) if name not in series]


def _kind(measure: MeasureSpec) -> Literal["facts", "readings"]:
    return "facts" if measure.rule in TOLD else "readings"
