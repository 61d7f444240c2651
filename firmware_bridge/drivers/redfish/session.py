"""One endpoint's session: logging in and out over libcurl, and every verb that changes something over DMTF's `redfish`.

Thousands of logins at once would starve each other in threads, and changes are few: so only they run there, in the
reference client's hardened wrapper, and never leave this module.  The pin of the endpoint's certificate is the only
trust, compared before a byte of ours is sent; redirects, proxies, retries and foreign links are refused.
"""

import asyncio
import base64
import logging
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import redfish.rest.v1
import requests

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.engine import CurlEngine, engine_of_running_loop
from firmware_bridge.drivers.redfish.one_call import OneCall, Reply
from firmware_bridge.drivers.redfish.pinned import Late, Oversize, PinnedAdapter, Redirected, Untrusted
from firmware_bridge.drivers.redfish.trust import Leaf, check_leaf, fetch_leaf
from firmware_bridge.drivers.redfish.waiting import in_thread
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    LoginRefused,
    ReplyMalformed,
    ReplyTooLarge,
    ResourceMissing,
    TrustRefused,
)
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.wire.redfish.guard import Document, DocumentFault, DocumentTooLarge, parse
from firmware_bridge.wire.redfish.links import link_of, local_path, same_origin_path

SESSIONS = "/redfish/v1/SessionService/Sessions"
ROOT = "/redfish/v1/"
MOST_ROOT, MOST_ROOT_DEPTH = 256 * 1024, 16
_NO_LOGIN_HERE = (401, 404, 405)
_HEADERS = ("Accept: application/json", "OData-Version: 4.0")
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_PATIENCE = 2.5  # connecting, sending and receiving each have the endpoint's timeout
# The library logs bodies and headers, tokens included, at its debug level and broken bodies at its error level.
logging.getLogger("redfish.rest.v1").disabled = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a state-changing request brought: the task or resource it points to, and the body when there is one."""

    status: int
    location: str | None
    body: Document


@dataclass(frozen=True, slots=True)
class Met:
    """What logging in brought.  `root` is the service root's body where it was read on the way.

    `token` is empty where a service has no sessions: then `basic` goes with every request instead.
    """

    token: str = field(repr=False)
    leaf: Leaf
    root: bytes | None
    basic: str = field(default="", repr=False)

    @property
    def header(self) -> str:
        """Return the header that says who is asking."""
        return f"Authorization: {self.basic}" if self.basic else f"X-Auth-Token: {self.token}"


class _StrictClient(redfish.rest.v1.HttpClient):  # type: ignore[misc]
    """The reference client with its redirects, retries and environment switched off."""

    def __init__(self, origin: str, adapter: PinnedAdapter, timeout: float) -> None:
        super().__init__(base_url=origin, timeout=timeout, max_retry=0, check_connectivity=False, https_adapter=adapter)
        self.adapter = adapter
        self._session.trust_env = False
        self._session.headers["Accept-Encoding"] = "identity"
        # login() would fetch the service root first only to learn where sessions live.
        self.root_resp = ()

    def _rest_request(self, path: str = "", method: str = "GET", **options: Any) -> Any:
        options["allow_redirects"] = False
        return super()._rest_request(path=local_path(path), method=method, **options)


class SessionOwner:
    """The one place that logs in to an endpoint and out again; everybody else borrows `token`."""

    def __init__(self, endpoint: str, origin: str, limits: RequestLimits, credential: Credential, pin: str) -> None:
        self._endpoint, self._origin, self._limits, self._credential = endpoint, origin, limits, credential
        self._pin = pin
        self._leaf: Leaf | None = None
        self._where, self._sessions = "", SESSIONS
        self._turn = asyncio.Lock()
        self._asked: asyncio.Future[Any] | OneCall | None = None
        self._basic = ""
        self.token: str | None = None

    @property
    def without_sessions(self) -> bool:
        """Tell whether the service turned out to have no sessions: user and password go with every request."""
        return bool(self._basic)

    async def login(self, leaf: Leaf | None = None) -> Met:
        """Open a session; return its token, the certificate that the endpoint showed and its service root.

        Two requests, the root first: it carries no secret, and the certificate is judged by it.  With `leaf` known
        from before, only the login.  It goes where the root says that sessions are; a root that was not read yet is
        asked when the usual place does not take it.  Where the root names no sessions and nobody takes a login, user
        and password are tried once and then go with every request.  Raises LoginRefused, TrustRefused,
        EndpointUnreachable and the rest.
        """
        if leaf is not None:
            check_leaf(self._endpoint, leaf, self._pin)
        async with self._turn:
            engine = engine_of_running_loop()
            call = self._asked = OneCall(self._endpoint, self._limits, self._pin, leaf, self._check)
            root: bytes | None = None
            try:
                if leaf is None:
                    leaf, root = await self._judged(call, engine)
                    self._learn(root)
                if self._basic:
                    return Met("", leaf, root, self._basic)
                reply = await self._asked_for(call, engine)
                if root is None and (reply.status in _NO_LOGIN_HERE or 300 <= reply.status < 400):
                    root = await self._read_root(call, engine)
                    if self._learn(root):
                        reply = await self._asked_for(call, engine)
                if reply.status in _NO_LOGIN_HERE and (way := without_sessions(root or b"")):
                    self._basic, self._leaf = await self._tried(call, engine, way), leaf
                    return Met("", leaf, root, self._basic)
            finally:
                self._asked = None
                call.close()
            self.token, self._where, self._leaf = self._token_of(reply), reply.headers.get("location", ""), leaf
            return Met(self.token, leaf, root)

    async def _judged(self, call: OneCall, engine: CurlEngine) -> tuple[Leaf, bytes | None]:
        """Return the certificate and the service root, the latter None when it is not given without a login."""
        try:
            reply = await call.send(engine, "GET", f"{self._origin}{ROOT}", [*_HEADERS, "Connection: keep-alive"])
        except TrustRefused:
            shown = await fetch_leaf(self._endpoint, *self._address(), self._limits.timeout)
            check_leaf(self._endpoint, shown, self._pin)  # says which pin it shows
            raise
        except (ReplyMalformed, ReplyTooLarge):
            if call.shown is None:
                raise
            return call.shown, None
        if call.shown is None:
            raise TrustRefused(self._endpoint, "connect", "shows no certificate")
        return call.shown, reply.body if reply.status == 200 else None

    def _check(self, shown: Leaf) -> None:
        check_leaf(self._endpoint, shown, self._pin)

    async def _asked_for(self, call: OneCall, engine: CurlEngine) -> Reply:
        who = {"UserName": self._credential.user, "Password": self._credential.secret}
        headers = [*_HEADERS, "Content-Type: application/json", "Expect:"]
        try:
            return await call.send(engine, "POST", self._origin + self._sessions, headers, msgspec.json.encode(who))
        except DeviceError as err:
            raise type(err)(self._endpoint, "login", err.detail, advice=err.advice) from None

    async def _read_root(self, call: OneCall, engine: CurlEngine) -> bytes:
        reply = await call.send(engine, "GET", f"{self._origin}{ROOT}", list(_HEADERS))
        return reply.body if reply.status == 200 else b""

    def _learn(self, root: bytes | None) -> bool:
        """Take from a service root where sessions are opened; tell whether that is another place than before."""
        before, self._sessions = self._sessions, sessions_at(root or b"", self._origin) or self._sessions
        return self._sessions != before

    async def _tried(self, call: OneCall, engine: CurlEngine, uri: str) -> str:
        """Return the value of an Authorization header that `uri` is given for.  Raises LoginRefused and the rest."""
        user, secret = self._credential.user, self._credential.secret
        basic = "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
        headers = [*_HEADERS, f"Authorization: {basic}"]
        try:
            path = local_path(uri, self._origin)
        except ValueError as err:
            raise TrustRefused(self._endpoint, "login", f"the service root: {err}") from err
        reply = await call.send(engine, "GET", self._origin + path, headers)
        if reply.status in (401, 403):
            raise self._refused_login(str(reply.status))
        if reply.status != 200:
            raise EndpointRefused(self._endpoint, "login", f"HTTP {reply.status}", status=reply.status)
        return basic

    def _address(self) -> tuple[str, int]:
        parts = urlsplit(self._origin)
        return parts.hostname or "", parts.port or 443

    def _token_of(self, reply: Reply) -> str:
        """Return the token of a login's answer; raise what else the answer means."""
        if 300 <= reply.status < 400:
            raise TrustRefused(self._endpoint, "login", f"answered with a redirect ({reply.status})")
        if _wants_new_password(reply.body):
            raise LoginRefused(
                self._endpoint, "login", "the password must be changed first", advice="change it on the endpoint"
            )
        if reply.status in (401, 403):
            raise self._refused_login(str(reply.status))
        if reply.status >= 400 or reply.status < 200:
            wait = reply.headers.get("retry-after", "")
            raise EndpointRefused(
                self._endpoint,
                "login",
                f"HTTP {reply.status}",
                status=reply.status,
                retry_after=float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 0.0,
            )
        self._document("login", reply.body)
        token = reply.headers.get("x-auth-token", "")
        if not token:
            raise ReplyMalformed(self._endpoint, "login", "no X-Auth-Token in the answer")
        if not _TOKEN.fullmatch(token):
            raise ReplyMalformed(self._endpoint, "login", "a token that cannot stand in a header")
        return token

    def _refused_login(self, status: str) -> LoginRefused:
        user = quote(self._credential.user, safe="")
        return LoginRefused(
            self._endpoint, "login", f"HTTP {status} for user {user}", status=int(status), advice="check the credential"
        )

    async def logout(self) -> None:
        """Delete the session.  Never raises: an endpoint that is gone has forgotten us anyway."""
        async with self._turn:
            token, self.token = self.token, None
            if token is None or self._leaf is None:
                return
            call: OneCall | None = None
            try:
                where = local_path(same_origin_path(self._where, self._origin))
                call = OneCall(self._endpoint, self._limits, self._pin, self._leaf)
                headers = [*_HEADERS, f"X-Auth-Token: {token}", "Connection: close"]
                await call.send(engine_of_running_loop(), "DELETE", self._origin + where, headers)
            except (DeviceError, ValueError):
                return
            finally:
                if call is not None:
                    call.close()

    def interrupt(self) -> None:
        """Let whoever waits for the endpoint go on with EndpointUnreachable: the link is being closed."""
        closed = EndpointUnreachable(self._endpoint, "login", "the link was closed")
        if isinstance(self._asked, OneCall):
            self._asked.interrupt(closed)
        elif self._asked is not None and not self._asked.done():
            self._asked.set_exception(closed)

    async def change(self, method: str, uri: str, body: Document | bytes | None = None, etag: str = "") -> Answer:
        """Send PATCH, POST or DELETE once (never repeated) and return the answer.

        Raises EndpointRefused with its status and the device's message, ResourceMissing, LoginRefused, TrustRefused,
        EndpointUnreachable (which leaves open whether the device acted), ReplyMalformed, ReplyTooLarge.
        """
        if method not in ("PATCH", "POST", "DELETE"):
            raise ValueError(f"{method} does not change anything here")
        path = local_path(uri, self._origin)
        async with self._turn:
            if self.token is None and not self._basic:
                raise LoginRefused(self._endpoint, method, "not logged in")
            client = self._client()
            headers = {"If-Match": etag} if etag else {}
            answer: Answer = await self._call(
                f"{method} {path}", client, self._change_blocking, method, path, body, headers
            )
            return answer

    def _change_blocking(
        self, client: _StrictClient, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> Answer:
        reply = client._rest_request(path, method=method, body=body, headers=headers)
        status, verb = int(reply.status), f"{method} {path}"
        document = self._document(verb, reply._http_response.content)
        if status in (401, 403):
            raise LoginRefused(self._endpoint, verb, f"HTTP {status}", status=status)
        if status == 404:
            raise ResourceMissing(self._endpoint, verb, "not there", status=status)
        if status >= 400:
            raise EndpointRefused(self._endpoint, verb, f"HTTP {status} {_message(document)}".strip(), status=status)
        location = reply.getheader("Location")
        try:
            return Answer(status, same_origin_path(location, self._origin) if location else None, document)
        except ValueError as err:
            raise TrustRefused(self._endpoint, verb, str(err)) from err

    def _document(self, verb: str, raw: bytes) -> Document:
        if not raw.strip():
            return {}
        try:
            return parse(raw, self._limits.most_bytes, self._limits.most_depth)
        except DocumentTooLarge as err:
            raise ReplyTooLarge(self._endpoint, verb, str(err)) from err
        except DocumentFault as err:
            raise ReplyMalformed(self._endpoint, verb, str(err)) from err

    def _client(self) -> _StrictClient:
        """Return the reference client with our session: it is made for one call, and so is its connection."""
        timeout = float(self._limits.timeout)
        adapter = PinnedAdapter(self._endpoint, self._origin, self._pin, self._limits.most_bytes, timeout)
        client = _StrictClient(self._origin, adapter, timeout)
        if self._basic:
            client.set_authorization_key(self._basic)
        else:
            client.set_session_key(self.token)
        return client

    async def _call(self, verb: str, client: _StrictClient, work: Any, *arguments: Any) -> Any:
        """Run `work(client, *arguments)` in a thread; the connection is closed afterwards: such calls are rare."""
        try:
            # The library's own timeout starts anew with every byte of a header; this one does not.
            async with asyncio.timeout(self._limits.timeout * _PATIENCE):
                asked = self._asked = await in_thread(_run_and_close, client, work, arguments)
                return await asked
        except TimeoutError as err:
            raise EndpointUnreachable(self._endpoint, verb, "no reply in time") from err
        except redfish.rest.v1.RetriesExhaustedError as err:
            raise self._named(verb, err.__cause__) from err
        except requests.RequestException as err:
            raise self._named(verb, err) from err
        finally:
            self._asked = None
            client.adapter.hang_up()  # for a thread that nobody waits for any more; else there is nothing left to end

    def _named(self, verb: str, cause: BaseException | None) -> DeviceError:
        if isinstance(cause, Untrusted):
            return TrustRefused(self._endpoint, verb, cause.refusal.detail, advice=cause.refusal.advice)
        if isinstance(cause, Oversize):
            return ReplyTooLarge(self._endpoint, verb, str(cause))
        if isinstance(cause, Redirected):
            return TrustRefused(self._endpoint, verb, str(cause))
        if isinstance(cause, requests.exceptions.SSLError):
            return EndpointUnreachable(self._endpoint, verb, "the TLS handshake failed")
        if isinstance(cause, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
            return ReplyMalformed(self._endpoint, verb, "the body broke off")
        if isinstance(cause, requests.exceptions.Timeout | Late):
            return EndpointUnreachable(self._endpoint, verb, f"no reply within {self._limits.timeout:g} s")
        return EndpointUnreachable(self._endpoint, verb, type(cause).__name__)


def _run_and_close(client: _StrictClient, work: Any, arguments: tuple[Any, ...]) -> Any:
    try:
        return work(client, *arguments)
    finally:
        client.adapter.close()


def sessions_at(root: bytes, origin: str) -> str:
    """Return where a service root says that sessions are opened, nothing where it does not, or names another host."""
    try:
        found = link_of(parse(root, MOST_ROOT, MOST_ROOT_DEPTH), "Links", "Sessions")
        return "" if found is None else local_path(found, origin)
    except ValueError:
        return ""


def without_sessions(root: bytes) -> str:
    """Return a resource to try a password on where a root names no sessions, nothing where it does or is bad."""
    try:
        document = parse(root, MOST_ROOT, MOST_ROOT_DEPTH)
    except DocumentFault:
        return ""
    links = document.get("Links")
    if "SessionService" in document or (isinstance(links, dict) and "Sessions" in links):
        return ""
    found = (document.get(name) for name in ("Chassis", "Managers", "Systems"))
    return next((str(f["@odata.id"]) for f in found if isinstance(f, dict) and "@odata.id" in f), "")


def _message(document: Document) -> str:
    error = document.get("error")
    text = error.get("message") if isinstance(error, dict) else None
    return str(text)[:200] if isinstance(text, str) else ""


def _wants_new_password(body: bytes) -> bool:
    """Tell whether an answer carries Base's PasswordChangeRequired (DSP0266 §13.2.6), whatever its status."""
    return b"PasswordChangeRequired" in body[: 64 * 1024]
