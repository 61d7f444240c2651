"""Reading one Redfish endpoint: one session, few requests in flight, one pinned certificate, caps on everything.

Refuses redirects, links to other hosts and certificates other than the pinned one.  Never repeats a request on its own,
except after a 401: once as it was (some controllers say it now and then for no reason), once with a fresh session.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

import pycurl

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.effect import Send, post_once, set_points, upload_once
from firmware_bridge.drivers.redfish.engine import ENDED, CurlEngine, engine_of_running_loop
from firmware_bridge.drivers.redfish.governor import Governor
from firmware_bridge.drivers.redfish.one_call import OneCall
from firmware_bridge.drivers.redfish.pace import BACKGROUND, NORMAL, PATIENT, URGENT, Pace
from firmware_bridge.drivers.redfish.session import Answer, Met, SessionOwner
from firmware_bridge.drivers.redfish.stream import EventStream
from firmware_bridge.drivers.redfish.transfer import Transfer, refusal_of
from firmware_bridge.drivers.redfish.trust import Leaf, check_leaf, fetch_leaf
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointSpared,
    EndpointUnreachable,
    LoginRefused,
    ReplyMalformed,
    ReplyTooLarge,
    TrustRefused,
)
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.wire.redfish.guard import Document, DocumentFault, DocumentTooLarge
from firmware_bridge.wire.redfish.links import local_path

Decoded = TypeVar("Decoded")
LOGIN_COOL_DOWN, SHORT_COOL_DOWN = 30.0, 5.0  # s; short: a password that worked before may be refused for no reason
BUSY_COOL_DOWN, LONGEST_COOL_DOWN = 2.0, 60.0  # s, for a login that was refused for now
_MOST_RENEWALS, _RENEWAL_SECONDS = 3, 20.0  # sessions renewed at once, and one more every so often
_MOST_REFUSALS = 3  # 401s that one request may meet: out of the blue, with an ended session, once more out of the blue
REDFISH_HEADERS = ("Accept: application/json", "OData-Version: 4.0")
_MOST_URLS = 8_192


class RedfishLink:
    """One endpoint.  Made without a byte sent; the first read connects, checks the certificate and logs in."""

    def __init__(
        self,
        endpoint: str,
        address: str,
        port: int,
        pin: str,
        limits: RequestLimits | None = None,
        credential: Credential | None = None,
        leaf: Leaf | None = None,
        headers: Sequence[str] = REDFISH_HEADERS,
    ) -> None:
        self.endpoint = endpoint
        self.limits = limits or RequestLimits()
        host = f"[{address}]" if ":" in address else address
        self.origin = f"https://{host}:{port}"
        self._address, self._port, self._pin, self._leaf = address, port, pin, leaf
        self._session = (
            None if credential is None else SessionOwner(endpoint, self.origin, self.limits, credential, pin)
        )
        self._engine: CurlEngine | None = None
        self._opening: asyncio.Lock | None = None
        self._transfers: list[Transfer] = []
        self._free: list[Transfer] = []
        self._queue: list[tuple[int, int, asyncio.Future[Transfer]]] = []
        self._ticket = itertools.count()
        self._urls: dict[str, str] = {}
        self._headers = list(headers)
        self._version = 0
        self._login_failed_at = float("-inf")
        self._login_error: DeviceError | None = None
        self._logins_refused = 0  # in a row
        self._pace = Pace(self.limits)
        self.governor = Governor()
        self._renewals, self._renewed_at = float(_MOST_RENEWALS), 0.0
        self._streams: set[EventStream] = set()
        self._root: bytes | None = None

    async def meet(self) -> bytes | None:
        """Connect and log in if that has not been done; return the service root that was read on the way, once."""
        if self._engine is None:
            await self._open()
        root, self._root = self._root, None
        return root

    @property
    def sends_password(self) -> bool:
        """Tell whether the service has no sessions, so that user and password go with every request."""
        return self._session is not None and self._session.without_sessions

    async def get(self, uri: str, urgency: int = NORMAL) -> bytes:
        """Return the body of `uri`.  Raises as `get_decoded`, decoding apart."""
        return await self.get_decoded(uri, bytes, urgency)

    async def get_decoded(self, uri: str, decoder: Callable[[bytes], Decoded], urgency: int = NORMAL) -> Decoded:
        """Return `decoder(body)` of `uri` (a path of this endpoint).

        Raises TrustRefused (certificate, redirect, foreign link), EndpointUnreachable, LoginRefused, ResourceMissing,
        EndpointRefused (other statuses), ReplyMalformed and ReplyTooLarge (broken off, over a cap, refused by the
        decoder).
        """
        engine = self._engine or await self._open()
        url = self._urls.get(uri) or self._url_of(uri)
        if urgency < PATIENT:
            self._pace.count()
            return await self._get(engine, url, uri, decoder, urgency)
        self.check_spared(urgency)
        self._pace.slow_down(self.governor.factor)
        await self._pace.admit(urgency)
        try:
            if self._engine is not engine:
                raise self._closed()
            return await self._get(engine, url, uri, decoder, urgency)
        finally:
            self._pace.leave()

    def check_spared(self, urgency: int) -> None:
        """Raise EndpointSpared when a read of this urgency is not to begin now."""
        now = asyncio.get_running_loop().time()
        if not self.governor.admits(urgency, now):
            attention = self.governor.attention(now)
            raise EndpointSpared(self.endpoint, "GET", f"{attention.pacing}: {attention.reason}")

    async def _get(
        self, engine: CurlEngine, url: str, uri: str, decoder: Callable[[bytes], Decoded], urgency: int
    ) -> Decoded:
        refusals, refused_version = 0, -1
        while True:
            transfer = self._free.pop() if self._free and not self._queue else await self._wait_for_slot(urgency)
            version = self._version
            if transfer.headers_version != version:
                transfer.set_headers(self._headers, version)
            future: asyncio.Future[int] = engine.loop.create_future()
            transfer.begin(url, future)
            began = engine.loop.time()
            engine.start(transfer)
            try:
                code = await future
                status, body = (transfer.status(), transfer.body()) if code == 0 else (0, b"")
                wait = transfer.retry_after() if status in (429, 503) else 0.0
            finally:
                self._release(transfer, engine)
            now = engine.loop.time()
            if status == 200:
                self.governor.heard(now - began, now)
                if refusals and version == refused_version:
                    self.governor.wrongly_refused(now)
                return self._decode(uri, decoder, body)
            if code:
                if code != ENDED:
                    self.governor.silent(now - began, now)
                raise self._fault(transfer, code, uri)
            if status != 401 or refusals >= _MOST_REFUSALS or self._session is None:
                self.governor.refused(status, wait, now)
                raise refusal_of(self.endpoint, f"GET {uri}", status) or self._closed()
            if refusals and version == refused_version:
                await self._renew(version)
            refusals, refused_version = refusals + 1, version

    def _decode(self, uri: str, decoder: Callable[[bytes], Decoded], body: bytes) -> Decoded:
        try:
            return decoder(body)
        except DocumentTooLarge as err:
            raise ReplyTooLarge(self.endpoint, f"GET {uri}", str(err)) from err
        except DocumentFault as err:
            raise ReplyMalformed(self.endpoint, f"GET {uri}", str(err)) from err

    async def change(self, method: str, uri: str, body: Document | bytes | None = None, etag: str = "") -> Answer:
        """Send one state-changing request (see SessionOwner.change).

        Repeated only after a 401, once and with a fresh session: the device has then not even looked at it.
        """
        if self._engine is None:
            await self._open()
        if self._session is None:
            raise LoginRefused(self.endpoint, method, "no credential for this endpoint")
        version = self._version
        try:
            return await self._session.change(method, uri, body, etag)
        except LoginRefused as err:
            if err.status != 401:
                raise
        await self._renew(version)
        return await self._session.change(method, uri, body, etag)

    async def effect(self, uri: str, body: Document) -> Answer:
        """POST `body` once, over a connection of its own, and return what was said (see `post_once`).  Never repeated.

        After a 401 the session is renewed before LoginRefused is raised, so that whoever asks anew is let in.
        """
        return await self.once(
            uri,
            lambda call, engine, url, headers: post_once(call, engine, self.endpoint, url, headers, body, self.limits),
        )

    async def upload(self, uri: str, pieces: Sequence[bytes], kind: str) -> Answer:
        """POST a large body of content type `kind` once; otherwise as `effect`."""
        return await self.once(
            uri,
            lambda call, engine, url, headers: upload_once(
                call, engine, self.endpoint, url, headers, pieces, kind, self.limits
            ),
        )

    async def set_points(self, changes: Sequence[tuple[str, Document]]) -> list[DeviceError | None]:
        """PATCH resources one after the other over one connection of their own, and return what went wrong with each.

        After a 401 the session is renewed and the request made once more.  Raises what connecting raises.
        """
        engine = self._engine or await self._open()
        assert self._leaf is not None
        call = OneCall(self.endpoint, self.limits, self._pin, self._leaf)

        async def renewed() -> None:
            if self._session is not None:
                await self._renew(self._version)

        try:
            points = [(self._url_of(uri), body) for uri, body in changes]
            return await set_points(call, engine, self.endpoint, points, lambda: self._headers, self.limits, renewed)
        finally:
            call.close()

    async def once(self, uri: str, send: Send) -> Answer:
        """Have `send` make one request to `uri`; after a 401 the session is renewed before LoginRefused is raised."""
        engine = self._engine or await self._open()
        url, version = self._url_of(uri), self._version
        assert self._leaf is not None
        call = OneCall(self.endpoint, self.limits, self._pin, self._leaf)
        try:
            return await send(call, engine, url, self._headers)
        except LoginRefused as err:
            if err.status == 401 and self._session is not None:
                await self._renew(version)
            raise
        finally:
            call.close()

    async def stream(self, uri: str, last_id: str = "") -> EventStream:
        """Open the event stream at `uri`, one beside the requests in flight; `last_id` is where the last one ended.

        Raises what connecting and logging in raise; what becomes of the request shows in the stream's `batch`.
        """
        engine = self._engine or await self._open()
        url = self._url_of(uri)
        assert self._leaf is not None
        for other in list(self._streams):
            self.end_stream(other)
        stream = EventStream(self.endpoint, uri, self._leaf, self.limits, engine)
        self._streams.add(stream)
        headers = ["Accept: text/event-stream", *self._headers[1:]]
        stream.begin(url, [*headers, f"Last-Event-ID: {last_id}"] if last_id else headers)
        return stream

    def end_stream(self, stream: EventStream) -> None:
        """End a stream.  Never raises."""
        if stream in self._streams:
            self._streams.discard(stream)
            stream.close()

    @property
    def address(self) -> str:
        """Return where the endpoint answers, as the site file says it."""
        return self._address

    @property
    def logins(self) -> int:
        """Return how often a login has succeeded: one more means that the last session had ended."""
        return self._version

    @property
    def pin(self) -> str:
        """Return the pin that the endpoint's certificate must have."""
        return self._pin

    @property
    def leaf(self) -> Leaf | None:
        """Return the endpoint's certificate once it has been seen and found to be the pinned one."""
        return self._leaf

    async def close(self) -> None:
        """Log out and drop every connection.  Never raises."""
        engine, self._engine = self._engine, None
        for stream in list(self._streams):
            self.end_stream(stream)
        if self._session is not None:
            self._session.interrupt()
            await self._session.logout()
        for _, _, waiter in self._queue:
            if not waiter.done():
                waiter.set_exception(self._closed())
        self._queue.clear()
        self._pace.end(self._closed())
        if engine is None or engine.loop.is_closed():
            return
        for transfer in self._transfers:
            if transfer.running:
                engine.abandon(transfer)
                transfer.finished(pycurl.E_ABORTED_BY_CALLBACK)
            else:
                transfer.hang_up()
                transfer.close()
        self._transfers, self._free = [], []

    async def _open(self) -> CurlEngine:
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._engine is not None:
                return self._engine
            leaf = await self._login() if self._session is not None else await self._look()
            engine = engine_of_running_loop()
            self._transfers = [Transfer(leaf, self.limits) for _ in range(self.limits.in_flight)]
            self._free = list(self._transfers)
            self._engine = engine
            return engine

    async def _look(self) -> Leaf:
        """Return the certificate of an endpoint that nobody logs in to, checked against the pin."""
        leaf = self._leaf or await fetch_leaf(self.endpoint, self._address, self._port, self.limits.timeout)
        check_leaf(self.endpoint, leaf, self._pin)
        self._leaf = leaf
        return leaf

    async def _login(self) -> Leaf:
        assert self._session is not None
        loop = asyncio.get_running_loop()
        if self._login_error is not None and loop.time() - self._login_failed_at < self._cool_down(self._login_error):
            raise self._login_error.with_traceback(None)
        try:
            met = await self._logged_in()
        except TrustRefused as err:
            if self._leaf is None:
                if err.verb == "login":  # the password was sent before the answer turned out not to be trusted
                    self._login_error, self._login_failed_at = err, loop.time()
                raise
            self._leaf = None  # the certificate may have been renewed with the same key: judge it anew, once
            return await self._login()
        except (LoginRefused, EndpointRefused) as err:
            # BMCs lock accounts: a refused login is not tried again before the cool-down is over.
            self._login_error, self._login_failed_at = err, loop.time()
            self._logins_refused += 1
            raise
        self._login_error, self._leaf, self._root = None, met.leaf, met.root
        self._logins_refused = 0
        self._version += 1
        self._headers = [*self._headers[:2], met.header]
        return met.leaf

    async def _logged_in(self) -> Met:
        """Log in.  A 401 counts when it is said twice to a password that worked the last time it was tried."""
        assert self._session is not None
        try:
            return await self._session.login(self._leaf)
        except LoginRefused as err:
            if err.status != 401 or not self._version or self._login_error is not None:
                raise
        met = await self._session.login(self._leaf)
        self.governor.wrongly_refused(asyncio.get_running_loop().time())
        return met

    def _cool_down(self, error: DeviceError) -> float:
        """Return for how many s a refused login is not tried again: BMCs lock accounts; a busy one says how long."""
        if isinstance(error, EndpointRefused) and error.status in (429, 503):
            return min(LONGEST_COOL_DOWN, error.retry_after or BUSY_COOL_DOWN)
        worked = isinstance(error, LoginRefused) and error.status == 401 and self._version > 0
        return SHORT_COOL_DOWN if worked and self._logins_refused == 1 else LOGIN_COOL_DOWN

    async def _renew(self, version: int) -> None:
        """Log in anew, once for everybody who met the 401.

        Some controllers answer 401 now and then for no reason: after a few renewals the request is only repeated, or a
        storm of logins would use up the device's sessions and lock the account.
        """
        assert self._opening is not None
        assert self._session is not None
        async with self._opening:
            if version != self._version or not self._may_renew():  # or somebody else has already renewed it
                return
            await self._session.logout()
            await self._login()

    def _may_renew(self) -> bool:
        now = asyncio.get_running_loop().time()
        refilled = self._renewals + (now - self._renewed_at) / _RENEWAL_SECONDS
        self._renewals, self._renewed_at = min(float(_MOST_RENEWALS), refilled), now
        if self._renewals < 1.0:
            return False
        self._renewals -= 1.0
        return True

    def _closed(self) -> EndpointUnreachable:
        return EndpointUnreachable(self.endpoint, "GET", "the link was closed")

    def _fault(self, transfer: Transfer, code: int, uri: str) -> DeviceError:
        fault = transfer.fault(code, self.endpoint, f"GET {uri}")
        if isinstance(fault, TrustRefused) and self._leaf is not None and self._leaf.expired():
            return TrustRefused(
                self.endpoint, f"GET {uri}", f"the certificate expired on {self._leaf.not_after:%Y-%m-%d}"
            )
        return fault

    def _release(self, transfer: Transfer, engine: CurlEngine) -> None:
        if transfer.running:  # the waiting task was cancelled
            engine.abandon(transfer)
            transfer.running = False
        if self._engine is not engine:
            transfer.close()
            return
        self._hand_on(transfer)

    def _hand_on(self, transfer: Transfer) -> None:
        while self._queue:
            _, _, waiter = heapq.heappop(self._queue)
            if not waiter.done():
                waiter.set_result(transfer)
                return
        self._free.append(transfer)

    async def _wait_for_slot(self, urgency: int) -> Transfer:
        waiter: asyncio.Future[Transfer] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (urgency, next(self._ticket), waiter))
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._hand_on(waiter.result())
            raise

    def _url_of(self, uri: str) -> str:
        try:
            url = self.origin + local_path(uri, self.origin)
        except ValueError as err:
            raise TrustRefused(self.endpoint, "GET", str(err)) from err
        if len(self._urls) >= _MOST_URLS:
            self._urls.clear()
        self._urls[uri] = url
        return url


__all__ = ["BACKGROUND", "LOGIN_COOL_DOWN", "NORMAL", "PATIENT", "URGENT", "RedfishLink"]
