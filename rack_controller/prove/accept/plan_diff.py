"""What sets two plans apart in what is done to a rack and judged of it, below a level.  Pure.

Texts (titles, sources, what people are told) do nothing to a rack: plans that differ in those alone are the same.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from rack_controller.prove.accept.plan import Level, Plan

MOST_NAMED = 3
_TEXTS = frozenset({"title", "source", "people"})
_PARTS = {"phases": ("phase", "name"), "measures": ("measure", "id"), "entry": ("entry", "of")}
"""Lists of a step: what one of each is called, and the field that names it."""
_ORDERED = ("step ", "phase ")
"""What is done to a rack in the order in which it stands."""
Rows = dict[str, dict[str, Any]]


def differences(before: Plan, now: Plan, below: Level = Level.L12) -> list[str]:
    """Return what sets `now` apart from `before` below a level, in words, a row each; nothing for the same."""
    old, new = _rows(before, below), _rows(now, below)
    gone = [f"{name} is left out" for name in old if name not in new]
    added = [f"{name} is new" for name in new if name not in old]
    changed = [text for name in old if name in new for text in _changed(name, old[name], new[name])]
    return [*changed, *gone, *added, *_moved(old, new)]


def in_words(found: Sequence[str]) -> str:
    """Return the first differences, and how many more there are."""
    more = f", and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return "; ".join(found[:MOST_NAMED]) + more


def _moved(old: Rows, new: Rows) -> list[str]:
    """Return where the order in which a rack is worked on is another one: of steps, and of phases in a step."""
    done = [name for name in old if name in new and name.startswith(_ORDERED)]
    does = [name for name in new if name in old and name.startswith(_ORDERED)]
    return [f"{does[n]} comes before {done[n]}" for n in range(len(done)) if does[n] != done[n]][:1]


def _changed(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for field in sorted(old.keys() | new.keys()):
        if old.get(field) != new.get(field):
            yield f"{name}: {field} is {_said(new.get(field))}, was {_said(old.get(field))}"


def _said(value: Any) -> str:
    text = "nothing" if value is None or value == "" else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _rows(plan: Plan, below: Level) -> Rows:
    """Return all that a plan does and judges below a level as rows of bare fields, by what each is called.

    Of rows that are called alike, such as two phases of a step, each counts: from the second one on with its number.
    """
    found, alike = Rows(), Counter[str]()
    for name, fields in _each(plan, below):
        alike[name] += 1
        found[f"{name} ({alike[name]})" if alike[name] > 1 else name] = _bare(fields)
    return found


def _each(plan: Plan, below: Level) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every row of a plan below a level, in the plan's order."""
    levels = list(Level)[: list(Level).index(below)]
    for step in plan.steps:
        if step.level in levels:
            fields = msgspec.to_builtins(step)
            for part, (word, key) in _PARTS.items():
                yield from ((f"{word} {step.id}.{one[key]}", one) for one in fields.pop(part))
            yield f"step {step.id}", fields
    yield from ((f"tolerance of {name}", msgspec.to_builtins(said)) for name, said in plan.tolerances.items())
    yield from ((f"steadiness of {name}", msgspec.to_builtins(said)) for name, said in plan.alone.items())
    yield from ((f"stop rule {rule.of}", msgspec.to_builtins(rule)) for rule in plan.stop)
    yield "baseline", {} if plan.baseline is None else msgspec.to_builtins(plan.baseline)


def _bare(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _TEXTS}
