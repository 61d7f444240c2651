"""NVLink 5 faults out of the driver's line: unit, link, sub-code and status, and the rule that fits them.  Pure.

Source: forms of the driver's messages (`<unit> Fatal XC0 i0 Link 08 (0x004505c6 0x00000000 …)`, older ones with square
brackets); the first word is the interrupt's information, the second the unit's error status.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

_FAULT = re.compile(
    r"(?P<unit>[A-Z][A-Z0-9]{2,11}(?:_[A-Z0-9]{1,12}){0,4})\s+(?:Fatal|Non-?fatal)\s+XC ?\d+\s+i ?\d+\s+"
    r"Link (?P<link>-?\d{1,3})"
    r"(?:\s*[(\[](?P<words>0x[0-9a-fA-F]{1,8}(?:\s+0x[0-9a-fA-F]{1,8}){0,15}))?"
)
_SUB_CODE_AT, _SUB_CODE_BITS = 20, 0x3F
_GRAVITY = ("ok", "warning", "critical")
Gravity = Literal["ok", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class LinkFault:
    """What one line says; `sub_code` and `status` are None where it has no such word, `link` where it names none."""

    unit: str
    link: int | None
    sub_code: int | None
    status: int | None


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What these sub-codes with these statuses mean; `by` is whose fault it can be, empty where nobody says."""

    sub_codes: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=63)], ...], msgspec.Meta(min_length=1)]
    statuses: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)], ...], msgspec.Meta(min_length=1)]
    severity: Gravity
    now: str
    then: str
    by: Literal["", "hardware", "software", "firmware", "either"] = ""


class LinkUnit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A unit under the names that drivers give it.  `status: bits`: one bit per cause, several may be set at once."""

    xid: Annotated[int, msgspec.Meta(ge=1, le=4095)]
    names: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    status: Literal["bits", "number"]
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1)]
    means: Annotated[str, msgspec.Meta(max_length=120)] = ""

    def rule_of(self, fault: LinkFault) -> Rule | None:
        """Return the rule that fits, of several causes the gravest; None where one of them has no rule."""
        if fault.sub_code is None or fault.status is None:
            return None
        exact = self._find(fault.sub_code, fault.status)
        if exact is not None or self.status == "number":
            return exact
        causes = [self._find(fault.sub_code, 1 << n) for n in range(32) if fault.status >> n & 1]
        known = [rule for rule in causes if rule is not None]
        if not known or len(known) < len(causes):
            return None  # a cause that nobody knows may be the gravest of all
        return max(known, key=lambda rule: (_GRAVITY.index(rule.severity), rule.now != "nothing"))

    def _find(self, sub_code: int, status: int) -> Rule | None:
        return next((r for r in self.rules if sub_code in r.sub_codes and status in r.statuses), None)


def parse_fault(text: str) -> LinkFault | None:
    """Return the link fault that a driver's line or its tail tells of, None for any other text."""
    found = _FAULT.search(text)
    if found is None:
        return None
    words = [int(word, 16) for word in (found["words"] or "").split()]
    link = int(found["link"])
    return LinkFault(
        found["unit"],
        link if link >= 0 else None,
        words[0] >> _SUB_CODE_AT & _SUB_CODE_BITS if words else None,
        words[1] if len(words) > 1 else None,
    )


def unit_of(units: Sequence[LinkUnit], xid: int, name: str) -> LinkUnit | None:
    """Return the unit that an XID's line names."""
    return next((u for u in units if u.xid == xid and name in u.names), None)
