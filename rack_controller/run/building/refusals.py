"""Messages of a building that could not be believed, by topic: why, how often, when last.  Bounded."""

from dataclasses import dataclass, field

from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.building_view import RefusedView

MOST_TOPICS = 200
MOST_TOPIC = 240


@dataclass(slots=True)
class _Refused:
    why: str
    count: int
    at: Seconds
    identity: str


@dataclass(slots=True)
class Refusals:
    """`total` counts every one, also of topics that are not listed any more."""

    total: int = 0
    _topics: dict[str, _Refused] = field(default_factory=dict)

    def note(self, topic: str, why: str, now: Seconds, identity: str = "") -> bool:
        """Take one; return whether its topic was not refused for this kind of reason before.  `identity`: whose."""
        self.total += 1
        name = scrub(topic, MOST_TOPIC)
        before = self._topics.pop(name, None)
        count = 1 if before is None else before.count + 1
        self._topics[name] = _Refused(scrub(why, MOST_TOPIC), count, now, identity)
        while len(self._topics) > MOST_TOPICS:
            del self._topics[next(iter(self._topics))]
        return before is None or kind_of(before.why) != kind_of(why)

    def of(self, identity: str, now: Seconds) -> list[RefusedView]:
        """Return those of one rack and those of which nobody knows whose they are, the newest first."""
        found = [(t, r) for t, r in self._topics.items() if r.identity in ("", identity)]
        return [RefusedView(topic, r.why, r.count, round(now - r.at, 1)) for topic, r in reversed(found)]


def kind_of(why: str) -> str:
    """Return what kind of reason it is: its first word."""
    return why.partition(":")[0]
