"""A tray's power on its page: what it offers to this viewer, a preview of each action, and its name typed before it.

Nothing is sent before the preview was seen; what takes power away is confirmed by typing the tray's name.
"""

from functools import partial
from typing import Any

import msgspec
from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.commands import send_command
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button, show_as
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc, slot_of
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.trays import axes_of
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.power import ENERGISES, ControllerRestart, PowerAction
from rack_controller.model.layout import TrayView
from rack_controller.model.power import PowerLook
from rack_controller.model.roles import Privilege, Role, may

_A, _C = PowerAction, ControllerRestart
Wish = PowerAction | ControllerRestart
LABELS: dict[Wish, str] = {
    _A.ON: "On",
    _A.GRACEFUL_OFF: "Shut down",
    _A.FORCE_OFF: "Force off",
    _A.GRACEFUL_RESTART: "Restart",
    _A.FORCE_RESTART: "Force restart",
    _A.AUX_CYCLE: "Cycle auxiliary power",
    _A.AUX_OFF: "Auxiliary power off",
    _C.GRACEFUL: "Restart controller",
    _C.FORCE: "Force controller restart",
}
CONSEQUENCES: dict[Wish, str] = {
    _A.ON: "its host boots",
    _A.GRACEFUL_OFF: "its host is asked to shut down; jobs on it end",
    _A.FORCE_OFF: "its host loses power at once; jobs on it end",
    _A.GRACEFUL_RESTART: "its host is asked to restart; jobs on it end",
    _A.FORCE_RESTART: "its host restarts at once; jobs on it end",
    _A.AUX_CYCLE: "host and controller lose power for some minutes; power limits go back to their default",
    _A.AUX_OFF: "host and controller lose power; nobody sees this tray until it is brought back",
    _C.GRACEFUL: "its host goes on; nobody sees this tray, nor a leak in it, until its controller is back",
    _C.FORCE: "its host goes on; nobody sees this tray, nor a leak in it, until its controller is back",
}
_PLAIN = frozenset((_A.ON,))


def offered_to(role: Role, actions: list[str]) -> list[PowerAction]:
    """Return what a viewer of a role may ask of a tray that offers `actions`."""
    needed = {a: Privilege.POWER if a in ENERGISES else Privilege.SHUT for a in PowerAction}
    return [a for a in PowerAction if a in actions and may(role, needed[a])]


def restarts_offered_to(role: Role, restarts: list[str]) -> list[ControllerRestart]:
    """Return how a viewer of a role may restart the controller of a tray that offers `restarts`."""
    return [how for how in ControllerRestart if how in restarts and may(role, Privilege.POWER)]


class PowerCard:
    """The card of one tray for one viewer."""

    def __init__(self, services: Services, who: Principal, record: RackRecord, tray: TrayView) -> None:
        self._services, self._who, self._record, self._tray = services, who, record, tray
        self._wish: Wish | None = None

    def show(self) -> None:
        """Draw the card; a tray that offers nothing, and a viewer who may do nothing, see why."""
        html("<h2>Power</h2>")
        why = self._why_not()
        if why:
            html(f'<p class="quiet">{esc(why)}</p>')
            return
        with ui.row():
            offers: list[Wish] = [*offered_to(self._who.role, self._actions())]
            offers += restarts_offered_to(self._who.role, self._restarts())
            for action in offers:
                button(f"{LABELS[action]} …", ButtonKind.ASK, partial(self._preview, action))
        self._told = html()
        with ui.column() as self._asked:
            self._typed = ui.input(placeholder=f"Type {self._name} to go on").props("dense outlined maxlength=64")
            with ui.row():
                self._do = button("Do it", ButtonKind.HARM, self._send)
                button("Cancel", ButtonKind.LEAVE, self._cancel)
        self._asked.set_visibility(False)

    @property
    def _name(self) -> str:
        return slot_of(self._tray.place)

    def _actions(self) -> list[str]:
        axes = axes_of(self._record, self._services.now())
        return [a for e in self._tray.endpoints if e.place in axes for a in axes[e.place].power_actions]

    def _restarts(self) -> list[str]:
        axes = axes_of(self._record, self._services.now())
        return [how for e in self._tray.endpoints if e.place in axes for how in axes[e.place].restarts]

    def _why_not(self) -> str:
        layout = self._record.layout
        if layout is None or not self._actions():
            return "No power switch of this tray is known now; load the page again later."
        if not layout.armed:
            return "Its rack is only observed: nothing is written to its devices."
        return "" if offered_to(self._who.role, self._actions()) else f"Role {self._who.role} switches no trays."

    async def _preview(self, action: Wish) -> None:
        """Show how the tray stands now and what would become of it."""
        try:
            body = await self._services.bus.ask(self._record.token, "power", self._tray.place)
            state = msgspec.json.decode(body, type=PowerLook).state.replace("_", " ")
        except (RackwrightError, msgspec.MsgspecError) as err:
            self._say(f"▲ Its power cannot be seen now: {err}", "sev-warning")
            return
        self._wish = action
        self._say(f"{LABELS[action]} of {self._name}: its host is {state} now; {CONSEQUENCES[action]}.")
        show_as(self._do, "Do it", ButtonKind.ACT if action in _PLAIN else ButtonKind.HARM)
        self._typed.set_visibility(action not in _PLAIN)
        self._typed.value = ""
        self._asked.set_visibility(True)

    async def _send(self, _event: Any = None) -> None:
        """Ask for the action that was previewed, once, and say what came of it."""
        action = self._wish
        if action is None or not self._services.doorkeeper.still_welcome(self._who):
            return
        if action not in _PLAIN and (self._typed.value or "").strip() != self._name:
            self._say(f"▲ Not asked for: type {self._name} first.", "sev-warning")
            return
        self._cancel()
        self._say(f"{LABELS[action]} of {self._name}: asking …")
        try:
            reply = await send_command(
                self._services,
                self._who,
                self._record.token,
                "restart" if isinstance(action, ControllerRestart) else "power",
                self._tray.place,
                {"how" if isinstance(action, ControllerRestart) else "action": str(action)},
            )
        except RackwrightError as err:
            self._say(f"▲ {err}", "sev-warning")
            return
        if reply.accepted:
            self._say(f"● {LABELS[action]} of {self._name} was taken.")
        else:
            self._say(f"▲ Refused: {reply.reason}. {reply.advice}", "sev-warning")

    def _cancel(self, _event: Any = None) -> None:
        self._wish = None
        self._asked.set_visibility(False)
        self._told.set_content("")

    def _say(self, text: str, kind: str = "") -> None:
        self._told.set_content(f'<p class="{kind}">{esc(text)}</p>')
