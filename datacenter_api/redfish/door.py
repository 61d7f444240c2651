"""The Redfish side of the gate: who asks is recognised as everywhere else, refusals are Redfish errors.

Deny by default: a request needs a rule in the route matrix, and a login unless that rule is open.
"""

import logging
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope, Send

from datacenter_api.auth.doorkeeper import Denial, Doorkeeper
from datacenter_api.auth.doorkeeper import Principal as Known
from datacenter_api.redfish.accounts import SESSIONS, redfish_privileges, session_body
from datacenter_api.redfish.caller import Caller
from datacenter_api.redfish.events import STREAM, check_wish, stream
from datacenter_api.redfish.world import World
from datacenter_api.routes import allowed, methods_of, rule_for
from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.replies import Reply, json_body, outcome_reply, refusal_reply
from firmware_bridge.redfish_service.service import LOGIN, PRINCIPAL, RedfishService
from firmware_bridge.redfish_service.source import Document, Outcome, Principal
from firmware_bridge.redfish_service.uri import normalise
from firmware_bridge.vocabulary.errors import RackwrightError

log = logging.getLogger(__name__)

_READING = ("GET", "HEAD", "OPTIONS")
_CHALLENGE = (b"www-authenticate", b'Basic realm="rackwright", charset="UTF-8"')
_ANYBODY = Principal("", "", frozenset())
VIA = b"x-rackwright-aggregator"
"""Says which services a request has come through; one that has come through this one already is refused."""


@dataclass
class RedfishDoor:
    """Recognises, refuses or lets through to the service."""

    service: RedfishService
    world: World
    doorkeeper: Doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request below `/redfish`.  What nobody foresaw is logged and becomes an InternalError."""
        try:
            reply = await self._answer(scope, receive)
            if reply is None and self._wants_stream(scope):
                await stream(self.world, scope[PRINCIPAL], scope, receive, send)
                return
            if reply is None:
                await self.service(scope, receive, self._watched(scope, send))
                return
        except RackwrightError as err:
            reply = refusal_reply(err)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            reply = refusal_reply(RequestRefused("InternalError"))
        status, headers, body = reply
        self.world.parts.redfish.note(status)
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def read_now(self, raw_path: bytes, query: bytes, headers: dict[bytes, bytes], address: str) -> Reply | None:
        """Answer a GET of a resource with a session's token; None where anything else is to be thought of."""
        try:
            uri = normalise(raw_path)
            rule = rule_for("GET", uri)
            if rule is None or rule.privilege is None or uri == STREAM or VIA in headers:
                return None
            who = self.doorkeeper.recognise_token(headers[b"x-auth-token"].decode("latin-1"), address)
            if isinstance(who, Denial) or not allowed(rule, who.role):
                return None
            return self.service.read(uri, query, headers, _caller(who, headers))
        except RackwrightError as err:
            reply = refusal_reply(err)
        except Exception:
            log.exception("GET %s failed", raw_path.decode("latin-1"))
            reply = refusal_reply(RequestRefused("InternalError"))
        self.world.parts.redfish.note(reply[0])
        return reply

    def _watched(self, scope: Scope, send: Send) -> Send:
        """Count the answer, and enter a change that was forbidden into the audit trail."""
        caller = scope[PRINCIPAL]
        changing = scope["method"] not in _READING and isinstance(caller, Caller)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.world.parts.redfish.note(message["status"])
                if changing and message["status"] == 403:
                    wish = f"{scope['method']} {scope['path']}"
                    self.doorkeeper.store.audit(caller.who.user, caller.who.address, "refused", wish, "forbidden")
            await send(message)

        return sending

    async def _answer(self, scope: Scope, receive: Receive) -> Reply | None:
        """Return an answer that needs no resource, None when the service shall answer.  Raises RequestRefused."""
        headers = dict(scope["headers"])
        method, uri = scope["method"], normalise(scope["raw_path"])
        if self.world.uuid.encode() in headers.get(VIA, b""):
            raise RequestRefused("HeaderInvalid", VIA.decode(), status=508)
        rule = rule_for(method, uri)
        if rule is not None and rule.privilege is None:
            if method == "POST" and uri in LOGIN:
                return await self._log_in(scope, headers, receive)
            scope[PRINCIPAL] = await self._anybody(headers, _address(scope))
            return None
        who = await self._recognise(headers, _address(scope))
        if rule is None:
            known = ", ".join(methods_of(uri)).encode()
            raise RequestRefused("OperationNotAllowed", headers=((b"allow", known),))
        if not allowed(rule, who.role):
            raise RequestRefused("InsufficientPrivilege")
        scope[PRINCIPAL] = _caller(who, headers)
        return None

    async def _anybody(self, headers: dict[bytes, bytes], address: str) -> Principal:
        """Return who reads an open resource: with a good login they may expand it, otherwise they are nobody."""
        if b"x-auth-token" not in headers and b"authorization" not in headers:
            return _ANYBODY
        try:
            return _caller(await self._recognise(headers, address), headers)
        except RequestRefused:
            return _ANYBODY

    def _wants_stream(self, scope: Scope) -> bool:
        if scope["method"] != "GET" or normalise(scope["raw_path"]) != STREAM:
            return False
        check_wish(dict(scope["headers"]), scope["query_string"], self.world.parts.broadcaster.full)
        return True

    async def _recognise(self, headers: dict[bytes, bytes], address: str) -> Known:
        token = headers.get(b"x-auth-token")
        if token is not None:
            known = self.doorkeeper.recognise_token(token.decode("latin-1"), address)
        else:
            known = await self.doorkeeper.recognise({k: v for k, v in headers.items() if k != b"cookie"}, address)
        if isinstance(known, Denial):
            raise _refused(known)
        return known

    async def _log_in(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        body = await json_body(headers, receive)
        for name in ("UserName", "Password"):
            if name not in body:
                raise RequestRefused("PropertyMissing", name, related=(f"#/{name}",))
            if not isinstance(body[name], str):
                raise RequestRefused("PropertyValueTypeError", "(not shown)", name, related=(f"#/{name}",))
        done = await self.doorkeeper.log_in(body["UserName"], body["Password"], _address(scope))
        if isinstance(done, Denial):
            raise _login_refused(done)
        token, session = done
        uri = f"{SESSIONS}/{session.id}"
        document = Document.of(session_body(session, uri, self.doorkeeper.accounts.get(session.user).role))
        return outcome_reply(Outcome(201, document, uri, ((b"x-auth-token", token.encode()),)))


def _caller(who: Known, headers: dict[bytes, bytes]) -> Caller:
    program = headers.get(b"user-agent", b"").decode("latin-1")
    return Caller(who.user, who.role, redfish_privileges(who.role), who, program)


def _refused(why: Denial) -> RequestRefused:
    if why.status == 429:
        return _busy(why)
    return RequestRefused("NoValidSession", headers=(_CHALLENGE,))


def _login_refused(why: Denial) -> RequestRefused:
    if why.status == 429:
        return _busy(why)
    return RequestRefused("ResourceAtUriUnauthorized", SESSIONS, why.message, headers=(_CHALLENGE,))


def _busy(why: Denial) -> RequestRefused:
    wait = str(why.retry_after_s)
    return RequestRefused("ServiceTemporarilyUnavailable", wait, status=429, headers=((b"retry-after", wait.encode()),))


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
