"""Which points a building announced, of which rack or system, and who says them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from firmware_bridge.vocabulary.building import Meaning
from firmware_bridge.wire.building import Owner, Topic

MOST_POINTS = 20_000
"""A hall of 500 racks announces some 7,000."""

Key = tuple[str, str]
"""A point's name and tag."""
_Points = dict[Key, tuple[Topic, Owner]]


@dataclass(slots=True)
class Catalogue:
    """The newest metadata of each point, found by whose it is and by what it means: a hall has thousands of others."""

    _owners: dict[Key, Owner] = field(default_factory=dict)
    _by_identity: dict[str, _Points] = field(default_factory=dict)
    _by_meaning: dict[Meaning, _Points] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._owners)

    def learn(self, topic: Topic, owner: Owner) -> bool:
        """Take a point's metadata; return whether there is room for it."""
        key = topic.point.name, topic.tag
        if key not in self._owners and len(self._owners) >= MOST_POINTS:
            return False
        self.forget(topic)
        self._owners[key] = owner
        self._by_identity.setdefault(owner.identity, {})[key] = topic, owner
        if topic.point.means is not None:
            self._by_meaning.setdefault(topic.point.means, {})[key] = topic, owner
        return True

    def forget(self, topic: Topic) -> None:
        """Take that a point is none any more."""
        key = topic.point.name, topic.tag
        before = self._owners.pop(key, None)
        if before is not None:
            self._by_identity[before.identity].pop(key, None)
            if topic.point.means is not None:
                self._by_meaning[topic.point.means].pop(key, None)

    def owner(self, topic: Topic) -> Owner | None:
        """Return whose a point is, None where nobody said so."""
        return self._owners.get((topic.point.name, topic.tag))

    def of(self, identity: str) -> Iterable[tuple[Topic, Owner]]:
        """Return the points of one rack or system, in the order in which they were announced."""
        return self._by_identity.get(identity, {}).values()

    def ours(self, means: Meaning, integration: str, identity: str | None = None) -> tuple[Topic, ...]:
        """Return the points of one meaning whose value the building wants from us; of one rack where it is named."""
        found = self._by_meaning.get(means, {}).values() if identity is None else self.of(identity)
        return tuple(t for t, owner in found if t.point.means is means and owner.integration == integration)

    def others(self, means: Meaning, integration: str, identity: str) -> tuple[str, ...]:
        """Return which other integrations the building wants such values of a rack from."""
        found = {o.integration for t, o in self.of(identity) if t.point.means is means and o.integration != integration}
        return tuple(sorted(name or "nobody" for name in found))
