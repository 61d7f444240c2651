"""How a rack's alarms go on: what is seen, what people do and what time does to them.  Pure.

```
normal ──raised──► unacknowledged ──ack──► acknowledged ──over──► normal
                        │ over                   ▲ │
                        ▼                    ack │ ▼ raised anew: unacknowledged
               returned, unacknowledged ─────────┘
```

Shelved (8 h at most), out of service and suppressed lie beside it: the condition is followed there as well, and what
still holds when that ends is unacknowledged.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from firmware_bridge.vocabulary.place import Place, rack_name
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.alarm_sights import Key, Sights
from rack_controller.decide.alarm_tree import hidden
from rack_controller.model.alarm import (
    MOST_SHELVED_MINUTES,
    Alarm,
    AlarmAct,
    AlarmCatalogue,
    AlarmDefinition,
    AlarmState,
)

MOST = 400
"""So many alarms a rack has at most; of what comes beyond, only what may never be silenced is taken."""
GONE_AFTER = Seconds(600.0)
"""The alarm of a part that the rack has no more is over after so long."""
HELD_AFTER_START = Seconds(60.0)
"""What stood when the controller ended is over at the earliest so long after its start: much is met anew by then."""
_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class Book:
    """The alarms of one rack.  `rising` and `falling`: since when (monotonic) a condition holds that is no alarm yet,
    and is known not to hold of one that still is.  `recalled`: what stood when the controller before this one ended.
    `number`: of the last id; `refused`: how many find no room now; `raised_at`: when the latest ones were raised."""

    rack: Place
    began: Seconds
    alarms: Mapping[Key, Alarm] = field(default_factory=dict)
    rising: Mapping[Key, Seconds] = field(default_factory=dict)
    falling: Mapping[Key, Seconds] = field(default_factory=dict)
    recalled: frozenset[Key] = frozenset()
    number: int = 0
    refused: int = 0
    raised_at: tuple[Seconds, ...] = ()


def follow(
    book: Book,
    sights: Sights,
    catalogue: AlarmCatalogue,
    works_there: Callable[[Place], str],
    now: Seconds,
    unix_ns: int,
) -> Book:
    """Return the book after one tick.  `works_there` says who holds the lock of a place's tray, empty when nobody."""
    alarms = {key: _unshelved(alarm, unix_ns) for key, alarm in book.alarms.items()}
    rising: dict[Key, Seconds] = {}
    number, refused, raised_at = book.number, 0, list(book.raised_at)
    for key, sight in sights.raised.items():
        before = alarms.get(key)
        if before is not None and before.active:
            alarms[key] = before if before.text == sight.text else replace(before, text=sight.text)
            continue
        rising[key] = book.rising.get(key, now)
        definition = catalogue.definitions[key.name]
        if now - rising[key] < (definition.seen.for_s if definition.seen is not None else 0.0):
            continue
        if before is None and len(alarms) >= MOST and definition.silenceable:
            refused += 1
            continue
        del rising[key]
        raised_at.append(now)
        if before is None:
            number += 1
            alarms[key] = Alarm(f"{rack_name(book.rack)}-a{number}", *key, sight.text, unix_ns)
        else:
            alarms[key] = _raised_again(before, sight.text, unix_ns)
    falling = _falling(book, alarms, sights, catalogue, now, unix_ns)
    alarms = _hide(alarms, sights, catalogue, works_there)
    kept = {key: alarm for key, alarm in alarms.items() if not _is_normal(alarm)}
    span = catalogue.flood.within_s
    latest = tuple(t for t in raised_at if now - t <= span)[-MOST:]
    return Book(book.rack, book.began, kept, rising, falling, book.recalled, number, refused, latest)


def why_not(act: AlarmAct, alarm: Alarm, definition: AlarmDefinition | None, reason: str = "", minutes: int = 0) -> str:
    """Return why an act is refused, empty when it may be done."""
    state = alarm.state
    silences = act in (AlarmAct.SHELVE, AlarmAct.OUT_OF_SERVICE)
    if silences and definition is not None and not definition.silenceable:
        return f"{definition.title} is never shelved or taken out of service"
    if silences and not reason:
        return f"to {act.replace('_', ' ')} an alarm needs a reason"
    if act is AlarmAct.SHELVE and not 1 <= minutes <= MOST_SHELVED_MINUTES:
        return f"an alarm is shelved for 1 to {MOST_SHELVED_MINUTES} minutes, not {minutes}"
    match act:
        case AlarmAct.ACK if state is AlarmState.ACKNOWLEDGED:
            return f"it is acknowledged already, by {alarm.acknowledged_by}"
        case AlarmAct.ACK if state not in (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED):
            return f"it is {state.replace('_', ' ')}: there is nothing to acknowledge"
        case AlarmAct.SHELVE if state is AlarmState.OUT_OF_SERVICE:
            return f"it is out of service already, by {alarm.out_by}"
        case AlarmAct.UNSHELVE if state is not AlarmState.SHELVED:
            return "it is not shelved"
        case AlarmAct.OUT_OF_SERVICE if state is AlarmState.OUT_OF_SERVICE:
            return f"it is out of service already, by {alarm.out_by}"
        case AlarmAct.RETURN if state is not AlarmState.OUT_OF_SERVICE:
            return "it is not out of service"
    return ""


def act_on(alarm: Alarm, act: AlarmAct, actor: str, reason: str, minutes: int, unix_ns: int) -> Alarm:
    """Return an alarm after somebody's act, which `why_not` has let pass."""
    match act:
        case AlarmAct.ACK:
            return replace(alarm, owed=False, acknowledged_by=actor, acknowledged_unix_ns=unix_ns)
        case AlarmAct.SHELVE:
            until = unix_ns + minutes * _MINUTE_NS
            return replace(alarm, shelved_by=actor, shelved_reason=reason, shelved_until_unix_ns=until)
        case AlarmAct.OUT_OF_SERVICE:
            return replace(_off_the_shelf(alarm), out_by=actor, out_reason=reason, out_unix_ns=unix_ns)
        case AlarmAct.UNSHELVE:
            return _off_the_shelf(alarm)
        case AlarmAct.RETURN:
            return _anew(replace(alarm, out_by="", out_reason="", out_unix_ns=0))


def acts_of(alarm: Alarm, definition: AlarmDefinition | None) -> list[AlarmAct]:
    """Return what may be done to an alarm now, by somebody who may and with a reason."""
    return [act for act in AlarmAct if not why_not(act, alarm, definition, reason="because", minutes=1)]


def _unshelved(alarm: Alarm, unix_ns: int) -> Alarm:
    over = alarm.shelved_by and unix_ns >= alarm.shelved_until_unix_ns
    return _off_the_shelf(alarm) if over else alarm


def _off_the_shelf(alarm: Alarm) -> Alarm:
    return _anew(replace(alarm, shelved_by="", shelved_reason="", shelved_until_unix_ns=0))


def _anew(alarm: Alarm) -> Alarm:
    """What somebody silenced for a while is not acknowledged by that; what is over by then is nobody's business."""
    return replace(alarm, owed=alarm.active, acknowledged_by="", acknowledged_unix_ns=0)


def _raised_again(alarm: Alarm, text: str, unix_ns: int) -> Alarm:
    return replace(
        alarm,
        text=text,
        active=True,
        owed=True,
        times=alarm.times + 1,
        raised_unix_ns=unix_ns,
        returned_unix_ns=0,
        acknowledged_by="",
        acknowledged_unix_ns=0,
    )


def _falling(
    book: Book, alarms: dict[Key, Alarm], sights: Sights, catalogue: AlarmCatalogue, now: Seconds, unix_ns: int
) -> dict[Key, Seconds]:
    """End the alarms that are known to be over for long enough; return since when the others are."""
    falling: dict[Key, Seconds] = {}
    for key in (*sights.well, *sights.gone):
        alarm = alarms.get(key)
        if alarm is None or not alarm.active:
            continue
        since = falling[key] = book.falling.get(key, now)
        definition = catalogue.definitions.get(key.name)
        seen = None if definition is None else definition.seen
        wanted = GONE_AFTER if key in sights.gone else 0.0 if seen is None else seen.well_for_s
        held = book.began + HELD_AFTER_START if key in book.recalled else now
        if now - since >= wanted and now >= held:
            del falling[key]
            # Of what was hidden nobody was shown anything: there is nothing to acknowledge.
            owed = alarm.owed and not alarm.hidden_by and (definition is None or definition.needs_ack)
            alarms[key] = replace(alarm, active=False, owed=owed, returned_unix_ns=unix_ns, hidden_by="")
    return falling


def _hide(
    alarms: dict[Key, Alarm], sights: Sights, catalogue: AlarmCatalogue, works_there: Callable[[Place], str]
) -> dict[Key, Alarm]:
    """Return the alarms with who hides each; what comes out from behind its cause is unacknowledged."""
    by = hidden(alarms, {key: sight.wet for key, sight in sights.raised.items()}, catalogue)
    after = {}
    for key, alarm in alarms.items():
        definition = catalogue.definitions.get(key.name)
        who = by.get(key, "")
        if not who and alarm.active and definition is not None and definition.in_maintenance:
            who = works_there(key.place)
        after[key] = alarm if who == alarm.hidden_by else replace(alarm, hidden_by=who)
    return after


def _is_normal(alarm: Alarm) -> bool:
    return not (alarm.active or alarm.owed or alarm.shelved_by or alarm.out_by)


def recall(rack: Place, alarms: Iterable[Alarm], number: int, now: Seconds) -> Book:
    """Return the book of a controller that starts, from what the one before wrote down."""
    kept = {Key(a.name, Place(a.place), a.detail): a for a in alarms}
    return Book(rack, now, kept, recalled=frozenset(kept), number=number)
