"""The Redfish protocol engine as an ASGI application over a ResourceSource; it knows no model and keeps no state
besides sessions."""

import base64
import binascii
import time
from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

import orjson

from firmware_bridge.redfish_service.event_hub import EventHub
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.multipart import multipart_body
from firmware_bridge.redfish_service.query import Features, Query, parse_query
from firmware_bridge.redfish_service.replies import (
    JSON,
    NO_CACHE,
    ODATA,
    Receive,
    Reply,
    ascii_bytes,
    check_reader,
    etag_of,
    json_body,
    matches,
    outcome_reply,
    refusal_reply,
    schema_link,
)
from firmware_bridge.redfish_service.sessions import COLLECTION, SessionTable
from firmware_bridge.redfish_service.shape import shape
from firmware_bridge.redfish_service.source import (
    Authenticator,
    Document,
    Outcome,
    Principal,
    ResourceSource,
    UploadSource,
)
from firmware_bridge.redfish_service.source import Send as Send
from firmware_bridge.redfish_service.uri import normalise
from firmware_bridge.vocabulary.errors import RackwrightError

Scope = MutableMapping[str, Any]
ROOT = "/redfish/v1"
VERSIONS = "/redfish"
OPEN = frozenset((VERSIONS, ROOT, ROOT + "/odata", ROOT + "/$metadata"))
LOGIN = frozenset((COLLECTION, COLLECTION + "/Members"))
_CHALLENGE = (b"www-authenticate", b'Basic realm="redfish", charset="UTF-8"')
PRINCIPAL = "redfish.principal"
"""Key of an ASGI scope: whom an outer door has recognised already; the engine then asks nobody."""
_MEMBERS_ONLY = Query(expand=".")


class RedfishService:
    """One Redfish service.

    `source` owns the resources, `authenticator` the accounts; `sessions` are kept here.  `features` come from the
    ServiceRoot when not given.  `owns_sessions` false leaves sessions to the source: their documents and their end,
    but for those opened here.
    `events` adds subscriptions and the event stream; the EventService resource itself is the source's.
    """

    def __init__(
        self,
        source: ResourceSource,
        authenticator: Authenticator,
        *,
        sessions: SessionTable | None = None,
        features: Features | None = None,
        owns_sessions: bool = True,
        events: EventHub | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.authenticator = source, authenticator
        self.sessions = sessions if sessions is not None else SessionTable()
        self.owns_sessions, self.events = owns_sessions, events
        self._features, self._now = features, now

    @property
    def features(self) -> Features:
        """Return what the service offers, as its own ServiceRoot says it."""
        if self._features is None:
            root = self.source.get(ROOT, None)
            self._features = Features.of_service_root(root.body if root else None)
        return self._features

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.  Never lets an error of ours out without an error body."""
        if scope["type"] != "http":
            return
        method = scope["method"]
        try:
            headers = dict(scope["headers"])
            uri = normalise(scope["raw_path"])
            principal = scope.get(PRINCIPAL) or await self._principal(headers)
            if principal is None and not self._is_open(method, uri):
                raise RequestRefused("NoValidSession", headers=(_CHALLENGE,))
            if method == "GET" and self._is_stream(uri):
                await self._stream(headers, scope, receive, send)
                return
            if method in ("GET", "HEAD"):
                status, extra, body = self.read(uri, scope["query_string"], headers, principal)
            else:
                status, extra, body = await self._change(method, uri, scope, headers, principal, receive)
        except RackwrightError as err:
            status, extra, body = refusal_reply(err)
        if method == "HEAD":
            extra.append((b"content-length", str(len(body)).encode()))
            body = b""
        elif status not in (204, 304):
            extra.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": extra})
        await send({"type": "http.response.body", "body": body})

    # Reading

    def read_now(self, raw_path: bytes, query_string: bytes, headers: dict[bytes, bytes]) -> Reply | None:
        """Answer a GET that carries a session token without suspending; None for anything else.

        Servers that can write an answer at once save the price of a task per request.
        """
        token = headers.get(b"x-auth-token")
        if token is None:
            return None
        try:
            uri = normalise(raw_path)
            if self._is_stream(uri):
                return None
            principal = self._principal_of(token)
            return self.read(uri, query_string, headers, principal)
        except RackwrightError as err:
            return refusal_reply(err)

    def read(self, uri: str, query_string: bytes, headers: dict[bytes, bytes], principal: Principal | None) -> Reply:
        """Answer a GET by somebody who has been recognised.  Raises RequestRefused."""
        document = self._document(uri, principal)
        if document is None:
            raise self._absent(uri)
        check_reader(headers, document.media)
        raw = document.raw
        media = JSON if document.media is None else (b"content-type", document.media)
        extra = [ODATA, media, NO_CACHE, (b"allow", ascii_bytes(document.allow))]
        schema = schema_link(raw)
        if schema is not None:
            extra.append(schema)
        if query_string and document.pages:
            page = document.pages.get(unquote(query_string.decode("latin-1")))
            if page is not None:
                return 200, extra, page
        query = parse_query(query_string.decode("latin-1"), self.features) if query_string else None
        if query is not None:
            if query.expand and principal is None:  # the root is open to everybody, what stands behind it is not
                raise RequestRefused("NoValidSession", headers=(_CHALLENGE,))
            if document.media is not None:
                raise RequestRefused("QueryNotSupportedOnResource")  # no JSON: nothing to choose from
            if query == _MEMBERS_ONLY:
                spliced = self._spliced(document.body, principal)
                if spliced is not None:
                    return 200, extra, spliced
            shaped = shape(document.body, query, lambda at: self._body(at, principal))
            return 200, extra, orjson.dumps(shaped)
        etag = etag_of(document)
        extra.append((b"etag", etag))
        wanted = headers.get(b"if-none-match")
        if wanted is not None and matches(wanted, etag):
            return 304, extra, b""
        return document.status, [*extra, *document.headers] if document.headers else extra, raw

    def _document(self, uri: str, principal: Principal | None) -> Document | None:
        if uri == VERSIONS:
            return Document(b'{"v1":"/redfish/v1/"}')
        if uri.startswith(COLLECTION):
            own = self._session_document(uri)
            if own is not None:
                return own
        if self.events is not None and self.events.owns(uri):
            return self.events.get(uri)
        return self.source.get(uri, principal)

    def _is_stream(self, uri: str) -> bool:
        return self.events is not None and uri == self.events.stream_uri

    async def _stream(self, headers: dict[bytes, bytes], scope: Scope, receive: Receive, send: Send) -> None:
        assert self.events is not None
        accept = headers.get(b"accept", b"*/*")
        if b"text/event-stream" not in accept and b"*/*" not in accept:
            raise RequestRefused("HeaderInvalid", "Accept", status=406)
        client = scope.get("client")
        last_seen = headers.get(b"last-event-id", b"").decode("latin-1")
        subscription = self.events.open_stream(str(client[0]) if client else "", last_seen)
        try:
            assert subscription.stream is not None
            await subscription.stream.run(receive, send)
        finally:
            self.events.drop(subscription)

    def _body(self, uri: str, principal: Principal | None) -> dict[str, Any] | None:
        try:
            document = self._document(normalise(uri.encode()), principal)
        except RackwrightError:
            return None
        return None if document is None else document.body

    def _spliced(self, body: dict[str, Any], principal: Principal | None) -> bytes | None:
        """Return a collection with its members' JSON put in as it is; None where more than members would expand.

        What pollers ask most: parsing and dumping every member again would cost eight times as much.
        """
        members = body.get("Members")
        if not isinstance(members, list) or any(isinstance(v, (dict, list)) for k, v in body.items() if k != "Members"):
            return None
        parts = []
        for member in members:
            at = member.get("@odata.id", "") if isinstance(member, dict) and len(member) == 1 else ""
            document = self._document(at.rstrip("/"), principal) if at and "#" not in at else None
            parts.append(orjson.dumps(member) if document is None else document.raw)
        head = orjson.dumps({k: v for k, v in body.items() if k != "Members"})
        comma = b"," if len(head) > 2 else b""
        return head[:-1] + comma + b'"Members":[' + b",".join(parts) + b"]}"

    def _session_document(self, uri: str) -> Document | None:
        now = self._now()
        if uri == COLLECTION:
            if not self.owns_sessions:
                return None
            members = [{"@odata.id": at} for at in self.sessions.listing(now)]
            body = {
                "@odata.id": COLLECTION,
                "@odata.type": "#SessionCollection.SessionCollection",
                "Name": "Session Collection",
                "Members@odata.count": len(members),
                "Members": members,
            }
            return Document.of(body, "GET, HEAD, POST")
        session = self.sessions.find(uri.removeprefix(COLLECTION + "/"), now)
        return None if session is None else Document.of(session.body(), "GET, HEAD, DELETE")

    def _kept_here(self, uri: str) -> bool:
        """Tell whether a session was opened by this engine: who may log in may log out, whatever the source shows."""
        return self.sessions.find(uri.removeprefix(COLLECTION + "/"), self._now()) is not None

    # Changing

    async def _change(
        self,
        method: str,
        uri: str,
        scope: Scope,
        headers: dict[bytes, bytes],
        principal: Principal | None,
        receive: Receive,
    ) -> Reply:
        if method == "OPTIONS":
            return 204, [ODATA, (b"allow", ascii_bytes(self._allowed(uri, principal)))], b""
        if method == "POST" and uri in LOGIN:
            return outcome_reply(await self._login(await json_body(headers, receive), scope))
        allowed = self._allowed(uri, principal)
        if method not in allowed.split(", "):
            raise RequestRefused("OperationNotAllowed", headers=((b"allow", ascii_bytes(allowed)),))
        if principal is None:
            raise RequestRefused("NoValidSession", headers=(_CHALLENGE,))
        if method == "DELETE" and uri.startswith(COLLECTION + "/") and (self.owns_sessions or self._kept_here(uri)):
            return outcome_reply(self._logout(uri, principal))
        events = self.events if self.events is not None and self.events.owns(uri) else None
        owner: EventHub | ResourceSource = self.source if events is None else events
        if owner.privilege(uri, method) not in principal.privileges:
            raise RequestRefused("InsufficientPrivilege")
        most = self.source.uploads(uri) if method == "POST" and isinstance(self.source, UploadSource) else 0
        if most:
            parts = await multipart_body(headers, receive, most)
            return outcome_reply(await self.source.upload(uri, parts, principal))  # type: ignore[attr-defined]
        # The body first: between the condition and the change nobody else may get in.
        body = await json_body(headers, receive) if method in ("PATCH", "POST") else {}
        self._check_match(uri, headers, principal)
        if method == "PATCH":
            changed = await self.source.patch(uri, body, principal)
            return outcome_reply(Outcome(204 if changed is None else 200, changed))
        if method == "POST":
            return outcome_reply(await owner.post(uri, body, principal))
        return outcome_reply(await owner.delete(uri, principal))

    def _allowed(self, uri: str, principal: Principal | None) -> str:
        document = self._document(uri, principal)
        allowed = document.allow if document is not None else self._methods(uri)
        if uri in LOGIN:
            allowed = "GET, HEAD, POST"
        if not allowed:
            raise RequestRefused("ResourceMissingAtURI", uri)
        return allowed

    def _methods(self, uri: str) -> str:
        own = self.events.methods(uri) if self.events is not None else ""
        return own or self.source.methods(uri)

    def _absent(self, uri: str) -> RequestRefused:
        allowed = self._methods(uri)
        if allowed:
            return RequestRefused("OperationNotAllowed", headers=((b"allow", ascii_bytes(allowed)),))
        return RequestRefused("ResourceMissingAtURI", uri)

    def _check_match(self, uri: str, headers: dict[bytes, bytes], principal: Principal) -> None:
        wanted = headers.get(b"if-match")
        if wanted is None:
            return
        document = self._document(uri, principal)
        if document is None or not matches(wanted, etag_of(document)):
            raise RequestRefused("PreconditionFailed")

    # Who is asking

    async def _principal(self, headers: dict[bytes, bytes]) -> Principal | None:
        token = headers.get(b"x-auth-token")
        if token is not None:
            return self._principal_of(token)
        authorization = headers.get(b"authorization")
        if authorization is None:
            return None
        scheme, _, sealed = authorization.partition(b" ")
        try:
            user, colon, password = base64.b64decode(sealed.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as err:
            raise RequestRefused("HeaderInvalid", "Authorization") from err
        if scheme.lower() != b"basic" or not colon:
            raise RequestRefused("NoValidSession", headers=(_CHALLENGE,))
        principal = await self.authenticator.verify(user, password)
        if principal is None:
            raise RequestRefused("NoValidSession", headers=(_CHALLENGE,))
        return principal

    def _principal_of(self, token: bytes) -> Principal:
        principal = self.sessions.principal_of(token.decode("latin-1"), self._now())
        if principal is None:
            raise RequestRefused("NoValidSession", headers=(_CHALLENGE,))
        return principal

    @staticmethod
    def _is_open(method: str, uri: str) -> bool:
        return (method in ("GET", "HEAD", "OPTIONS") and uri in OPEN) or (method == "POST" and uri in LOGIN)

    async def _login(self, body: dict[str, Any], scope: Scope) -> Outcome:
        for name in ("UserName", "Password"):
            if not isinstance(body.get(name), str):
                raise RequestRefused("PropertyMissing", name, related=(f"#/{name}",))
        principal = await self.authenticator.verify(body["UserName"], body["Password"])
        if principal is None:
            raise RequestRefused("ResourceAtUriUnauthorized", COLLECTION, "wrong user name or password")
        client = scope.get("client")
        session = self.sessions.open(principal, str(client[0]) if client else "", self._now())
        return Outcome(
            201,
            Document.of(session.body()),
            f"{COLLECTION}/{session.id}",
            ((b"x-auth-token", session.token.encode()),),
        )

    def _logout(self, uri: str, principal: Principal) -> Outcome:
        session = self.sessions.find(uri.removeprefix(COLLECTION + "/"), self._now())
        if session is None:
            raise RequestRefused("ResourceMissingAtURI", uri)
        if session.principal.name != principal.name and "ConfigureManager" not in principal.privileges:
            raise RequestRefused("InsufficientPrivilege")
        self.sessions.close(session.id)
        return Outcome(204)
