"""An offer recorded on the console, by an admin: who offers what to whom, which racks are evaluated, until when."""

import re
from collections.abc import Callable
from typing import Any

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from datacenter_api.passports.speaking import offer_as
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError

_TEXTS = {
    "name": ("Name, such as pilot-20", 63),
    "title": ("What is offered", 200),
    "seller_firm": ("Seller's firm", 120),
    "seller_users": ("Seller's accounts", 400),
    "buyer_firm": ("Buyer's firm", 120),
    "buyer_users": ("Buyer's accounts", 400),
    "generation": ("Generation", 64),
    "quantity": ("Quantity on option", 7),
}
_DAYS = {"offered": "Offered on", "decide_by": "To be decided by", "delivery": "Day of delivery"}


class OfferCard:
    """The form of one admin."""

    def __init__(self, services: Services, who: Principal, offered: Callable[[], Any]) -> None:
        """`offered`: called when an offer was recorded."""
        self._services, self._who, self._offered = services, who, offered

    def show(self) -> None:
        """Draw the form."""
        html(
            "<h2>Record an offer</h2><p class=quiet>Accounts are parted by commas; they, and nobody else, speak for "
            "their party. An offer cannot be changed or taken back once it is recorded.</p>"
        )
        with ui.element("div").classes("offer"):
            self._fields: dict[str, Any] = {
                name: ui.input(label).props(f"dense outlined maxlength={most}")
                for name, (label, most) in _TEXTS.items()
            }
            self._fields |= {
                name: ui.input(label).props("dense outlined type=date stack-label") for name, label in _DAYS.items()
            }
            self._racks = ui.textarea("Racks that are evaluated", placeholder="site/hall/row/rack, one a line")
            self._racks.props("dense outlined autogrow").classes("whole")
        with ui.row().classes("items-center"):
            self._typed = ui.input(placeholder="Type the offer's name to go on").props("dense outlined maxlength=64")
            button("Record the offer", ButtonKind.ACT, self._record)
        self._told = html()

    async def _record(self, _event: Any = None) -> None:
        """Record what was written, once."""
        if not self._services.doorkeeper.still_welcome(self._who):
            return
        wish = self._wish()
        if not wish["name"] or (self._typed.value or "").strip() != wish["name"]:
            self._tell(f"▲ Not recorded: type {wish['name'] or 'a name'} first.", "sev-warning")
            return
        try:
            record = await offer_as(self._services, self._who, wish)
        except RackwrightError as err:
            self._tell(f"▲ Not recorded: {err}", "sev-warning")
            return
        for field in (*self._fields.values(), self._racks, self._typed):
            field.value = ""
        self._tell(f"● {record.offer.name} is recorded: {record.offer.buyer.firm} is to say what becomes of it.")
        await self._offered()

    def _wish(self) -> dict[str, object]:
        """Return the offer as REST takes it; what was left empty is left out."""
        said = {name: (field.value or "").strip() for name, field in self._fields.items()}
        quantity = said.pop("quantity")
        parties: dict[str, object] = {
            party: {"firm": said.pop(f"{party}_firm"), "users": _listed(said.pop(f"{party}_users"))}
            for party in ("seller", "buyer")
        }
        count: dict[str, object] = {"quantity": int(quantity) if quantity.isdecimal() else quantity} if quantity else {}
        filled = {name: text for name, text in said.items() if text or name == "name"}
        return {**filled, **parties, **count, "racks": _listed(self._racks.value or "")}

    def _tell(self, text: str, kind: str = "") -> None:
        self._told.set_content(f'<p class="{kind}">{esc(text)}</p>')


def _listed(text: str) -> list[str]:
    """Return words that commas, spaces or lines part."""
    return [word for word in re.split(r"[,\s]+", text) if word]
