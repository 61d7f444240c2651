"""The login page: a plain form that works without script.  Sets the console's cookie; shows nothing of the fleet."""

from html import escape
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from datacenter_api.auth.doorkeeper import COOKIE, Denial
from datacenter_api.auth.sessions import ABSOLUTE_NS
from datacenter_api.problem import problem
from datacenter_api.rest.accounts import address_of
from datacenter_api.services import Services, principal_of, services_of

router = APIRouter(include_in_schema=False)
Parts = Annotated[Services, Depends(services_of)]

HOME = "/console/"
_ASSETS = {
    "acceptance.css": "text/css",
    "console.css": "text/css",
    "console.js": "text/javascript",
    "login.css": "text/css",
    "mark.svg": "image/svg+xml",
    "test_floor.js": "text/javascript",
    "upload.js": "text/javascript",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Log in · Rackwright</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="/assets/mark.svg"><link rel="stylesheet" href="/assets/login.css"></head>
<body><main><form method="post" action="/login">
<h1><img src="/assets/mark.svg" alt="" width="28" height="28">Rackwright</h1>
{complaint}<input type="hidden" name="next" value="{after}">
<label for="user">User</label>
<input id="user" name="user" autocomplete="username" autocapitalize="none" required autofocus maxlength="64">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256">
<button type="submit">Log in</button>
<p class="hint">The first admin's password was printed once by <code>rackwright up</code>.</p>
</form></main></body></html>
"""


@router.get("/console")
@router.get("/")
async def show_start() -> Response:
    """Lead people to the console."""
    return RedirectResponse(HOME, 303)


@router.get("/login")
async def show_login(next: str = HOME) -> Response:
    """The form."""
    return _form(next)


@router.post("/login")
async def take_login(
    parts: Parts,
    request: Request,
    user: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=256)],
    next: Annotated[str, Form(max_length=512)] = HOME,
) -> Response:
    """Open a session for the console, or show the form again with the reason."""
    done = await parts.doorkeeper.log_in(user, password, address_of(request))
    if isinstance(done, Denial):
        later = f" Try again in {done.retry_after_s} s." if done.retry_after_s else ""
        return _form(next, f"{done.message[0].upper()}{done.message[1:]}.{later}", done.status)
    token, _ = done
    answer = RedirectResponse(_own_page(next), 303)
    answer.set_cookie(
        COOKIE, token, max_age=ABSOLUTE_NS // 1_000_000_000, secure=True, httponly=True, samesite="strict", path="/"
    )
    return answer


@router.post("/logout")
async def leave(parts: Parts, request: Request) -> Response:
    """End the console's session."""
    who = principal_of(request)
    if who.session is not None:
        parts.sessions.close(who.session.id)
        parts.store.audit(who.user, who.address, "logout", who.user, "ok")
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/assets/{name}")
async def show_asset(name: str) -> Response:
    """A style sheet, script or picture of ours; they hold nothing secret."""
    if name not in _ASSETS:
        return problem(404, f"nothing at /assets/{name}")
    body = files("datacenter_api.console").joinpath("static", name).read_bytes()
    return Response(body, media_type=_ASSETS[name])


def _form(after: str, complaint: str = "", status: int = 200) -> Response:
    shown = f'<p class="complaint" role="alert">{escape(complaint)}</p>\n' if complaint else ""
    return HTMLResponse(_PAGE.format(complaint=shown, after=escape(_own_page(after))), status)


def _own_page(after: str) -> str:
    """Return where to go after login: only ever a page of the console."""
    return after if after.startswith(HOME) and "\\" not in after and "//" not in after else HOME
