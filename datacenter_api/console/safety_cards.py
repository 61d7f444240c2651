"""What a person may do about interlocks on their page: sign for a latch, and force everything off.

Both are confirmed by typing a name: the latch's, the rack's or the tray's.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.commands import send_command
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from datacenter_api.fleet.places import place_in
from datacenter_api.fleet.record import RackRecord
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.model.command import Reply
from rack_controller.model.roles import Privilege, may

_FIELDS = {"found": "What was found", "done": "What was done", "pressure_check": "Pressure check"}
INPUT = "dense outlined"


class ActCard:
    """Says below its buttons what came of them, and sends in the viewer's name while they are welcome."""

    def __init__(self, services: Services, who: Principal, record: RackRecord) -> None:
        self._services, self._who, self._record = services, who, record

    def _say(self, text: str, kind: str = "") -> None:
        self._told.set_content(f'<p class="{kind}">{esc(text)}</p>')

    def _show_told(self) -> None:
        self._told = html()

    async def _command(self, verb: str, target: str, arguments: Mapping[str, object]) -> Reply | None:
        """Return the reply, None when nothing was sent or it was refused: the page says why."""
        if not self._services.doorkeeper.still_welcome(self._who):
            return None
        self._say("Asking …")
        try:
            place = place_in(self._record, target, self._services.fleet)
            reply = await send_command(self._services, self._who, self._record.token, verb, place, arguments)
        except RackwrightError as err:
            self._say(f"▲ {err}", "sev-warning")
            return None
        if not reply.accepted:
            self._say(f"▲ Refused: {reply.reason}. {reply.advice}", "sev-warning")
            return None
        return reply


class ClearCard(ActCard):
    """Sign for a latch with an inspection record."""

    def show(self) -> None:
        """Draw the form, or why this viewer has none."""
        html("<h2>Clear a latch</h2>")
        if not may(self._who.role, Privilege.INTERLOCK):
            html(f'<p class="quiet">Role {esc(self._who.role)} clears no latches; a safety engineer does.</p>')
            return
        html('<p class="quiet">Dry is not fixed: write down what was found and done. A rack’s latch needs two.</p>')
        self._inputs = {
            name: ui.input(label).props(f"{INPUT} maxlength=2000").classes("wide") for name, label in _FIELDS.items()
        }
        with ui.row():
            self._latch = ui.input(placeholder="Type the latch, e.g. k01-l1").props(f"{INPUT} maxlength=64")
            button("Sign", ButtonKind.ACT, self._send)
        self._show_told()

    async def _send(self, _event: Any = None) -> None:
        latch = (self._latch.value or "").strip()
        if not latch:
            self._say("▲ Not signed: type the latch first.", "sev-warning")
            return
        said = {name: text for name, field in self._inputs.items() if (text := (field.value or "").strip())}
        reply = await self._command("clear", str(self._record.place), {"latch": latch, **said})
        if reply is None:
            return
        signed = ", ".join(str(who) for who in msgspec.convert(reply.result.get("signed", []), list[str]))
        if reply.result.get("cleared"):
            self._say(f"● {latch} is cleared, signed by {signed}.")
        else:
            self._say(f"● {latch} is signed by {signed}, and stands: another person must sign too.")


class EmergencyCard(ActCard):
    """Force off a tray or the whole rack."""

    def show(self) -> None:
        """Draw the form, or why this viewer has none."""
        html("<h2>Emergency off</h2>")
        layout = self._record.layout
        if not may(self._who.role, Privilege.SHUT):
            html(f'<p class="quiet">Role {esc(self._who.role)} switches nothing off.</p>')
            return
        if layout is None or not layout.armed:
            html('<p class="quiet">This rack is only observed: nothing is written to its devices.</p>')
            return
        html(
            '<p class="quiet">Hosts lose power at once, jobs on them end, and a latch stands until it is cleared. '
            "Coolant and shelves stay as they are.</p>"
        )
        self._reason = ui.input("What you see").props(f"{INPUT} maxlength=200").classes("wide")
        with ui.row():
            self._target = ui.input(placeholder=f"Type {self._record.token} or a tray (u12)").props(
                f"{INPUT} maxlength=64"
            )
            button("Emergency off", ButtonKind.HARM, self._send)
        self._show_told()

    async def _send(self, _event: Any = None) -> None:
        target, reason = (self._target.value or "").strip(), (self._reason.value or "").strip()
        if not target or not reason:
            missing = "what you see" if target else f"{self._record.token}, or a tray's name,"
            self._say(f"▲ Nothing was asked for: type {missing} first.", "sev-warning")
            return
        reply = await self._command("emergency_off", target, {"reason": reason})
        if reply is not None:
            self._target.value = ""
            came, latch = reply.result.get("came", ""), reply.result.get("latch", "")
            self._say(f"● {target}: {came}; latched {latch}.")
