"""DMTF's `redfish` client in a hardened wrapper: login, logout and every verb that changes something.

Blocking calls run in threads and never leave this module.  The pin of the endpoint's certificate is the only trust,
compared before a byte of ours is sent; redirects, proxies, retries and foreign links are refused.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import redfish.rest.v1
import requests

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.pinned import Late, Oversize, PinnedAdapter, Redirected, Untrusted
from firmware_bridge.drivers.redfish.trust import Leaf
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
from firmware_bridge.wire.redfish.links import local_path, same_origin_path

SESSIONS = "/redfish/v1/SessionService/Sessions"
_PATIENCE = 2.5  # connecting, sending and receiving each have the endpoint's timeout
# What the library lets through when an answer has another shape than it expects.
_LIBRARY_SURPRISES = (
    redfish.rest.v1.JsonDecodingError,
    *(KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError),
)
# The library logs bodies and headers, tokens included, at its debug level and broken bodies at its error level.
logging.getLogger("redfish.rest.v1").disabled = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a state-changing request brought: the task or resource it points to, and the body when there is one."""

    status: int
    location: str | None
    body: Document


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
        self._client: _StrictClient | None = None
        self._turn = asyncio.Lock()
        self._asked: asyncio.Future[Any] | None = None
        self.token: str | None = None

    async def login(self) -> tuple[str, Leaf]:
        """Open a session; return its token and the certificate that the endpoint showed, which is the pinned one.

        Raises LoginRefused, TrustRefused, EndpointUnreachable and the rest.
        """
        async with self._turn:
            client = self._new_client()
            await self._call("login", client, self._login_blocking)
            token, leaf = client.get_session_key(), client.adapter.leaf
            if not token or leaf is None:
                raise ReplyMalformed(self._endpoint, "login", "no X-Auth-Token in the answer")
            self._client, self.token = client, token
            return token, leaf

    def _new_client(self) -> _StrictClient:
        timeout = float(self._limits.timeout)
        adapter = PinnedAdapter(self._endpoint, self._origin, self._pin, self._limits.most_bytes, timeout)
        return _StrictClient(self._origin, adapter, timeout)

    def _login_blocking(self, client: _StrictClient) -> None:
        client.login_url = SESSIONS
        try:
            client.login(self._credential.user, self._credential.secret, auth="session")
        except redfish.rest.v1.InvalidCredentialsError as err:
            raise self._refused_login("401") from err
        except redfish.rest.v1.SessionCreationError as err:
            text = str(err)
            if text.startswith("HTTP 403"):
                raise self._refused_login("403") from err
            status = int(text[5:8]) if text[5:8].isdigit() else 0
            raise EndpointRefused(self._endpoint, "login", f"HTTP {status}", status=status) from err
        except redfish.rest.v1.RedfishPasswordChangeRequiredError as err:
            raise LoginRefused(
                self._endpoint, "login", "the password must be changed first", advice="change it on the endpoint"
            ) from err
        except _LIBRARY_SURPRISES as err:
            raise ReplyMalformed(self._endpoint, "login", "the answer is not that of a session service") from err

    def _refused_login(self, status: str) -> LoginRefused:
        user = quote(self._credential.user, safe="")
        return LoginRefused(
            self._endpoint, "login", f"HTTP {status} for user {user}", status=int(status), advice="check the credential"
        )

    async def logout(self) -> None:
        """Delete the session.  Never raises: an endpoint that is gone has forgotten us anyway."""
        async with self._turn:
            client, self._client, self.token = self._client, None, None
            if client is None:
                return
            try:
                where = local_path(same_origin_path(client.get_session_location() or "", self._origin))
                client.set_session_location(self._origin + where)
                await self._call("logout", client, _StrictClient.logout)
            except (DeviceError, redfish.rest.v1.BadRequestError, *_LIBRARY_SURPRISES):
                return

    def interrupt(self) -> None:
        """Let whoever waits for the endpoint go on with EndpointUnreachable: the link is being closed."""
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(EndpointUnreachable(self._endpoint, "login", "the link was closed"))

    async def change(self, method: str, uri: str, body: Document | bytes | None = None, etag: str = "") -> Answer:
        """Send PATCH, POST or DELETE once (never repeated) and return the answer.

        Raises EndpointRefused with its status and the device's message, ResourceMissing, LoginRefused, TrustRefused,
        EndpointUnreachable (which leaves open whether the device acted), ReplyMalformed, ReplyTooLarge.
        """
        if method not in ("PATCH", "POST", "DELETE"):
            raise ValueError(f"{method} does not change anything here")
        path = local_path(uri, self._origin)
        async with self._turn:
            client = self._client
            if client is None:
                raise LoginRefused(self._endpoint, method, "not logged in")
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

    async def _call(self, verb: str, client: _StrictClient, work: Any, *arguments: Any) -> Any:
        """Run `work(client, *arguments)` in a thread; the connection is closed afterwards: such calls are rare."""
        try:
            # The library's own timeout starts anew with every byte of a header; this one does not.
            async with asyncio.timeout(self._limits.timeout * _PATIENCE):
                self._asked = await in_thread(_run_and_close, client, work, arguments)
                return await self._asked
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


def _message(document: Document) -> str:
    error = document.get("error")
    text = error.get("message") if isinstance(error, dict) else None
    return str(text)[:200] if isinstance(text, str) else ""
