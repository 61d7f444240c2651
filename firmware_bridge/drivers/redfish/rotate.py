"""Changing the password of a Redfish account: one login, one PATCH, one proof.  Stores and decides nothing.

Each step is a request over a connection of its own, judged by the pin; nothing is repeated.  A login with a password
that must be changed is enough (DSP0266 §13.3: such a session may read and change its own account).
"""

from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.contact import Ask, Door, ask_once
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    LoginRefused,
    ReplyMalformed,
    ResourceMissing,
)
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.http_reply import HttpReply
from firmware_bridge.wire.redfish.guard import Document, DocumentFault, parse
from firmware_bridge.wire.redfish.links import member_links, same_origin_path, tidy

SESSIONS = "/redfish/v1/SessionService/Sessions"
ACCOUNTS = "/redfish/v1/AccountService/Accounts"
MOST_ACCOUNTS = 32
_MUST_CHANGE = "PasswordChangeRequired"


@dataclass(frozen=True, slots=True)
class Login:
    """A session that is open.  `must_change`: the password has to be changed before anything else."""

    token: str = field(repr=False)
    session: str
    must_change: bool = False


@dataclass(frozen=True, slots=True)
class PinnedAccounts:
    """The accounts of one endpoint behind its pinned certificate."""

    door: Door
    pin: str

    async def log_in(self, credential: Credential) -> Login:
        """Open a session.  Raises LoginRefused (with the device's status), EndpointUnreachable, TrustRefused."""
        body: Document = {"UserName": credential.user, "Password": credential.secret}
        reply = await self._ask("login", Ask(SESSIONS, "POST", body))
        if reply.status in (401, 403, 429):
            raise LoginRefused(
                self.door.endpoint, "login", f"HTTP {reply.status}", status=reply.status, advice="check the credential"
            )
        if reply.status not in (200, 201):
            raise EndpointRefused(self.door.endpoint, "login", f"HTTP {reply.status}", status=reply.status)
        token, where = reply.headers.get("x-auth-token", ""), reply.headers.get("location", "")
        if not token:
            raise ReplyMalformed(self.door.endpoint, "login", "no X-Auth-Token in the answer")
        try:
            session = same_origin_path(where, self.door.origin)
        except ValueError:
            session = ""
        return Login(token, session, _MUST_CHANGE in reply.body.decode("utf-8", "replace"))

    async def log_out(self, login: Login) -> None:
        """End a session.  Never raises: what is gone has forgotten us."""
        if not login.session:
            return
        try:
            await self._ask("logout", Ask(login.session, "DELETE", headers=_with(login)))
        except DeviceError:
            return

    async def set_password(self, login: Login, user: str, secret: str) -> None:
        """Change the password of an account.

        Raises ResourceMissing (no such account to be seen), EndpointRefused with the device's words (the password is
        as it was), EndpointUnreachable (which leaves open whether it was changed).
        """
        uri, tag = await self._account(login, user)
        headers = {**_with(login), "If-Match": tag} if tag else _with(login)
        reply = await self._ask("set_password", Ask(uri, "PATCH", {"Password": secret}, headers))
        if reply.status not in (200, 202, 204):
            said = scrub(_message(reply), 160).replace(secret, "…")
            raise EndpointRefused(
                self.door.endpoint, "set_password", f"HTTP {reply.status} {said}".strip(), status=reply.status
            )

    async def _account(self, login: Login, user: str) -> tuple[str, str]:
        listed = await self._document(login, ACCOUNTS)
        for uri in member_links(listed)[:MOST_ACCOUNTS]:
            reply = await self._ask("set_password", Ask(tidy(uri), headers=_with(login)))
            if reply.status == 200 and self._parsed(reply).get("UserName") == user:
                return tidy(uri), reply.headers.get("etag", "")
        raise ResourceMissing(self.door.endpoint, "set_password", f"no account of {scrub(user, 64)} in {ACCOUNTS}")

    async def _document(self, login: Login, uri: str) -> Document:
        reply = await self._ask("set_password", Ask(uri, headers=_with(login)))
        if reply.status != 200:
            raise EndpointRefused(
                self.door.endpoint, "set_password", f"HTTP {reply.status} at {uri}", status=reply.status
            )
        return self._parsed(reply)

    def _parsed(self, reply: HttpReply) -> Document:
        try:
            return parse(reply.body, self.door.most_bytes)
        except DocumentFault as err:
            raise ReplyMalformed(self.door.endpoint, "set_password", str(err)) from err

    async def _ask(self, verb: str, ask: Ask) -> HttpReply:
        _, reply = await ask_once(self.door, ask, self.door.pinned(self.pin))
        return reply


def _with(login: Login) -> dict[str, str]:
    return {"X-Auth-Token": login.token}


def _message(reply: HttpReply) -> str:
    try:
        error: Any = parse(reply.body).get("error")
    except DocumentFault:
        return ""
    info = error.get("@Message.ExtendedInfo") if isinstance(error, dict) else None
    first = info[0] if isinstance(info, list) and info and isinstance(info[0], dict) else error
    text = first.get("Message") or first.get("message") if isinstance(first, dict) else None
    return str(text) if isinstance(text, str) else ""
