"""A rack's alarms for people: its definition's words, the chain of causes, and the list to work from.  Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.alarm_sights import Key
from rack_controller.decide.alarm_tree import folded
from rack_controller.decide.alarms import Book, acts_of
from rack_controller.model.alarm import (
    PRIORITIES,
    SEVERITIES,
    Alarm,
    AlarmBrief,
    AlarmCatalogue,
    AlarmDefinition,
    AlarmGlance,
    AlarmState,
    AlarmView,
    spot_of,
)

MOST_LINES, MOST_BRIEFS = 60, 120
_URGENCY = {state: n for n, state in enumerate(AlarmState)}
Followed = Mapping[tuple[str, str], Sequence[str]]
"""By interlock row and place: what it did."""


def views_of(book: Book, catalogue: AlarmCatalogue, followed: Followed) -> list[AlarmView]:
    """Return every alarm that is not normal: by priority, those that want an answer first, then the first cause."""
    by_id = {alarm.id: alarm for alarm in book.alarms.values()}
    hides: dict[str, list[str]] = {}
    for alarm in book.alarms.values():
        if alarm.state is AlarmState.SUPPRESSED:
            hides.setdefault(alarm.hidden_by, []).append(_definition(alarm, catalogue).title)
    views = [_view(alarm, catalogue, by_id, hides, followed) for alarm in book.alarms.values()]
    return sorted(views, key=lambda v: (v.priority, _URGENCY[v.state], v.raised_unix_ns, v.place, v.name, v.detail))


def glance_of(book: Book, views: Sequence[AlarmView], catalogue: AlarmCatalogue) -> AlarmGlance:
    """Return them in short."""
    counted = Counter((view.priority, view.state) for view in views)
    speaking = [view for view in views if book.alarms[_key(view)].speaks]
    recent = len(book.raised_at)
    return AlarmGlance(
        {word: {state: counted[number, state] for state in AlarmState} for number, word in PRIORITIES.items()},
        folded(speaking, catalogue)[:MOST_LINES],
        [_brief(view) for view in speaking[:MOST_BRIEFS]],
        [view.id for view in views if not book.alarms[_key(view)].speaks],
        recent,
        recent > catalogue.flood.alarms,
        book.refused,
    )


def _brief(view: AlarmView) -> AlarmBrief:
    return AlarmBrief(**{name: getattr(view, name) for name in AlarmBrief.__struct_fields__})


def _key(view: AlarmView) -> Key:
    return Key(view.name, Place(view.place), view.detail)


def _definition(alarm: Alarm, catalogue: AlarmCatalogue) -> AlarmDefinition:
    """An alarm whose definition is no longer in the file stands until its part is known to be gone."""
    known = catalogue.definitions.get(alarm.name)
    gone = "its definition is in no file any more"
    return known or AlarmDefinition(alarm.name, alarm.name, 4, gone, "unknown", "look at the alarm file")


def _view(
    alarm: Alarm,
    catalogue: AlarmCatalogue,
    by_id: Mapping[str, Alarm],
    hides: Mapping[str, Sequence[str]],
    followed: Followed,
) -> AlarmView:
    definition = _definition(alarm, catalogue)
    return AlarmView(
        id=alarm.id,
        name=alarm.name,
        place=alarm.place,
        detail=alarm.detail,
        title=definition.title,
        text=alarm.text,
        priority=definition.priority,
        severity=SEVERITIES[definition.priority],
        state=alarm.state,
        active=alarm.active,
        interlock=definition.interlock,
        times=alarm.times,
        raised_unix_ns=alarm.raised_unix_ns,
        returned_unix_ns=alarm.returned_unix_ns,
        cause=definition.cause,
        consequence=definition.consequence,
        response=definition.response,
        why=_why(alarm),
        hidden_by=alarm.hidden_by,
        chain=_chain(alarm, catalogue, by_id, hides, followed),
        acts=acts_of(alarm, definition),
    )


def _why(alarm: Alarm) -> str:
    match alarm.state:
        case AlarmState.OUT_OF_SERVICE:
            return f"{alarm.out_by}: {alarm.out_reason}"
        case AlarmState.SHELVED:
            return f"{alarm.shelved_by}: {alarm.shelved_reason}"
        case AlarmState.SUPPRESSED:
            return f"hidden by {alarm.hidden_by}"
        case AlarmState.ACKNOWLEDGED:
            return alarm.acknowledged_by
    return ""


def _chain(
    alarm: Alarm,
    catalogue: AlarmCatalogue,
    by_id: Mapping[str, Alarm],
    hides: Mapping[str, Sequence[str]],
    followed: Followed,
) -> list[str]:
    above: list[str] = []
    cause = alarm
    while cause.hidden_by and len(above) < 8:  # the tree has no circle, but a file may change while alarms stand
        upper = by_id.get(cause.hidden_by)
        above.insert(0, _line(upper, catalogue) if upper is not None else cause.hidden_by)
        if upper is None:
            break
        cause = upper
    chain = [*above, _line(alarm, catalogue), *followed.get((alarm.name, alarm.place), ())]
    if below := Counter(hides.get(alarm.id, ())):
        chain.append("hides " + ", ".join(f"{n}× {title}" if n > 1 else title for title, n in below.items()))
    return chain


def _line(alarm: Alarm, catalogue: AlarmCatalogue) -> str:
    return f"{_definition(alarm, catalogue).title} at {spot_of(alarm.place)}: {alarm.text}"
