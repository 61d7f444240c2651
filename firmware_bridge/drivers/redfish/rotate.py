"""Changing the password of a Redfish account: one login, one PATCH, its task.  Stores and decides nothing.

Each step is a request over a connection of its own, judged by the pin; nothing is repeated.  A login with a password
that must be changed is enough (DSP0266 §13.3: such a session may read and change its own account).
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.contact import Ask, Door, ask_once
from firmware_bridge.drivers.redfish.one_call import Reply
from firmware_bridge.drivers.redfish.session import ROOT, SESSIONS, sessions_at
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    LoginRefused,
    ReplyMalformed,
    ReplyTooLarge,
    ResourceMissing,
)
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document, DocumentFault, parse
from firmware_bridge.wire.redfish.links import local_path, member_links, same_origin_path

_log = logging.getLogger(__name__)

ACCOUNTS = "/redfish/v1/AccountService/Accounts"
MOST_ACCOUNTS = 32
TASK_WITHIN = 20.0  # s that the task behind a 202 is followed
TASK_EVERY = 1.0  # s between two looks at it
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
        reply = await self._ask(Ask(SESSIONS, "POST", body))
        if _elsewhere(reply) or reply.status in (404, 405):
            root = await self._ask(Ask(ROOT))
            where = sessions_at(root.body if root.status == 200 else b"", self.door.origin)
            reply = await self._ask(Ask(where, "POST", body)) if where not in ("", SESSIONS) else reply
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
            await self._ask(Ask(login.session, "DELETE", headers=_with(login)))
        except DeviceError:
            return

    async def set_password(self, login: Login, user: str, secret: str) -> None:
        """Ask for another password of an account.  Returns when that may have been done: only a login proves it.

        A 5xx, a broken answer or none leave it open; a task (202) is followed for `TASK_WITHIN`.  Raises DeviceError
        when it was not done: EndpointRefused with the device's words and the verb `set_password` (it said no, 4xx);
        ResourceMissing (no such account to be seen) and others of another verb went wrong before it was asked.
        """
        uri, tag = await self._account(login, user)
        headers = {**_with(login), "If-Match": tag} if tag else _with(login)
        try:
            reply = await self._ask(Ask(uri, "PATCH", {"Password": secret}, headers))
        except (EndpointUnreachable, ReplyMalformed, ReplyTooLarge) as err:
            _log.warning("%s: no answer to a change of password: %s", self.door.endpoint, err)
            return
        if reply.status == 202:
            await self._follow(login, reply)
        elif 400 <= reply.status < 500 and reply.status != 408:  # 408: the device lost the thread, nobody knows where
            said = scrub(_message(reply), 160).replace(secret, "…")
            raise EndpointRefused(
                self.door.endpoint, "set_password", f"HTTP {reply.status} {said}".strip(), status=reply.status
            )

    async def _follow(self, login: Login, reply: Reply) -> None:
        """Wait until the task behind an answer has ended, or for `TASK_WITHIN`.  Never raises: a login proves more."""
        try:
            monitor = same_origin_path(reply.headers.get("location", ""), self.door.origin)
        except ValueError:
            return
        try:
            async with asyncio.timeout(TASK_WITHIN):
                while True:
                    await asyncio.sleep(TASK_EVERY)
                    if (await self._ask(Ask(monitor, headers=_with(login)))).status != 202:
                        return
        except (TimeoutError, DeviceError) as err:
            _log.info("%s: the task of a change of password is not followed: %s", self.door.endpoint, err)

    async def _account(self, login: Login, user: str) -> tuple[str, str]:
        listed = await self._document(login, ACCOUNTS)
        for link in member_links(listed)[:MOST_ACCOUNTS]:
            try:
                uri = local_path(link, self.door.origin)
            except ValueError as err:
                _log.warning("%s: an account is left out: %s", self.door.endpoint, scrub(str(err), 160))
                continue
            uri, reply = await self._found(login, uri)
            if reply.status == 200 and self._parsed(reply).get("UserName") == user:
                return uri, reply.headers.get("etag", "")
        raise ResourceMissing(self.door.endpoint, "find_account", f"no account of {scrub(user, 64)} in {ACCOUNTS}")

    async def _document(self, login: Login, uri: str) -> Document:
        uri, reply = await self._found(login, uri)
        if reply.status != 200:
            raise EndpointRefused(
                self.door.endpoint, "find_account", f"HTTP {reply.status} at {uri}", status=reply.status
            )
        return self._parsed(reply)

    async def _found(self, login: Login, uri: str) -> tuple[str, Reply]:
        """Return a resource and how the service spells it: a redirect is not followed, but a slash is tried."""
        reply = await self._ask(Ask(uri, headers=_with(login)))
        if _elsewhere(reply) and not uri.endswith("/"):
            uri = f"{uri}/"
            reply = await self._ask(Ask(uri, headers=_with(login)))
        return uri, reply

    def _parsed(self, reply: Reply) -> Document:
        try:
            return parse(reply.body, self.door.most_bytes)
        except DocumentFault as err:
            raise ReplyMalformed(self.door.endpoint, "find_account", str(err)) from err

    async def _ask(self, ask: Ask) -> Reply:
        _, reply = await ask_once(self.door, ask, self.door.pinned(self.pin))
        return reply


def _elsewhere(reply: Reply) -> bool:
    return 300 <= reply.status < 400


def _with(login: Login) -> dict[str, str]:
    return {"X-Auth-Token": login.token}


def _message(reply: Reply) -> str:
    try:
        error: Any = parse(reply.body).get("error")
    except DocumentFault:
        return ""
    info = error.get("@Message.ExtendedInfo") if isinstance(error, dict) else None
    first = info[0] if isinstance(info, list) and info and isinstance(info[0], dict) else error
    text = first.get("Message") or first.get("message") if isinstance(first, dict) else None
    return str(text) if isinstance(text, str) else ""
