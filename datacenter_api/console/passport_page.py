"""The pages of passports and decisions to buy: read when they are opened, beside the loop; a rack's match again while
trays are being read."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button
from datacenter_api.console.decision import draw_decision, draw_decisions, draw_offer, draw_reminders
from datacenter_api.console.decision_card import StepCard
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.offer_card import OfferCard
from datacenter_api.console.passport import (
    MOST_SHOWN,
    draw_accepted,
    draw_claims,
    draw_match,
    draw_parts,
    draw_passports,
)
from datacenter_api.console.upload import SCRIPT, draw_passport_upload
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.wording import esc
from datacenter_api.passports.packing import packed_dossier
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from rack_controller.model.roles import Privilege, may
from rack_controller.prove.option import DecisionRecord

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
    except TargetUnknown as err:
        show_missing(who, err.what, _DECISIONS)
        return
    except RackwrightError as err:
        show_missing(who, str(err), _DECISIONS)
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
    ui.add_head_html(SCRIPT)  # before anything is waited for: what comes into a page later is not run
    decisions, passports = services.passports.decisions, services.passports.open
    draws = (
        lambda: draw_decisions(decisions().listed()),
        lambda: draw_reminders(decisions().reminders()),
        lambda: draw_passports(passports().racks()),
    )
    with ui.element("main").classes("page"):
        cards = [html(await _drawn(draw), classes="card") for draw in draws]
        if may(who.role, Privilege.PROVE):
            html(draw_passport_upload(), classes="card")

        async def again(_event: Any = None) -> None:
            for card, draw in zip(cards, draws, strict=True):
                card.set_content(await _drawn(draw))

        ui.on("handed-in", again)
        if may(who.role, Privilege.CONFIGURE):
            with ui.element("div").classes("card"):
                OfferCard(services, who, again).show()
    Viewer(services, who).start()


async def show_decision(services: Services, name: str, who: Principal) -> None:
    """Show one decision."""
    try:
        record = await asyncio.to_thread(lambda: services.passports.decisions().show(name))
    except TargetUnknown as err:
        show_missing(who, err.what, _DECISIONS)
        return
    show_top(who, ("/console/", "Hall"), _DECISIONS, ("", record.offer.name))
    with ui.element("main").classes("page"):
        facts = html(draw_offer(record), classes="card")
        steps = ui.element("div").classes("card")
        said = html(draw_decision(record), classes="cards")

        def moved(after: DecisionRecord) -> None:
            facts.set_content(draw_offer(after))
            said.set_content(draw_decision(after))

        with steps:
            StepCard(services, who, record, moved).show()
        if may(who.role, Privilege.PROVE):
            with ui.element("div").classes("card"):
                DossierCard(services, who, name).show()
    Viewer(services, who).start()


class DossierCard:
    """A button that makes the dossier and hands it out as a file."""

    def __init__(self, services: Services, who: Principal, name: str) -> None:
        self._services, self._who, self._name = services, who, name

    def show(self) -> None:
        """Draw the button."""
        html(
            "<h2>Dossier</h2><p class=quiet>Everything that the decision rests on as a signed zip: sealed runs with "
            "their reports, passports without prices, all that was said. <code>rackwright verify FILE</code> proves it "
            "without a server.</p>"
        )
        button("Download the dossier (zip)", ButtonKind.ASK, self._make)
        self._told = html()

    async def _make(self) -> None:
        if not self._services.doorkeeper.still_welcome(self._who):
            return
        self._told.set_content("<p class=quiet>It is being made and signed …</p>")
        try:
            content = await packed_dossier(self._services, self._who, self._name)
        except RackwrightError as err:
            self._told.set_content(f'<p class="sev-warning">▲ {esc(str(err))}</p>')
            return
        ui.download(content, f"{self._name}.dossier.zip", "application/zip")
        digest = hashlib.sha256(content).hexdigest()
        self._told.set_content(f"<p>● {len(content) / 1e6:.1f} MB, SHA-256 <code>{digest}</code></p>")


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
