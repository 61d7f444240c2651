"""The link to the bus: hears frames, changes and events, asks controllers for what is missing.  Decides nothing.

NATS may be away at start or vanish: the link keeps trying for ever, what is in memory ages meanwhile.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeout

from datacenter_api.events.history import follow_events, recover_frames
from datacenter_api.events.log import EventLog
from datacenter_api.fleet.memory import RackMemory
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.state import FleetState
from firmware_bridge.vocabulary.errors import (
    BusUnavailable,
    CommandRefused,
    DeadlinePassed,
    DeviceError,
    RackwrightError,
    error_classes,
)
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.command import PATIENT, Command, Reply, decode_reply, encode
from rack_controller.model.console import ConsoleRequest
from rack_controller.model.event import Event, decode_event
from rack_controller.model.frame import Frame, decode_frame
from rack_controller.model.layout import Layout, RackState, StateChanged, StateRequest
from rack_controller.model.outbox import decode_report
from rack_controller.model.subjects import ROOT, RackSubjects, live_subject, token
from rack_controller.model.table import SeriesTable, decode_table

log = logging.getLogger(__name__)

ANSWER_WITHIN = Seconds(5.0)
REPORT_WITHIN = Seconds(15.0)
DEVICE_WITHIN = Seconds(45.0)
RETRY_EVERY = Seconds(0.25)
OPEN_WITHIN = Seconds(5.0)
CONSOLE_WITHIN = Seconds(8.0)  # a serial line that takes nothing is given up after 5 s
REFRESH_ENDPOINTS = Seconds(5.0)


class _Refusal(msgspec.Struct):
    error: str
    code: str = ""
    advice: str = ""


@dataclass
class BusLink:
    """One connection for the whole API.  `on_frame` and `on_event` are called in the loop, after memory was updated.

    `companions` run with the connection and the site's name as long as there is one.
    """

    state: Path
    fleet: FleetState
    events: EventLog
    on_frame: Callable[[RackRecord], None] = lambda _record: None
    on_event: Callable[[Event], None] = lambda _event: None
    discarded: dict[str, int] = field(default_factory=dict)
    companions: list[Callable[[Client, str], Coroutine[None, None, None]]] = field(default_factory=list)
    site: str | None = None
    keeps_memory: bool = True  # two processes of one state directory must not both write it
    _client: Client | None = None
    _asking: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def connected(self) -> bool:
        """Return whether the bus answers now."""
        return self._client is not None and self._client.is_connected

    async def run(self) -> None:
        """Connect, listen and keep memory complete until cancelled."""
        memory = RackMemory(self.state / "api" / "racks") if self.keeps_memory else None
        if memory is not None:
            memory.load_into(self.fleet)
        tasks: list[asyncio.Task[None]] = []
        try:
            client, site = await self._connect()
            for subject in (f"{ROOT}.{site}.*.telemetry", live_subject(f"{ROOT}.{site}.*.telemetry")):
                await client.subscribe(subject, cb=self._hear_frame)
            await client.subscribe(live_subject(f"{ROOT}.{site}.*.event"), cb=self._hear_event)
            await client.subscribe(f"{ROOT}.{site}.*.outbox", cb=self._hear_outbox)
            await client.subscribe(f"{ROOT}.{site}.*.state.changed", cb=self._hear_change)
            tasks = [
                asyncio.create_task(recover_frames(client, site, self._take_frame)),
                asyncio.create_task(follow_events(client, site, self._take_event)),
                *(asyncio.create_task(companion(client, site)) for companion in self.companions),
            ]
            while True:
                self._ask_for_what_is_missing(memory)
                await asyncio.sleep(RETRY_EVERY)
        finally:
            for task in [*tasks, *self._asking.values()]:
                task.cancel()
            if self._client is not None:
                # The server may end at the same time: uvloop says RuntimeError of a transport that is closed already.
                with contextlib.suppress(NatsError, OSError, RuntimeError):
                    await self._client.close()

    async def ask(
        self, rack: str, want: str, place: str = "", table_id: int = 0, path: str = "", *, at_once: bool = False
    ) -> bytes:
        """Ask a rack's controller on `state`; what looks at a device, or at the plant, takes a moment.

        `table_id` asks for a series table of before; `path` is that of `raw`, the load of `power_what_if`;
        `at_once`: a first report is not waited for.
        Raises BusUnavailable, DeadlinePassed, or the error that the controller answered with.
        """
        within = REPORT_WITHIN if want in ("report", "power", "raw", "power_what_if") else ANSWER_WITHIN
        body = await self._request(
            rack, "state", msgspec.json.encode(StateRequest(want, place, table_id, path, at_once)), within
        )
        if body.startswith(b'{"error"'):
            raise _error_of(msgspec.json.decode(body, type=_Refusal), place or rack, want)
        return body

    async def ask_table(self, rack: str, table_id: int) -> SeriesTable | None:
        """Return a series table of before, None when the rack's controller does not tell it now."""
        try:
            return decode_table(await self.ask(rack, "table", table_id=table_id))
        except RackwrightError as err:
            log.debug("%s: series table %016x: %s", rack, table_id, err)
        except ValueError as err:
            self._discard("table_malformed", err)
        return None

    async def command(self, rack: str, command: Command) -> Reply:
        """Send a command and return its reply.  Raises BusUnavailable or DeadlinePassed."""
        within = DEVICE_WITHIN if command.verb in PATIENT else ANSWER_WITHIN
        return decode_reply(await self._request(rack, "command", encode(command), within))

    async def console(self, rack: str, request: ConsoleRequest) -> bytes:
        """Ask about a rack's consoles and return the JSON.

        Raises BusUnavailable, DeadlinePassed, or the error that the controller answered with.
        """
        body = await self._request(rack, "console", msgspec.json.encode(request), CONSOLE_WITHIN)
        if body.startswith(b'{"error"'):
            raise _error_of(msgspec.json.decode(body, type=_Refusal), request.place or rack, request.verb)
        return body

    async def _connect(self) -> tuple[Client, str]:
        said = ""
        while True:
            try:
                site = token((self.state / "site-name").read_text().strip())
                url = (self.state / "nats" / "url").read_text().strip()
                seed = self.state / "nats" / "api.nk"
                opening = nats.connect(
                    url,
                    name="rackwright-api",
                    nkeys_seed=str(seed) if seed.exists() else None,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RETRY_EVERY,
                    connect_timeout=2,
                    error_cb=_note_error,
                )
                # It would try one address for ever; the url file may say another one by then.
                self._client = await asyncio.wait_for(opening, OPEN_WITHIN)
                self.site = site
                return self._client, site
            except (OSError, NatsError, ValueError, TimeoutError) as err:
                if (why := f"{type(err).__name__}: {err}") != said:
                    log.warning("the bus is away, trying again: %s", why)
                    said = why
                await asyncio.sleep(RETRY_EVERY)

    async def _request(self, rack: str, what: str, body: bytes, within: Seconds) -> bytes:
        if self._client is None or self.site is None or not self._client.is_connected:
            raise BusUnavailable("the bus does not answer", advice="see `rackwright doctor`; racks stay under control")
        subject = f"{RackSubjects(self.site, rack).prefix}.{what}"
        try:
            return (await self._client.request(subject, body, timeout=within)).data
        except NoRespondersError as err:
            raise BusUnavailable(
                f"no controller answers for {rack}", advice="is `rackwright control` running?"
            ) from err
        except (NatsTimeout, TimeoutError) as err:
            raise DeadlinePassed(f"{rack} did not answer within {within:g} s") from err
        except (NatsError, OSError) as err:
            raise BusUnavailable(f"the bus failed: {type(err).__name__}", advice="it is tried again") from err

    async def _hear_frame(self, message: Msg) -> None:
        try:
            frame = decode_frame(message.data)
        except ValueError as err:
            self._discard("frame_malformed", err)
            return
        self._take_frame(message.subject.split(".")[3], frame, Seconds(time.monotonic()))

    def _take_frame(self, rack: str, frame: Frame, said_at: Seconds) -> None:
        record = self.fleet.record(rack)
        record.hear_frame(frame, said_at)
        self.on_frame(record)

    async def _hear_change(self, message: Msg) -> None:
        try:
            change = msgspec.json.decode(message.data, type=StateChanged)
        except msgspec.MsgspecError as err:
            self._discard("change_malformed", err)
            return
        record = self.fleet.record(message.subject.split(".")[3])
        # A new controller may hold another site file: the layout is asked for anew, and the old one counts until then.
        record.wanted_revision, record.wanted_boot = change.revision, change.boot

    async def _hear_event(self, message: Msg) -> None:
        """Take an event that its stream does not store; what is stored comes through `follow_events`."""
        try:
            self._take_event(decode_event(message.data))
        except ValueError as err:
            self._discard("event_malformed", err)

    async def _hear_outbox(self, message: Msg) -> None:
        try:
            report = decode_report(message.data)
        except ValueError as err:
            self._discard("outbox_malformed", err)
            return
        self.fleet.record(message.subject.split(".")[3]).hear_outbox(report, Seconds(time.monotonic()))

    def _take_event(self, event: Event) -> None:
        if self.events.add(event):
            self.on_event(event)

    def _discard(self, reason: str, err: Exception) -> None:
        self.discarded[reason] = self.discarded.get(reason, 0) + 1
        log.warning("%s: %s", reason, err)

    def _ask_for_what_is_missing(self, memory: RackMemory | None) -> None:
        now = Seconds(time.monotonic())
        for record in self.fleet:
            task = self._asking.get(record.token)
            if (task is None or task.done()) and _lacks(record, now):
                self._asking[record.token] = asyncio.create_task(self._complete(record, memory))

    async def _complete(self, record: RackRecord, memory: RackMemory | None) -> None:
        try:
            changed = False
            if record.layout is None or record.wanted_boot != record.boot:
                record.hear_layout(msgspec.json.decode(await self.ask(record.token, "layout"), type=Layout))
                changed = True
            if record.columns is None or record.wanted_table != record.columns.table.table_id:
                record.hear_table(decode_table(await self.ask(record.token, "table")))
                changed = True
            said = msgspec.json.decode(await self.ask(record.token, "endpoints"), type=RackState)
            record.hear_state(said, Seconds(time.monotonic()))
            record.wanted_boot, record.wanted_revision = said.boot, said.revision
            if changed and memory is not None:
                memory.keep(record)
        except RackwrightError as err:
            log.info("%s: %s", record.token, err)
            await asyncio.sleep(1.0)
        except ValueError as err:
            self._discard("state_malformed", err)
            await asyncio.sleep(1.0)


def _lacks(record: RackRecord, now: Seconds) -> bool:
    heard = record.endpoints_heard
    return (
        record.layout is None
        or record.columns is None
        or record.wanted_table != record.columns.table.table_id
        or record.wanted_revision != record.revision
        or record.wanted_boot != record.boot
        or heard is None
        or now - heard > REFRESH_ENDPOINTS
    )


def _error_of(refusal: _Refusal, what: str, verb: str) -> RackwrightError:
    """Return the error of the tree that a controller named; one it does not name is a plain refusal."""
    kind = next((c for c in error_classes() if c.__name__ == refusal.code), CommandRefused)
    if issubclass(kind, DeviceError):
        return kind(what, verb, refusal.error, advice=refusal.advice)
    plain = kind if issubclass(kind, CommandRefused) else CommandRefused
    return plain(refusal.error, advice=refusal.advice)


async def _note_error(err: Exception) -> None:
    log.info("bus: %s: %s", type(err).__name__, err)
