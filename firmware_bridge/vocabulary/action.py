"""What a decision asks for.  Effects must happen once; set-points are targets to converge on (DESIGN §4.3)."""

from dataclasses import dataclass, field
from enum import StrEnum

from firmware_bridge.vocabulary.place import Place


class ActionKind(StrEnum):
    """Effect: once, with intent recorded first.  Set-point: idempotent, read back."""

    EFFECT = "effect"
    SET_POINT = "set_point"


@dataclass(frozen=True, slots=True)
class Action:
    """One verb on one place, with the reason in an operator's words."""

    kind: ActionKind
    verb: str
    place: Place
    arguments: dict[str, str | float | bool] = field(default_factory=dict)
    reason: str = ""
