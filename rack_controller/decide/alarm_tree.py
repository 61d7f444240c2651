"""Which alarms are hidden behind their cause, and how many of one name become one line.  Pure."""

from collections.abc import Iterable, Mapping

from firmware_bridge.vocabulary.place import TRAY_PARTS, Place, tray_of
from firmware_bridge.wire.alarms import Reach
from rack_controller.decide.alarm_sights import Key
from rack_controller.model.alarm import Alarm, AlarmCatalogue, AlarmLine, AlarmView


def hidden(
    alarms: Mapping[Key, Alarm], wet: Mapping[Key, frozenset[Place]], catalogue: AlarmCatalogue
) -> dict[Key, str]:
    """Return, by alarm, the id of the one that caused it.

    A cause hides while it is active, hidden itself or not; one that is out of service is no witness.  Of several causes
    the most urgent counts, then the first.
    """
    by_name: dict[str, list[Key]] = {}
    for key, alarm in alarms.items():
        if alarm.active:
            by_name.setdefault(key.name, []).append(key)
    order = {name: n for n, name in enumerate(catalogue.definitions)}
    found: dict[Key, tuple[int, int, str]] = {}
    for branch in catalogue.tree:
        for cause in by_name.get(branch.cause, ()):
            if alarms[cause].out_by or cause.name not in order:
                continue
            rank = (catalogue.definitions[cause.name].priority, alarms[cause].raised_unix_ns, alarms[cause].id)
            for name in branch.hides:
                definition = catalogue.definitions.get(name)
                if definition is None or not definition.silenceable:
                    continue
                for key in by_name.get(name, ()):
                    if key != cause and _reaches(branch.at, cause.place, key.place, wet.get(cause, frozenset())):
                        found[key] = min(found.get(key, rank), rank)
    return {key: rank[2] for key, rank in found.items()}


def _reaches(at: Reach, cause: Place, place: Place, wet: frozenset[Place]) -> bool:
    if at is Reach.RACK or place == cause or place.startswith(f"{cause}/"):
        return True
    if at is Reach.PLACE or min(place.count("/"), cause.count("/")) < TRAY_PARTS - 1:
        return False
    return tray_of(place) == tray_of(cause) or (at is Reach.WET and tray_of(place) in wet)


def folded(views: Iterable[AlarmView], catalogue: AlarmCatalogue) -> list[AlarmLine]:
    """Return the list that an operator works from, in the order of `views`: many of one name are one line.

    The line shows the one that was raised first.  What may never be silenced has a line each.
    """
    ordered = list(views)
    groups: dict[str, list[AlarmView]] = {}
    for view in ordered:
        groups.setdefault(view.name, []).append(view)
    lines: list[AlarmLine] = []
    for view in ordered:
        alike = groups[view.name]
        if len(alike) <= _apart(catalogue, view.name):
            lines.append(AlarmLine(view, 1))
        elif view is alike[0]:
            first = min(alike, key=lambda v: (v.raised_unix_ns, v.place, v.detail))
            lines.append(AlarmLine(first, len(alike)))
    return lines


def _apart(catalogue: AlarmCatalogue, name: str) -> float:
    """Return so many alarms of a name have a line each."""
    definition = catalogue.definitions.get(name)
    if definition is not None and not definition.silenceable:
        return float("inf")
    return 1 if definition is not None and definition.folds else catalogue.flood.fold_above
