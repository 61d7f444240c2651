"""Sessions of one service: tokens, idle timeout, a limit.  Time is an argument; tokens never appear in a listing."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.source import Principal
from firmware_bridge.vocabulary.units import Seconds

COLLECTION = "/redfish/v1/SessionService/Sessions"
DEFAULT_TIMEOUT = Seconds(1800.0)
MOST_SESSIONS = 64


@dataclass(slots=True)
class Session:
    """One login."""

    id: str
    principal: Principal
    client: str
    used_at: float
    token: str = field(repr=False, default="")

    def body(self) -> dict[str, Any]:
        """Return the Session resource."""
        return {
            "@odata.id": f"{COLLECTION}/{self.id}",
            "@odata.type": "#Session.v1_5_0.Session",
            "Id": self.id,
            "Name": "User Session",
            "Description": "Manager User Session",
            "UserName": self.principal.name,
            "ClientOriginIPAddress": self.client,
        }


class SessionTable:
    """All sessions of one service."""

    def __init__(self, timeout: Seconds = DEFAULT_TIMEOUT, most: int = MOST_SESSIONS) -> None:
        self.timeout, self.most = timeout, most
        self._by_token: dict[str, Session] = {}

    def open(self, principal: Principal, client: str, now: float) -> Session:
        """Open a session.  Raises RequestRefused (SessionLimitExceeded, 503) when the table is full."""
        self._expire(now)
        if len(self._by_token) >= self.most:
            raise RequestRefused("SessionLimitExceeded")
        session = Session(secrets.token_hex(8), principal, client, now, secrets.token_urlsafe(24))
        self._by_token[session.token] = session
        return session

    def principal_of(self, token: str, now: float) -> Principal | None:
        """Return who holds a live token and restart its idle timer; None when it is unknown or has expired."""
        session = self._by_token.get(token)
        if session is None:
            return None
        if now - session.used_at > self.timeout:
            del self._by_token[token]
            return None
        session.used_at = now
        return session.principal

    def find(self, session_id: str, now: float) -> Session | None:
        """Return a live session by its id."""
        self._expire(now)
        return next((s for s in self._by_token.values() if s.id == session_id), None)

    def close(self, session_id: str) -> bool:
        """Close a session; False when there is none."""
        for token, session in list(self._by_token.items()):
            if session.id == session_id:
                del self._by_token[token]
                return True
        return False

    def clear(self) -> None:
        """Forget every session, as a restarting BMC does."""
        self._by_token.clear()

    def listing(self, now: float) -> list[str]:
        """Return the URIs of live sessions, oldest first."""
        self._expire(now)
        return [f"{COLLECTION}/{s.id}" for s in self._by_token.values()]

    def _expire(self, now: float) -> None:
        for token in [t for t, s in self._by_token.items() if now - s.used_at > self.timeout]:
            del self._by_token[token]
