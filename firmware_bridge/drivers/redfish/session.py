"""DMTF's `redfish` client in a hardened wrapper: login, logout and every verb that changes something.

Blocking calls run in threads and never leave this module.  The endpoint's own certificate is the only trust anchor,
checked in the handshake before a byte of ours is sent; redirects, proxies, retries and foreign links are refused.
"""

import asyncio
import logging
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import redfish.rest.v1
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.trust import Leaf
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
# Enough that endpoints which hang at login do not keep the others of a row waiting.
_THREADS = ThreadPoolExecutor(64, thread_name_prefix="redfish-session")
# The library logs bodies and headers, tokens included, at its debug level and broken bodies at its error level.
logging.getLogger("redfish.rest.v1").disabled = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a state-changing request brought: the task or resource it points to, and the body when there is one."""

    status: int
    location: str | None
    body: Document


class _Oversize(requests.RequestException):
    """The body went over the cap."""


class _Redirected(requests.RequestException):
    """The endpoint tried to send us elsewhere."""


class _Late(requests.RequestException):
    """The body did not end before the deadline."""


class _PinnedAdapter(HTTPAdapter):
    """Trusts one certificate, reads at most `most_bytes`, and keeps to one deadline from first byte to last."""

    def __init__(self, leaf: Leaf, most_bytes: int, timeout: float) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False  # a management address is no host name; the certificate itself is pinned
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        self._context.load_verify_locations(cadata=leaf.pem)
        self._most_bytes, self._timeout = most_bytes, timeout
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Keep our context: the stock method would turn verification off because the library passes verify=False."""
        address = urlsplit(request.url)
        host = {"scheme": "https", "host": address.hostname, "port": address.port or 443}
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED", "assert_hostname": False}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the pool as built above."""

    def send(self, request: Any, *_: Any, **options: Any) -> requests.Response:
        """Send one request and read its body inside the caps; nothing is decompressed."""
        options["stream"], options["proxies"] = True, {}
        deadline = time.monotonic() + self._timeout
        response = super().send(request, **options)
        if 300 <= response.status_code < 400:
            response.close()
            raise _Redirected(f"answered with a redirect ({response.status_code})")
        try:
            response._content = self._body(response.raw, deadline)
        except urllib3.exceptions.TimeoutError as err:
            raise _Late("the body did not end in time") from err
        except urllib3.exceptions.HTTPError as err:
            raise requests.exceptions.ChunkedEncodingError(err) from err
        finally:
            if not isinstance(response._content, bytes):
                response.close()
        return response

    def _body(self, raw: Any, deadline: float) -> bytes:
        body = bytearray()
        # read1 returns what has come, so that a body which drips byte by byte meets the deadline as well.
        while chunk := raw.read1(16_384, decode_content=False):
            body += chunk
            if len(body) > self._most_bytes:
                raise _Oversize(f"more than {self._most_bytes} bytes")
            if time.monotonic() > deadline:
                raise _Late("the body did not end in time")
        return bytes(body)


class _StrictClient(redfish.rest.v1.HttpClient):  # type: ignore[misc]
    """The reference client with its redirects, retries and environment switched off."""

    def __init__(self, origin: str, leaf: Leaf, limits: RequestLimits) -> None:
        adapter = _PinnedAdapter(leaf, limits.most_bytes, limits.timeout)
        super().__init__(
            base_url=origin, timeout=float(limits.timeout), max_retry=0, check_connectivity=False, https_adapter=adapter
        )
        self._session.trust_env = False
        self._session.headers["Accept-Encoding"] = "identity"
        # login() would fetch the service root first only to learn where sessions live.
        self.root_resp = ()

    def _rest_request(self, path: str = "", method: str = "GET", **options: Any) -> Any:
        options["allow_redirects"] = False
        return super()._rest_request(path=local_path(path), method=method, **options)


class SessionOwner:
    """The one place that logs in to an endpoint and out again; everybody else borrows `token`."""

    def __init__(self, endpoint: str, origin: str, limits: RequestLimits, credential: Credential) -> None:
        self._endpoint, self._origin, self._limits, self._credential = endpoint, origin, limits, credential
        self._client: _StrictClient | None = None
        self._turn = asyncio.Lock()
        self.token: str | None = None

    async def login(self, leaf: Leaf) -> str:
        """Open a session and return its token.  Raises LoginRefused, TrustRefused, EndpointUnreachable and the rest."""
        async with self._turn:
            client = _StrictClient(self._origin, leaf, self._limits)
            await self._call("login", self._login_blocking, client)
            client._session.close()  # logins and changes are rare: no third connection is kept open for them
            self._client, self.token = client, client.get_session_key()
            if not self.token:
                raise ReplyMalformed(self._endpoint, "login", "no X-Auth-Token in the answer")
            return self.token

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
                await self._call("logout", client.logout)
            except (DeviceError, redfish.rest.v1.BadRequestError, *_LIBRARY_SURPRISES):
                return
            finally:
                client._session.close()

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
            verb = f"{method} {path}"
            try:
                answer: Answer = await self._call(verb, self._change_blocking, client, method, path, body, headers)
            finally:
                client._session.close()
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

    async def _call(self, verb: str, work: Any, *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        try:
            # The library's own timeout starts anew with every byte of a header; this one does not.
            async with asyncio.timeout(self._limits.timeout * _PATIENCE):
                return await loop.run_in_executor(_THREADS, work, *arguments)
        except TimeoutError as err:
            raise EndpointUnreachable(self._endpoint, verb, "no reply in time") from err
        except redfish.rest.v1.RetriesExhaustedError as err:
            raise self._named(verb, err.__cause__) from err
        except requests.RequestException as err:
            raise self._named(verb, err) from err

    def _named(self, verb: str, cause: BaseException | None) -> DeviceError:
        if isinstance(cause, _Oversize):
            return ReplyTooLarge(self._endpoint, verb, str(cause))
        if isinstance(cause, _Redirected):
            return TrustRefused(self._endpoint, verb, str(cause))
        if isinstance(cause, requests.exceptions.SSLError):
            if "CERTIFICATE_VERIFY_FAILED" in str(cause):
                what = "the certificate expired" if "expired" in str(cause) else "the certificate is not the pinned one"
                return TrustRefused(self._endpoint, verb, what)
            return EndpointUnreachable(self._endpoint, verb, "the TLS handshake failed")
        if isinstance(cause, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
            return ReplyMalformed(self._endpoint, verb, "the body broke off")
        if isinstance(cause, requests.exceptions.Timeout | _Late):
            return EndpointUnreachable(self._endpoint, verb, f"no reply within {self._limits.timeout:g} s")
        return EndpointUnreachable(self._endpoint, verb, type(cause).__name__)


def _message(document: Document) -> str:
    error = document.get("error")
    text = error.get("message") if isinstance(error, dict) else None
    return str(text)[:200] if isinstance(text, str) else ""
