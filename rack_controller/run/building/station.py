"""One site's building: what it says is read and handed to the rack it is of; our heartbeat goes out.

A message that is wrong in any way is refused with the reason, counted, and costs nobody anything else.
"""

import asyncio
import logging

from firmware_bridge.ports.building import BuildingLink
from firmware_bridge.vocabulary.building import (
    BuildingContract,
    BuildingMessage,
    BuildingSide,
    Meaning,
    ObjectKind,
    Speaker,
)
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.building import Owner, Topic, TopicKind, read_owner, read_topic, read_value
from rack_controller.decide.building import Heard
from rack_controller.run.building.ground import Ground
from rack_controller.run.building.rack_building import RackBuilding
from rack_controller.run.ending import run_until_one_ends

_log = logging.getLogger(__name__)

MOST_EARLY = 2_000
"""Values that came before their point was announced; of each point the newest is kept until it is."""


class BuildingStation:
    """See the module.  `rack` gives each rack its own side of the building."""

    def __init__(self, side: BuildingSide, contract: BuildingContract, link: BuildingLink, clock: Clock) -> None:
        self._ground = Ground(side, contract, link, clock, clock.now())
        self._racks = {name: RackBuilding(place, name, self._ground) for place, name in side.racks.items()}
        self._early: dict[tuple[str, str], tuple[Topic, BuildingMessage, Seconds]] = {}

    def rack(self, place: Place) -> RackBuilding | None:
        """Return a rack's side of the building, None where the site agreed on none for it."""
        name = self._ground.side.racks.get(place)
        return None if name is None else self._racks[name]

    async def run(self) -> None:
        """Listen and speak until cancelled.  A bug of ours here costs the building, never the racks."""
        ground = self._ground
        while True:
            try:
                await run_until_one_ends([ground.link.run(self), self._beat()])
            except Exception:  # noqa: BLE001 - logged whole; the racks go on, and the building is heard again
                _log.exception("the building cannot be heard")
            await ground.clock.sleep_until(Seconds(ground.clock.now() + 1.0))

    async def _beat(self) -> None:
        ground = self._ground
        due = ground.clock.now()
        while True:
            ground.say(ground.topics(Meaning.OUR_HEARTBEAT), ground.unix_ms(), kept=False)
            due = Seconds(max(due + ground.contract.heartbeat_s, ground.clock.now()))
            await ground.clock.sleep_until(due)

    def taken(self, topic: str) -> None:
        """Take that the broker has what was said last on `topic`."""
        now = self._ground.clock.now()
        for rack in self._racks.values():
            rack.taken(topic, now)

    def hear(self, message: BuildingMessage) -> None:
        """Take one message."""
        ground = self._ground
        try:
            topic = read_topic(message.topic, ground.contract)
            if topic.publisher != ground.contract.publisher:
                raise ValueError(f"{scrub(topic.publisher, 64)} is not the building")
        except ValueError as err:
            self._refuse(message.topic, f"topic: {err}")
            return
        if not message.whole:
            self._refuse(message.topic, f"size: {message.size} bytes", topic)
        elif topic.kind is TopicKind.METADATA:
            self._announced(topic, message)
        elif topic.point.by is Speaker.US:
            self._refuse(message.topic, f"topic: the value of {topic.point.name} is not the building's to say", topic)
        else:
            self._said(topic, message, ground.clock.now())

    def _announced(self, topic: Topic, message: BuildingMessage) -> None:
        ground = self._ground
        before = ground.catalogue.owner(topic)
        if not message.payload:
            ground.catalogue.forget(topic)
            self._changed(before)
            return
        try:
            owner = read_owner(message.payload, topic)
        except ValueError as err:
            self._refuse(message.topic, f"metadata: {err}", topic)
            return
        if owner == before:
            return
        if not ground.catalogue.learn(topic, owner):
            self._refuse(message.topic, "metadata: more points than are read", topic)
            return
        self._changed(before, owner)
        if (early := self._early.pop((topic.point.name, topic.tag), None)) is not None:
            self._said(*early)
        if topic.point.means is Meaning.OUR_HEARTBEAT:
            ground.say(ground.topics(Meaning.OUR_HEARTBEAT), ground.unix_ms(), kept=False)

    def _changed(self, *owners: Owner | None) -> None:
        for identity in {owner.identity for owner in owners if owner is not None}:
            if (rack := self._racks.get(identity)) is not None:
                rack.announced()

    def _said(self, topic: Topic, message: BuildingMessage, at: Seconds) -> None:
        ground = self._ground
        owner = ground.catalogue.owner(topic)
        if owner is None:
            if topic.point.of is ObjectKind.SYSTEM and topic.point.means is Meaning.HEARTBEAT:
                self._heartbeat(topic, message, at)  # it is the building's own, whatever it calls itself
                return
            self._early[topic.point.name, topic.tag] = topic, message, at
            while len(self._early) > MOST_EARLY:
                lost, _, _ = self._early.pop(next(iter(self._early)))
                self._refuse(message.topic, f"metadata: nobody said whose {lost.point.name} is", lost)
            return
        if topic.point.means is Meaning.HEARTBEAT:
            self._heartbeat(topic, message, at)
        elif topic.point.means is Meaning.ECHO:
            if owner.identity == ground.side.integration:
                ground.echo = self._heard(topic, message, at)
        elif topic.point.of is ObjectKind.RACK:
            rack = self._racks.get(owner.identity)
            if rack is None:
                ground.elsewhere += 1
            else:
                rack.hear(topic, self._heard(topic, message, at))

    def _heartbeat(self, topic: Topic, message: BuildingMessage, at: Seconds) -> None:
        """Take a heartbeat; one whose time does not move on is none: somebody only says the old one again."""
        ground, before = self._ground, self._ground.heartbeat
        heard = self._heard(topic, message, at)
        if heard.why:
            ground.doubt = heard.why
            return
        if message.kept or (before is not None and heard.value == before.value):
            return  # what the broker kept tells nothing of now
        ground.doubt = ""
        ground.heartbeat = heard
        if heard.value is not None:
            ground.say(ground.topics(Meaning.OUR_ECHO), heard.value, kept=False)

    def _heard(self, topic: Topic, message: BuildingMessage, at: Seconds) -> Heard:
        ground = self._ground
        now_ms = ground.unix_ms() - int((ground.clock.now() - at) * 1000)
        said = read_value(message.payload, topic.point, ground.contract, now_ms, kept=message.kept)
        if said.why:
            self._refuse(message.topic, said.why, topic)
        elif message.kept and said.told_ms is not None:
            at = Seconds(at - max(0, now_ms - said.told_ms) / 1000)
        return Heard(said.value, at, said.told_ms, said.why)

    def _refuse(self, text: str, why: str, topic: Topic | None = None) -> None:
        ground = self._ground
        owner = None if topic is None else ground.catalogue.owner(topic)
        if ground.refusals.note(text, why, ground.clock.now(), "" if owner is None else owner.identity):
            _log.warning("building: %s: %s", scrub(text, 240), scrub(why, 240))


async def run_station(station: BuildingStation | None) -> None:
    """Run it; without a building wait for ever."""
    if station is None:
        await asyncio.Event().wait()
    else:
        await station.run()
