"""Brings one batch of news to one target: its address judged anew each time, a webhook's body signed."""

import hashlib
import hmac
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from datacenter_api.notify.file import Mailbox, Target, Webhook, read_credentials, read_secret
from datacenter_api.notify.mail import send_mail
from datacenter_api.notify.reminding import lines_of_reminders, subject_of_reminders
from datacenter_api.notify.telling import News, lines_of, subject_of
from datacenter_api.redfish.push.destination import Destination, read_destination
from datacenter_api.redfish.push.guard import Forbidden, Guard
from datacenter_api.redfish.push.http_post import NotDelivered, Poster
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.prove.option import Reminder

_PORTS = {"tls": "https", "starttls": "http", "none": "http"}


@dataclass(frozen=True, slots=True)
class Sender:
    """`folder` holds the file and its secrets; `poster.authorities` may add authorities to the machine's own."""

    folder: Path
    guard: Guard
    poster: Poster

    async def send(self, target: Target, site: str, batch: list[News], now_unix_ns: int) -> None:
        """Deliver a batch, empty for a test.  Raises NotDelivered with the reason, for the person who set it up."""
        if isinstance(target, Webhook):
            return await _told(self._deliver(target, body_of(site, batch, now_unix_ns), now_unix_ns))
        subject = subject_of(site, batch) if batch else f"[{site}] a test of Rackwright's alarms"
        text = lines_of(batch) if batch else "This is a test. Nothing happened.\n"
        return await _told(self._send_mail(target, subject, text))

    async def remind(self, target: Target, site: str, batch: list[Reminder], now_unix_ns: int) -> None:
        """Deliver reminders of days that come.  Raises NotDelivered with the reason."""
        if isinstance(target, Webhook):
            return await _told(self._deliver(target, reminders_body(site, batch, now_unix_ns), now_unix_ns))
        return await _told(self._send_mail(target, subject_of_reminders(site, batch), lines_of_reminders(batch)))

    async def _deliver(self, hook: Webhook, body: bytes, now_unix_ns: int) -> None:
        where = read_destination(hook.url)
        at = await self.guard.address_of(where)
        headers: tuple[tuple[str, str], ...] = ()
        if hook.key_file:
            headers = signature(read_secret(self.folder, hook.key_file), str(now_unix_ns // 1_000_000_000), body)
        await self.poster.post(where, at, headers, body, hook.verify)

    async def _send_mail(self, box: Mailbox, subject: str, text: str) -> None:
        at = await self.guard.address_of(Destination(_PORTS[box.security], box.host, box.port, ""))
        account = read_credentials(self.folder, box.credentials_file) if box.credentials_file else None
        await send_mail(box, at, account, self._context(), subject, text)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.poster.authorities.exists():
            context.load_verify_locations(self.poster.authorities)
        return context


async def _told(way: Awaitable[None]) -> None:
    """Go a way.  Raises NotDelivered, whatever it was that stood in it."""
    try:
        await way
    except Forbidden as err:
        raise NotDelivered(f"it may not be aimed at: {err} (see `allowed` in notify.yaml)") from err
    except (ConfigurationError, RequestRefused) as err:
        raise NotDelivered(str(err)) from err
    except (OSError, TimeoutError) as err:
        raise NotDelivered(f"its name is not known: {type(err).__name__}") from err


def reminders_body(site: str, batch: list[Reminder], now_unix_ns: int) -> bytes:
    """Return the JSON of a webhook that reminds of days."""
    return msgspec.json.encode(
        {"version": 1, "site": site, "sent_unix_ns": now_unix_ns, "test": False, "alarms": [], "reminders": batch}
    )


def body_of(site: str, batch: list[News], now_unix_ns: int) -> bytes:
    """Return the JSON of a webhook; `test` is true and `alarms` empty where somebody only tries it."""
    alarms = [{"event": n.word, **msgspec.to_builtins(n.alarm)} for n in batch]
    return msgspec.json.encode(
        {"version": 1, "site": site, "sent_unix_ns": now_unix_ns, "test": not batch, "alarms": alarms}
    )


def signature(key: bytes, seconds: str, body: bytes) -> tuple[tuple[str, str], ...]:
    """Return the headers that prove who sent a body and when: HMAC-SHA256 over `<seconds>.<body>`."""
    digest = hmac.new(key, seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    return (("X-Rackwright-Timestamp", seconds), ("X-Rackwright-Signature", f"sha256={digest}"))
