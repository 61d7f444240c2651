"""The one door: pure ASGI around the whole application, for `http` and `websocket` alike.  Deny by default."""

from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datacenter_api.auth.doorkeeper import Denial, Doorkeeper, Principal
from datacenter_api.problem import problem
from datacenter_api.routes import MOST_BODY_BYTES, Rule, allowed, methods_of, rule_for
from rack_controller.model.roles import may_not, whom_to_ask

PRINCIPAL = "rackwright.principal"
_SAFE = {"GET", "HEAD", "OPTIONS"}

_STRICT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
_PAGE = f"{_STRICT}; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'"
# NiceGUI compiles its templates in the browser, which needs inline script and eval; nothing may come from elsewhere.
_CONSOLE = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; "
    "form-action 'self'; object-src 'none'"
)
# Swagger UI sets style attributes while it draws.
_DOCS = _PAGE.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
# A report stands alone: its styles and photos are in it, and it runs nothing.
_REPORT = f"{_STRICT}; style-src 'unsafe-inline'; img-src data:"
_REPORTS = ("/api/v1/acceptance/runs/", "/report.html")

_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

_SEAL = [
    *((name.encode(), value.encode()) for name, value in _HEADERS.items()),
    (b"content-security-policy", _STRICT.encode()),
    (b"cache-control", b"no-store"),
]
_WRITTEN_SEAL = b"".join(b"%b: %b\r\n" % field for field in _SEAL)


@dataclass
class Gate:
    """Wraps `app`.  Finds the route's rule, recognises who asks, checks role and origin, sets security headers.

    `redfish` is the door of what lies below `/redfish`: it asks the same matrix and the same doorkeeper, and answers
    in Redfish's own words.
    """

    app: ASGIApp
    doorkeeper: Doorkeeper
    redfish: ASGIApp | None = None

    def answer_now(
        self, raw_path: bytes, query: bytes, headers: dict[bytes, bytes], client: tuple[str, int] | None
    ) -> tuple[int, bytes, bytes] | None:
        """Return status, written headers and body of a GET that can be answered without waiting, None for any other.

        Only reads of the Redfish service with a session's token are; all rules are the same.
        """
        if not raw_path.startswith(b"/redfish/") or b"x-auth-token" not in headers or self.redfish is None:
            return None
        read_now = getattr(self.redfish, "read_now", None)
        reply = (
            None if read_now is None else read_now(raw_path, query, headers, str(client[0]) if client else "unknown")
        )
        if reply is None:
            return None
        status, fields, body = reply
        written = b"".join(b"%b: %b\r\n" % field for field in fields if field[0] != b"cache-control")
        return status, written + _WRITTEN_SEAL, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            return
        if self.redfish is not None and scope["type"] == "http" and _is_redfish(scope["path"]):
            await self.redfish(scope, _bounded(receive), _sealed(send))
            return
        sender = _with_headers(scope, send) if scope["type"] == "http" else send
        rule = rule_for(scope["method"] if scope["type"] == "http" else "WEBSOCKET", scope["path"])
        refusal = await self._refusal(scope, rule)
        if refusal is None:
            most = MOST_BODY_BYTES if rule is None else rule.most_bytes
            await self.app(scope, _bounded(receive, most) if scope["type"] == "http" else receive, sender)
        elif scope["type"] == "http":
            await refusal(scope, receive, sender)
        else:
            await _refuse_websocket(scope, receive, send, refusal)

    async def _refusal(self, scope: Scope, rule: Rule | None) -> Response | None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        method = scope["method"] if scope["type"] == "http" else "WEBSOCKET"
        most = MOST_BODY_BYTES if rule is None else rule.most_bytes
        if _length(headers) > most:
            return problem(413, f"a body has at most {most} bytes")
        if rule is not None and rule.privilege is None:
            foreign = method not in _SAFE and b"origin" in headers and not _same_origin(scope, headers)
            return problem(403, "this login comes from another origin") if foreign else None
        who = await self.doorkeeper.recognise(headers, _address(scope))
        if isinstance(who, Denial):
            return _unrecognised(scope, headers, who)
        if rule is None:
            known = methods_of(scope["path"])
            if known:
                return problem(405, f"{method} is not for {scope['path']}", headers={"allow": ", ".join(known)})
            return problem(404, f"nothing at {scope['path']}", advice="see /docs")
        if not allowed(rule, who.role):
            self.doorkeeper.store.audit(who.user, who.address, "refused", f"{method} {scope['path']}", "forbidden")
            assert rule.privilege is not None, "what needs no privilege is allowed to everybody"
            return problem(403, may_not(who.role, rule.privilege), advice=whom_to_ask(rule.privilege))
        if _needs_origin(method, who) and not _same_origin(scope, headers):
            return problem(403, "a cookie is only good from our own pages", advice="send a bearer token instead")
        scope[PRINCIPAL] = who
        return None


def _is_redfish(path: str) -> bool:
    return path == "/redfish" or path.startswith("/redfish/")


def _bounded(receive: Receive, most: int = MOST_BODY_BYTES) -> Receive:
    """Count a body that came without a length; past the cap its sender has gone, as far as the application knows."""
    size = 0

    async def receiving() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return message if size <= most else {"type": "http.disconnect"}

    return receiving


def _length(headers: dict[bytes, bytes]) -> int:
    said = headers.get(b"content-length", b"0")
    return int(said) if said.isdigit() else 0


def _needs_origin(method: str, who: Principal) -> bool:
    return who.by_cookie and method not in _SAFE


def _same_origin(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    origin = headers.get(b"origin")
    secure = scope["scheme"] in ("https", "wss")
    return origin == (b"https://" if secure else b"http://") + headers.get(b"host", b"")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _unrecognised(scope: Scope, headers: dict[bytes, bytes], why: Denial) -> Response:
    page = scope["type"] == "http" and scope["method"] in _SAFE and b"text/html" in headers.get(b"accept", b"")
    if page and why.status == 401:
        return RedirectResponse(f"/login?next={quote(scope['path'])}", 303)
    more = {"retry-after": str(why.retry_after_s)} if why.retry_after_s else {}
    if why.status == 401:
        more["www-authenticate"] = 'Bearer realm="rackwright", Basic realm="rackwright", charset="UTF-8"'
    advice = "POST /api/v1/login, or use `rackwright login`" if why.status == 401 else f"wait {why.retry_after_s} s"
    return problem(why.status, why.message, advice=advice, headers=more)


def _with_headers(scope: Scope, send: Send) -> Send:
    path: str = scope["path"]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers["content-security-policy"] = _policy_for(path)
            # Framework assets carry their version in the path; everything else may hold live or private data.
            if not path.startswith("/console/_nicegui/"):
                headers["cache-control"] = "no-store"
        await send(message)

    return sending


def _sealed(send: Send) -> Send:
    """Add the same headers to an answer of the Redfish service, which sets none of them but its cache control."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*(h for h in message["headers"] if h[0] != b"cache-control"), *_SEAL]
        await send(message)

    return sending


def _policy_for(path: str) -> str:
    if path.startswith("/console"):
        return _CONSOLE
    if path.startswith("/docs"):
        return _DOCS
    if path.startswith(_REPORTS[0]) and path.endswith(_REPORTS[1]):
        return _REPORT
    return _PAGE if path == "/login" or path.startswith("/assets/") else _STRICT


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send, refusal: Response) -> None:
    await receive()  # websocket.connect
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.http.response.start", "status": refusal.status_code, "headers": refusal.raw_headers})
    await send({"type": "websocket.http.response.body", "body": refusal.body})
