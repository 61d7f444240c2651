"""Login, sessions and accounts."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from datacenter_api.auth.accounts import Account
from datacenter_api.auth.doorkeeper import Denial
from datacenter_api.auth.sessions import Session
from datacenter_api.problem import problem
from datacenter_api.services import Services, principal_of, services_of
from rack_controller.model.roles import PRIVILEGES, Privilege, Role, may

router = APIRouter(prefix="/api/v1", tags=["accounts"])
Parts = Annotated[Services, Depends(services_of)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class LoginRequest(_Body):
    """A user name and password."""

    user: str = Field(max_length=64)
    password: str = Field(max_length=256)


class LoginAnswer(_Body):
    """The token, shown this once; send it as `Authorization: Bearer …`."""

    token: str
    token_type: Literal["Bearer"] = "Bearer"
    user: str
    role: Role
    ends_unix_ns: int


class SessionAnswer(_Body):
    """Who I am and what I may do."""

    user: str
    role: Role
    privileges: list[Privilege]
    session: str | None


class SessionRow(_Body):
    """One open session; its id opens nothing."""

    id: str
    user: str
    address: str
    created_unix_ns: int
    used_unix_ns: int
    ends_unix_ns: int
    mine: bool


class AccountRow(_Body):
    """One account."""

    user: str
    role: Role
    enabled: bool
    created_unix_ns: int
    changed_unix_ns: int


class NewAccount(_Body):
    """An account to make."""

    user: str = Field(max_length=64)
    password: str = Field(max_length=256)
    role: Role


class AccountChange(_Body):
    """What to change; what is left out stays."""

    password: str | None = Field(default=None, max_length=256)
    role: Role | None = None
    enabled: bool | None = None


class PasswordChange(_Body):
    """A change of one's own password."""

    old: str = Field(max_length=256)
    new: str = Field(max_length=256)


@router.post("/login", response_model=LoginAnswer)
async def log_in(wish: LoginRequest, parts: Parts, request: Request) -> LoginAnswer | Response:
    """Open a session.  429 with Retry-After after too many failures."""
    done = await parts.doorkeeper.log_in(wish.user, wish.password, address_of(request))
    if isinstance(done, Denial):
        return denied(done)
    token, session = done
    return LoginAnswer(
        token=token, user=session.user, role=parts.accounts.get(session.user).role, ends_unix_ns=session.ends_ns
    )


@router.post("/logout", status_code=204)
async def log_out(parts: Parts, request: Request) -> Response:
    """End the session that sent this."""
    who = principal_of(request)
    if who.session is not None:
        parts.sessions.close(who.session.id)
        parts.store.audit(who.user, who.address, "logout", who.user, "ok")
    return Response(status_code=204)


@router.get("/session")
async def show_session(request: Request) -> SessionAnswer:
    """Who I am and what I may do."""
    who = principal_of(request)
    return SessionAnswer(
        user=who.user,
        role=who.role,
        privileges=sorted(PRIVILEGES[who.role]),
        session=who.session.id if who.session else None,
    )


@router.get("/sessions")
async def list_sessions(parts: Parts, request: Request) -> list[SessionRow]:
    """My open sessions; everybody's for an admin."""
    who = principal_of(request)
    chosen = parts.sessions.all(None if may(who.role, Privilege.ACCOUNTS) else who.user)
    return [_session_row(session, session is who.session) for session in chosen]


@router.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: str, parts: Parts, request: Request) -> Response:
    """End one of my sessions; anybody's for an admin."""
    who = principal_of(request)
    ended = parts.sessions.close(session_id, None if may(who.role, Privilege.ACCOUNTS) else who.user)
    parts.store.audit(who.user, who.address, "session.end", ended.user, "ok", session_id)
    return Response(status_code=204)


@router.post("/account/password", status_code=204)
async def change_own_password(wish: PasswordChange, parts: Parts, request: Request) -> Response:
    """Change my password; every session of mine ends."""
    who = principal_of(request)
    known = await parts.doorkeeper.check_password(who.user, wish.old, who.address)
    if isinstance(known, Denial):
        return problem(403, "the old password is wrong") if known.status == 401 else denied(known)
    parts.accounts.change(who.user, password=wish.new)
    parts.sessions.close_all(who.user)
    parts.store.audit(who.user, who.address, "account.password", who.user, "ok")
    return Response(status_code=204)


@router.get("/accounts")
async def list_accounts(parts: Parts) -> list[AccountRow]:
    """Every account."""
    return [_account_row(account) for account in parts.accounts.all()]


@router.post("/accounts", status_code=201)
async def create_account(wish: NewAccount, parts: Parts, request: Request) -> AccountRow:
    """Make an account."""
    who = principal_of(request)
    account = parts.accounts.create(wish.user, wish.password, wish.role)
    parts.store.audit(who.user, who.address, "account.create", wish.user, "ok", f"role {wish.role}")
    return _account_row(account)


@router.patch("/accounts/{user}")
async def change_account(user: str, wish: AccountChange, parts: Parts, request: Request) -> AccountRow:
    """Change an account; its sessions end, so that a new role or password counts at once."""
    who = principal_of(request)
    account = parts.accounts.change(user, password=wish.password, role=wish.role, enabled=wish.enabled)
    parts.sessions.close_all(user)
    changed = ", ".join(sorted(name for name in wish.model_fields_set))
    parts.store.audit(who.user, who.address, "account.change", user, "ok", changed)
    return _account_row(account)


@router.delete("/accounts/{user}", status_code=204)
async def remove_account(user: str, parts: Parts, request: Request) -> Response:
    """Delete an account and end its sessions."""
    who = principal_of(request)
    parts.accounts.remove(user)
    parts.sessions.close_all(user)
    parts.store.audit(who.user, who.address, "account.remove", user, "ok")
    return Response(status_code=204)


def address_of(request: Request) -> str:
    """Return where a request came from."""
    return request.client.host if request.client else "unknown"


def denied(why: Denial) -> Response:
    """Return the answer to a refused login."""
    headers = {"retry-after": str(why.retry_after_s)} if why.retry_after_s else {}
    advice = f"wait {why.retry_after_s} s" if why.retry_after_s else "check user name and password"
    return problem(why.status, why.message, advice=advice, headers=headers)


def _session_row(session: Session, mine: bool) -> SessionRow:
    return SessionRow(
        id=session.id,
        user=session.user,
        address=session.address,
        created_unix_ns=session.created_ns,
        used_unix_ns=session.used_ns,
        ends_unix_ns=session.ends_ns,
        mine=mine,
    )


def _account_row(account: Account) -> AccountRow:
    return AccountRow(
        user=account.user,
        role=account.role,
        enabled=account.enabled,
        created_unix_ns=account.created_ns,
        changed_unix_ns=account.changed_ns,
    )
