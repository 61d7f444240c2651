"""One POST of an event to an address that has been judged: no redirect, no proxy, no second look at the name."""

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from datacenter_api.redfish.push.destination import Destination
from datacenter_api.redfish.push.settings import Address
from firmware_bridge.vocabulary.units import Seconds

ANSWER_WITHIN = Seconds(10.0)
MOST_HEAD = 16_384
MOST_CONTEXTS = 16
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")


class NotDelivered(Exception):
    """The listener was not reached, or did not say that it took the event."""


@dataclass(frozen=True)
class Poster:
    """`authorities` is a PEM file of authorities besides the machine's own; it need not exist."""

    authorities: Path
    _contexts: dict[tuple[bool, float, str], ssl.SSLContext] = field(default_factory=dict)

    async def post(
        self,
        where: Destination,
        at: Address,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        verify: bool,
        trusted: str = "",
    ) -> None:
        """Send one request and wait for its status.  Raises NotDelivered for anything but 2xx.

        `trusted`: PEM texts, the only ones that `verify` trusts; empty: the machine's authorities and ours.
        """
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                status = await self._ask(where, at, headers, body, self._context(where, verify, trusted))
        except ssl.SSLCertVerificationError as err:
            raise NotDelivered(f"its certificate is not trusted: {err.verify_message}") from err
        except TimeoutError as err:
            raise NotDelivered(f"no answer within {ANSWER_WITHIN:g} s") from err
        except (OSError, ValueError, EOFError) as err:
            raise NotDelivered(f"{type(err).__name__}: {str(err)[:128]}") from err
        if not 200 <= status < 300:
            raise NotDelivered(f"it answered {status}")

    async def _ask(
        self,
        where: Destination,
        at: Address,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        context: ssl.SSLContext | None,
    ) -> int:
        name = where.host if context is not None else None
        reader, writer = await asyncio.open_connection(
            str(at), where.port, ssl=context, server_hostname=name, limit=MOST_HEAD
        )
        try:
            lines = [
                f"POST {where.target} HTTP/1.1",
                f"Host: {where.authority}",
                *(f"{name}: {value}" for name, value in headers),
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
                "Connection: close",
            ]
            writer.write("\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body)
            await writer.drain()
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                said = _STATUS.match(head)
                if said is None:
                    raise ValueError("the answer is not HTTP")
                if int(said[1]) >= 200:
                    return int(said[1])
        except asyncio.LimitOverrunError as err:
            raise ValueError("the head of the answer is too long") from err
        finally:
            writer.transport.abort()

    def _context(self, where: Destination, verify: bool, trusted: str) -> ssl.SSLContext | None:
        """Return a context, None for plain HTTP; a changed file of authorities makes a new one."""
        if where.scheme != "https":
            return None
        own = verify and not trusted
        stamp = self.authorities.stat().st_mtime if own and self.authorities.exists() else 0.0
        key = (verify, stamp, trusted if verify else "")
        made = self._contexts.get(key)
        if made is None:
            made = ssl.create_default_context(cadata=trusted or None) if verify else ssl.create_default_context()
            if not verify:
                made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
            elif stamp:
                made.load_verify_locations(self.authorities)
            if trusted and verify:
                made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a listener's own certificate is trusted by itself
            if len(self._contexts) >= MOST_CONTEXTS:
                self._contexts.clear()
            self._contexts[key] = made
        return made
