"""The pages of passports and decisions to buy: read when they are opened, beside the loop; a rack's match again while
trays are being read."""

import asyncio
from collections.abc import Awaitable, Callable

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.decision import draw_decision, draw_decisions, draw_reminders
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.passport import (
    MOST_SHOWN,
    draw_accepted,
    draw_claims,
    draw_match,
    draw_parts,
    draw_passports,
)
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.wording import esc
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown

AGAIN_S = 5.0
_DECISIONS = ("/console/decisions", "Passports and decisions")


async def show_passport(services: Services, rack: str, who: Principal) -> None:
    """Show a rack's passport with every claim, what is found beside it, its parts and as-accepted states."""
    passports = services.passports
    try:
        place = await asyncio.to_thread(lambda: passports.open().named(rack))
        swaps = await passports.take_swaps(place)
        delivery = await asyncio.to_thread(lambda: passports.decisions().delivery_of(place))
        desk = passports.open()
        passport = await asyncio.to_thread(desk.show, place, limit=MOST_SHOWN, delivery=delivery)
        claims = await asyncio.to_thread(desk.claims, place, delivery=delivery, every=True)
    except RackwrightError as err:
        show_missing(who, str(err))
        return
    show_top(who, ("/console/", "Hall"), _DECISIONS, ("", f"Passport of {place}"))
    with ui.element("main").classes("page"):
        html(draw_claims(claims), classes="card")
        matched = html("", classes="card")
        html(draw_parts(passport), classes="card")
        html(draw_accepted(passport), classes="card")
    Viewer(services, who).start()
    await _keep_matched(services, place, swaps, matched)


async def show_decisions(services: Services, who: Principal) -> None:
    """Show every decision to buy, the days that come, and every rack that has a passport."""
    show_top(who, ("/console/", "Hall"), ("", _DECISIONS[1]))
    decisions, passports = services.passports.decisions, services.passports.open
    with ui.element("main").classes("page"):
        for draw in (
            lambda: draw_decisions(decisions().listed()),
            lambda: draw_reminders(decisions().reminders()),
            lambda: draw_passports(passports().racks()),
        ):
            html(await _drawn(draw), classes="card")
    Viewer(services, who).start()


async def show_decision(services: Services, name: str, who: Principal) -> None:
    """Show one decision."""
    try:
        record = await asyncio.to_thread(lambda: services.passports.decisions().show(name))
    except TargetUnknown as err:
        show_missing(who, str(err))
        return
    show_top(who, ("/console/", "Hall"), _DECISIONS, ("", record.offer.name))
    html(draw_decision(record), classes="page")
    Viewer(services, who).start()


async def _keep_matched(services: Services, place: str, swaps: str, card: ui.html) -> None:
    """Draw what is found beside what was built, again until every tray was read."""

    async def draw() -> bool:
        try:
            found = services.passports.found(place)
            report = await asyncio.to_thread(lambda: services.passports.open().match_report(place, found, swaps))
        except RackwrightError as err:
            card.set_content(f'<h2>Found beside built</h2><p class="sev-warning">? {esc(str(err))}</p>')
            return False
        card.set_content(draw_match(report))
        return bool(report.unread)

    if await draw():
        timer = ui.timer(AGAIN_S, lambda: _again(draw, timer))


async def _again(draw: Callable[[], Awaitable[bool]], timer: ui.timer) -> None:
    if not await draw():
        timer.deactivate()


async def _drawn(draw: Callable[[], str]) -> str:
    try:
        return await asyncio.to_thread(draw)
    except RackwrightError as err:
        return f'<p class="sev-warning">▲ Not known: {esc(str(err))}</p>'
