"""Every alarm that a rack may have: those of the alarm file and the rows of its interlock table.  Pure."""

from firmware_bridge.wire.alarms import AlarmRules
from rack_controller.model.alarm import AlarmCatalogue, AlarmDefinition
from rack_controller.model.interlock import Act, Condition, InterlockPolicy, Row

NEVER_SILENCED = frozenset(
    {
        Condition.EMERGENCY_STOP,
        Condition.LEAK_CRITICAL,
        Condition.LEAK_WARNING,
        Condition.TRAYS_LEAKING,
        Condition.RACK_LEAKING,
        Condition.UNIT_LEAKING,
        Condition.FAULTY_AND_NEIGHBOUR_LEAKS,
        Condition.TRAY_ON_WHILE_LATCHED,
        Condition.ISOLATED_NOT_OFF,
    }
)
"""Water and emergency stop are never shelved, taken out of service or hidden, whatever a file says."""


def catalogue_of(rules: AlarmRules, policy: InterlockPolicy | None) -> AlarmCatalogue:
    """Return the catalogue.  A row that raises no alarm is none; one that shares its name with a definition wins."""
    definitions = {
        d.name: AlarmDefinition(
            d.name,
            d.title,
            d.priority,
            d.cause,
            d.consequence,
            d.response,
            d.seen,
            in_maintenance=d.in_maintenance,
            needs_ack=d.needs_ack,
            folds=d.folds,
        )
        for d in rules.definitions
    }
    rows = [] if policy is None else policy.rows
    definitions |= {row.cause: _of_row(row, rules) for row in rows if any(r.do is Act.ALARM for r in row.ladder)}
    return AlarmCatalogue(definitions, rules.tree, rules.flood)


def _of_row(row: Row, rules: AlarmRules) -> AlarmDefinition:
    return AlarmDefinition(
        row.cause,
        row.title,
        row.priority,
        rules.conditions.get(row.when, row.when.replace("_", " ")),
        row.consequence,
        row.response,
        interlock=True,
        silenceable=row.when not in NEVER_SILENCED,
    )
