"""Works out who is asking: bearer token, cookie or Basic.  Decides identity only; what a role may do is the gate's."""

import base64
import binascii
import time
from dataclasses import dataclass, field

from datacenter_api.auth.accounts import Accounts
from datacenter_api.auth.limits import MOST_PER_ACCOUNT, MOST_PER_ADDRESS, FailureLimit
from datacenter_api.auth.passwords import Verifier
from datacenter_api.auth.sessions import Session, Sessions
from datacenter_api.auth.store import Store
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.roles import Role

COOKIE = "rackwright_session"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking.  `session` is None for Basic; `by_cookie` asks for the origin check."""

    user: str
    role: Role
    address: str
    session: Session | None = None
    by_cookie: bool = False


@dataclass(frozen=True, slots=True)
class Denial:
    """Why nobody is let in: 401, or 429 with the seconds to wait."""

    status: int
    message: str
    retry_after_s: int = 0


@dataclass
class Doorkeeper:
    """Login and recognition.  A wrong user name and a wrong password cost the same work and read the same."""

    store: Store
    accounts: Accounts
    sessions: Sessions
    verifier: Verifier = field(default_factory=Verifier)
    by_account: FailureLimit = field(default_factory=lambda: FailureLimit(MOST_PER_ACCOUNT))
    by_address: FailureLimit = field(default_factory=lambda: FailureLimit(MOST_PER_ADDRESS))

    async def recognise(self, headers: dict[bytes, bytes], address: str) -> Principal | Denial:
        """Return who sent these headers (lower-case names)."""
        given = headers.get(b"authorization", b"").decode("latin-1")
        scheme, _, rest = given.partition(" ")
        if scheme.lower() == "bearer":
            return self._by_token(rest.strip(), address, by_cookie=False)
        if scheme.lower() == "basic":
            return await self._by_basic(rest.strip(), address)
        token = _cookie(headers.get(b"cookie", b"").decode("latin-1"))
        if token:
            return self._by_token(token, address, by_cookie=True)
        return Denial(401, "log in first")

    def recognise_token(self, token: str, address: str) -> Principal | Denial:
        """Return who holds a session token, given by itself (a Redfish client's X-Auth-Token)."""
        return self._by_token(token, address, by_cookie=False)

    async def check_password(self, user: str, password: str, address: str) -> Principal | Denial:
        """Verify a user name and password under the failure limits."""
        now = Seconds(time.monotonic())
        stored = self.accounts.password_hash(user)
        if not self.verifier.remembered(stored, user, password):
            wait = max(self.by_account.wait(user[:64], now), self.by_address.wait(address, now))
            if wait > 0:
                return Denial(429, "too many failed logins", int(wait) + 1)
            if self.verifier.busy:
                return Denial(429, "too many logins at once", 2)
        if await self.verifier.verify(stored, user, password):
            self.by_account.succeeded(user[:64])
            account = self.accounts.enabled(user)
            if account is not None:
                return Principal(user, account.role, address)
        self.by_account.failed(user[:64], now)
        self.by_address.failed(address, now)
        self.store.audit(user[:64], address, "login", user[:64], "refused")
        return Denial(401, "wrong user name or password")

    async def log_in(self, user: str, password: str, address: str) -> tuple[str, Session] | Denial:
        """Open a session; the token is returned this once."""
        who = await self.check_password(user, password, address)
        if isinstance(who, Denial):
            return who
        token, session = self.sessions.open(user, address)
        self.store.audit(user, address, "login", user, "ok")
        return token, session

    def still_welcome(self, principal: Principal) -> bool:
        """Return whether someone let in before still is, in the same role: for streams and pages that stay open."""
        account = self.accounts.enabled(principal.user)
        if account is None or account.role is not principal.role:
            return False
        return principal.session is None or self.sessions.alive(principal.session)

    def _by_token(self, token: str, address: str, *, by_cookie: bool) -> Principal | Denial:
        session = self.sessions.use(token)
        account = self.accounts.enabled(session.user) if session else None
        if session is None or account is None:
            return Denial(401, "this login has ended")
        return Principal(account.user, account.role, address, session, by_cookie)

    async def _by_basic(self, text: str, address: str) -> Principal | Denial:
        try:
            user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Denial(401, "the Basic credentials do not decode")
        if not colon:
            return Denial(401, "the Basic credentials do not decode")
        return await self.check_password(user, password, address)


def _cookie(header: str) -> str:
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""
