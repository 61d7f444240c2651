"""What all racks of a site share of their building: the agreement, the link, the points it announced, its heartbeat."""

from dataclasses import dataclass, field

from firmware_bridge.ports.building import BuildingLink
from firmware_bridge.vocabulary.building import BuildingContract, BuildingSide, Meaning
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.building import TopicKind, write_topic, write_value
from rack_controller.decide.building import Heard, why_silent
from rack_controller.model.building_view import BuildingLinkView
from rack_controller.run.building.catalogue import Catalogue
from rack_controller.run.building.refusals import Refusals

NOT_GOOD = 0


@dataclass(slots=True)
class Ground:
    """`began`: when we began to listen, monotonic.  `heartbeat` and `echo`: the building's last ones
    that can be believed; `doubt`: why a later heartbeat cannot."""

    side: BuildingSide
    contract: BuildingContract
    link: BuildingLink
    clock: Clock
    began: Seconds
    catalogue: Catalogue = field(default_factory=Catalogue)
    refusals: Refusals = field(default_factory=Refusals)
    heartbeat: Heard | None = None
    doubt: str = ""
    echo: Heard | None = None
    elsewhere: int = 0

    def unix_ms(self) -> int:
        """Return our time as messages say it."""
        return self.clock.unix_ns() // 1_000_000

    def silent(self, now: Seconds) -> str:
        """Return why nobody hears the building, empty when it is heard."""
        return why_silent(self.heartbeat, self.link.error or self.doubt, self.began, now, self.contract)

    def topics(self, means: Meaning, identity: str | None = None) -> tuple[str, ...]:
        """Return where the building wants a value of ours; none where it never announced such a point for us."""
        side, contract = self.side, self.contract
        return tuple(
            write_topic(contract, side.integration, TopicKind.VALUE, topic.point, topic.tag)
            for topic in self.catalogue.ours(means, side.integration, identity)
        )

    def say(self, topics: tuple[str, ...], value: float, *, good: bool = True, kept: bool = True) -> None:
        """Say a value on each of these topics."""
        body = write_value(value, self.unix_ms(), self.contract.good if good else NOT_GOOD)
        for topic in topics:
            self.link.say(topic, body, kept=kept)

    def link_view(self, now: Seconds) -> BuildingLinkView:
        """Return the link as people see it."""
        link, counts = self.link, self.link.counts
        return BuildingLinkView(
            link.broker,
            self.side.integration,
            link.connected,
            None if link.since is None else round(now - link.since, 1),
            link.error,
            counts.connections,
            counts.published,
            counts.taken,
            counts.republished,
            link.waiting,
            counts.received,
            self.refusals.total,
            self.elsewhere,
        )
