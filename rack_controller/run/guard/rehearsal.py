"""What would follow if a detector said Critical now, in words.  Nothing is kept, told to anybody or carried out."""

from collections.abc import Mapping

from firmware_bridge.vocabulary.place import leaf_of
from rack_controller.decide.interlock import Decision, Key
from rack_controller.model.interlock import Act, Row
from rack_controller.model.interlock_view import RehearsedTrip
from rack_controller.run.guard.trail import words_of


def rehearsed(dry: Decision, wet: Decision, rows: Mapping[str, Row]) -> list[RehearsedTrip]:
    """Return what trips in `wet` and not in `dry`: the rack as it is, and with the detector's word."""
    new = {s.key for s in wet.tripped} - {s.key for s in dry.tripped}
    return [_trip(key, wet, rows[key[0]]) for key in sorted(new)]


def _trip(key: Key, decision: Decision, row: Row) -> RehearsedTrip:
    cause, place = key
    at_once = [words_of(o.act, o.targets) for o in decision.orders if (o.cause, o.place) == key and o.act != Act.ALARM]
    later = [
        f"after {rung.after_s:g} s {str(rung.do).replace('_', ' ')} {rung.to}" for rung in row.ladder if rung.after_s
    ]
    seen = f"{row.title} at {leaf_of(place)}: {decision.standings[key].evidence}"
    return RehearsedTrip(cause, place, seen, at_once, later, row.latch, row.blocks)
