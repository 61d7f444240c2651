"""The XID catalogue as values: what a number means, how grave it is, what to do at once and what then.  Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from firmware_bridge.wire.located_yaml import Located, convert, parse
from firmware_bridge.wire.nvml.nvlink5 import LinkFault, LinkUnit, Rule, unit_of


class Gravity(StrEnum):
    """As Redfish's health words."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


class Xid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry; `now` and `then` name actions, empty where the maker says none.

    `log_rules`: the kernel's log line has a status word that narrows it down; the event alone has not.
    """

    numbers: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=4095)], ...], msgspec.Meta(min_length=1)]
    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,48}$")]
    severity: Gravity
    means: Annotated[str, msgspec.Meta(min_length=3, max_length=200)]
    now: str = ""
    then: str = ""
    log_rules: bool = False


class _File(msgspec.Struct, forbid_unknown_fields=True):
    kind: Literal["xid_catalogue"]
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    actions: dict[str, str]
    xids: list[Xid]
    nvlink5: list[LinkUnit] = []


class XidCatalogue:
    """Look up a number with `about`."""

    def __init__(self, entries: list[Xid], actions: dict[str, str], units: Sequence[LinkUnit] = ()) -> None:
        self._units = tuple(units)
        self._entries = {number: entry for entry in entries for number in entry.numbers}
        self._actions = actions

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the numbers that have an entry."""
        return tuple(sorted(self._entries))

    def about(self, number: int) -> Xid | None:
        """Return a number's entry, None for one that is in no catalogue."""
        return self._entries.get(number)

    def about_fault(self, number: int, fault: LinkFault) -> tuple[LinkUnit, Rule] | None:
        """Return the unit and the rule for a link's fault, None where the catalogue has none."""
        unit = unit_of(self._units, number, fault.unit)
        rule = unit.rule_of(fault) if unit is not None else None
        return (unit, rule) if unit is not None and rule is not None else None

    def advice(self, entry: Xid | Rule) -> str:
        """Return what to do, in one line; empty where the maker says nothing."""
        first, later = self._actions.get(entry.now, ""), self._actions.get(entry.then, "")
        return f"{first}; then: {later}" if first and later and first != later else first or later


def parse_xids(text: str, name: str) -> XidCatalogue:
    """Read a catalogue file.  Raises FileInvalid (file, line, field, expected)."""
    document = parse(text, name)
    file = convert(document, "", _File)
    seen: dict[int, int] = {}
    for n, entry in enumerate(file.xids):
        _check(document, n, entry, file.actions, seen)
    for n, unit in enumerate(file.nvlink5):
        for m, rule in enumerate(unit.rules):
            _check_actions(document, f"nvlink5[{n}].rules[{m}]", rule, file.actions)
    return XidCatalogue(file.xids, file.actions, file.nvlink5)


def _check(document: Located, n: int, entry: Xid, actions: dict[str, str], seen: dict[int, int]) -> None:
    _check_actions(document, f"xids[{n}]", entry, actions)
    for number in entry.numbers:
        if number in seen:
            raise document.complaint(
                f"xids[{n}].numbers", f"expected {number} in one entry, xids[{seen[number]}] has it"
            )
        seen[number] = n


def _check_actions(document: Located, where: str, entry: Xid | Rule, actions: dict[str, str]) -> None:
    for field in ("now", "then"):
        action = getattr(entry, field)
        if action and action not in actions:
            raise document.complaint(f"{where}.{field}", f"expected one of {', '.join(sorted(actions))}")
