"""Alarms as data: what raises each, what it means, and which hides which.  Pure; decides nothing."""

from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal

import msgspec

from firmware_bridge.vocabulary.quantities import CODES, Quantity
from firmware_bridge.wire.located_yaml import Located, convert, parse

Kind = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+\.[a-z_]+$")]
Text = Annotated[str, msgspec.Meta(min_length=3, max_length=200)]
Span = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class Raises(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of a kind; `when` narrows them down by the values that one of their details may have."""

    kind: Kind
    when: dict[str, list[str | int]] = {}


class Over(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ends an alarm: an event of these kinds at the tray, or that all is well for so long (s)."""

    events: list[Kind]
    well_for_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)]


class Flood(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """More than `alarms` raised within `within_s` seconds are a flood; more than `fold_above` of one name, one line."""

    alarms: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 10
    within_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 600.0
    fold_above: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 3


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an alarm's condition holds; exactly one of the first six.

    `endpoint`: management words of an endpoint outside hosts.  `quantity` with `values`: words of a state.  `bits`:
    each bit of an alarm word that does not merely inform.  `event`: told once, until one of the kinds in `until`, or of
    its own kind with severity ok, is told of the same place; forgotten when the controller starts anew, because whoever
    tells it does so again.  `lasting`: an event of `raised_by`, until `over`.  `silent_share`: so many of the rack's
    endpoints outside hosts are absent.

    It must hold for `for_s` before it is an alarm, and be known not to hold for `well_for_s` before it is none.
    """

    endpoint: list[Literal["degraded", "absent"]] = []
    quantity: Quantity | None = None
    bits: bool = False
    event: Kind | None = None
    lasting: Kind | None = None
    silent_share: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    values: list[str] = []
    until: list[Kind] = []
    for_s: Span = 0.0
    well_for_s: Span = 0.0


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alarm.  `in_maintenance`: it is expected while somebody holds the tray's lock.  `needs_ack` false: it goes
    away when it is over, whether or not anybody has seen it.  `folds`: two of them are one line already."""

    name: Kind
    title: Text
    priority: Annotated[int, msgspec.Meta(ge=1, le=4)]
    cause: Text
    consequence: Text
    response: Text
    seen: Seen
    in_maintenance: bool = False
    needs_ack: bool = True
    folds: bool = False


class Reach(StrEnum):
    """Where a cause's consequences are looked for."""

    PLACE = "place"  # at or below the cause's own place
    TRAY = "tray"
    WET = "wet"  # its tray, and those that its water may have reached
    RACK = "rack"


class Branch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """While the alarm `cause` is active, alarms of these names within its reach are hidden."""

    cause: Kind
    at: Reach
    hides: Annotated[list[Kind], msgspec.Meta(min_length=1)]


class AlarmRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is.  `conditions`: what causes an interlock row, by its condition."""

    kind: Literal["alarms"]
    schema_version: Annotated[int, msgspec.Meta(ge=2, le=2)]
    over: Over
    raised_by: Annotated[list[Raises], msgspec.Meta(min_length=1)]
    definitions: Annotated[list[Definition], msgspec.Meta(min_length=1)]
    flood: Flood = Flood()
    conditions: dict[str, Text] = {}
    tree: list[Branch] = []


def parse_alarm_rules(text: str, name: str) -> AlarmRules:
    """Read a rules file.  Raises FileInvalid (file, line, field, expected)."""
    document = parse(text, name)
    rules = convert(document, "", AlarmRules)
    for n, rule in enumerate(rules.raised_by):
        if rule.kind in rules.over.events:
            raise document.complaint(
                f"raised_by[{n}].kind", f"expected a kind that does not end alarms, not {rule.kind}"
            )
    lasting = {rule.kind for rule in rules.raised_by}
    names: set[str] = set()
    for n, definition in enumerate(rules.definitions):
        at = f"definitions[{n}]"
        if definition.name in names:
            raise document.complaint(f"{at}.name", f"expected each name once, {definition.name} stands twice")
        names.add(definition.name)
        if why := _wrong(definition.seen, lasting):
            raise document.complaint(f"{at}.seen", why)
    _check_told(document, rules)
    _check_tree(document, rules)
    return rules


def _wrong(seen: Seen, lasting: set[str]) -> str:
    given = [seen.endpoint, seen.quantity, seen.bits, seen.event, seen.lasting, seen.silent_share]
    if sum(bool(one) for one in given) != 1:
        return "expected exactly one of endpoint, quantity, bits, event, lasting, silent_share"
    if bool(seen.quantity) != bool(seen.values):
        return "expected `values` with `quantity`, and with nothing else"
    if seen.quantity is not None:
        words = CODES.get(seen.quantity, {}).values()
        unknown = [word for word in seen.values if word not in words]
        if not words or unknown:
            return f"expected words of {seen.quantity} ({', '.join(words) or 'it has none'})"
    if seen.until and seen.event is None:
        return "expected `until` with `event` only"
    if seen.lasting is not None and seen.lasting not in lasting:
        return f"expected a kind of raised_by, not {seen.lasting}"
    return ""


def _check_told(document: Located, rules: AlarmRules) -> None:
    told = {d.seen.lasting for d in rules.definitions}
    for n, rule in enumerate(rules.raised_by):
        if rule.kind not in told:
            raise document.complaint(f"raised_by[{n}].kind", f"expected a definition with lasting: {rule.kind}")


def _check_tree(document: Located, rules: AlarmRules) -> None:
    """A cause that hides itself by way of others would leave nothing to be seen."""
    hidden_by: dict[str, set[str]] = {}
    for branch in rules.tree:
        for name in branch.hides:
            hidden_by.setdefault(name, set()).add(branch.cause)
    try:
        TopologicalSorter(hidden_by).prepare()
    except CycleError as err:
        names = " → ".join(reversed(err.args[1]))
        raise document.complaint("tree", f"expected no alarm to hide itself: {names}") from err
