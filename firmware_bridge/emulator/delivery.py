"""Pushes events of emulated devices to the destinations that subscribed (DSP0266 §13.4).  Loopback only.

A destination that does not answer is tried again, as the device's EventService says, and then given up for this event.
"""

import asyncio
import ipaddress
import ssl
from urllib.parse import SplitResult, urlsplit

from firmware_bridge.redfish_service.event_hub import Subscription

MOST_UNDER_WAY = 256
ATTEMPTS = 4  # one, and DeliveryRetryAttempts
RETRY_S = 1.0  # the devices say 30 s and more; nobody wants to wait for that here
WITHIN_S = 5.0


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # as a BMC whose subscription leaves VerifyCertificate at false
    return context


class Delivery:
    """What is under way to subscribers of one process.  `sent` and `lost` count events."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()
        self.sent = self.lost = 0

    def send(self, subscription: Subscription, body: bytes, source: str | None = None) -> None:
        """Push one event from the device's own address `source`.

        It is lost at once where too many are under way or the destination is not on loopback.
        """
        target = urlsplit(subscription.destination)
        if len(self._under_way) >= MOST_UNDER_WAY or not _is_loopback(target.hostname):
            self.lost += 1
            return
        task = asyncio.create_task(self._push(target, subscription.headers, body, source))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def stop(self) -> None:
        """End what is under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _push(
        self, target: SplitResult, headers: tuple[tuple[str, str], ...], body: bytes, source: str | None
    ) -> None:
        for attempt in range(ATTEMPTS):
            try:
                async with asyncio.timeout(WITHIN_S):
                    if await _posted(target, headers, body, source):
                        self.sent += 1
                        return
            except (OSError, TimeoutError):
                pass
            await asyncio.sleep(RETRY_S * attempt)
        self.lost += 1


async def _posted(target: SplitResult, headers: tuple[tuple[str, str], ...], body: bytes, source: str | None) -> bool:
    secure = target.scheme == "https"
    port = target.port or (443 if secure else 80)
    context = _unverified() if secure else None
    own = None if source is None else (source, 0)
    reader, writer = await asyncio.open_connection(target.hostname, port, ssl=context, local_addr=own)
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        head = [f"POST {path} HTTP/1.1", f"Host: {target.netloc}", "Content-Type: application/json"]
        head += [f"{name}: {value}" for name, value in headers]
        head += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        writer.write("\r\n".join(head).encode("latin-1") + body)
        await writer.drain()
        status = (await reader.readline()).split()
        return len(status) > 1 and status[1][:1] == b"2"
    finally:
        writer.transport.abort()


def _is_loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
