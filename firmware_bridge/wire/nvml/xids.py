"""The XID catalogue as values: what a number means, how grave it is, what to do at once and what then.  Pure."""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from firmware_bridge.wire.located_yaml import Located, convert, parse


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


class XidCatalogue:
    """Look up a number with `about`."""

    def __init__(self, entries: list[Xid], actions: dict[str, str]) -> None:
        self._entries = {number: entry for entry in entries for number in entry.numbers}
        self._actions = actions

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the numbers that have an entry."""
        return tuple(sorted(self._entries))

    def about(self, number: int) -> Xid | None:
        """Return a number's entry, None for one that is in no catalogue."""
        return self._entries.get(number)

    def advice(self, entry: Xid) -> str:
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
    return XidCatalogue(file.xids, file.actions)


def _check(document: Located, n: int, entry: Xid, actions: dict[str, str], seen: dict[int, int]) -> None:
    for field in ("now", "then"):
        action = getattr(entry, field)
        if action and action not in actions:
            raise document.complaint(f"xids[{n}].{field}", f"expected one of {', '.join(sorted(actions))}")
    for number in entry.numbers:
        if number in seen:
            raise document.complaint(
                f"xids[{n}].numbers", f"expected {number} in one entry, xids[{seen[number]}] has it"
            )
        seen[number] = n
