"""A GPU host as the controller sees it: what its agent says over the rack's bus becomes readings.  Nothing is asked.

Whether the host is there follows from the age of its newest message alone.  A host that is silent is unknown, not off.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec

from firmware_bridge.drivers.nvml.granting import grant_to, kept_of
from firmware_bridge.vocabulary.clock import Clock
from firmware_bridge.vocabulary.errors import DeviceError, EndpointUnreachable, ReplyMalformed
from firmware_bridge.vocabulary.inventory import EndpointReport, FirmwareItem, Item, ItemKind, Note, SensorValue
from firmware_bridge.vocabulary.kept import Kept
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.message import (
    ACCESS_OK,
    LIBRARY_OK,
    AgentMessage,
    GpuReport,
    HostEvent,
    decode_message,
)
from firmware_bridge.wire.nvml.plan import FAST, SLOW, series_of_gpu

FRESH = Seconds(3.0)
"""An agent speaks every second; three seconds of silence are not its own doing."""
FIRST_WITHIN = Seconds(5.0)
BOOTS_KEPT = 4
RIVALS_SECONDS = Seconds(60.0)
EVENTS_KEPT = 1000
MOST_NOTES = 200
OLDEST = 86_400.0
MOST_VALUE = 2**62  # a counter travels as int64


class AgentGpuHost:
    """One host.  `numbers[i]` is the agent's number of the tray's GPU i."""

    def __init__(self, tray: Place, place: Place, numbers: tuple[int, ...], clock: Clock) -> None:
        self._tray, self._place, self._numbers, self._clock = tray, place, numbers, clock
        self._message: AgentMessage | None = None
        self._kept: Kept | None = None
        self._received_at = Seconds(float("-inf"))
        self._arrived = asyncio.Event()
        self._unread = False
        self._slow_taken: dict[int, Seconds] = {}
        self._boots: OrderedDict[str, Seconds] = OrderedDict()
        self._rivals_at = Seconds(float("-inf"))
        self._event_ids: dict[str, int] = {}
        self._events: list[HostEvent] = []
        self._faults: dict[str, DeviceError] = {}

    @property
    def endpoint(self) -> Place:
        """Return the endpoint's place."""
        return self._place

    @property
    def faults(self) -> Mapping[str, DeviceError]:
        """Return what is wrong now: a library that is missing, GPUs that cannot be read, rivals, malformed messages."""
        return self._faults

    def deliver(self, body: bytes) -> None:
        """Take one message of the agent."""
        try:
            message = decode_message(body)
        except ValueError as err:
            detail = scrub(str(err), 200)
            self._faults["message"] = ReplyMalformed(
                self._place, "hear", detail, advice="let agent and controller have the same version"
            )
            return
        last = self._message
        if last is not None and last.boot == message.boot and message.sequence <= last.sequence:
            return  # said again, or overtaken
        self._faults.pop("message", None)
        self._message, self._received_at, self._unread = message, self._clock.now(), True
        held = message.held
        self._kept = None if held is None else kept_of(held, self._received_at, self._place, self._place_of)
        self._take_events(message)
        self._look_at(message)
        self._arrived.set()

    def happened(self) -> Sequence[HostEvent]:
        """Return the events since the last call, with the tray's own numbers of its GPUs."""
        events, self._events = self._events, []
        return events

    def gpus_at(self) -> Mapping[str, Place]:
        """Return the tray's GPUs by PCI address (`00000009:01:00.0`), as the newest message names them."""
        gpus = self._message.host.gpus if self._message is not None else ()
        known = (gpu for gpu in gpus if gpu.bus_id and gpu.index in self._numbers)
        return {gpu.bus_id: join_place(self._tray, self._name_of(gpu.index)) for gpu in known}

    def kept(self) -> Kept | None:
        """Return what the agent keeps of a grant (port InBand)."""
        return self._kept

    def grant(self, epoch: int, number: int, lasts: Seconds, watts: Mapping[Place, tuple[float, float]]) -> bytes:
        """Return a grant's message (port InBand)."""
        message = self._message
        if message is None or not self._is_fresh():
            return b""
        numbers = {join_place(self._tray, f"gpu{n}"): number for n, number in enumerate(self._numbers)}
        return grant_to(message, epoch, number, lasts, watts, lambda place: numbers[place])

    async def discover(self) -> Sequence[Series]:
        """Wait a moment for a message and return the series of every GPU that the tray is to have."""
        if not self._is_fresh():
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), FIRST_WITHIN)
            except TimeoutError:
                raise self._silence() from None
        self._unread = True
        self._slow_taken.clear()
        return [
            series
            for n, number in enumerate(self._numbers)
            for series in series_of_gpu(join_place(self._tray, f"gpu{n}"), f"nvml gpu{number}")
        ]

    async def read(self, reading_class: ReadingClass) -> Sequence[Reading]:
        """Return what the newest message brought.  Every class comes with the safety class: messages come whole."""
        if reading_class is not ReadingClass.SAFETY:
            return []
        if not self._is_fresh():
            raise self._silence()
        message = self._message
        if message is None or not self._unread:
            return []
        self._unread = False
        by_number = {gpu.index: gpu for gpu in message.host.gpus}
        readings: list[Reading] = []
        for n, number in enumerate(self._numbers):
            readings += self._readings_of(join_place(self._tray, f"gpu{n}"), number, by_number.get(number))
        return readings

    async def report(self) -> EndpointReport:
        """Take stock from the newest message: GPUs, driver, limits, and everything odd.  Raises EndpointUnreachable."""
        message = self._message
        if message is None or not self._is_fresh():
            raise self._silence()
        host = message.host
        driver = [FirmwareItem("driver", host.driver, "nvml:driver")] if host.driver else []
        return EndpointReport(
            endpoint={"place": self._place, "protocol": "nvml", "library": host.library, "boot": message.boot},
            inventory=tuple(_item(self._name_of(gpu.index), gpu) for gpu in host.gpus),
            readings=tuple(value for gpu in host.gpus for value in _limits(self._name_of(gpu.index), gpu)),
            firmware=tuple(driver),
            notes=tuple(self._notes(message)[:MOST_NOTES]),
        )

    async def close(self) -> None:
        """Nothing is open."""

    def _is_fresh(self) -> bool:
        return self._clock.now() - self._received_at <= FRESH

    def _silence(self) -> EndpointUnreachable:
        since = self._clock.now() - self._received_at
        said = "has not been heard" if self._message is None else f"has been silent for {since:.0f} s"
        advice = "see that rackwright-agent runs on the host and reaches the rack's bus"
        return EndpointUnreachable(self._place, "hear", f"the host's agent {said}", advice=advice)

    def _readings_of(self, place: Place, number: int, gpu: GpuReport | None) -> list[Reading]:
        now = self._received_at
        if gpu is None:
            return [Reading(place, q, None, now, Quality.MISSING, "nvml") for q in (*FAST, *SLOW)]
        fast_at, slow_at = Seconds(now - _age(gpu.age_s)), Seconds(now - _age(gpu.slow_age_s))
        aged = gpu.ages_s or ()
        readings = [
            _reading(place, quantity, gpu, fast_at if quantity not in aged else _taken(gpu, quantity, now, fast_at))
            for quantity in FAST
        ]
        # The slow group is in every message; what has been stored already is not stored again.
        if slow_at - self._slow_taken.get(number, Seconds(float("-inf"))) > 0.5 or gpu.access != ACCESS_OK:
            self._slow_taken[number] = slow_at
            readings += [_reading(place, quantity, gpu, slow_at) for quantity in SLOW]
        return readings

    def _take_events(self, message: AgentMessage) -> None:
        seen = self._event_ids.get(message.boot, 0)
        for event in message.events:
            if event.id > seen and len(self._events) < EVENTS_KEPT:
                seen = event.id
                self._events.append(self._renumbered(event))
        self._event_ids = {**self._event_ids, message.boot: seen}
        if len(self._event_ids) > BOOTS_KEPT:
            self._event_ids.pop(next(iter(self._event_ids)))

    def _renumbered(self, event: HostEvent) -> HostEvent:
        """Return the event with the tray's number of its GPU; None where the tray has no such GPU."""
        number = None if event.gpu is None or event.gpu not in self._numbers else self._numbers.index(event.gpu)
        return msgspec.structs.replace(event, gpu=number)

    def _look_at(self, message: AgentMessage) -> None:
        """Say what is wrong with the host as a whole and with which GPUs."""
        now = self._received_at
        faults: dict[str, DeviceError] = {}
        if message.host.library != LIBRARY_OK:
            why = scrub(message.host.library, 60)
            faults["library"] = EndpointUnreachable(
                self._place, "read NVML", why, advice="install or load the GPU driver; it is tried again every 30 s"
            )
        for gpu in message.host.gpus:
            if gpu.access != ACCESS_OK:
                name = self._name_of(gpu.index)
                faults[name] = EndpointUnreachable(
                    self._place, f"read {name}", scrub(f"{gpu.access}: {gpu.reason or 'no reason given'}", 120)
                )
        # A restart brings a new boot id; one of before that speaks again is another agent with the same place.
        previous = next(reversed(self._boots), message.boot)
        if previous != message.boot and message.boot in self._boots:
            self._rivals_at = now
        self._boots[message.boot] = now
        self._boots.move_to_end(message.boot)
        if len(self._boots) > BOOTS_KEPT:
            self._boots.popitem(last=False)
        if now - self._rivals_at < RIVALS_SECONDS:
            detail = "two agents speak for this slot"
            faults["rivals"] = ReplyMalformed(self._place, "hear", detail, advice="correct the place of one of them")
        self._faults = faults

    def _place_of(self, number: int) -> Place | None:
        return join_place(self._tray, self._name_of(number)) if number in self._numbers else None

    def _name_of(self, number: int) -> str:
        return f"gpu{self._numbers.index(number)}" if number in self._numbers else f"number{number}"

    def _notes(self, message: AgentMessage) -> list[Note]:
        notes = []
        for gpu in message.host.gpus:
            name = self._name_of(gpu.index)
            where = f"nvml:{name}"
            if gpu.index not in self._numbers:
                notes.append(Note(where, "index", "the driver shows more GPUs than this tray is to have"))
            notes += [Note(where, quantity, f"not read: {why}") for quantity, why in sorted(gpu.failed.items())]
            if gpu.links_down:
                notes.append(Note(where, "nvlinks_up", f"links down: {', '.join(map(str, gpu.links_down))}"))
            notes += [Note(where, "fabric", problem) for problem in gpu.fabric]
        shown = {gpu.index for gpu in message.host.gpus}
        if message.host.library == LIBRARY_OK:
            missing = [n for n in self._numbers if n not in shown]
            notes += [Note(f"nvml:{self._name_of(n)}", "index", "the driver does not show it") for n in missing]
        if message.events_lost:
            notes.append(Note("nvml:events", "lost", f"{message.events_lost} events were dropped by the agent"))
        return notes


def _reading(place: Place, quantity: Quantity, gpu: GpuReport, taken_at: Seconds) -> Reading:
    value = gpu.values.get(quantity)
    if value is not None and not -MOST_VALUE < value < MOST_VALUE:
        return Reading(place, quantity, None, taken_at, Quality.REFUSED, "nvml")
    quality = Quality.MISSING if value is None else Quality.GOOD
    return Reading(place, quantity, value, taken_at, quality, "nvml")


def _age(said: float) -> Seconds:
    """Return an age as far as it can be one: a value from the future would stay young for ever."""
    return Seconds(min(max(said, 0.0), OLDEST))


def _taken(gpu: GpuReport, quantity: Quantity, received_at: Seconds, usual: Seconds) -> Seconds:
    age = gpu.ages_s.get(quantity) if gpu.ages_s else None
    return usual if age is None else Seconds(received_at - _age(age))


def _item(name: str, gpu: GpuReport) -> Item:
    uris = tuple(f"nvml:{text}" for text in (gpu.uuid, gpu.bus_id) if text)
    return Item(ItemKind.GPU, name, scrub(gpu.name, 96), None, scrub(gpu.serial, 64) or None, None, uris)


def _limits(name: str, gpu: GpuReport) -> list[SensorValue]:
    where = f"nvml:{name}/power_limit"
    return [SensorValue(f"{name} {which}", "power_limit", "W", value, where) for which, value in gpu.limits_w.items()]
