"""Tells everybody in `notify.yaml` of alarms: looks at what each was told last, sends what is new, tries again.

Each target has its own task: one that is silent delays nobody, and no more waits for it than there are alarms.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from datacenter_api.fleet.record import NEVER
from datacenter_api.notify.figures import NotifyView, TargetView, Tried
from datacenter_api.notify.file import FILE, NotifyFile, Target, Webhook, read_notify
from datacenter_api.notify.reminder_round import ReminderRound
from datacenter_api.notify.sender import Sender
from datacenter_api.notify.telling import MOST_AT_ONCE, Heard, Told, after, forgotten, news
from datacenter_api.redfish.push.aim import open_guard
from datacenter_api.redfish.push.destination import read_destination
from datacenter_api.redfish.push.http_post import NotDelivered, Poster
from datacenter_api.redfish.push.settings import PushSettings
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import ConfigurationError, TargetUnknown
from firmware_bridge.vocabulary.units import Seconds

log = logging.getLogger(__name__)

LOOK_EVERY = Seconds(1.0)
FIRST_WAIT, LONGEST_WAIT = Seconds(2.0), Seconds(300.0)


class _Book(msgspec.Struct):
    told: dict[str, dict[str, Told]] = {}
    reminded: dict[str, list[str]] = {}


@dataclass
class _Desk:
    target: Target
    told: dict[str, Told]
    waiting: int = 0
    delivered: int = 0
    failed: int = 0
    failing: str = ""
    next_try: Seconds = NEVER
    wait: Seconds = FIRST_WAIT
    sending: "asyncio.Task[None] | None" = None


@dataclass
class NotifyDesk:
    """One API's messages about alarms.  `unix_ns` labels them."""

    services: Services
    unix_ns: Callable[[], int]
    fault: str = ""
    reminders: ReminderRound = field(init=False)
    _desks: dict[str, _Desk] = field(default_factory=dict)
    _since: dict[str, Seconds] = field(default_factory=dict)
    _stamp: object = None
    _sender: Sender | None = None

    def __post_init__(self) -> None:
        self._kept = self.services.state / "api" / "notify.json"
        try:
            self._book = msgspec.json.decode(self._kept.read_bytes(), type=_Book)
        except FileNotFoundError:
            self._book = _Book()
        except (OSError, msgspec.MsgspecError) as err:
            log.warning("%s cannot be read, everybody is told anew: %s", self._kept, err)
            self._book = _Book()
        self.reminders = ReminderRound(self.services, self.unix_ns, self._book.reminded, self._keep)

    async def run(self) -> None:
        """Look once a second until cancelled."""
        try:
            while True:
                self.look()
                await asyncio.sleep(LOOK_EVERY)
        finally:
            await self.close()

    def look(self) -> None:
        """Read the file when it has changed, and begin to send what is new.  Waits for nobody."""
        self._read_file()
        self.reminders.look([d.target for d in self._desks.values()], self._sender, self._site())
        now = self.services.now()
        heard = self._heard(now)
        for desk in self._desks.values():
            if desk.sending is not None and not desk.sending.done():
                continue
            due = news(desk.told, heard, desk.target.priorities, now)
            desk.waiting = len(due)
            if due and now >= desk.next_try:
                desk.sending = asyncio.create_task(self._send(desk, heard))

    def view(self) -> NotifyView:
        """Return everybody who is told, and how that goes."""
        return NotifyView(self.fault, [_view(desk) for desk in self._desks.values()])

    async def test(self, name: str) -> Tried:
        """Send a test to one target now.  Raises TargetUnknown."""
        self._read_file()
        desk = self._desks.get(name)
        if desk is None or self._sender is None:
            known = ", ".join(self._desks) or "none"
            raise TargetUnknown(f"nobody called {name!r} is told of alarms", advice=f"{FILE} names: {known}")
        try:
            await self._sender.send(desk.target, self._site(), [], self.unix_ns())
        except NotDelivered as err:
            return Tried(name, str(err))
        return Tried(name, "")

    async def close(self) -> None:
        """End what is under way; what was not delivered is told after the next start."""
        tasks = [desk.sending for desk in self._desks.values() if desk.sending is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.reminders.close()

    async def _send(self, desk: _Desk, heard: list[Heard]) -> None:
        """Send one batch; what comes meanwhile is the next one's."""
        assert self._sender is not None
        now = self.services.now()
        batch = news(desk.told, heard, desk.target.priorities, now)[:MOST_AT_ONCE]
        try:
            await self._sender.send(desk.target, self._site(), batch, self.unix_ns())
        except NotDelivered as err:
            if desk.failing != str(err):
                log.warning("alarms do not reach %s: %s", desk.target.name, err)
            desk.failing, desk.failed = str(err), desk.failed + 1
            desk.next_try = Seconds(self.services.now() + desk.wait)
            desk.wait = Seconds(min(LONGEST_WAIT, desk.wait * 2))
            return
        desk.delivered += len(batch)
        desk.failing, desk.wait = "", FIRST_WAIT
        desk.told = forgotten(after(desk.told, batch), heard)
        self._keep()

    def _heard(self, now: Seconds) -> list[Heard]:
        heard, ids = [], set()
        for record in self.services.fleet:
            if record.alarms is None or not record.live(now):
                continue
            for alarm in record.alarms.briefs:
                self._since.setdefault(alarm.id, now)
                ids.add(alarm.id)
            heard.append(Heard(record.token, record.alarms, self._since))
        if len(self._since) > len(ids) + 1_000:
            self._since = {name: at for name, at in self._since.items() if name in ids}
        return heard

    def _read_file(self) -> None:
        path = self.services.state / FILE
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if stamp == self._stamp:
                return
            found = read_notify(path.read_text(encoding="utf-8"), str(path))
        except FileNotFoundError:
            self._stamp, self.fault = None, ""
            self._take(None)
            return
        except (OSError, UnicodeDecodeError, ConfigurationError) as err:
            if str(err) != self.fault:
                log.error("nobody new is told of alarms: %s", err)
            self.fault = str(err)  # who was told before goes on being told
            return
        self._stamp, self.fault = stamp, ""
        self._take(found)

    def _take(self, found: NotifyFile | None) -> None:
        targets = [] if found is None else found.targets
        before = self._desks
        self._desks = {}
        for target in targets:
            known = before.pop(target.name, None)
            told = self._book.told.get(target.name, {}) if known is None else known.told
            self._desks[target.name] = known if known is not None and known.target == target else _Desk(target, told)
        for gone in before.values():
            if gone.sending is not None:
                gone.sending.cancel()
        if found is not None:
            allowed = (*self.services.push.allowed, *found.networks)
            guard = open_guard(self.services, PushSettings(allowed, self.services.push.management))
            folder = self.services.state
            self._sender = Sender(folder, guard, Poster(folder / "tls" / "listeners.pem"))

    def _site(self) -> str:
        return self.services.bus.site or ""

    def _keep(self) -> None:
        """Write down what everybody was told; a disk that refuses costs a repetition after the next start."""
        self._book = _Book({name: desk.told for name, desk in self._desks.items()}, self.reminders.told)
        fresh = self._kept.with_name(f".{self._kept.name}.new")
        try:
            self._kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(msgspec.json.encode(self._book))
            fresh.replace(self._kept)
        except OSError as err:
            log.warning("what was told of alarms is not kept: %s", err.strerror)


def _view(desk: _Desk) -> TargetView:
    target = desk.target
    hook = isinstance(target, Webhook)
    host = read_destination(target.url).host if isinstance(target, Webhook) else target.host
    return TargetView(
        target.name,
        "webhook" if hook else "mail",
        host,
        sorted(target.priorities),
        isinstance(target, Webhook) and bool(target.key_file),
        desk.waiting,
        desk.delivered,
        desk.failed,
        desk.failing,
    )
