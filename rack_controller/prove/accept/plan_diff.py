"""What sets two plans apart in what is done to a rack and judged of it, below a level.  Pure.

Texts (titles, sources, what people are told) do nothing to a rack: plans that differ in those alone are the same.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from rack_controller.prove.accept.plan import Level, Plan

MOST_NAMED = 3
_TEXTS = frozenset({"title", "source", "people"})
_PARTS = {"phases": ("phase", "name"), "measures": ("measure", "id"), "entry": ("entry", "of")}
"""Lists of a step: what one of each is called, and the field that names it."""
Rows = dict[str, dict[str, Any]]


def differences(before: Plan, now: Plan, below: Level = Level.L12) -> list[str]:
    """Return what sets `now` apart from `before` below a level, in words, a row each; nothing for the same."""
    old, new = _rows(before, below), _rows(now, below)
    gone = [f"{name} is left out" for name in old if name not in new]
    added = [f"{name} is new" for name in new if name not in old]
    changed = [text for name in old if name in new for text in _changed(name, old[name], new[name])]
    return [*changed, *gone, *added]


def in_words(found: Sequence[str]) -> str:
    """Return the first differences, and how many more there are."""
    more = f", and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return "; ".join(found[:MOST_NAMED]) + more


def _changed(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for field in sorted(old.keys() | new.keys()):
        if old.get(field) != new.get(field):
            yield f"{name}: {field} is {_said(new.get(field))}, was {_said(old.get(field))}"


def _said(value: Any) -> str:
    text = "nothing" if value is None or value == "" else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _rows(plan: Plan, below: Level) -> Rows:
    """Return all that a plan does and judges below a level as rows of bare fields, by what each is called."""
    levels = list(Level)[: list(Level).index(below)]
    found: Rows = {}
    for step in plan.steps:
        if step.level in levels:
            fields = msgspec.to_builtins(step)
            for part, (word, key) in _PARTS.items():
                found |= {f"{word} {step.id}.{one[key]}": _bare(one) for one in fields.pop(part)}
            found[f"step {step.id}"] = _bare(fields)
    found |= {f"tolerance of {name}": _bare(msgspec.to_builtins(t)) for name, t in plan.tolerances.items()}
    found |= {f"steadiness of {name}": _bare(msgspec.to_builtins(a)) for name, a in plan.alone.items()}
    found |= {f"stop rule {rule.of}": _bare(msgspec.to_builtins(rule)) for rule in plan.stop}
    return found | {"baseline": {} if plan.baseline is None else msgspec.to_builtins(plan.baseline)}


def _bare(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _TEXTS}
