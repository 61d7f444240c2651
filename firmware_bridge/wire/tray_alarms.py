"""Which events stay the alarm of their tray, and when what they tell of is over, as values.  Pure; decides nothing."""

from typing import Annotated, Literal

import msgspec

from firmware_bridge.wire.located_yaml import convert, parse

Kind = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]+\.[a-z_]+$")]


class Raises(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of a kind; `when` narrows them down by the values that one of their details may have."""

    kind: Kind
    when: dict[str, list[str | int]] = {}


class Over(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ends an alarm: an event of these kinds at the tray, or that all is well for so long (s)."""

    events: list[Kind]
    well_for_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)]


class AlarmRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as it is."""

    kind: Literal["tray_alarms"]
    schema_version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    over: Over
    raised_by: Annotated[list[Raises], msgspec.Meta(min_length=1)]


def parse_alarm_rules(text: str, name: str) -> AlarmRules:
    """Read a rules file.  Raises FileInvalid (file, line, field, expected)."""
    document = parse(text, name)
    rules = convert(document, "", AlarmRules)
    for n, rule in enumerate(rules.raised_by):
        if rule.kind in rules.over.events:
            raise document.complaint(
                f"raised_by[{n}].kind", f"expected a kind that does not end alarms, not {rule.kind}"
            )
    return rules
